import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { releaseNotes } from '../../scripts/release-notes.mjs';

const changelog = `# Changelog

About the format.

## [Unreleased]

## [1.3.0] - 2026-02-01

### Added

- A thing.

## [1.2.0] - 2026-01-01

- Older.
`;

describe('release notes', () => {
  it('are the part of the newest version', () => {
    expect(releaseNotes('v1.3.0', '1.3.0', changelog)).toBe('### Added\n\n- A thing.');
  });

  it('may be those of the only version, and of one before a release', () => {
    expect(releaseNotes('v1.0.0', '1.0.0', '# Changelog\n\n## [1.0.0] - 2026-01-01\n- All.')).toBe('- All.');
    expect(releaseNotes('v2.0.0-rc.1', '2.0.0-rc.1', '## [2.0.0-rc.1] - 2026-01-01\n- Nearly.')).toBe('- Nearly.');
  });

  it.each([
    ['no tag', undefined, '1.3.0', changelog, 'a tag like v1.2.3 was expected, got undefined'],
    ['a tag without v', '1.3.0', '1.3.0', changelog, 'a tag like v1.2.3 was expected, got 1.3.0'],
    ['more than a tag', 'v1.3.0; ls', '1.3.0', changelog, 'a tag like v1.2.3 was expected'],
    ['another package version', 'v1.3.0', '1.2.0', changelog, 'package.json holds 1.2.0; run npm version 1.3.0'],
    ['an older heading', 'v1.4.0', '1.4.0', changelog, 'the newest heading of CHANGELOG.md is "[1.3.0] - 2026-02-01"'],
    ['a version that begins alike', 'v1.3.0', '1.3.0', '## [1.3.0-rc.1] - 2026-01-01\n- x', 'newest heading'],
    ['a version that is not the newest', 'v1.2.0', '1.2.0', changelog, 'newest heading'],
    ['no date', 'v1.3.0', '1.3.0', '## [1.3.0]\n\n- x', '"## [1.3.0] - <year-month-day>" was expected'],
    ['no heading', 'v1.3.0', '1.3.0', '# Changelog\n', 'in CHANGELOG.md, got undefined'],
    ['no text', 'v1.3.0', '1.3.0', '## [1.3.0] - 2026-02-01\n\n## [1.2.0] - 2026-01-01\n- x', 'nothing about 1.3.0'],
    [
      'unreleased entries',
      'v1.3.0',
      '1.3.0',
      changelog.replace('[Unreleased]\n', '[Unreleased]\n- New.\n'),
      'entries under "[Unreleased]"; move them to "[1.3.0] - <date>"',
    ],
  ])('are refused for %s', (_, tag, version, text, message) => {
    expect(() => releaseNotes(tag, version, text)).toThrow(message);
  });

  it('the command fails with one line for a tag that is not the package version', () => {
    const script = fileURLToPath(new URL('../../scripts/release-notes.mjs', import.meta.url));
    const { status, stderr, stdout } = spawnSync(process.execPath, [script, 'v999.0.0'], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^release: the tag is v999\.0\.0, but package\.json holds .*\n$/);
  });
});
