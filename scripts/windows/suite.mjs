// The test suite on Windows: every test passes, or is one of the exceptions below.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { inside, windowsNode } from './system.mjs';

/** Tests that cannot pass under wine, or on Windows, by file and name, each with its reason. */
const exceptions = [];

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
    if (tests.length === 0) tests.push([message?.split('\n')[0] ?? 'the file', status]);
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
