import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { type AdjointError, ArgumentError, FileError } from '../../lib/errors.js';
import { tensor } from '../../lib/index.js';
import { load, loadMetadata, save } from '../../lib/io/index.js';
import { writePng } from '../../lib/io/png.js';
import { killWhileSaving } from '../fixtures/children.mjs';
import { openFiles } from '../fixtures/open-files.mjs';

// Calls of the file system, in order, and those that shall fail: the library imports these functions one by one.
const calls: string[] = [];
const failing = new Map<string, string>();
vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs')>();
  const watched = ['openSync', 'writeSync', 'fchmodSync', 'fsyncSync', 'renameSync', 'rmSync', 'closeSync'] as const;
  const replaced = watched.map((name) => {
    const call = original[name] as (...args: unknown[]) => unknown;
    const watchedCall = (...args: unknown[]) => {
      calls.push(name);
      const code = failing.get(name);
      if (code === undefined) return call(...args);
      if (name === 'closeSync') call(...args);
      throw Object.assign(new Error(`${code}: planted, ${name}`), { code });
    };
    return [name, watchedCall];
  });
  return { ...original, ...Object.fromEntries(replaced) };
});

const { rmSync: reallyRemove } = await vi.importActual<typeof import('node:fs')>('node:fs');
const folder = mkdtempSync(join(tmpdir(), 'adjoint-saving-'));
afterAll(() => reallyRemove(folder, { recursive: true }));
afterEach(() => {
  failing.clear();
  calls.length = 0;
});
let count = 0;
function emptyFolder(): string {
  const inner = join(folder, `${count++}`);
  mkdirSync(inner);
  return inner;
}

const isPosix = process.platform !== 'win32';
const onPosix = it.skipIf(!isPosix);
const one = { a: tensor([1, 2]) };
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('permissions', () => {
  onPosix('of the file before are kept', () => {
    const path = join(emptyFolder(), 'x');
    for (const mode of [0o600, 0o640, 0o664, 0o444]) {
      save(path, one);
      chmodSync(path, mode);
      save(path, one);
      expect(modeOf(path)).toBe(mode.toString(8));
    }
    writePng(path, { width: 1, height: 1, data: Uint8Array.of(1) });
    expect(modeOf(path)).toBe('444');
  });

  onPosix('of a new file are those that the process gives', () => {
    const inner = emptyFolder();
    const before = process.umask(0o027);
    try {
      save(join(inner, 'x'), one);
    } finally {
      process.umask(before);
    }
    expect(modeOf(join(inner, 'x'))).toBe('640');
  });

  onPosix('behind a link that is replaced are kept', () => {
    const inner = emptyFolder();
    writeFileSync(join(inner, 'secret'), 'x', { mode: 0o600 });
    symlinkSync('secret', join(inner, 'link'));
    save(join(inner, 'link'), one);
    expect(modeOf(join(inner, 'link'))).toBe('600');
    expect(readFileSync(join(inner, 'secret'), 'utf8')).toBe('x');
    symlinkSync('nowhere', join(inner, 'dangling'));
    save(join(inner, 'dangling'), one);
    expect(load(join(inner, 'dangling')).size).toBe(1);
  });

  it.skipIf(process.getuid?.() !== 0)('of another user stay with that user', () => {
    const path = join(emptyFolder(), 'x');
    save(path, one);
    chmodSync(path, 0o640);
    chownSync(path, 12345, 23456);
    save(path, one);
    const { uid, gid } = statSync(path);
    expect([uid, gid, modeOf(path)]).toEqual([12345, 23456, '640']);
  });
});

