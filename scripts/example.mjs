// Runs an example: `npm run example -- spam`, with `--small` a version of a few seconds; `--list` says what there is.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { examples } from '../examples/gallery.js';
import { root } from './steps.mjs';
import { tryDataset } from './tools.mjs';

const folder = join(root, 'examples');
const [name, ...rest] = process.argv.slice(2);
const file = [`${name}/train.js`, `${name}.js`].map((path) => join(folder, path)).find((path) => existsSync(path));
if (name === '--list') {
  const width = Math.max(...names().map((known) => known.length));
  for (const known of names()) {
    const title = examples.find((example) => example.name === known)?.title ?? beginningOf(known);
    console.log(`${known.padEnd(width)}  ${title}`);
  }
} else if (name === undefined || !names().includes(name) || file === undefined) {
  console.error(`example: name one of ${names().join(', ')}${name === undefined ? '' : `, got ${name}`}`);
  process.exitCode = 1;
} else {
  if (examples.find((example) => example.name === name)?.data === 'Fashion-MNIST' && !process.env.FASHION_MNIST) {
    tryDataset('dataset-fashion-mnist', '/usr/share/datasets/fashion-mnist');
  }
  const { status } = spawnSync(process.execPath, [file, ...rest], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}

/** The title of an example's README, or the first line of its own comment. */
function beginningOf(known) {
  const paths = [`${known}/README.md`, `${known}/train.js`, `${known}.js`].map((path) => join(folder, path));
  const text = readFileSync(
    paths.find((path) => existsSync(path)),
    'utf8',
  );
  return /^(?:#|\/\/) (.*)/.exec(text)?.[1] ?? '';
}

/** Those of the gallery, folders with a program of their own, and the textbook's lessons. */
function names() {
  const programs = readdirSync(folder).filter((known) => existsSync(join(folder, known, 'train.js')));
  const lessons = readdirSync(join(folder, 'textbook')).flatMap((file) => /^\w-.*(?=\.js$)/.exec(file) ?? []);
  const all = [...examples.map((example) => example.name), ...programs, ...lessons.map((name) => `textbook/${name}`)];
  return [...new Set(all)].sort();
}
