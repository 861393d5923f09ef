// npm run test:windows [-- --node 22] [files]: runs the tests on the Windows binary under wine. It needs Debian's debootstrap
// and root, and makes the rest in build/windows at first use.
import { parseArgs } from 'node:util';
import { SetupError } from './steps.mjs';
import { checkEnds } from './windows/ends.mjs';
import { checkInstalled } from './windows/installed.mjs';
import { runSuite } from './windows/suite.mjs';
import { ensureProject, ensureSystem, versionOf } from './windows/system.mjs';

const hours = 3;

try {
  const { values, positionals } = parseArgs({
    options: { node: { type: 'string', default: '22' }, only: { type: 'string', default: 'installed,ends,suite' } },
    allowPositionals: true,
  });
  const version = versionOf(values.node);
  const parts = { installed: checkInstalled, ends: checkEnds, suite: runSuite };
  const names = positionals.length > 0 ? ['suite'] : values.only.split(',');
  const unknown = names.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) throw new SetupError(`--only must be of ${Object.keys(parts).join(',')}, got ${unknown}`);
  ensureSystem(version);
  ensureProject();
  let [passed, failed] = [0, 0];
  for (const name of names) {
    const counts = await parts[name](version, positionals, hours * 3_600_000);
    passed += counts.passed;
    failed += counts.failed;
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`test:windows: ${error.message}`);
  process.exitCode = 1;
}
