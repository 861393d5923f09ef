// Runs exported models in ONNX Runtime and compares them with the modules that they come from.
import * as ort from 'onnxruntime-node';
import { expect } from 'vitest';
import { noGrad } from '../../lib/autograd/tape.js';
import { io } from '../../lib/index.js';
import { leavesOf } from '../../lib/io/onnx/export-example.js';
import type { Module } from '../../lib/nn/module.js';
import type { Tensor } from '../../lib/tensor.js';

type Data = Float32Array | Float64Array | Int32Array | Uint8Array;

function fed(t: Tensor, type: string): ort.Tensor {
  const values = t.toTypedArray() as Data;
  if (type === 'int64') return new ort.Tensor('int64', BigInt64Array.from(values as Int32Array, BigInt), t.shape);
  return new ort.Tensor(type as 'float32', values as Float32Array, t.shape);
}

const types = { float32: 'float32', float64: 'float64', int32: 'int64', uint8: 'uint8' } as const;

/** The results of an ONNX model for the tensors in an example. */
export async function runOnnx(bytes: Uint8Array, example: unknown): Promise<ort.Tensor[]> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const feeds = Object.fromEntries(
    leavesOf(example).flatMap(({ value }, i) => {
      const key = session.inputNames[i];
      return key === undefined ? [] : [[key, fed(value, types[value.dtype])]];
    }),
  );
  const results = await session.run(feeds);
  const list = session.outputNames.map((key) => results[key] as ort.Tensor);
  await session.release();
  return list;
}

/** Checks that an exported model gives what its module does for each example, within `tolerance` of the larger of 1 and |y|. */
export async function checkExport(
  model: Module,
  examples: readonly unknown[],
  options: io.onnx.ExportOptions & { path?: undefined; tolerance?: number } = {},
): Promise<Uint8Array> {
  const { tolerance = 1e-4, ...rest } = options;
  const bytes = io.onnx.export(model, examples[0], rest);
  const modes = model.modules().map((layer) => [layer, layer.training] as const);
  model.eval();
  const forward = (model as unknown as { forward(...x: unknown[]): unknown }).forward.bind(model);
  for (const example of examples) {
    const expected = leavesOf(noGrad(() => (Array.isArray(example) ? forward(...example) : forward(example))));
    const results = await runOnnx(bytes, example);
    expect(results.length).toBe(expected.length);
    for (const [i, { value }] of expected.entries()) {
      const result = results[i] as ort.Tensor;
      expect([...result.dims]).toEqual([...value.shape]);
      const [got, wanted] = [result.data as ArrayLike<number | bigint | boolean>, value.toTypedArray()];
      let worst = 0;
      for (let k = 0; k < wanted.length; k++) {
        const [x, y] = [Number(got[k]), wanted[k] as number];
        if (Object.is(x, y) || x === y) continue;
        const error = Math.abs(x - y) / Math.max(1, Math.abs(y));
        worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
      }
      expect(worst, `the largest difference of result ${i}`).toBeLessThan(tolerance);
    }
  }
  for (const [layer, training] of modes) layer.training = training;
  return bytes;
}
