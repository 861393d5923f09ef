import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { arrayTypes, type DType } from '../../lib/dtype.js';
import { AllocationError, FileError } from '../../lib/errors.js';
import { memoryStats, scope, tensor } from '../../lib/index.js';
import { load, loadMetadata, save } from '../../lib/io/index.js';
import { encodePng, writePng } from '../../lib/io/png.js';
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type SafetensorsEntry,
  writeSafetensors,
} from '../../lib/io/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-io-'));
afterAll(() => rmSync(folder, { recursive: true }));
const golden = fileURLToPath(new URL('../golden/small.safetensors', import.meta.url));

/** A file from a header text (or bytes) and data, with nothing of the library. */
function file(header: string | Uint8Array, dataLength = 0, claimed?: bigint): Uint8Array {
  const text = Buffer.from(header);
  const bytes = Buffer.alloc(8 + text.length + dataLength);
  bytes.writeBigUInt64LE(claimed ?? BigInt(text.length));
  bytes.set(text, 8);
  return bytes;
}

const entry = (dtype: string, shape: unknown, offsets: unknown) =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });

describe('safetensors from the reference implementation', () => {
  it('reads as what the Python script wrote', () => {
    const { tensors, metadata } = readSafetensors(golden);
    const read = Object.fromEntries([...tensors].map(([name, t]) => [name, [t.fileDType, t.shape, t.data]]));
    expect(read).toEqual({
      '0.weight': ['F32', [2, 3], Float32Array.of(0.5, -1.25, 3e38, 1e-45, Number.POSITIVE_INFINITY, -0)],
      '0.bias': ['F64', [2], Float64Array.of(0.1, -2)],
      labels: ['I32', [3, 1], Int32Array.of(-2147483648, 2147483647, 7)],
      pixels: ['U8', [5], Uint8Array.of(0, 1, 254, 255, 7)],
      steps: ['I64', [4], Int32Array.of(-2147483648, 2147483647, -1, 0)],
      mask: ['BOOL', [3], Uint8Array.of(1, 0, 1)],
      scalar: ['F32', [], Float32Array.of(42)],
      empty: ['F32', [0, 3], new Float32Array(0)],
      'größe "π"': ['F32', [1], Float32Array.of(3.25)],
    });
    expect({ ...metadata }).toEqual({ format: 'pt', note: 'Zürich ✓' });
  });

  it('goes out again with the same data bytes, dtypes and metadata', () => {
    const bytes = readFileSync(golden);
    const { tensors, metadata } = decodeSafetensors(bytes);
    const again = Buffer.from(encodeSafetensors(tensors, metadata));
    const parse = (b: Buffer) => JSON.parse(b.toString('utf8', 8, 8 + Number(b.readBigUInt64LE())));
    const [before, after] = [parse(bytes), parse(again)];
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
    expect(after.__metadata__).toEqual(before.__metadata__);
    for (const [b, header] of [
      [bytes, before],
      [again, after],
    ] as const) {
      for (const [name, { dtype, shape, data_offsets }] of Object.entries<typeof header>(header)) {
        if (name === '__metadata__') continue;
        const start = 8 + Number(b.readBigUInt64LE());
        const content = b.subarray(start + data_offsets[0], start + data_offsets[1]).toString('hex');
        expect([name, dtype, shape, content]).toEqual([
          name,
          before[name].dtype,
          before[name].shape,
          bytes
            .subarray(8 + Number(bytes.readBigUInt64LE()) + before[name].data_offsets[0])
            .subarray(0, data_offsets[1] - data_offsets[0])
            .toString('hex'),
        ]);
      }
    }
  });

  it('reads the same from bytes that lie at an odd address', () => {
    const bytes = readFileSync(golden);
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(decodeSafetensors(shifted)).toEqual(decodeSafetensors(bytes));
  });
});

