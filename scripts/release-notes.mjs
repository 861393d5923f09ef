// node scripts/release-notes.mjs v1.2.3: prints that version's part of CHANGELOG.md; fails if the tag, package.json and
// the newest heading of the changelog do not name the same version.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @param {string | undefined} tag
 * @param {string} packageVersion
 * @param {string} changelog in the form of https://keepachangelog.com
 * @returns {string}
 */
export function releaseNotes(tag, packageVersion, changelog) {
  if (!tag || !/^v\d+\.\d+\.\d+(-[\w.]+)?$/.test(tag)) {
    throw new Error(`release: a tag like v1.2.3 was expected, got ${tag}`);
  }
  const version = tag.slice(1);
  if (packageVersion !== version) {
    throw new Error(`release: the tag is ${tag}, but package.json holds ${packageVersion}; run npm version ${version}`);
  }
  // [before, heading, text, heading, text, …]
  const [, ...parts] = changelog.split(/^## (.*)$/m);
  const sections = parts.flatMap((heading, i) => (i % 2 === 0 ? [{ heading, text: (parts[i + 1] ?? '').trim() }] : []));
  if (/^\[?unreleased/i.test(sections[0]?.heading ?? '')) {
    const [unreleased] = sections.splice(0, 1);
    if (unreleased?.text) {
      throw new Error(
        `release: CHANGELOG.md has entries under "${unreleased.heading}"; move them to "[${version}] - <date>"`,
      );
    }
  }
  const [newest] = sections;
  if (!newest || !/^\[(.+)\] - \d{4}-\d{2}-\d{2}$/.test(newest.heading)) {
    throw new Error(
      `release: "## [${version}] - <year-month-day>" was expected in CHANGELOG.md, got ${newest?.heading}`,
    );
  }
  if (!newest.heading.startsWith(`[${version}] `)) {
    throw new Error(`release: the tag is ${tag}, but the newest heading of CHANGELOG.md is "${newest.heading}"`);
  }
  if (newest.text === '') throw new Error(`release: CHANGELOG.md says nothing about ${version}`);
  return newest.text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const read = (/** @type {string} */ file) => readFileSync(join(root, file), 'utf8');
  try {
    console.log(releaseNotes(process.argv[2], JSON.parse(read('package.json')).version, read('CHANGELOG.md')));
  } catch (error) {
    console.error(/** @type {Error} */ (error).message);
    process.exitCode = 1;
  }
}
