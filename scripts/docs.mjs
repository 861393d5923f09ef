// `npm run docs`: writes the reference, from the documentation comments, and the guides as pages that open from disk.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { checkLinks } from './docs/links.mjs';
import { root, SetupError, step } from './steps.mjs';

const folder = join(root, 'docs', 'site');

/** npm writes its own copy of the lock file last of all. */
function isInstalled() {
  const [wanted, installed] = ['package-lock.json', join('node_modules', '.package-lock.json')].map((name) =>
    statSync(join(folder, name), { throwIfNoEntry: false }),
  );
  return installed !== undefined && installed.mtimeMs >= wanted.mtimeMs;
}

try {
  // TypeDoc reads TypeScript 6; the library is built by a later one, so the two cannot share node_modules.
  if (!isInstalled()) {
    step('installing TypeDoc', 'npm', ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund']);
  }
  step('writing the pages', process.execPath, [
    join(folder, 'node_modules', 'typedoc', 'bin', 'typedoc'),
    '--options',
    join(folder, 'typedoc.json'),
  ]);
  const { pages, broken } = checkLinks(join(folder, 'html'));
  if (broken.length > 0) throw new SetupError(`links that lead nowhere:\n${broken.join('\n')}`);
  console.log(`${pages} pages, their links checked: ${join(folder, 'html', 'index.html')}`);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`docs: ${error.message}`);
  process.exitCode = 1;
}
