import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distributions, manualSeed, randn } from 'adjoint';
import { afterAll, expect, test } from 'vitest';
import { surpriseOf } from '../../examples/trajectories/foresight.js';
import { run, small } from '../../examples/trajectories/train.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-trajectories-'));
afterAll(() => rmSync(output, { recursive: true }));

test('futures are foreseen, better than by constant velocity', { timeout: 240_000 }, async () => {
  const { constant, fan, network, ideal } = (await run({ ...small, output, stream: { write: () => true } })) as Record<
    string,
    { ade: number; minAde: number; nats: number }
  >;
  expect(network?.minAde).toBeLessThan(0.75 * (fan?.minAde as number));
  expect(network?.nats).toBeLessThan((constant?.nats as number) - 5);
  expect(ideal?.ade).toBeLessThan(network?.minAde as number);
  expect(readFileSync(join(output, 'trajectories.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
});

test('the density of a fan is that of a mixture', () => {
  manualSeed(2);
  const [n, modes, steps] = [3, 4, 5];
  const means = randn([n, modes, steps, 2], { dtype: 'float64' });
  const deviations = randn([n, modes, steps, 2], { dtype: 'float64' }).exp();
  const logits = randn([n, modes], { dtype: 'float64' });
  const future = randn([n, steps, 2], { dtype: 'float64' });
  const parts = new distributions.Independent(new distributions.Normal(means, deviations), 2);
  const mixture = new distributions.MixtureSameFamily(new distributions.Categorical({ logits }), parts);
  const difference = surpriseOf({ means, deviations, logits }, future).add(mixture.logProb(future));
  expect(difference.abs().max().item()).toBeLessThan(1e-12);
});
