// Damaged safetensors files.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { AllocationError, FileError } from '../../lib/errors.js';
import { memoryStats } from '../../lib/index.js';
import { load, loadMetadata } from '../../lib/io/index.js';
import { decodeSafetensors, readSafetensors } from '../../lib/io/safetensors.js';
import { openFiles } from '../fixtures/open-files.mjs';
import { entry, file } from '../support/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-io-'));
afterAll(() => rmSync(folder, { recursive: true }));
const golden = fileURLToPath(new URL('../golden/small.safetensors', import.meta.url));

describe('damaged safetensors', () => {
  const u8 = entry('U8', [2], [0, 2]);
  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'must begin with an 8-byte header length, got a file of 0 bytes'],
    [
      'a long header',
      file('{}', 0, 3n),
      'must hold its header of 3 bytes, got 2 bytes after the length; it is truncated',
    ],
    [
      'a huge header',
      file('{}', 0, 2n ** 63n),
      'must have a header of at most 100000000 bytes, got 9223372036854775808; is it a safetensors file?',
    ],
    ['not UTF-8', file(Uint8Array.of(0x7b, 0xff, 0x7d)), 'must have a header in UTF-8'],
    ['an array', file('[]'), 'must have a JSON object as header, got an array'],
    ['a duplicate', file(`{"a":${u8}, "\\u0061" :${u8}}`, 2), 'must name each tensor and field once, got "a" twice'],
    [
      'a duplicate field',
      file('{"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}', 2),
      'must name each tensor and field once, got "dtype" twice',
    ],
    ['nesting', file(`{"a":${'['.repeat(200_000)}`), 'tensor "a" must be described by an object, got an array'],
    ['half of JSON', file('{"a":'), 'tensor "a" must be described by an object, got its end'],
    ['no colon', file('{"a" {}}'), 'must have a header in JSON with : at byte 5, got an object'],
    ['a comma too many', file('{"__metadata__":{},}'), 'must have a header in JSON with a string at byte 19, got }'],
    ['text behind it', file('{} x'), 'must have a header in JSON with its end at byte 3, got x'],
    ['half a pair', file('{"\\ud800x":{}}'), 'must have a header in JSON with a JSON escape at byte 8, got x"'],
    [
      'the other half',
      file('{"\\udc00":{}}'),
      'must have a header in JSON with a whole surrogate pair at byte 2, got \\udc00"',
    ],
    ['no such escape', file('{"\\x":{}}'), 'must have a header in JSON with a JSON escape at byte 2, got \\x"'],
    ['an open string', file('{"a'), 'must have a header in JSON with a string that ends at byte 3, got its end'],
    [
      'a lacking field',
      file('{"a":{"dtype":"U8","shape":[]}}'),
      'tensor "a" must have dtype, shape and data_offsets, got no data_offsets',
    ],
    ['metadata', file('{"__metadata__":{"a":1}}'), 'must have strings in __metadata__, got 1 for "a"'],
    ['metadata list', file('{"__metadata__":[]}'), 'must have an object as __metadata__, got an array'],
    ['no object', file('{"a":7}'), 'tensor "a" must be described by an object, got 7'],
    [
      'a field',
      file('{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":0}}', 1),
      'tensor "a" must have dtype, shape and data_offsets only, got "x"',
    ],
    [
      'a dtype',
      file(`{"a":${entry('F4', [1], [0, 2])}}`, 2),
      'tensor "a" must have a dtype of F64, I64, U64, F32, I32, U32, F16, BF16, I16, U16, U8, F8_E4M3, F8_E5M2, I8, BOOL, got "F4"',
    ],
    [
      'a dtype of Object',
      file(`{"a":${entry('toString', [1], [0, 2])}}`, 2),
      'tensor "a" must have a dtype of F64, I64, U64, F32, I32, U32, F16, BF16, I16, U16, U8, F8_E4M3, F8_E5M2, I8, BOOL, got "toString"',
    ],
    [
      'a fraction',
      file(`{"a":${entry('U8', [1.5], [0, 2])}}`, 2),
      'tensor "a" must have a shape of at most 64 integers from 0 to 2^53 - 1, got 1.5',
    ],
    [
      'a negative size',
      file(`{"a":${entry('U8', [-1], [0, 2])}}`, 2),
      'tensor "a" must have a shape of at most 64 integers from 0 to 2^53 - 1, got -1',
    ],
    [
      'a huge shape',
      file(`{"a":${entry('U8', [1e10, 1e10], [0, 2])}}`, 2),
      'tensor "a" must have a countable number of elements, got shape [10000000000, 10000000000]',
    ],
    [
      'huge offsets',
      file(`{"a":${entry('F32', [1e12], [0, 4e12])}}`, 2),
      'must have 4000000000000 bytes of data after its header, got 2; it is truncated',
    ],
    [
      'offsets',
      file(`{"a":${entry('U8', [2], [2, 0])}}`, 2),
      'tensor "a" must have data_offsets [begin, end] with 0 ≤ begin ≤ end, got [2, 0]',
    ],
    [
      'one offset',
      file(`{"a":${entry('U8', [2], [2])}}`, 2),
      'tensor "a" must have data_offsets [begin, end] with 0 ≤ begin ≤ end, got [2]',
    ],
    [
      'a span',
      file(`{"a":${entry('F32', [2, 3], [0, 20])}}`, 20),
      'tensor "a" must span 24 bytes (F32 of shape [2, 3]), got data_offsets [0, 20] (20 bytes)',
    ],
    [
      'a hole',
      file(`{"a":${u8},"b":${entry('U8', [1], [3, 4])}}`, 4),
      'tensor "b" must begin at byte 2 of the data, got 3 (a hole)',
    ],
    [
      'an overlap',
      file(`{"a":${u8},"b":${entry('U8', [2], [1, 3])}}`, 3),
      'tensor "b" must begin at byte 2 of the data, got 1 (an overlap)',
    ],
    [
      'more bytes',
      file(`{"a":${u8}}`, 3),
      'must have 2 bytes of data after its header, got 3; bytes follow the last tensor',
    ],
    [
      'a bool',
      Buffer.concat([file(`{"a":${entry('BOOL', [2], [0, 2])}}`), Uint8Array.of(1, 2)]),
      'tensor "a" must have values of 0 and 1 (BOOL), got 2 at position 1',
    ],
    [
      'an int64',
      Buffer.concat([file(`{"a":${entry('I64', [1], [0, 8])}}`), Uint8Array.of(0, 0, 0, 128, 0, 0, 0, 0)]),
      'tensor "a" must have values in the range of int32, got 2147483648 at position 0',
    ],
    [
      'a negative int64',
      Buffer.concat([
        file(`{"a":${entry('I64', [1], [0, 8])}}`),
        Uint8Array.of(255, 255, 255, 127, 255, 255, 255, 255),
      ]),
      'tensor "a" must have values in the range of int32, got -2147483649 at position 0',
    ],
  ])('%s', (_, bytes, rule) => {
    const path = join(folder, 'damaged.safetensors');
    writeFileSync(path, bytes);
    for (const [read, source] of [
      [() => decodeSafetensors(bytes), 'bytes'],
      [() => readSafetensors(path), path],
    ] as const) {
      expect(read).toThrow(FileError);
      expect(read).toThrow(new FileError(`load: ${JSON.stringify(source)} ${rule}`));
    }
  });

  it('truncated at each length is refused', () => {
    const bytes = readFileSync(golden);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length))).toThrow(FileError);
    }
  });

  it('random damage gives a FileError or a readable result', () => {
    const bytes = readFileSync(golden);
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, (changes) => {
        const copy = Uint8Array.from(bytes);
        for (const [at, value] of changes) copy[at] = value;
        try {
          for (const { shape, data } of decodeSafetensors(copy).tensors.values()) {
            expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
          }
        } catch (error) {
          if (!(error instanceof FileError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('a tensor beyond all memory is an AllocationError', () => {
    const path = join(folder, 'sparse.safetensors');
    const length = 2 ** 42;
    const header = file(`{"a":${entry('U8', [length], [0, length])}}`);
    writeFileSync(path, header);
    truncateSync(path, header.length + length); // a hole that no disk holds
    expect(() => load(path)).toThrow(AllocationError);
    expect(() => load(path)).toThrow(`load: no memory to read ${JSON.stringify(path)} (`);
    expect(loadMetadata(path)).toEqual({});
  });

  it('a failed load leaves no tensor and no open file', () => {
    const path = join(folder, 'half.safetensors');
    const header = `{"a":${entry('F32', [1000], [0, 4000])},"b":${entry('BOOL', [1], [4000, 4001])}}`;
    writeFileSync(path, file(header, 4001));
    const last = readFileSync(path);
    last[last.length - 1] = 7;
    writeFileSync(path, last);
    const before = [memoryStats().tensors, memoryStats().liveBytes, openFiles()];
    for (let i = 0; i < 1000; i++) {
      for (const wrong of [path, folder, join(folder, 'none'), '/dev/zero']) {
        try {
          load(wrong);
        } catch (error) {
          if (!(error instanceof FileError)) throw error;
        }
      }
    }
    expect([memoryStats().tensors, memoryStats().liveBytes, openFiles()]).toEqual(before);
  });

  it('missing and unreadable files are FileErrors that name the file', () => {
    const missing = join(folder, 'missing.safetensors');
    expect(() => readSafetensors(missing)).toThrow(
      new FileError(
        `load: cannot read ${JSON.stringify(missing)} (ENOENT: no such file or directory, stat '${missing}')`,
      ),
    );
    expect(() => readSafetensors(folder)).toThrow(
      new FileError(`load: ${JSON.stringify(folder)} must be a regular file, got a folder`),
    );
  });
});
