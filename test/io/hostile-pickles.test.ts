// PyTorch files that try to run code, or ask for more than there is: an error each, and nothing is run.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { io } from '../../lib/index.js';
import { archive } from '../support/archives.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-pickles-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'hostile.pt');
const proof = join(folder, 'proof');

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

/** A pickle's opcodes for a text. */
const text = (s: string) => `X${length(Buffer.byteLength(s), 4)}${s}`;
/** Opcodes that put what is on the stack under a number, and get it again. */
const put = (n: number) => `r${length(n, 4)}`;
const get = (n: number) => `j${length(n, 4)}`;
/** A module of TorchScript with this state. */
const module = (state: string) => `c__torch__.M\nM\n)R}(${state}ub`;
const script = (body: string) => archive({ 'a/data.pkl': `\x80\x02${body}.`, 'a/constants.pkl': '' });
/** Modules in modules: of each level two, which are one. */
const twice = Array.from({ length: 28 }, (_, i) => `${module(text('a') + get(i) + text('b') + get(i))}${put(i + 1)}0`);
/** Chains of 25 modules, each of which ends in the one before: deep, although no way to a new one is. */
const chains = Array.from({ length: 300 }, (_, i) => {
  const open = `c__torch__.M\nM\n)R}(${text('a')}`.repeat(25);
  return `${text(`c${i}`)}${open}${i === 0 ? 'N' : get(i)}${'ub'.repeat(25)}${put(i + 1)}`;
});

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
    () => pickle(`\x80\x04N${'\x94'.repeat(1_100_000)}.`),
    'must have at most 1048576 values at one time',
  ],
  [
    'many lists',
    () => pickle(`\x80\x02${']0'.repeat(1_100_000)}N.`),
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
  [
    'copies without end',
    () =>
      pickle(
        `\x80\x02](${'N'.repeat(1000)}e${put(0)}0ctorch\nSize\n${put(1)}0${`${get(1)}${get(0)}\x85R0`.repeat(20_000)}N.`,
      ),
    'must have at most 4194304 values in lists, dicts and calls',
  ],
  [
    'copies of a long text',
    () =>
      pickle(
        `\x80\x02${text('x'.repeat(2 ** 20))}${put(0)}0c_codecs\nencode\n${put(1)}0${`${get(1)}${get(0)}\x85R0`.repeat(1000)}N.`,
      ),
    'must have at most 4194304 values in lists, dicts and calls',
  ],
  [
    'a dict of many items',
    () => pickle(`\x80\x02}${`(${'\x88N'.repeat(500_000)}u`.repeat(9)}.`),
    'must have at most 4194304 values in lists, dicts and calls',
  ],
  [
    'many bytes objects',
    () => pickle(`\x80\x03${'C\x000'.repeat(1_100_000)}N.`),
    'must have at most 1048576 lists, dicts and objects',
  ],
  [
    'a device of lists in lists',
    () =>
      pickle(
        `\x80\x02]${put(0)}${Array.from({ length: 50 }, (_, i) => `0](${get(i)}${get(i)}e${put(i + 1)}`).join('')}0ctorch\ndevice\n${get(50)}\x85R.`,
      ),
    'must make devices of a type and a number',
  ],
  [
    'a call of itself',
    () =>
      pickle(
        `\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n${put(0)}](${get(0)}N]${put(1)}(${get(0)}N${get(1)}ee\x85R.`.replace(
          '\x85R',
          'R',
        ),
      ),
    'must rebuild tensors by known functions',
  ],
  [
    'shapes without end',
    () =>
      pickle(
        `\x80\x02](${'K\x00'.repeat(100_000)}e${put(0)}0ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQK\0${get(0)}${get(0)}\x89}tR.`,
      ),
    'sizes and strides of at most 64 dimensions',
  ],
  [
    'modules with paths without end',
    () => script(`N${put(0)}0${twice.join('')}${get(28)}`),
    'must hold at most 1000000 attributes',
  ],
  ['modules of many levels', () => script(module(chains.join(''))), 'must hold modules of at most 64 levels'],
  ['no storage', () => pickle(endless('K\x01')), 'must hold the storage "0" of 4 bytes'],
];

describe('hostile PyTorch files', () => {
  it.each(hostile)('%s', (name, make, message) => {
    writeFileSync(path, make());
    for (const run of name.startsWith('modules') ? [io.load] : [io.load, io.loadTorch]) {
      expect(() => run(path)).toThrow(
        expect.objectContaining({ name: 'FileError', message: expect.stringContaining(message) }),
      );
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
