// prebuildify calls this as `node-gyp rebuild …` in the target's folder; it runs cmake-js, which builds there.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../steps.mjs';

const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
const options = JSON.parse(process.env.ADJOINT_CMAKE_OPTIONS ?? '[]');
const flags = ['--log-level', 'warn', '--directory', root, '--out', join(process.cwd(), 'build'), ...options];
// `build` alone would keep the options of an earlier run.
for (const command of ['configure', 'build']) {
  const { status } = spawnSync(process.execPath, [cmakeJs, command, ...flags], { stdio: 'inherit' });
  if (status === 0) continue;
  process.exitCode = status ?? 1;
  break;
}
