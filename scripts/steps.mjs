// Shared by the scripts: running a command with one short line of output, and one-line failures.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A failure whose message is all that the user has to read. */
export class SetupError extends Error {}

/** On Windows npm is a batch file, which only a shell runs; to scripts that it has started, npm names its own program. */
function programOf(command, args) {
  const npm = process.env.npm_execpath;
  return process.platform === 'win32' && command === 'npm' && npm
    ? [process.execPath, [npm, ...args]]
    : [command, args];
}

/** Runs a command without a terminal, in the project's folder unless told otherwise, and returns { status, output }. */
export function run(command, args, { cwd = root, env = {}, input } = {}) {
  const result = spawnSync(...programOf(command, args), {
    cwd,
    env: { ...process.env, ...env },
    input: input ?? '',
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ? `${result.error.message}\n` : ''}`;
  return { status: result.status ?? 1, output };
}

/** Prints `setup: what … 1.2 s`; if the command fails, prints its whole output and throws. */
export function step(what, command, args, options) {
  process.stdout.write(`setup: ${what} …`);
  const started = performance.now();
  const { status, output } = run(command, args, options);
  if (status === 0) {
    process.stdout.write(` ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
    return;
  }
  process.stdout.write(' failed\n');
  process.stderr.write(output);
  throw new SetupError(`${[command, ...args].join(' ')} failed (exit code ${status}), see above`);
}

/** Whether an executable of this name is on the PATH. */
export function onPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
