// PyTorch files that try to run code, or ask for more than there is: an error each, and nothing is run.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { AdjointError, FileError } from '../../lib/errors.js';
import { io, tensor } from '../../lib/index.js';
import { zipOf } from '../../lib/io/zip-write.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-pickles-'));
afterAll(() => rmSync(folder, { recursive: true }));
const golden = fileURLToPath(new URL('../golden/weights', import.meta.url));
const path = join(folder, 'hostile.pt');
const proof = join(folder, 'proof');

const archive = (files: Record<string, string | Buffer>) => {
  const parts = Object.entries(files).map(([name, text]) => {
    const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1');
    return { name, size: bytes.length, pieces: () => [bytes] };
  });
  return Buffer.concat([...zipOf(parts)]);
};
const pickle = (text: string) => archive({ 'a/data.pkl': text });
const length = (n: number, size: number) => {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntLE(n, 0, Math.min(size, 6));
  return bytes.toString('latin1');
};
const call = (name: string, argument: string) =>
  `\x80\x02c${name.replace('.', '\n')}\nX${length(argument.length, 4)}${argument}\x85R.`;
const touch = `touch ${proof}`;

/** A tensor of so many elements, by strides of 0, on a storage of one. */
const endless = (count: string) =>
  `\x80\x02}X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQK\0${count}\x85K\0\x85\x89}tRs.`;

const hostile: [name: string, file: () => Buffer, message: string][] = [
  ['os.system', () => pickle(call('os.system', touch)), 'must not hold the global "os.system": it would run code'],
  ['posix.system', () => pickle(call('posix.system', touch)), 'the global "posix.system": it would run code'],
  ['eval', () => pickle(call('builtins.eval', '1+1')), 'the global "builtins.eval": it would run code'],
  ['exec of Python 2', () => pickle(call('__builtin__.execfile', touch)), 'it would run code'],
  ['subprocess', () => pickle(call('subprocess.Popen', touch)), 'it would run code'],
  [
    'a stack global',
    () => pickle(`\x80\x04\x8c\x02os\x8c\x06system\x93\x8c${length(touch.length, 1)}${touch}\x85R.`),
    'the global "os.system"',
  ],
  ['INST', () => pickle(`\x80\x02(X\x01\0\0\0aios\nsystem\n.`), 'must have an opcode that only builds data, got "i"'],
  ['OBJ', () => pickle('\x80\x02(cos\nsystem\nX\x01\0\0\0ao.'), 'must not hold the global "os.system"'],
  ['getattr', () => pickle('\x80\x02c__builtin__\ngetattr\nctorch\nload\n\x85R.'), 'the global "__builtin__.getattr"'],
  ['torch.load', () => pickle('\x80\x02ctorch\nload\n)R.'), 'the global "torch.load"'],
  ['toString', () => pickle('\x80\x02ctoString\nconstructor\n)R.'), 'the global "toString.constructor"'],
  ['a call of data', () => pickle('\x80\x02})R.'), 'must have a call of a known function, got an object of class Map'],
  [
    'a call of a type',
    () => pickle('\x80\x02ctorch\nFloatStorage\n)R.'),
    'a call of a known function, got torch.FloatStorage',
  ],
  ['state of data', () => pickle('\x80\x02]}b.'), 'must have an object of a known class'],
  ['an extension', () => pickle('\x80\x02\x82\x01.'), 'must have an opcode that only builds data'],
  ['bytes without end', () => pickle(`\x80\x04\x8e${length(2 ** 40, 8)}a.`), 'must have its 1099511627776 bytes'],
  [
    'a long without end',
    () => pickle(`\x80\x02\x8b${length(2 ** 31, 4)}a.`),
    'must have integers of at most 256 bytes',
  ],
  [
    'a long memo',
    () => pickle(`\x80\x04N${'\x94'.repeat(3_000_000)}.`),
    'must have at most 1048576 values at one time',
  ],
  [
    'many lists',
    () => pickle(`\x80\x02${']0'.repeat(2_000_000)}N.`),
    'must have at most 1048576 lists, dicts and objects',
  ],
  [
    'deep lists',
    () => pickle(`\x80\x02${']'.repeat(100_000)}${'a'.repeat(99_999)}.`),
    'must hold data of at most 64 levels',
  ],
  ['a list in itself', () => pickle('\x80\x02]q\0h\0a.'), 'must hold data of at most 64 levels'],
  ['an empty stack', () => pickle('\x80\x02.'), 'must have a value for each opcode'],
  ['no stop', () => pickle('\x80\x02N'), 'got its end'],
  ['a missing memo', () => pickle('\x80\x02h\x07.'), 'must have a value for each reference'],
  [
    'elements beyond a storage',
    () => archive({ 'a/data.pkl': endless('K\x02').replace('K\0\x85\x89', 'K\x01\x85\x89'), 'a/data/0': '\0\0\0\0' }),
    'must have tensors within their storages, got element 1 of 1',
  ],
  [
    'elements without end',
    () => archive({ 'a/data.pkl': endless('J\xff\xff\xff\x7f'), 'a/data/0': '\0\0\0\0' }),
    'must hold tensors of at most',
  ],
  ['no storage', () => pickle(endless('K\x01')), 'must hold the storage "0" of 4 bytes'],
];

describe('hostile PyTorch files', () => {
  it.each(hostile)('%s', (_, make, message) => {
    writeFileSync(path, make());
    for (const run of [io.load, io.loadTorch]) {
      expect(() => run(path)).toThrow(FileError);
      expect(() => run(path)).toThrow(message);
    }
    expect(existsSync(proof)).toBe(false);
  });

  it('the same pickles without the hostile part are read', () => {
    writeFileSync(path, archive({ 'a/data.pkl': endless('K\x03'), 'a/data/0': '\0\0\x80\x3f' }));
    expect(io.load(path).get('a')!.toArray()).toEqual([1, 1, 1]);
  });
});

it('files that overlap in an archive are refused', () => {
  const bytes = archive({ 'a.npy': 'x'.repeat(100), 'b.npy': 'y'.repeat(100) });
  const at = bytes.lastIndexOf('b.npy');
  bytes.writeBigUInt64LE(0n, at + 5 + 4 + 16); // where b begins
  writeFileSync(path, bytes);
  expect(() => io.load(path)).toThrow('must hold files that do not overlap');
});

it('damage by chance is an error of ours, or a file that is read', () => {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let refused = 0;
  for (const name of [
    'module.pt',
    'legacy.pt',
    'script.pt',
    'exported.pt2',
    'arrays.npz',
    'packed.npz',
    'fortran.npy',
  ]) {
    const whole = readFileSync(join(golden, name));
    for (let i = 0; i < 60; i++) {
      const bytes = Buffer.from(whole);
      for (let n = random(4); n >= 0; n--) bytes[random(bytes.length)] = random(256);
      writeFileSync(path, random(3) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
      try {
        for (const t of io.load(path).values()) t.dispose();
      } catch (error) {
        if (!(error instanceof AdjointError)) throw error;
        expect(error.message.length).toBeLessThan(2000);
        refused++;
      }
    }
  }
  expect(refused).toBeGreaterThan(100);
  expect(tensor(1).item()).toBe(1);
});