describe('safetensors, there and back', () => {
  const anyEntry = fc
    .record({
      dtype: fc.constantFrom<DType>('float32', 'float64', 'int32', 'uint8'),
      shape: fc.array(fc.nat(4), { maxLength: 4 }),
      bytes: fc.uint8Array({ minLength: 2048, maxLength: 2048 }),
    })
    .map(({ dtype, shape, bytes }): SafetensorsEntry => {
      const count = shape.reduce((a, b) => a * b, 1);
      return { dtype, shape, data: new arrayTypes[dtype](bytes.slice().buffer, 0, count) };
    });
  const anyName = fc
    .oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor', '0', ''))
    .filter((n) => n !== '__metadata__');

  it('keeps every name, shape, bit and order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(anyName, anyEntry), { selector: ([name]) => name, maxLength: 6 }), (list) => {
        const { tensors } = decodeSafetensors(encodeSafetensors(new Map(list)));
        const bits = ({ dtype, shape, data }: SafetensorsEntry) => ({
          dtype,
          shape,
          hex: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'),
        });
        expect([...tensors.keys()]).toEqual(list.map(([name]) => name));
        for (const [name, original] of list) expect(bits(tensors.get(name)!)).toEqual(bits(original));
      }),
    );
  });

  it('leaves prototypes alone', () => {
    const header = `{"__metadata__":{"__proto__":"x"},"__proto__":${entry('U8', [1], [0, 1])}}`;
    const { tensors, metadata } = decodeSafetensors(file(header, 1));
    expect([...tensors.keys()]).toEqual(['__proto__']);
    expect(Object.keys(metadata)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  it('aligns the data of each tensor to its element size, whatever the order', () => {
    const bytes = Buffer.from(
      encodeSafetensors({
        a: { dtype: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 3) },
        b: { dtype: 'float64', shape: [1], data: Float64Array.of(0.5) },
        c: { dtype: 'int32', shape: [1], data: Int32Array.of(-5), fileDType: 'I64' },
      }),
    );
    const start = 8 + Number(bytes.readBigUInt64LE());
    expect(start % 8).toBe(0);
    const header = JSON.parse(bytes.toString('utf8', 8, start));
    expect(header.b.data_offsets[0] % 8).toBe(0);
    expect(header.c.data_offsets[0] % 8).toBe(0);
    expect(bytes.readBigInt64LE(start + header.c.data_offsets[0])).toBe(-5n);
  });
});

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
      file(`{"a":${entry('BF16', [1], [0, 2])}}`, 2),
      'tensor "a" must have a dtype of F64, I64, F32, I32, U8, BOOL, got "BF16"',
    ],
    [
      'a dtype of Object',
      file(`{"a":${entry('toString', [1], [0, 2])}}`, 2),
      'tensor "a" must have a dtype of F64, I64, F32, I32, U8, BOOL, got "toString"',
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
    const openFiles = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
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
      new FileError(`load: cannot read "${missing}" (ENOENT: no such file or directory, stat '${missing}')`),
    );
    expect(() => readSafetensors(folder)).toThrow(
      new FileError(`load: ${JSON.stringify(folder)} must be a regular file, got a folder`),
    );
  });
});

