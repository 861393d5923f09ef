// All networks of `models` and of the examples as ONNX models of several operator sets: each runs in ONNX Runtime at batches of 7
// and 1, and ONNX's checker in Python reads it. Those of float64, for which ONNX Runtime has no convolutions, run in
// ONNX's reference evaluator.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as adjoint from '../../dist/adjoint.js';
import { exampleNetworks } from '../../test/fixtures/onnx-examples.mjs';
import { modelNetworks } from '../../test/fixtures/onnx-networks.mjs';
import { evaluated, exportedAndRun, tensorsIn } from '../../test/fixtures/onnx-run.mjs';
import { root } from '../steps.mjs';

const opsets = [17, 20, 22, 23, 24];
const tolerance = 1e-4;

function* networks(words) {
  for (const network of [...modelNetworks(adjoint), ...exampleNetworks(adjoint)]) {
    if (words.length === 0 || words.some((word) => network.name.includes(word))) yield network;
  }
}

/** A value with its tensors of floats in another dtype. */
function cast(value, dtype) {
  if (value instanceof adjoint.Tensor) return value.dtype.startsWith('float') ? value.to(dtype) : value;
  if (Array.isArray(value)) return value.map((v) => cast(v, dtype));
  return value && typeof value === 'object'
    ? Object.fromEntries(Object.entries(value).map(([key, v]) => [key, cast(v, dtype)]))
    : value;
}

/** As check_onnx.py reads it; positions are int64 in ONNX. */
function written(t) {
  const isLong = t.dtype === 'int32';
  const data = isLong ? BigInt64Array.from(t.toTypedArray(), BigInt) : t.toTypedArray();
  return {
    ...{ dtype: isLong ? 'int64' : t.dtype, shape: t.shape },
    data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
  };
}

/** Exports and runs all networks, or those whose names contain a word. @returns whether all are right */
export async function checkExports(words, python) {
  const folder = mkdtempSync(join(tmpdir(), 'onnx-'));
  const counts = { right: 0, wrong: 0, refused: 0 };
  let largest = 0;
  for (const { name, make, example, dynamicBatch = true, isLarge, isSingle } of networks(words)) {
    adjoint.manualSeed(1);
    const model = make();
    const inputs = [example(7), example(1)];
    const file = (kind) => join(folder, `${name.replaceAll(' ', '-')}-${kind}`);
    for (const opset of isLarge ? [17, 23] : opsets) {
      try {
        const { bytes, worst, shapes } = await exportedAndRun(adjoint, model, inputs, { opset, dynamicBatch });
        writeFileSync(`${file(opset)}.onnx`, bytes);
        const isRight = worst < tolerance && shapes.every(([got, wanted]) => String(got) === String(wanted));
        counts[isRight ? 'right' : 'wrong']++;
        largest = Math.max(largest, worst);
        if (!isRight) console.log(`FAIL ${name}, opset ${opset}: differs by ${worst.toExponential(1)}`);
      } catch (error) {
        counts.refused++;
        console.log(`FAIL ${name}, opset ${opset}: ${String(error.message).slice(0, 300)}`);
      }
    }
    if (isLarge || isSingle) continue;
    try {
      const [double, given] = [model.to('float64'), cast(inputs[0], 'float64')];
      writeFileSync(`${file('float64')}.onnx`, adjoint.io.onnx.export(double, given, { dynamicBatch }));
      const numbers = {
        inputs: tensorsIn(given).map(written),
        outputs: evaluated(adjoint, double, given).map(written),
      };
      writeFileSync(`${file('float64')}.json`, JSON.stringify(numbers));
    } catch (error) {
      counts.refused++;
      console.log(`FAIL ${name}, float64: ${error.message}`);
    }
  }
  const { right, wrong, refused } = counts;
  console.log(
    `\n${right} models run in ONNX Runtime within ${tolerance} (largest difference ${largest.toExponential(1)}), ${wrong} differ, ${refused} refused`,
  );
  const checker = spawnSync(python, [join(root, 'test/golden/check_onnx.py'), folder], { stdio: 'inherit' });
  rmSync(folder, { recursive: true });
  return wrong + refused === 0 && checker.status === 0;
}
