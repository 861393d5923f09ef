// The example on a small ONNX model that is made here: the true one is not among the tests' packages.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io, manualSeed, randn } from 'adjoint';
import { afterAll, expect, it } from 'vitest';
import { findModel, howToGet } from '../../examples/onnx-finetune/folder.js';
import { Recogniser } from '../../examples/onnx-finetune/model.js';
import { run } from '../../examples/onnx-finetune/train.js';
import { floats, graph, longs, modelBytes, node } from '../support/onnx-models.js';

const folder = mkdtempSync(join(tmpdir(), 'onnx-finetune-'));
const model = join(folder, 'model.onnx');
afterAll(() => rmSync(folder, { recursive: true }));

/** Lines of 48 × 32 as 6 places with 24 features, then 5 classes. */
function writeModel(): void {
  manualSeed(1);
  const weight = (name: string, shape: number[], scale: number) =>
    floats(name, shape, randn(shape).mul(scale).toTypedArray());
  const nodes = [
    node('Conv', 'x w1 b1', 'c1', { strides: [4, 4], kernel_shape: [8, 8], pads: [2, 2, 2, 2] }),
    ...[node('Relu', 'c1', 'r1'), node('Conv', 'r1 w2 b2', 'c2', { strides: [4, 4], kernel_shape: [4, 4] })],
    ...[
      node('Relu', 'c2', 'r2'),
      node('Shape', 'r2', 's'),
      node('Gather', 's zero', 'n'),
      node('Unsqueeze', 'n at', 'n1'),
    ],
    ...[node('Concat', 'n1 rest', 'shape', { axis: 0 }), node('Reshape', 'r2 shape', 'flat')],
    ...[node('Transpose', 'flat', 'features', { perm: [0, 2, 1] }), node('MatMul', 'features w3', 'y')],
  ];
  const weights = [weight('w1', [16, 3, 8, 8], 0.1), weight('b1', [16], 0.1), weight('w2', [24, 16, 4, 4], 0.1)];
  const others = [weight('b2', [24], 0.1), weight('w3', [24, 5], 1), longs('zero', [], [0])];
  const shapes = [longs('at', [1], [0]), longs('rest', [2], [24, 6])];
  writeFileSync(model, modelBytes(graph('x', 'y', nodes, [...weights, ...others, ...shapes])));
}

it('an ONNX model gets a new head, learns digits, and runs in ONNX Runtime', { timeout: 120_000 }, async () => {
  writeModel();
  const sizes = { labelled: 150, tests: 150, epochs: 3, lr: 3e-3, model, features: 'features', width: 24 };
  const reached = await run({ ...sizes, output: folder, stream: { write: () => true } });
  expect(reached.head).toBeGreaterThan(35); // 10 % by chance
  expect(reached.everything).toBeGreaterThan(reached.head);
  expect(reached.lenet).toBeGreaterThan(40);
  expect(reached.others).toBe(0);
  expect(readFileSync(join(folder, 'onnx-finetune.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
  const whole = io.onnx.load(join(folder, 'onnx-finetune.onnx'));
  expect(whole.namedParameters().map(([name]) => name)).not.toContain('w3');
});

it('a network that has forgotten has the values that it had, in another order', () => {
  const [known, forgetful] = [new Recogniser(model, 'features', 24), new Recogniser(model, 'features', 24)];
  forgetful.forget();
  for (const [name, p] of known.features.namedParameters()) {
    const [a, b] = [p, forgetful.features.getParameter(name)].map((t) => [...t.toTypedArray()]);
    expect(b).not.toEqual(a);
    expect(b!.sort()).toEqual(a!.sort());
  }
});

it('finds a model that is there, and says how to get one that is not', () => {
  const cache = join(folder, 'cache');
  mkdirSync(join(cache, 'package', 'assets'), { recursive: true });
  const file = join(cache, 'package', 'assets', 'ch_PP-OCRv4_rec_infer.onnx');
  writeFileSync(file, '');
  expect(findModel(cache, { write: () => true })).toBe(file);
  const none = join(folder, 'none');
  const path = process.env.PATH;
  process.env.PATH = folder; // no npm
  try {
    expect(() => findModel(none, { write: () => true })).toThrow(howToGet(none));
  } finally {
    process.env.PATH = path;
  }
});
