// npm run test:package: packs the library, installs the tarball as a user would, with nothing but node and npm on the
// PATH and install scripts off, and uses it in each way that we promise. One line per check; exits non-zero on a failure.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runChecks } from './checks.mjs';
import { checks } from './package/checks.mjs';
import { Folder, pack } from './package/folder.mjs';
import { installNodes, versions } from './package/nodes.mjs';
import { SetupError } from './steps.mjs';

const only = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'adjoint-package-'));
let [passed, failed] = [0, 0];

try {
  const tarball = pack(work);
  console.log(`      ${tarball.summary}`);
  // The only folder on the PATH: links to node and npm.
  const bin = join(work, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const name of ['npm', 'npx']) symlinkSync(join(dirname(process.execPath), name), join(bin, name));
  const folder = new Folder(join(work, 'app'), bin);
  const nodes = () => installNodes(join(work, 'nodes'));
  const emulated = () => installNodes(join(work, 'emulated'), 'linux-arm64', versions.slice(1, 2));
  const isMeant = ([name]) => only.length === 0 || only.some((part) => name.includes(part));
  ({ passed, failed } = await runChecks(checks({ tarball, folder, nodes, emulated }).filter(isMeant)));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`test:package: ${error.message}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
