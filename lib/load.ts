// Loads the native addon, or tells why it does not load and what to do.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** For failures alone: an import would load more of `fs` than Node.js itself does, 3 ms of each start. */
const fileSystem = () => process.getBuiltinModule('node:fs');

interface Finder {
  (folder: string): unknown;
  resolve(folder: string): string;
}

const finder = (): Finder => createRequire(import.meta.url)('node-gyp-build');

/** The file that {@link loadAddon} has loaded. */
export const addonFile = (): string => finder().resolve(rootFolder() as string);

/** The version of this package. */
export function packageVersion(): string {
  const text = fileSystem().readFileSync(join(rootFolder() as string, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** What node-gyp-build finds for this platform. */
export function loadAddon(): unknown {
  const root = rootFolder();
  try {
    return finder()(root as string);
  } catch (cause) {
    throw new Error(`adjoint: ${failure(root, cause as Error)}`, { cause });
  }
}

/** The package's folder; undefined in a bundle of CommonJS, which has no `import.meta.url`. */
function rootFolder(): string | undefined {
  const url = import.meta.url as string | undefined;
  return url === undefined ? undefined : fileURLToPath(new URL('..', url));
}

function failure(root: string | undefined, cause: Error): string {
  if (root === undefined || !isPackage(root)) {
    return 'it was bundled, which a package with native code cannot be; leave it out of the bundle (--external:adjoint of esbuild, `external` of others) and install it beside it';
  }
  if ((cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' && cause.message.includes("'node-gyp-build'")) {
    return 'its dependency node-gyp-build is not installed; run "npm install node-gyp-build"';
  }
  return loadFailure(root, cause.message);
}

function isPackage(root: string): boolean {
  try {
    return JSON.parse(fileSystem().readFileSync(join(root, 'package.json'), 'utf8')).name === 'adjoint';
  } catch {
    return false;
  }
}

function loadFailure(root: string, reason: string): string {
  const glibc = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime;
  const libc = process.platform === 'linux' ? ` (${glibc === undefined ? 'musl' : `glibc ${glibc}`})` : '';
  const platform = `${process.platform}-${process.arch}${libc}, Node.js ${process.versions.node}`;
  const isClone = fileSystem().existsSync(join(root, 'scripts', 'setup.mjs'));
  const build = isClone ? `npm run setup" in ${root}` : `node ${join(root, 'scripts', 'build.mjs')}"`;
  const what = reason.startsWith('No native build')
    ? `no native addon for ${platform}: looked in ${join(root, 'build', 'Release')} and among ${prebuilt(root)}`
    : `its native addon does not load on ${platform} (${reason.split('\n')[0]})`;
  return `${what}; build it with "${build}`;
}

function prebuilt(root: string): string {
  const folder = join(root, 'prebuilds');
  const { existsSync, readdirSync } = fileSystem();
  const found = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.node'))
    : [];
  return found.length > 0 ? `${found.sort().join(', ')} in ${folder}` : `those of ${folder}, where there are none`;
}
