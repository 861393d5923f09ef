// Every @example in the library compiles in TypeScript, strict, and runs, and so does every program in README; where an example
// ends in a comment with a value or a shape, `// [2, 3]`, that is what it gives.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as adjoint from '../../lib/index.js';
import { type Compiled, compileExamples, examples, expectedOf } from '../support/examples.js';
import { floats, graph, modelBytes, node } from '../support/onnx-models.js';
import { blocks, readPage, root, runProgram } from '../support/pages.js';

const { nn, optim, rand, randint, randn, Tensor } = adjoint;

/** What examples take for granted. */
function context(file: string): Record<string, unknown> {
  const model = nn.sequential(new nn.Linear(784, 128), nn.functional.relu, new nn.Linear(128, 10));
  const x = randn([64, 784], { requiresGrad: true });
  const scores = model.forward(x);
  const labels = randint(0, 10, [64]);
  return {
    ...adjoint,
    model,
    x,
    y: /autograd|backward/.test(file) ? x.square().sum() : rand([64, 10]),
    labels,
    images: rand([60000, 3]).to('uint8'),
    scores,
    logProbabilities: scores.logSoftmax({ dim: -1 }),
    hidden: scores.lt(0),
    loss: nn.functional.crossEntropy(scores, labels),
    optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
    step: () => nn.functional.crossEntropy(model.forward(x), labels),
    features: 3,
    ...(file.includes('dataset') && { labels: randint(0, 10, [60000]) }),
  };
}

/** A model of one layer, of the kind that io.onnx.load reads. */
function classifier(): Uint8Array {
  const layer = node('Gemm', 'image weight bias', 'scores', { transB: 1 });
  const weights = [floats('weight', [10, 784], new Float32Array(7840)), floats('bias', [10], new Float32Array(10))];
  return modelBytes(graph('image', 'scores', [layer], weights));
}

/** A folder as Hugging Face's hub has them, with a small BERT. */
function writeBert(folder: string): void {
  const config = { vocabSize: 100, hiddenSize: 32, numHiddenLayers: 2, numAttentionHeads: 4, intermediateSize: 64 };
  const snakeCase = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const written = Object.fromEntries(Object.entries(config).map(([key, value]) => [snakeCase(key), value]));
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ model_type: 'bert', ...written }));
  adjoint.io.save(join(folder, 'model.safetensors'), new adjoint.models.BertModel(config).stateDict());
}

/** What TensorFlow.js saves of a network of one layer for images of 28 × 28. */
function writeTfjs(folder: string): void {
  const layers = [
    { class_name: 'Flatten', config: { name: 'flatten' } },
    { class_name: 'Dense', config: { name: 'dense', units: 2, use_bias: false } },
  ];
  const weights = [{ name: 'dense/kernel', shape: [784, 2], dtype: 'float32' }];
  const modelTopology = { class_name: 'Sequential', config: { name: 'sequential', layers } };
  mkdirSync(folder);
  writeFileSync(join(folder, 'weights.bin'), new Float32Array(2 * 784));
  const weightsManifest = [{ paths: ['weights.bin'], weights }];
  writeFileSync(join(folder, 'model.json'), JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }));
}

const rounded = (value: unknown): string =>
  JSON.stringify(value, (_, v) => (typeof v === 'number' ? Number(v.toFixed(5)) : v));

describe('examples', () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-examples-'));
  const before = process.cwd();
  let compiled: Compiled[] = [];
  beforeAll(async () => {
    process.chdir(folder);
    writeFileSync('classifier.onnx', classifier());
    adjoint.io.save('digits.safetensors', (context('').model as adjoint.nn.Module).stateDict());
    cpSync(join(root, 'test/golden/weights/checkpoint.pt'), 'checkpoint.pt');
    writeTfjs('my-model');
    for (const name of ['all-MiniLM-L6-v2', 'bert-base-uncased']) writeBert(name);
    compiled = await compileExamples(folder, examples);
  }, 120_000);
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  it('are found', () => expect(examples.length).toBeGreaterThan(40));

  examples.forEach((example, i) => {
    it(`${example.file} ${i}: ${example.code.split('\n')[0]}`, async () => {
      const log = vi.spyOn(console, 'log').mockImplementation(() => {});
      const isInRun = /distributed|data-parallel/.test(example.file) && !example.code.includes('distributed.init(');
      if (isInRun) await adjoint.distributed.init();
      let result: unknown;
      try {
        result = await (compiled[i] as Compiled).call({}, context(example.file));
      } finally {
        if (isInRun) await adjoint.distributed.destroy();
        log.mockRestore();
      }
      const expected = expectedOf(example);
      if (expected === undefined) return;
      expect(result).toBeInstanceOf(Tensor);
      const t = result as InstanceType<typeof Tensor>;
      expect([rounded(t.toArray()), rounded(t.shape)]).toContain(rounded(JSON.parse(expected)));
    });
  });

  it('a wrong comment and a wrong type are noticed', async () => {
    const place = mkdtempSync(join(folder, 'planted-'));
    const planted = { file: 'planted', code: 'ones([2]); // [1, 2]' };
    const [run] = (await compileExamples(place, [planted])) as [Compiled];
    const t = (await run.call({}, context('planted'))) as InstanceType<typeof Tensor>;
    expect(rounded(t.toArray())).not.toBe(rounded(JSON.parse(expectedOf(planted) as string)));
    const unchecked = { file: 'planted', code: 'const [first] = [ones([2])] as readonly Tensor[];\nfirst.relu();' };
    await expect(compileExamples(place, [unchecked])).rejects.toThrow("'first' is possibly 'undefined'");
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
  beforeAll(() => {
    process.chdir(folder);
    writeBert('bert-base-uncased');
    writeTfjs('my-model');
  });
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
