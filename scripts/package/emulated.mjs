// The arm64 binary on another processor, run by qemu, with the libraries of Debian's cross compiler.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../steps.mjs';

const emulator = '/usr/bin/qemu-aarch64-static';
const libraries = '/usr/aarch64-linux-gnu';

/** Whether it has been built, and can be run. */
export const canEmulate =
  process.arch !== 'arm64' && [emulator, libraries, join(root, 'prebuilds', 'linux-arm64')].every(existsSync);

/**
 * The first program of docs/distributed.md, as two processes.
 *
 * @param nodes the Node.js releases for arm64: a list of [version, executable]
 */
export function emulatedRanks(folder, nodes) {
  const [, text] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs', 'distributed.md'), 'utf8'));
  folder.write('emulated.mjs', `console.log(process.arch);\n${text}`);
  folder.write(
    'both.mjs',
    `import { spawn } from 'node:child_process';
for (const RANK of ['0', '1']) {
  const place = { RANK, WORLD_SIZE: '2', MASTER_ADDR: '127.0.0.1', MASTER_PORT: '29517', ADJOINT_NUM_THREADS: '1' };
  const env = { ...process.env, ...place, QEMU_LD_PREFIX: '${libraries}' };
  spawn('${emulator}', [process.argv[2], 'emulated.mjs'], { env, stdio: 'inherit' });
}
`,
  );
  const [[version, node]] = nodes;
  const output = folder.node('both.mjs', node);
  const lines = [...output.matchAll(/^(arm64|rank \d, epoch 1: \d\.\d+)$/gm)].map((match) => match[1].slice(0, 6));
  if (lines.sort().join() !== 'arm64,arm64,rank 0,rank 1') throw new Error(`two did not train: ${output}`);
  return `two processes of Node.js ${version} train`;
}
