// The Node.js release lines that the package is run on.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../steps.mjs';

export const versions = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'];

/** Installs them side by side, each as a package under an alias: a list of [version, executable]. */
export function installNodes(folder, platform = `${process.platform}-${process.arch}`, wanted = versions) {
  mkdirSync(folder, { recursive: true });
  const alias = (version) => `node${version.split('.')[0]}`;
  const packages = wanted.map((version) => `${alias(version)}@npm:node-${platform}@${version}`);
  // By force, because npm rejects packages for another processor, which qemu runs.
  const flags = ['--prefix', folder, '--force', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status, output } = run('npm', ['install', ...flags, ...packages]);
  if (status !== 0) throw new Error(`the other versions of Node.js could not be installed\n${output}`);
  return wanted.map((version) => [version, join(folder, 'node_modules', alias(version), 'bin', 'node')]);
}