describe('paths', () => {
  it.each([240, 255])('a name of %i bytes', (length) => {
    const inner = emptyFolder();
    const name = 'ü'.repeat(50) + 'x'.repeat(length - 100);
    save(join(inner, name), one);
    save(join(inner, name), one);
    expect(readdirSync(inner)).toEqual([name]);
    expect(load(join(inner, name)).get('a')!.toArray()).toEqual([1, 2]);
  });

  it('a path that is longer than 260 characters, which Windows takes for the most', () => {
    const deep = join(emptyFolder(), ...Array<string>(6).fill('d'.repeat(60)));
    mkdirSync(deep, { recursive: true });
    save(join(deep, 'x'), one);
    save(join(deep, 'x'), one);
    expect(readdirSync(deep)).toEqual(['x']);
    expect(load(join(deep, 'x')).get('a')!.toArray()).toEqual([1, 2]);
  });

  const refusing: [string, (path: string) => unknown][] = [
    ['save', (path) => save(path, one)],
    ['writePng', (path) => writePng(path, { width: 1, height: 1, data: Uint8Array.of(1) })],
  ];
  it.each(refusing)('%s refuses what is no path, and names it', (operation, write) => {
    const inner = emptyFolder();
    const long = join(inner, 'x'.repeat(256));
    expect(() => write(long)).toThrow(FileError);
    expect(() => write(long)).toThrow(
      `${operation}: cannot write ${JSON.stringify(long)} (${isPosix ? 'ENAMETOOLONG' : 'ENOENT'}`,
    );
    expect(() => write(join(inner, 'a\0b'))).toThrow(ArgumentError);
    expect(() => write(join(inner, 'a\0b'))).toThrow(`${operation}: path must be a string without NUL, got`);
    for (const path of ['', 7, undefined, null, {}, new URL('file:///x')]) {
      expect(() => write(path as string)).toThrow(ArgumentError);
    }
    expect(readdirSync(inner)).toEqual([]);
  });

  onPosix('a folder, pipe or device is not replaced', () => {
    const inner = emptyFolder();
    expect(() => save(inner, one)).toThrow(
      new FileError(`save: ${JSON.stringify(inner)} must be a regular file or none, got a folder`),
    );
    expect(() => save('/dev/null', one)).toThrow(FileError);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });
});

describe('a save that fails', () => {
  // ENOSPC is the full disk; the clean-up itself may fail as well.
  it.each([
    'openSync EMFILE',
    'writeSync ENOSPC',
    ...(isPosix ? ['fchmodSync EPERM'] : []), // Windows has no permissions to keep
    'fsyncSync EIO',
    'renameSync EXDEV',
    'writeSync ENOSPC, closeSync EIO',
    'writeSync ENOSPC, rmSync EACCES',
  ])('for %s says so and leaves the old file', (plan) => {
    const inner = emptyFolder();
    const path = join(inner, 'x');
    save(path, one);
    const before = [readFileSync(path), openFiles()];
    for (const step of plan.split(', ')) failing.set(...(step.split(' ') as [string, string]));
    const [name, code] = [...failing][0]!;
    expect(() => save(path, { b: tensor([3]) })).toThrow(
      new FileError(`save: cannot write ${JSON.stringify(path)} (${code}: planted, ${name})`),
    );
    failing.clear();
    expect([readFileSync(path), openFiles()]).toEqual(before);
    if (!plan.includes('rmSync')) expect(readdirSync(inner)).toEqual(['x']);
    save(path, { b: tensor([3]) }); // what could not be removed is removed now
    expect(readdirSync(inner)).toEqual(['x']);
    expect([...load(path).keys()]).toEqual(['b']);
  });

  it('closing and syncing the folder may fail after the file is there', () => {
    const path = join(emptyFolder(), 'x');
    failing.set('closeSync', 'EIO');
    save(path, one);
    failing.clear();
    expect(load(path).size).toBe(1);
  });

  it('syncs the file before it has its name, and the folder thereafter', () => {
    const path = join(emptyFolder(), 'x');
    save(path, one);
    const relevant = calls.filter((name) => name !== 'rmSync');
    expect(relevant).toEqual(
      'openSync writeSync writeSync fsyncSync renameSync closeSync openSync fsyncSync closeSync'.split(' '),
    );
  });
});

