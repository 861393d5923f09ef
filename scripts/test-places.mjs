// npm run test:places: applies the examples of CONTRIBUTING.md to a copy of the project, builds it, compares what they add
// with closed forms and runs the tests that concern them.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyProject } from './places/copy.mjs';
import { contentsWith, examplesIn, linesOf, placesOf } from './places/examples.mjs';
import { root, SetupError, step } from './steps.mjs';

const folder = join(root, 'build', 'places');
const tests = [
  'activation',
  'blend',
  'nn/scale',
  'signum',
  'fuzz',
  'wrong-arguments',
  'package/layers',
  'package/test-files',
];

const read = (file) => {
  const path = join(root, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
};
const inCopy = (what, ...args) => step(what, process.execPath, args, { cwd: folder });

try {
  const examples = examplesIn(read('CONTRIBUTING.md'));
  for (const example of examples) {
    const places = placesOf(example);
    console.log(`${example.title}: ${places.length} places, ${linesOf(example)} lines: ${places.join(', ')}`);
  }
  copyProject(folder, contentsWith(examples, read));
  inCopy('building the copy in build/places', 'scripts/setup.mjs');
  inCopy('checking types', 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.check.json');
  inCopy('comparing with closed forms', 'scripts/places/values.mjs');
  inCopy(`running tests: ${tests.join(' ')}`, 'scripts/test.mjs', ...tests);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`test:places: ${error.message}`);
  process.exitCode = 1;
}
