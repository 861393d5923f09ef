import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type DType, dtypeTraits } from '../../lib/dtype.js';
import { FileError } from '../../lib/errors.js';
import { nn, noGrad, scope, type Tensor, tensor } from '../../lib/index.js';
import { load, loadAsync, loadMetadata, safeOpen, save } from '../../lib/io/index.js';
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type SafetensorsEntry,
  writeSafetensors,
} from '../../lib/io/safetensors.js';
import { entry, file } from '../support/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-io-'));
afterAll(() => rmSync(folder, { recursive: true }));
const golden = fileURLToPath(new URL('../golden/small.safetensors', import.meta.url));

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
      return { dtype, shape, data: new dtypeTraits[dtype].array(bytes.slice().buffer, 0, count) };
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
      'tensor "a" must have values of 0 and 1 (BOOL), got 3 at position 1',
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

  it('a module writes the types of the file that it was loaded from, and counters of batches as PyTorch does', () => {
    const model = nn.sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
    const own = () => {
      save(path, model.stateDict());
      return fileTypes(path);
    };
    expect(own()).toMatchObject({ '0.weight': 'F32', '1.running_mean': 'F32', '1.num_batches_tracked': 'I64' });
    const halves = { '0.weight': tensor([0.5, 1, -2, 0]).reshape(2, 2), '0.bias': tensor([1, 2]) };
    save(path, halves, { dtype: 'float16' });
    model.loadStateDict(load(path), { strict: false });
    expect(own()).toMatchObject({ '0.weight': 'F16', '0.bias': 'F16', '1.weight': 'F32' });
    noGrad(() => model.parameters()[0]?.add_(1e-6));
    expect(own()).toMatchObject({ '0.weight': 'F32', '0.bias': 'F16' });
  });

  it('tensors that load made in a scope leave it with the map', () => {
    const loaded = scope(() => load(golden));
    expect(loaded.get('0.bias')!.toArray()).toEqual([0.1, -2]);
  });

  // What is short is read together with what follows it, long tensors are read by themselves.
  it('short and long tensors in any order come back, at once, piece by piece and by name', async () => {
    const sizes = [1, 3, 0, 1024, 1025, 1, 20_000, 2, 16_383, 1, 0, 900, 1000, 1023, 7, 70_000, 1];
    const body = Int32Array.from({ length: sizes.reduce((a, b) => a + b) }, (_, i) => (i * 2_654_435_761) | 0);
    const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((a, b) => a + b));
    const wanted = sizes.map((n, i) => [`t${i}`, body.subarray((ends[i] as number) - n, ends[i])] as const);
    const header = wanted.map(([name, data]) => {
      const begin = data.byteOffset;
      return `"${name}":${entry('I32', [data.length], [begin, begin + data.byteLength])}`;
    });
    const bytes = file(`{${header.join(',')}}`, body.byteLength);
    bytes.set(new Uint8Array(body.buffer), bytes.length - body.byteLength);
    writeFileSync(path, bytes);
    const same = (get: (name: string) => Tensor | undefined, names = wanted) => {
      for (const [name, data] of names) expect(get(name)?.toTypedArray(), name).toEqual(data);
    };
    const [loaded, asynchronous] = [load(path), await loadAsync(path)];
    same((name) => loaded.get(name));
    same((name) => asynchronous.get(name));
    using open = safeOpen(path);
    same((name) => open.get(name), [...wanted.slice(5), ...wanted.toReversed()]);
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
    expect(() => save(path, {}, { meta: {} } as never)).toThrow(
      'save: unknown option "meta"; known are metadata, dtype, maxShardSize',
    );
    expect(() => save(path, {}, { metadata: ['x'] as never })).toThrow(
      'save: metadata must be an object of strings, got an array of 1',
    );
    expect(() => save('', {})).toThrow('save: path must be a string, got ""');
    expect(load(path).get('a')!.toArray()).toEqual([1, 2]);
    expect(() => load(join(folder, 'none'))).toThrow(FileError);
  });
});