const fixture = fileURLToPath(new URL('../fixtures/saver.mjs', import.meta.url));
const start = (mode: string, path: string): ChildProcess =>
  spawn(process.execPath, [fixture, mode, path], { stdio: ['pipe', 'pipe', 'inherit'] });
const ended = (child: ChildProcess) =>
  new Promise<string | number | null>((resolve) => child.on('close', (code, signal) => resolve(signal ?? code)));
const temporary = (inner: string) => readdirSync(inner).filter((name) => name.endsWith('.tmp'));

describe.skipIf(!isPosix)('a process killed while it saves', { timeout: 60_000 }, () => {
  it('leaves the old file, and what it began goes with the next save of that path', async () => {
    const inner = emptyFolder();
    const path = join(inner, 'x');
    save(path, one);
    const before = readFileSync(path);
    expect(await ended(start('die', path))).toBe('SIGKILL');
    expect(readFileSync(path)).toEqual(before);
    expect(temporary(inner).length).toBe(1);
    save(join(inner, 'y'), one);
    expect(temporary(inner).length).toBe(1);
    save(path, { b: tensor([3]) });
    expect(readdirSync(inner).sort()).toEqual(['x', 'y']);
  });

  it('what another process is writing stays', async () => {
    const inner = emptyFolder();
    const path = join(inner, 'x');
    const child = start('hold', path);
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    save(path, one);
    expect(temporary(inner).length).toBe(1);
    expect(load(path).size).toBe(1);
    child.stdin!.write('\n');
    expect(await ended(child)).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('hold'.repeat(50_000));
    expect(readdirSync(inner)).toEqual(['x']);
  });

  it('a file that only looks like one left behind, through a link, is not touched', async () => {
    const inner = emptyFolder();
    const path = join(inner, 'x');
    expect(await ended(start('die', path))).toBe('SIGKILL');
    const name = join(inner, temporary(inner)[0]!);
    writeFileSync(join(inner, 'precious'), 'x');
    reallyRemove(name);
    symlinkSync('precious', name);
    save(path, one);
    expect(readFileSync(join(inner, 'precious'), 'utf8')).toBe('x');
  });

  // 50 times: npm run soak -- files
  it('at any moment leaves a whole file', async () => {
    expect(await killWhileSaving(3)).toBeNull();
  });
});

