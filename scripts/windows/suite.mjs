// The test suite on Windows: every test passes, or is one of the exceptions below.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { inside, windowsNode } from './system.mjs';

const noLinks = 'wine 10 makes no links, and says so of junctions alone';
const noPeak = 'wine tells a tenth of what memory a process had at most';
/** Tests that cannot pass under wine, or on Windows, by file and name, each with its reason. */
const exceptions = [
  { file: 'test/io/make-folder', test: /ends where Node.js would try without end/, why: noLinks },
  { file: 'test/io/onnx-load', test: /must not read weights outside of its folder/, why: noLinks },
  { file: 'test/package/package', test: /^CommonJS /, why: noLinks },
  { file: 'test/package/types', why: noLinks },
  { file: 'test/package/gallery', test: /takes its sizes, a seed and a folder/, why: noPeak },
  { file: 'test/examples/minilm', test: /the small version searches/, why: noPeak },
];

const reasonOf = (file, name) =>
  exceptions.find((one) => file.includes(one.file) && (one.test?.test(name) ?? true))?.why;

/** { passed, failed } without the exceptions, which are printed with their reasons. */
export async function runSuite(version, files, timeoutMs) {
  const report = inside('project', 'report.json');
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', '--outputFile.json=report.json'];
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...files];
  await windowsNode(version, args, { cwd: 'project', timeoutMs, show: true, env: variables() });
  if (!existsSync(report)) {
    console.log('FAIL  vitest left no report');
    return { passed: 0, failed: 1 };
  }
  return count(JSON.parse(readFileSync(report, 'utf8')));
}

const variables = () => {
  const { ADJOINT_NUM_THREADS } = process.env;
  return ADJOINT_NUM_THREADS === undefined ? {} : { ADJOINT_NUM_THREADS };
};

function count({ testResults }) {
  let [passed, failed] = [0, 0];
  const excepted = new Map();
  for (const { name: path, status, assertionResults, message } of testResults) {
    const file = path.replace(/^.*[\\/]project[\\/]/, '').replaceAll('\\', '/');
    const tests = assertionResults.map((one) => [one.fullName, one.status]);
    // Of a file that does not load, and of what is done before or after its tests.
    if (status === 'failed' && !tests.some(([, result]) => result === status))
      tests.push([message?.split('\n')[0] ?? 'the file', status]);
    const unfinished = tests.filter(([, result]) => result === 'pending').length;
    if (unfinished > 0) tests.push([`${unfinished} tests have not ended: their process has`, 'failed']);
    for (const [name, result] of tests) {
      if (result === 'passed') passed++;
      if (result !== 'failed') continue;
      const why = reasonOf(file, name);
      if (why !== undefined) {
        excepted.set(why, (excepted.get(why) ?? 0) + 1);
        continue;
      }
      failed++;
      console.log(`FAIL  ${file}: ${name}`);
    }
  }
  for (const [why, tests] of excepted) console.log(`      ${tests} not counted: ${why}`);
  return { passed, failed };
}
