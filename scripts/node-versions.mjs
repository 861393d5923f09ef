// Trains a small network, and passes buffers of tensors between threads, under each Node.js release line that we support:
// one native binary must serve them all.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFixture, tryEnding } from '../test/fixtures/children.mjs';
import { run } from './steps.mjs';

const versions = ['22.23.3', '24.21.0', '26.10.0'];
const platform = `node-${process.platform}-${process.arch}`;
const folder = mkdtempSync(join(tmpdir(), 'adjoint-node-'));

/** Installs all versions, each as a package under an alias, and returns their executables. */
function install() {
  const alias = (version) => `node${version.split('.')[0]}`;
  const packages = versions.map((version) => `${alias(version)}@npm:${platform}@${version}`);
  const args = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...packages];
  const { status, output } = run('npm', args);
  if (status !== 0) throw new Error(`node-versions: the other versions could not be installed\n${output}`);
  return versions.map((version) => join(folder, 'node_modules', alias(version), 'bin', 'node'));
}

/** The failure under this version, or null. */
async function check(node) {
  const { code, signal, output, errors } = await runFixture('xor.mjs', [], { node });
  if (code !== 0 || !output.startsWith('learned')) return `${signal ?? code}: ${output}${errors}`;
  const memory = await runFixture('memory.mjs', ['steps', '1000'], { node });
  if (memory.code !== 0) return `${memory.signal ?? memory.code}: ${memory.errors}`;
  const most = Math.max(...JSON.parse(memory.output).rss);
  if (most > 250) return `1,000 training steps took ${most} MB`;
  const foreign = await runFixture('foreign.mjs', [], { node });
  if (foreign.output !== 'ok\n') return `${foreign.signal ?? foreign.code}: ${foreign.output}${foreign.errors}`;
  return tryEnding('four workers train, one is terminated half way', { node });
}

try {
  for (const node of [process.execPath, ...install()]) {
    const version = run(node, ['--version']).output.trim();
    const wrong = await check(node);
    console.log(`${wrong === null ? 'ok  ' : 'FAIL'} Node.js ${version}${wrong === null ? '' : `: ${wrong}`}`);
    if (wrong !== null) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
