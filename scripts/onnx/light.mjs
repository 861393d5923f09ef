// The "light" networks of PyPI's onnx (ResNet-50, VGG-19, DenseNet-121, …) with drawn weights, here and in ONNX Runtime.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as adjoint from '../../dist/adjoint.js';
import { runOnnx, tensorsIn } from '../../test/fixtures/onnx-run.mjs';
import { root } from '../steps.mjs';

const tolerance = 1e-4;

async function timed(run) {
  const start = performance.now();
  const result = await run();
  return [result, `${((performance.now() - start) / 1000).toFixed(2)} s`];
}

/** The largest difference of two lists, by the largest of `wanted`. */
function differenceOf(got, wanted) {
  let [worst, size] = [got.length === wanted.length ? 0 : Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs(got[i] - wanted[i]);
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    size = Math.max(size, Math.abs(wanted[i]));
  }
  return worst / size;
}

/** Runs all networks, or those whose names contain a word. @returns whether all results are those of ONNX Runtime */
export async function checkLight(words, python) {
  const folder = mkdtempSync(join(tmpdir(), 'onnx-'));
  try {
    const { status } = spawnSync(python, [join(root, 'test/golden/make_light_onnx.py'), folder], { stdio: 'inherit' });
    if (status !== 0) return false;
    let isRight = true;
    for (const file of readdirSync(folder).sort()) {
      const name = file.replace('.onnx', '');
      if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
      const path = join(folder, file);
      adjoint.manualSeed(1);
      const x = adjoint.randn([1, 3, 224, 224]);
      const [wanted] = await runOnnx(path, [x]);
      const [model, loading] = await timed(() => adjoint.io.onnx.load(path));
      const [results, running] = await timed(() => tensorsIn(adjoint.noGrad(() => model.forward(x))));
      const worst = Math.max(...results.map((t, i) => differenceOf(t.toTypedArray(), wanted[i].data)));
      const fits = worst < tolerance && results.length === wanted.length;
      isRight &&= fits;
      const what = `${fits ? 'ok  ' : 'FAIL'} ${name}: ${model.namedParameters().length} weights`;
      console.log(`${what}, differs by ${worst.toExponential(1)} of the largest; load ${loading}, forward ${running}`);
      rmSync(path);
    }
    return isRight;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
