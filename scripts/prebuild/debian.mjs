// Sources that prebuilt binaries are made from: Debian's source packages, fetched by apt-get, which checks their signatures,
// and compared with a hash that stands here.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, SetupError, step } from '../steps.mjs';

/** The mirror and key that this Debian's own packages come from. */
function mirror({ name, variable, tarball }) {
  const file = '/etc/apt/sources.list.d/debian.sources';
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const uri = /^URIs:\s*(\S+)/m.exec(text)?.[1];
  const key = /^Signed-By:\s*(\/\S+)/m.exec(text)?.[1];
  if (uri && key) return { uri, key };
  throw new SetupError(
    `the source of ${name} is fetched by Debian's apt-get, and ${file} names no mirror; set ${variable} to ${tarball}`,
  );
}

/** Fetches from suite sid; leaves the system's own lists alone. */
function download(source) {
  const { name, version, folder, variable, tarball } = source;
  const { uri, key } = mirror(source);
  const sources = join(folder, 'sid.sources');
  mkdirSync(join(folder, 'lists', 'partial'), { recursive: true });
  writeFileSync(sources, `Types: deb-src\nURIs: ${uri}\nSuites: sid\nComponents: main\nSigned-By: ${key}\n`);
  const settings = [`Dir::Etc::sourcelist=${sources}`, 'Dir::Etc::sourceparts=-'];
  settings.push(`Dir::State::lists=${join(folder, 'lists')}`, 'Dir::Cache::pkgcache=', 'Dir::Cache::srcpkgcache=');
  // As root apt-get would become a user that cannot write here.
  settings.push('APT::Sandbox::User=root');
  const flags = ['-qq', ...settings.flatMap((s) => ['-o', s])];
  step('reading the list of sources (apt-get update)', 'apt-get', [...flags, 'update']);
  const fetch = ['apt-get', ...flags, 'source', '--download-only', `${name}=${version}`];
  if (run('sh', ['-c', 'cd "$0" && exec "$@"', folder, ...fetch]).status !== 0) {
    throw new SetupError(
      `${name} ${version} is not in Debian's suite sid; set version and sha256 in scripts/prebuild/${name}.mjs to the ` +
        `newest, or ${variable} to a copy of ${tarball}`,
    );
  }
}

/**
 * The archive of a source package: { name, version, sha256, folder, variable }, where `variable` is the environment
 * variable that may name a copy of it, and `folder` is where it is kept.
 */
export function debianSource(source) {
  const { name, version, sha256, folder, variable } = source;
  const tarball = `${name}_${version.replace(/-[^-]*$/, '')}.orig.tar.xz`;
  const given = process.env[variable];
  const file = given ?? join(folder, tarball);
  if (!given && !existsSync(file)) download({ ...source, tarball });
  const found = createHash('sha256').update(readFileSync(file)).digest('hex');
  if (found !== sha256) throw new SetupError(`${file} must have the SHA-256 ${sha256}, got ${found}; delete it`);
  return file;
}

/** Replaces a text that must stand `times` times in a file of a source: its next version may have changed it. */
export function repair(tree, { file, from, to, times = 1 }) {
  const path = join(tree, file);
  const parts = readFileSync(path, 'utf8').split(from);
  if (parts.length !== times + 1) {
    throw new SetupError(`${path} has changed: ${JSON.stringify(from)} must be there ${times} times`);
  }
  writeFileSync(path, parts.join(to));
}
