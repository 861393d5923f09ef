// The declarations stand by themselves: a type that is marked as internal is missing in them, and what uses it means nothing.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../support/pages.js';

it('the declarations compile', { timeout: 120_000 }, () => {
  const options = '--ignoreConfig --strict --noEmit --target es2022 --lib es2023,esnext.disposable --module nodenext';
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const given = [tsc, ...options.split(' '), '--types', 'node', join(root, 'dist/index.d.ts')];
  const { stdout, status } = spawnSync(process.execPath, given, { cwd: root, encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});