describe('metadata', () => {
  const path = join(folder, 'metadata');
  const refused = (metadata: unknown) => {
    try {
      save(path, one, { metadata: metadata as Record<string, string> });
    } catch (error) {
      return (error as AdjointError).message;
    }
    return { ...loadMetadata(path) };
  };

  it('is written as it is, whatever toJSON and prototypes say', () => {
    class Text extends String {}
    const inherited = Object.assign(Object.create({ __proto__: null, toJSON: () => 7 }), { a: 'x' });
    expect(refused(inherited)).toEqual({ a: 'x' });
    expect(refused({ a: 'x', toJSON: () => ({}) })).toBe(
      'save: metadata must hold strings, got a function toJSON for "toJSON"; use JSON.stringify',
    );
    expect(refused({ a: new Text('x') })).toBe(
      'save: metadata must hold strings, got an object of class Text for "a"; use JSON.stringify',
    );
    let reads = 0;
    const changing = {
      get a() {
        return reads++ === 0 ? 'x' : (7 as unknown as string);
      },
    };
    expect(refused(changing)).toEqual({ a: 'x' });
    expect(reads).toBe(1);
    const keys = JSON.parse('{"__proto__":"p","constructor":"c","toJSON":"t","0":"zero","":"empty"}');
    save(path, one, { metadata: keys });
    const got = loadMetadata(path);
    expect(Object.getPrototypeOf(got)).toBeNull();
    expect(JSON.stringify(Object.entries(got).sort())).toBe(JSON.stringify(Object.entries(keys).sort()));
  });

  it('with toJSON on the prototypes of everything', () => {
    const prototypes = [Object.prototype, Array.prototype, String.prototype] as unknown as Record<string, unknown>[];
    const plant = (toJSON: unknown) => {
      for (const prototype of prototypes) {
        if (toJSON === undefined) delete prototype.toJSON;
        else Object.defineProperty(prototype, 'toJSON', { value: toJSON, configurable: true });
      }
    };
    plant(() => 7);
    try {
      save(path, one, { metadata: { a: 'x' } });
    } finally {
      plant(undefined);
    }
    expect({ ...loadMetadata(path) }).toEqual({ a: 'x' });
    expect(load(path).get('a')!.toArray()).toEqual([1, 2]);
  });

  it.each<[unknown, string]>([
    [null, 'a value or be left out, got null'],
    ['x', 'an object of strings, got "x"'],
    [new Map([['a', 'x']]), 'an object of strings, got an object of class Map'],
    [new Date(0), 'an object of strings, got an object of class Date'],
    [{ a: undefined }, 'strings, got undefined for "a"; use JSON.stringify'],
    [{ a: { b: 'x' } }, 'strings, got an object of class Object for "a"; use JSON.stringify'],
    [Object.fromEntries(Array.from({ length: 100_001 }, (_, i) => [i, ''])), 'at most 100000 texts, got 100001'],
  ])('refuses what is no object of texts, %#', (metadata, rule) => {
    expect(refused(metadata)).toMatch(/^save: metadata must (be|have|hold) /);
    expect(refused(metadata)).toContain(rule);
  });

  it('refuses halves of surrogate pairs, which no other reader takes', () => {
    const rule = 'texts must not hold half a surrogate pair, got';
    expect(refused({ a: 'x\ud800' })).toBe(`save: ${rule} "x\\ud800"`);
    expect(refused({ '\udc00': 'x' })).toBe(`save: ${rule} "\\udc00"`);
    expect(() => save(path, { '\ud83d': tensor(1) })).toThrow(`save: ${rule} "\\ud83d"`);
    expect(refused({ '😀': '😀' })).toEqual({ '😀': '😀' });
  });

  it('refuses what no header holds, also where JSON has no string for it', () => {
    const rule = 'save: names and metadata must fit 100000000 bytes, got more';
    expect(refused({ a: 'x'.repeat(100_000_001) })).toBe(rule);
    expect(refused({ a: '\0'.repeat(17_000_000) })).toBe(rule);
    expect(refused({ a: '\0'.repeat(95_000_000) })).toBe(rule);
    expect(() => save(path, { ['x'.repeat(100_000_001)]: tensor(1) })).toThrow(rule);
  });
});

describe('what load would refuse is not written', () => {
  const path = join(folder, 'refused');

  it('names twice, and too many tensors', () => {
    class Twice extends Map<string, (typeof one)['a']> {
      override *[Symbol.iterator](): MapIterator<[string, (typeof one)['a']]> {
        yield ['a', one.a];
        yield ['a', one.a];
      }
    }
    expect(() => save(path, new Twice())).toThrow('save: names must differ, got "a" twice');
    const many = new Map(Array.from({ length: 100_001 }, (_, i) => [`${i}`, one.a]));
    expect(() => save(path, many)).toThrow('save: a file holds at most 100000 tensors, got 100001');
    expect(existsSync(path)).toBe(false);
  });

  it('a state dict is a Map or a plain object, also from another realm', async () => {
    const { runInNewContext } = await import('node:vm');
    const foreign = runInNewContext('new Map()') as Map<string, (typeof one)['a']>;
    foreign.set('a', one.a);
    save(path, foreign);
    expect([...load(path).keys()]).toEqual(['a']);
    for (const wrong of [[one.a], Promise.resolve(one), new Set([one.a]), one.a]) {
      expect(() => save(path, wrong as never)).toThrow('save: stateDict must be a Map or an object of tensors, got');
    }
  });
});
