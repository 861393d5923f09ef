// Runs examples over several seeds and writes what they reached into docs/gallery.json, their pictures into docs/gallery, and from
// both docs/gallery.md:
//
//     npm run gallery                        all that docs/gallery.json does not have yet
//     npm run gallery -- lenet spam          these, anew
//     npm run gallery -- lenet --seeds 5     default 3
//     npm run gallery -- lenet --more        what docs/gallery.json does not have, where a run was interrupted
//     npm run gallery -- lenet --seconds     only how long it takes, where that was measured on a busy machine
//     npm run gallery -- textbook            the lessons' pictures and seconds
//     npm run gallery -- --write             only the page, from what is known
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { examples, lessons } from '../examples/gallery.js';
import { page } from './gallery/page.mjs';
import { root } from './steps.mjs';

const pictures = join(root, 'docs', 'gallery');
const results = join(root, 'docs', 'gallery.json');

/** One run in a process of its own: { numbers, seconds, megabytes }. */
function runOnce(name, output, flags) {
  const file = [`${name}/train.js`, `${name}.js`].map((path) => join(root, 'examples', path)).find(existsSync);
  const json = join(output, 'result.json');
  const given = [file, '--output', output, '--json', json, ...flags];
  const env = { ...process.env, ADJOINT_PRIORITY: 'normal' }; // as that of eager steps
  const { status } = spawnSync(process.execPath, given, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) throw new Error(`gallery: ${name} ended with code ${status}`);
  return JSON.parse(readFileSync(json, 'utf8'));
}

/** The seconds of each lesson, whose picture is copied. */
function runLessons() {
  const folder = join(root, 'examples', 'textbook');
  return lessons.map(({ name, picture }) => {
    const started = performance.now();
    const { status } = spawnSync(process.execPath, [join(folder, `${name}.js`)], { cwd: root, stdio: 'inherit' });
    if (status !== 0) throw new Error(`gallery: textbook/${name} ended with code ${status}`);
    copyFileSync(join(folder, 'output', picture), join(pictures, picture));
    return (performance.now() - started) / 1000;
  });
}

/** How many times as long steps take that are not compiled: the median of three pairs of small versions, one after the other. */
function timesEager(name, output) {
  const stepSeconds = (flags) => runOnce(name, output, ['--small', ...flags]).stepSeconds;
  const ratios = ['1', '2', '3'].map((seed) => {
    const compiled = stepSeconds(['--seed', seed]);
    return stepSeconds(['--seed', seed, '--eager']) / compiled;
  });
  return ratios.sort((a, b) => a - b)[1];
}

/** Every seed after those that are known, and what compiling brings where the example can do without; `save` is called after each. */
function runAll(example, { runs = [], ...rest }, seeds, output, save) {
  while (runs.length < seeds) {
    const { stepSeconds, ...run } = runOnce(example.name, output, ['--seed', String(runs.length + 1)]);
    runs.push(run);
    for (const picture of example.pictures ?? []) copyFileSync(join(output, picture), join(pictures, picture));
    save({ runs, ...rest });
  }
  if (!example.eager || rest.timesEager !== undefined) return;
  save({ runs, ...rest, timesEager: timesEager(example.name, output) });
}

const { values, positionals } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    more: { type: 'boolean', default: false },
    seconds: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const isLessons = (name) => name === 'textbook';
const unknown = positionals.find((name) => !isLessons(name) && !examples.some((example) => example.name === name));
if (unknown !== undefined) throw new Error(`gallery: examples/gallery.js has no ${unknown}`);
mkdirSync(pictures, { recursive: true });
const known = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : {};
const save = () => writeFileSync(results, `${JSON.stringify(known, null, 1)}\n`);
const wanted = examples.filter(({ name }) => (positionals.length > 0 ? positionals.includes(name) : !(name in known)));
for (const example of values.write ? [] : wanted) {
  const { name } = example;
  if (values.seconds && known[name] === undefined)
    throw new Error(`gallery: ${name} has no runs yet; leave --seconds out`);
  const keep = (result) => {
    known[name] = result;
    save();
  };
  const before = values.more || values.seconds ? (known[name] ?? {}) : {};
  const output = mkdtempSync(join(tmpdir(), 'adjoint-gallery-')); // of its own: some leave there what others would find
  try {
    if (values.seconds) keep({ ...before, seconds: runOnce(name, output, ['--seed', '1']).seconds });
    else runAll(example, before, Number(values.seeds), output, keep);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}
if (!values.write && (positionals.length > 0 ? positionals.some(isLessons) : !('textbook' in known))) {
  known.textbook = runLessons();
  save();
}
writeFileSync(join(root, 'docs', 'gallery.md'), page(known));
