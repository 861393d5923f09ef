import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../../lib/io/make-folder.js';

const root = mkdtempSync(join(tmpdir(), 'adjoint-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('makeFolder', () => {
  it('makes what is missing, and names the outermost one', () => {
    expect(makeFolder(join(root, 'a', 'b', 'c'))).toBe(join(root, 'a'));
    expect(existsSync(join(root, 'a', 'b', 'c'))).toBe(true);
    expect(makeFolder(join(root, 'a', 'b'))).toBeUndefined();
    expect(makeFolder(join(root, 'a', 'd'))).toBe(join(root, 'a', 'd'));
    expect(makeFolder('/')).toBeUndefined();
  });

  it('does not take a file for a folder', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => makeFolder(join(root, 'file'))).toThrow(/EEXIST/);
    expect(() => makeFolder(join(root, 'file', 'x'))).toThrow(process.platform === 'win32' ? /ENOENT/ : /ENOTDIR/);
  });

  it('ends where Node.js would try without end', () => {
    symlinkSync(join(root, 'nowhere'), join(root, 'link'));
    expect(() => makeFolder(join(root, 'link', 'x'))).toThrow(/EEXIST/);
    if (process.platform === 'linux') expect(() => makeFolder('/proc/nope/x')).toThrow(/ENOENT/);
  });
});
