// Runs an example: `npm run example -- spam`, with `--small` a version of a few seconds. Without a name it lists them.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './steps.mjs';
import { tryDataset } from './tools.mjs';

const folder = join(root, 'examples');
const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'train.js')));
const [name, ...rest] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  console.error(`example: name one of ${names.join(', ')}${name === undefined ? '' : `, got ${name}`}`);
  process.exitCode = 1;
} else {
  if (name === 'fashion-mnist' && !process.env.FASHION_MNIST) {
    tryDataset('dataset-fashion-mnist', '/usr/share/datasets/fashion-mnist');
  }
  const { status } = spawnSync(process.execPath, [join(folder, name, 'train.js'), ...rest], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