describe('writing', () => {
  const one: SafetensorsEntry = { dtype: 'float32', shape: [1], data: Float32Array.of(1) };

  it('replaces a file whole, and leaves no temporary file', () => {
    const inner = mkdtempSync(join(folder, 'atomic-'));
    const path = join(inner, 'model.safetensors');
    writeSafetensors(path, { a: one });
    writeSafetensors(path, { b: one }, { epoch: '2' });
    expect([...readSafetensors(path).tensors.keys()]).toEqual(['b']);
    expect(readSafetensors(path).metadata.epoch).toBe('2');
    expect(readdirSync(inner)).toEqual(['model.safetensors']);
  });

  it('that fails names the file and leaves all as it was', () => {
    const inner = mkdtempSync(join(folder, 'failing-'));
    const path = join(inner, 'none', 'model.safetensors');
    expect(() => writeSafetensors(path, { a: one })).toThrow(/^save: cannot write ".*none.*" \(ENOENT/);
    // A folder at the path: the write works and the rename does not.
    expect(() => writeSafetensors(inner, { a: one })).toThrow(FileError);
    expect(readdirSync(inner)).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    const full = '/dev/full';
    if (process.platform === 'linux') {
      symlinkSync(full, join(inner, 'link'));
      writeSafetensors(join(inner, 'link'), { a: one }); // the link is replaced, not followed
      expect(readSafetensors(join(inner, 'link')).tensors.size).toBe(1);
    }
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      'a',
      { ...one, dtype: 'float64' },
      'tensor "a" must have data of its dtype "float64", got an object of class Float32Array',
    ],
    [
      'a',
      { ...one, dtype: 'float16' },
      'tensor "a" must have data of its dtype "float16", got an object of class Float32Array',
    ],
    ['a', { ...one, shape: [2] }, 'tensor "a" must have as many elements as its shape, got [2] and 1'],
    ['a', { ...one, shape: [-1, -1] }, 'tensor "a" must have as many elements as its shape, got [-1, -1] and 1'],
    ['a', { ...one, fileDType: 'I64' }, 'tensor "a" must have a fileDType that float32 can be written as, got "I64"'],
    [
      'a',
      { dtype: 'uint8', shape: [2], data: Uint8Array.of(1, 3), fileDType: 'BOOL' },
      'tensor "a" must hold 0 and 1 to be written as BOOL, got 3 at position 1',
    ],
    [
      '__metadata__',
      one as unknown as Record<string, unknown>,
      'tensor "__metadata__" has a name that the format keeps for itself; rename it',
    ],
  ])('refuses %s %j', (name, wrong, rule) => {
    expect(() => encodeSafetensors({ [name]: wrong as unknown as SafetensorsEntry })).toThrow(
      `encodeSafetensors: ${rule}`,
    );
  });

  it('refuses metadata that is not text', () => {
    expect(() => encodeSafetensors({}, { epoch: 3 as unknown as string })).toThrow(
      'encodeSafetensors: metadata must hold strings, got 3 for "epoch"; use JSON.stringify',
    );
  });
});

describe('save and load of tensors', () => {
  const path = join(folder, 'tensors.safetensors');
  const fileTypes = (file: string) => {
    const bytes = readFileSync(file);
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE())));
    return Object.fromEntries(Object.keys(header).map((name) => [name, header[name].dtype]));
  };

  it('keeps names, order, shapes, dtypes, values and metadata', () => {
    const state = new Map([
      ['2.weight', tensor(Uint8Array.of(1, 2, 3))],
      [
        '0.weight',
        tensor([
          [1.5, Number.NaN],
          [Number.NEGATIVE_INFINITY, -0],
        ]),
      ],
      ['0.bias', tensor(Float64Array.of(Math.PI))],
      ['steps', tensor(-7, { dtype: 'int32' })],
    ]);
    save(path, state, { metadata: { epoch: '3' } });
    const loaded = load(path);
    expect([...loaded.keys()]).toEqual([...state.keys()]);
    for (const [name, t] of state) {
      const got = loaded.get(name)!;
      expect([name, got.shape, got.toTypedArray()]).toEqual([name, t.shape, t.toTypedArray()]);
    }
    expect({ ...loadMetadata(path) }).toEqual({ epoch: '3' });
    save(path, Object.fromEntries(state));
    expect(load(path).size).toBe(4);
    expect({ ...loadMetadata(path) }).toEqual({});
  });

  it('writes int64 and bool back as they were, unless a mask is none any more', () => {
    const loaded = load(golden);
    save(path, loaded);
    expect(fileTypes(path)).toMatchObject({ steps: 'I64', mask: 'BOOL', labels: 'I32', pixels: 'U8' });
    expect([...load(path).get('steps')!.toTypedArray()]).toEqual([-2147483648, 2147483647, -1, 0]);
    loaded.get('mask')!.fill_(2);
    save(path, loaded);
    expect(fileTypes(path).mask).toBe('U8');
  });

  it('tensors that load made in a scope leave it with the map', () => {
    const loaded = scope(() => load(golden));
    expect(loaded.get('0.bias')!.toArray()).toEqual([0.1, -2]);
  });

  it('a failed save changes nothing', () => {
    save(path, { a: tensor([1, 2]) });
    const disposed = tensor([1]);
    disposed.dispose();
    expect(() => save(path, { a: tensor([3]), b: disposed })).toThrow('disposed tensor: float32 [1] was disposed');
    expect(() => save(path, { a: 1 as never })).toThrow('save: "a" must be a tensor, got 1');
    expect(() => save(path, { __metadata__: tensor(1) })).toThrow(
      'save: tensor "__metadata__" has a name that the format',
    );
    expect(() => save(path, tensor(1) as never)).toThrow('save: stateDict must be a Map or an object of tensors');
    expect(() => save(path, {}, { meta: {} } as never)).toThrow('save: unknown option "meta"; known are metadata');
    expect(() => save(path, {}, { metadata: ['x'] as never })).toThrow(
      'save: metadata must be an object of strings, got an array of 1',
    );
    expect(() => save('', {})).toThrow('save: path must be a string, got ""');
    expect(load(path).get('a')!.toArray()).toEqual([1, 2]);
    expect(() => load(join(folder, 'none'))).toThrow(FileError);
  });
});

