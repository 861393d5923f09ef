// Every @example in the library and every program in README runs; where an example ends in a comment with a value or a
// shape, `// [2, 3]`, that is what it gives.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as adjoint from '../lib/index.js';
import { AsyncFunction, blocks, readPage, root, runProgram } from './pages.js';

const { nn, optim, rand, randint, randn, Tensor } = adjoint;

interface Example {
  file: string;
  code: string;
}

function examplesIn(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/@example\n((?:\s*\*(?! @|\/).*\n)+)/g)].map((match) => ({
    file,
    code: (match[1] as string).replace(/^\s*\* ?/gm, '').trim(),
  }));
}

const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('lib', name));
const examples = sources.sort().flatMap(examplesIn);

/** What examples take for granted. */
function context(file: string): Record<string, unknown> {
  const model = nn.sequential(new nn.Linear(784, 128), nn.relu, new nn.Linear(128, 10));
  const x = randn([64, 784], { requiresGrad: true });
  const scores = model.forward(x);
  const labels = randint(0, 10, [64]);
  return {
    ...adjoint,
    model,
    x,
    y: file.includes('autograd') ? x.square().sum() : rand([64, 10]),
    labels,
    images: rand([60000, 3]).to('uint8'),
    scores,
    logProbabilities: scores.logSoftmax({ dim: -1 }),
    hidden: scores.lt(0),
    loss: nn.crossEntropy(scores, labels),
    optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
    step: () => nn.crossEntropy(model.forward(x), labels),
    features: 3,
    ...(file.includes('dataset') && { labels: randint(0, 10, [60000]) }),
  };
}

async function run({ file, code }: Example): Promise<{ result: unknown; expected: string | undefined }> {
  const lines = code.split('\n');
  const last = /^(?:const .*? = )?(.*); \/\/ (\[[-\d\s,.[\]]*\])$/.exec(lines.at(-1) as string);
  const value = last && !lines.at(-1)?.startsWith('const {') ? last : null;
  const body = value === null ? code : [...lines.slice(0, -1), `return (${value[1]});`].join('\n');
  const names = context(file);
  const program = new AsyncFunction(...Object.keys(names), `{ ${body}\n }`);
  return { result: await program.call({}, ...Object.values(names)), expected: value?.[2] };
}

const rounded = (value: unknown): string =>
  JSON.stringify(value, (_, v) => (typeof v === 'number' ? Number(v.toFixed(5)) : v));

describe('examples', () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-examples-'));
  const before = process.cwd();
  beforeAll(() => process.chdir(folder));
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  it('are found', () => expect(examples.length).toBeGreaterThan(40));

  examples.forEach((example, i) => {
    it(`${example.file} ${i}: ${example.code.split('\n')[0]}`, async () => {
      const log = vi.spyOn(console, 'log').mockImplementation(() => {});
      const { result, expected } = await run(example);
      log.mockRestore();
      if (expected === undefined) return;
      expect(result).toBeInstanceOf(Tensor);
      const t = result as InstanceType<typeof Tensor>;
      expect([rounded(t.toArray()), rounded(t.shape)]).toContain(rounded(JSON.parse(expected)));
    });
  });

  it('a wrong comment is noticed', async () => {
    const { result, expected } = await run({ file: 'planted', code: 'ones([2]); // [1, 2]' });
    expect(rounded((result as InstanceType<typeof Tensor>).toArray())).not.toBe(
      rounded(JSON.parse(expected as string)),
    );
  });
});

describe('README', () => {
  const programs = blocks(readPage('README.md'));

  it('has programs', () => expect(programs.length).toBeGreaterThan(0));

  programs.forEach((code, i) => {
    it(`program ${i} runs`, async () => expect((await runProgram(code)).length).toBeGreaterThan(0));
  });
});

// The blocks of a page go on where the one before ended.
describe('docs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-docs-'));
  const before = process.cwd();
  beforeAll(() => process.chdir(folder));
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  // from-pytorch.md has a test of its own.
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md') && name !== 'from-pytorch.md');
  for (const page of pages) {
    const programs = blocks(readPage(join('docs', page)));
    if (programs.length === 0) continue;
    it(`the programs of ${page} run`, async () => {
      expect((await runProgram(programs.join('\n'))).length).toBeGreaterThan(0);
    });
  }
});
