// docs/pytorch-coverage.md agrees with what the package exports, and hardly anything frequent is missing.
import { describe, expect, it } from 'vitest';
import * as adjoint from '../../dist/index.js';
import { argumentLines, argumentsIn } from '../../scripts/docs/arguments.mjs';
import { camelCase, coverage, pageOf } from '../../scripts/docs/coverage.mjs';
import { readPage } from '../support/pages.js';

describe('names of PyTorch 2.15', () => {
  const sections = coverage(adjoint);
  const rowsOf = (module: string) => sections.find((section) => section.module === module)?.rows ?? [];

  it('are in camelCase, letters otherwise unchanged', () => {
    const names = ['log_softmax', 'logsumexp', 'clip_grad_norm_', 'atleast_1d', 'Conv2d', 'T', 'is_tensor', 'add_'];
    const here = ['logSoftmax', 'logsumexp', 'clipGradNorm_', 'atleast1d', 'Conv2d', 'T', 'isTensor', 'add_'];
    expect(names.map(camelCase)).toEqual(here);
  });

  it('the page says what there is: run `node scripts/pytorch-coverage.mjs` after a change', async () => {
    const page = pageOf(sections, argumentLines(await argumentsIn(sections)));
    expect(readPage('docs/pytorch-coverage.md')).toBe(page);
  });

  it.each([
    ['optim', 100],
    ['optim.lr_scheduler', 100],
    ['nn.init', 100],
    ['linalg', 100],
    ['nn', 100],
    ['torch', 95],
    ['Tensor', 95],
    ['nn.functional', 95],
    ['distributions', 100],
    ['utils.data', 100],
  ])('%s: at least %i %% of those that are not left out for a reason', (module, least) => {
    const wanted = rowsOf(module).filter((row) => row.reason === null);
    const missing = wanted.filter((row) => row.here === null).map((row) => row.name);
    expect(100 * (1 - missing.length / wanted.length), `missing: ${missing.join(' ')}`).toBeGreaterThanOrEqual(least);
  });

  it('optional arguments: at least 99 % of those that are not left out for a reason', async () => {
    const list = await argumentsIn(sections);
    const at = (name: string, argument: string) => list.find((a) => a.name === name && a.argument === argument);
    expect(at('torch.div', 'rounding_mode')?.here).toBe(true);
    expect(at('Tensor.argsort', 'stable')?.here).toBe(true);
    expect(at('nn.Conv2d', 'padding_mode')?.here).toBe(true);
    expect(at('nn.Conv2d', 'device')?.reason).toMatch(/one device/);
    const missing = list.filter((a) => !a.here && a.reason === null).map((a) => `${a.name}.${a.argument}`);
    expect(missing.length / list.length, `missing: ${missing.join(' ')}`).toBeLessThanOrEqual(0.01);
  });

  it('names that are said to be elsewhere are there', () => {
    const elsewhere = sections.flatMap(({ rows }) => rows.map((row) => row.here)).filter((name) => name !== null);
    const lost = elsewhere.filter((name) => {
      if (name === 'x instanceof Tensor') return false;
      const [first, ...rest] = name.split('.') as [string, ...string[]];
      const start = { Tensor: adjoint.Tensor.prototype, Generator: adjoint.Generator.prototype }[first];
      let place: unknown = start ?? (adjoint as Record<string, unknown>)[first];
      for (const part of rest)
        place = part in Object(place) ? (place === start ? true : (place as never)[part]) : undefined;
      return place === undefined;
    });
    expect(lost).toEqual([]);
  });
});
