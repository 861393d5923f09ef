// A user's folder, in which commands see no compiler, no cmake, no Python and no OpenBLAS.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, run, SetupError } from '../steps.mjs';

/** Packs the library into a folder: { file, files, summary }. */
export function pack(folder) {
  if (!existsSync(join(root, 'prebuilds', 'LICENSES.md')))
    throw new SetupError('prebuilds/ is empty; first `npm run prebuild`');
  const { status, output } = run('npm', ['pack', '--json', '--pack-destination', folder]);
  if (status !== 0) throw new Error(`npm pack failed\n${output}`);
  const parsed = JSON.parse(output.slice(output.search(/^[[{]/m)));
  const [packed] = Object.values(parsed);
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
  const sizes = `packed ${megabytes(packed.size)}, unpacked ${megabytes(packed.unpackedSize)}`;
  const summary = `${packed.filename}: ${sizes}, ${packed.files.length} files`;
  return { file: join(folder, packed.filename), files: packed.files, summary };
}

/** The n-th program of README.md in JavaScript. */
export function readmeProgram(number = 1) {
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```js\n([\s\S]*?)```/g)];
  return blocks[number - 1][1];
}

export class Folder {
  constructor(path, bin) {
    this.path = path;
    this.bin = bin;
    mkdirSync(path, { recursive: true });
    this.write('package.json', '{ "name": "app", "version": "1.0.0", "private": true, "type": "module" }\n');
  }

  /** A folder inside, in which the packages installed here are found. */
  inside(name) {
    return new Folder(join(this.path, name), this.bin);
  }

  write(name, text) {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), text);
  }

  /** Runs a command; its output, or an error with it. */
  run(command, args, { env = {}, timeout = 300_000 } = {}) {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
    const result = spawnSync(command, args, {
      cwd: this.path,
      env: { ...clean, NODE_OPTIONS: '', ...env, PATH: this.bin },
      encoding: 'utf8',
      timeout,
    });
    const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`;
    if (result.status !== 0) {
      throw new Error(`${[command, ...args].join(' ')} ended with ${result.signal ?? result.status}\n${output}`);
    }
    return output;
  }

  npm(...args) {
    return this.run('npm', [...args, '--no-audit', '--no-fund']);
  }

  node(...args) {
    return this.run('node', args);
  }
}