describe('PNG', () => {
  /** The polynomial division of the PNG specification, bit by bit. */
  function crc(bytes: Uint8Array): number {
    let value = ~0;
    for (const byte of bytes) {
      value ^= byte;
      for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    }
    return ~value >>> 0;
  }

  function decode(bytes: Uint8Array) {
    const buffer = Buffer.from(bytes);
    expect(buffer.toString('hex', 0, 8)).toBe('89504e470d0a1a0a');
    const chunks: [string, Buffer][] = [];
    for (let at = 8; at < buffer.length; ) {
      const length = buffer.readUInt32BE(at);
      expect(buffer.readUInt32BE(at + 8 + length)).toBe(crc(buffer.subarray(at + 4, at + 8 + length)));
      chunks.push([buffer.toString('latin1', at + 4, at + 8), buffer.subarray(at + 8, at + 8 + length)]);
      at += 12 + length;
    }
    expect(chunks.map(([type]) => type)).toEqual(['IHDR', 'IDAT', 'IEND']);
    const header = chunks[0]![1];
    const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
    const rows = inflateSync(chunks[1]![1]);
    const rowLength = rows.length / height;
    const pixels: number[] = [];
    for (let y = 0; y < height; y++) {
      expect(rows[y * rowLength]).toBe(0);
      pixels.push(...rows.subarray(y * rowLength + 1, (y + 1) * rowLength));
    }
    return { width, height, rest: [...header.subarray(8)], pixels };
  }

  it.each([
    ['grey', 1, 0],
    ['RGB', 3, 2],
  ])('%s decodes to the same pixels', (_, channels, colourType) => {
    const data = Uint8Array.from({ length: 5 * 3 * channels }, (__, i) => (i * 37) % 256);
    const got = decode(encodePng({ width: 5, height: 3, data }));
    expect(got).toEqual({ width: 5, height: 3, rest: [8, colourType, 0, 0, 0], pixels: [...data] });
  });

  it('is written to a file', () => {
    const path = join(folder, 'one.png');
    writePng(path, { width: 1, height: 1, data: Uint8Array.of(7) });
    expect(decode(readFileSync(path)).pixels).toEqual([7]);
  });

  it('refuses data that does not fit', () => {
    expect(() => encodePng({ width: 2, height: 2, data: new Uint8Array(5) })).toThrow(
      'encodePng: data must be a Uint8Array of width·height (grey) or 3·width·height (RGB) bytes, got 5 bytes; 2×2 needs 4 or 12',
    );
    expect(() => encodePng({ width: 0, height: 2, data: new Uint8Array(0) })).toThrow(
      'encodePng: width must be an integer',
    );
  });
});
