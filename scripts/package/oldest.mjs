// The prebuilt binary on the oldest processor: its loops and OpenBLAS's kernels forced to the lowest level, all products
// against sums in float64.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../steps.mjs';

// What OpenBLAS is told and what it then says: it names Prescott by the first of the names that share those kernels.
const oldestCores = { x64: ['Prescott', 'Katmai'], arm64: ['ARMV8', 'armv8'] };

/** Runs in the clone, whose own build is passed over. */
export function oldestLevel() {
  const [wanted, expected] = oldestCores[process.arch];
  const env = { PREBUILDS_ONLY: '1', ADJOINT_ISA: 'baseline', OPENBLAS_CORETYPE: wanted };
  const run = (args, more = {}) => {
    const options = { cwd: root, env: { ...process.env, ...env, ...more }, encoding: 'utf8' };
    const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
    if (status !== 0) throw new Error(`${stdout}${stderr}`);
    return JSON.parse(stdout);
  };
  const { blasCore, isa } = run([
    '--input-type=module',
    '-e',
    `import { buildInfo } from '${join(root, 'dist', 'index.js')}'; console.log(JSON.stringify(buildInfo()));`,
  ]);
  if (blasCore !== expected || isa !== 'baseline') {
    throw new Error(`not forced to the oldest: core ${blasCore}, level ${isa}`);
  }
  const fixture = join(root, 'test', 'fixtures', 'gemm.mjs');
  const { cases, worst } = run([fixture], { ADJOINT_GEMM: 'openblas', ADJOINT_NUM_THREADS: '2' });
  if (!(cases > 11_000 && worst !== null && worst < 1e-5)) throw new Error(`${cases} products, largest error ${worst}`);
  return `${blasCore}, ${isa}: ${cases} products, largest relative error ${worst.toExponential(1)}`;
}
