// A model of TensorFlow.js: its own predictions, what training here adds, and the files that are left.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { data, io, models, noGrad } from 'adjoint';
import { afterAll, expect, test } from 'vitest';
import { channelsLast, folder, run, small } from '../../examples/leave-tfjs/train.js';
import { largest, runOnnx } from '../fixtures/onnx-run.mjs';

const output = mkdtempSync(join(tmpdir(), 'adjoint-leave-tfjs-'));
afterAll(() => rmSync(output, { recursive: true }));

const digits = data.mnist().test;
const imagesTo = (end: number) => channelsLast(digits.images.slice({ end }));
const fresh = () => models.fromTfjs(join(folder, 'model.json'));

test('predicts what TensorFlow.js did', () => {
  const wanted = JSON.parse(readFileSync(join(folder, 'predictions.json'), 'utf8')) as number[][];
  expect(wanted).toHaveLength(20);
  const got = noGrad(() => fresh().forward(imagesTo(20))).toTypedArray();
  expect(largest(got, wanted.flat())).toBeLessThan(1e-5);
});

test('is trained further, and leaves files that others read', { timeout: 240_000 }, async () => {
  const { difference, before, accuracy, predictions } = await run({ ...small, output, stream: { write: () => true } });
  expect(difference).toBeLessThan(1e-5);
  expect(before).toBeGreaterThan(75);
  expect(accuracy).toBeGreaterThan(before + 3);

  const model = fresh();
  model.loadStateDict(io.load(join(output, 'leave-tfjs.safetensors')));
  const examples = [imagesTo(7), imagesTo(1)];
  const wanted = examples.map((x) => noGrad(() => model.forward(x)));
  expect(Array.from(wanted[0]?.argmax({ dim: 1 }).toTypedArray() ?? [])).toEqual([...predictions.subarray(0, 7)]);
  const results = await runOnnx(join(output, 'leave-tfjs.onnx'), examples);
  results.forEach(([y], i) => {
    expect(y?.dims).toEqual([...(wanted[i]?.shape ?? [])]);
    expect(largest(y?.data as Float32Array, wanted[i]?.toTypedArray() ?? [])).toBeLessThan(1e-5);
  });
  expect(results).toHaveLength(2);
});
