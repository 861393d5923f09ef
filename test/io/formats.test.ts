// Files from PyTorch, NumPy and safetensors: test/golden/make_weights.py makes them and weights.json, which says what they hold.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { FileError } from '../../lib/errors.js';
import { io, Tensor, tensor, zeros } from '../../lib/index.js';
import { runFixture } from '../fixtures/children.mjs';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-weights-'));
afterAll(() => rmSync(folder, { recursive: true }));
const golden = fileURLToPath(new URL('../golden/weights', import.meta.url));
const file = (name: string) => join(golden, name);

type Saved = [dtype: string, shape: number[], data: (number | string)[]];
const { files } = JSON.parse(readFileSync(`${golden}.json`, 'utf8')) as {
  files: Record<string, Record<string, Saved>>;
};

const memory: Record<string, string> = { float64: 'float64', uint8: 'uint8', bool: 'uint8' };
const dtypeOf = (saved: string) => memory[saved] ?? (saved.includes('float') ? 'float32' : 'int32');
const valuesOf = (t: Tensor) => [t.dtype, t.shape, [...t.toTypedArray()]];
/** What weights.json says of a file, as tensors here have it. */
const expected = (name: string) =>
  Object.fromEntries(
    Object.entries(files[name]!).map(([key, [dtype, shape, data]]) => [key, [dtypeOf(dtype), shape, data.map(Number)]]),
  );
const read = (tensors: ReadonlyMap<string, Tensor>) =>
  Object.fromEntries([...tensors].map(([key, t]) => [key, valuesOf(t)]));
/** The element types in a safetensors file. */
const typesIn = (path: string): Record<string, string> => {
  const bytes = readFileSync(path);
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE())));
  return Object.fromEntries(Object.keys(header).map((name) => [name, header[name].dtype]));
};

const readable = [
  ...['types.safetensors', 'codes.safetensors', 'sharded/model.safetensors.index.json'],
  ...['state.pt', 'legacy.pt', 'protocol4.pt'],
  ...['float32.npy', 'fortran.npy', 'big.npy', 'scalar.npy', 'arrays.npz', 'packed.npz'],
];

describe.each(readable)('%s', (name) => {
  it('reads as what Python wrote, at once and later', async () => {
    expect(read(io.load(file(name)))).toEqual(expected(name));
    expect(read(await io.loadAsync(file(name)))).toEqual(expected(name));
  });

  it('gives single tensors, and rows of them', () => {
    using open = io.safeOpen(file(name));
    expect(open.keys()).toEqual([...io.load(file(name)).keys()]);
    for (const [key, [dtype, shape, data]] of Object.entries(expected(name)) as [
      string,
      [string, number[], number[]],
    ][]) {
      expect([open.dtype(key), open.shape(key)]).toEqual([dtype, shape]);
      expect(valuesOf(open.get(key))).toEqual([dtype, shape, data]);
      if (!(shape[0]! > 1)) continue;
      const row = data.length / shape[0]!;
      const part = [dtype, [shape[0]! - 1, ...shape.slice(1)], data.slice(row)];
      expect(valuesOf(open.getSlice(key, 1, shape[0]!))).toEqual(part);
    }
  });
});

describe('types of a file', () => {
  it('are written as they were read', () => {
    for (const name of ['types.safetensors', 'codes.safetensors']) {
      const path = join(folder, name);
      io.save(path, io.load(file(name)));
      expect(typesIn(path)).toEqual(typesIn(file(name)));
      expect(read(io.load(path))).toEqual(expected(name));
    }
  });

  it('are written as asked, with the values that PyTorch gives', async () => {
    const all = expected('types.safetensors');
    const source = tensor(Float32Array.from(all.float32![2] as number[]));
    for (const dtype of ['float16', 'bfloat16', 'float8_e4m3fn', 'float8_e5m2'] as const) {
      const path = join(folder, `${dtype}.safetensors`);
      io.save(path, { x: source, n: tensor([1], { dtype: 'int32' }) }, { dtype });
      expect(valuesOf(io.load(path).get('x')!)).toEqual(all[dtype]);
      expect(typesIn(path).n).toBe('I32');
      await io.saveAsync(path, { x: source }, { dtype: { x: dtype } });
      expect(valuesOf(io.load(path).get('x')!)).toEqual(all[dtype]);
    }
    const path = join(folder, 'integers.safetensors');
    const n = tensor([0, 1], { dtype: 'int32' });
    const types = { a: 'int8', b: 'uint64', c: 'bool', d: 'uint8', e: 'int64' } as const;
    io.save(path, { a: n, b: n, c: n, d: n, e: n }, { dtype: types });
    expect(typesIn(path)).toEqual({ a: 'I8', b: 'U64', c: 'BOOL', d: 'U8', e: 'I64' });
    for (const t of io.load(path).values()) expect([...t.toTypedArray()]).toEqual([0, 1]);
  });

  it('are left when the values do not fit exactly any more', () => {
    const state = io.load(file('types.safetensors'));
    state.get('bfloat16')!.fill_(1 / 3);
    state.get('int8')!.fill_(128);
    state.get('float16')!.fill_(0.25);
    const path = join(folder, 'changed.safetensors');
    io.save(path, state);
    expect(typesIn(path)).toMatchObject({ bfloat16: 'F32', int8: 'I32', float16: 'F16', int16: 'I16' });
    expect(io.load(path).get('bfloat16')!.toTypedArray()[0]).toBe(Math.fround(1 / 3));
  });

  it.each([
    ['save: tensor "x" must have values in the range of int8, got 300 at position 1', { x: 'int8' }],
    ['save: tensor "x" must have values of 0 and 1 (BOOL), got 300 at position 1', { x: 'bool' }],
    ['save: tensor "x" must have values in the range of uint8, got 300 at position 1', { x: 'uint8' }],
    [
      'save: dtype of "x" must be a type of integers like the tensor\'s int32, got "float16"; use t.to(dtype)',
      { x: 'float16' },
    ],
    ['save: dtype must name tensors of stateDict, got "y"', { y: 'int8' }],
    ['save: dtype must be a type of floats, got "int8"; name the tensors', 'int8'],
    ['save: dtype must be one of float64, int64, ', 'half'],
  ])('%s', (message, dtype) => {
    const path = join(folder, 'refused.safetensors');
    expect(() => io.save(path, { x: tensor([1, 300], { dtype: 'int32' }) }, { dtype: dtype as never })).toThrow(
      message,
    );
    expect(readdirSync(folder)).not.toContain('refused.safetensors');
  });
});

describe('shards', () => {
  const state = { a: zeros([100]), b: zeros([50]).add(1), c: zeros([300]).add(2), d: zeros([10]) };

  it('are written as Hugging Face does, and those of an earlier save removed', async () => {
    const inner = join(folder, 'shards');
    mkdirSync(inner);
    const path = join(inner, 'model.safetensors');
    io.save(path, state, { maxShardSize: 100 });
    expect(readdirSync(inner).length).toBe(5);
    io.save(path, state, { maxShardSize: '0.7KB', metadata: { format: 'pt' } });
    const names = [1, 2, 3].map((i) => `model-0000${i}-of-00003.safetensors`);
    expect(readdirSync(inner).sort()).toEqual([...names, 'model.safetensors.index.json']);
    const index = JSON.parse(readFileSync(join(inner, 'model.safetensors.index.json'), 'utf8'));
    expect(index).toEqual({
      metadata: { format: 'pt', total_size: 1840 },
      weight_map: { a: names[0], b: names[0], c: names[1], d: names[2] },
    });
    expect(read(io.load(join(inner, 'model.safetensors.index.json')))).toEqual(read(new Map(Object.entries(state))));
    await io.saveAsync(path, state, { maxShardSize: '1MB' });
    expect(readdirSync(inner)).toEqual(['model.safetensors']);
    expect(() => io.save(path, state, { maxShardSize: 'much' })).toThrow(
      "save: maxShardSize must be a number of bytes or a text like '5GB'",
    );
  });

  it.each([
    ['../x.safetensors', 'must name files of its own folder, got "../x.safetensors"'],
    ['/etc/passwd', 'must name files of its own folder, got "/etc/passwd"'],
    ['a/../../x', 'must name files of its own folder'],
    [7, 'must name files of its own folder, got 7'],
    ['none.safetensors', 'load: cannot read'],
    ['types.safetensors', 'got "types.safetensors" for "a", which is not in it'],
  ])('an index that names %j is refused', (name, message) => {
    const path = join(golden, '..', '..', '..', 'build', 'none');
    const index = join(folder, 'bad.json');
    writeFileSync(join(folder, 'types.safetensors'), readFileSync(file('types.safetensors')));
    writeFileSync(index, JSON.stringify({ weight_map: { a: name } }));
    expect(path).toBeTruthy();
    expect(() => io.load(index)).toThrow(FileError);
    expect(() => io.load(index)).toThrow(message as string);
  });
});

describe('an open file', () => {
  it('says what it does not have, and is closed', () => {
    const open = io.safeOpen(file('types.safetensors'));
    expect(open.metadata).toEqual({});
    expect(() => open.get('none')).toThrow('TensorFile.get: name must be one of a tensor in');
    expect(() => open.getSlice('bool', 2, 5)).toThrow(
      'TensorFile.getSlice: end must be an integer of at least 2 and at most 3, got 5',
    );
    open.close();
    open.close();
    expect(() => open.get('bool')).toThrow('must be open, got a closed file');
    expect(() => io.safeOpen(join(folder, 'none'))).toThrow('safeOpen: cannot read');
  });
});

it.skipIf(process.platform === 'win32')('one tensor of a file of 2 GB takes memory for itself alone', async () => {
  const { code, output, errors } = await runFixture('large-file.mjs', ['2'], { timeoutMs: 60_000 });
  expect([code, errors]).toEqual([0, '']);
  const { fileMB, tensorMB, grownMB } = JSON.parse(output);
  expect([fileMB, tensorMB]).toEqual([2048, 64]);
  expect(grownMB).toBeGreaterThan(0.9 * tensorMB);
  expect(grownMB).toBeLessThan(tensorMB + 24); // a piece, and what the process does besides
});

describe('PyTorch files', () => {
  it.each(['module.pt', 'script.pt', 'exported.pt2'])('%s has the keys and values of the state dict', (name) => {
    const sorted = (tensors: object) => Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1));
    expect(sorted(read(io.load(file(name))))).toEqual(sorted(expected('module')));
  });

  it('a checkpoint is plain data', () => {
    const { model, optimizer, ...rest } = io.loadTorch<{
      model: Record<string, Tensor>;
      optimizer: { param_groups: object[]; state: Record<string, { momentum_buffer: Tensor }> };
    }>(file('checkpoint.pt'));
    expect(read(new Map(Object.entries(model).map(([key, t]) => [`model.${key}`, t])))).toEqual(
      expected('checkpoint.pt'),
    );
    expect(optimizer.param_groups[0]).toMatchObject({ lr: 0.1, momentum: 0.9, params: [0, 1, 2, 3, 4, 5] });
    expect(optimizer.state[0]!.momentum_buffer).toBeInstanceOf(Tensor);
    expect(rest).toEqual({
      ...{ epoch: 3, best: 0.25, big: 2n ** 60n, names: ['a', 'ü'], size: [2, 3], none: null },
      ...{ flags: [true, false], dtype: 'torch.float16' },
    });
    expect(io.loadTorch<Tensor>(file('tensor.pt')).toArray()).toEqual([[1, 2]]);
  });

  it.each([
    [
      'checkpoint.pt',
      'must hold a state dict alone, got the keys model, optimizer, epoch, best, big, names, size, none, flags, dtype; read it with io.loadTorch',
    ],
    ['tensor.pt', 'must hold a state dict alone, got a tensor; read it with io.loadTorch'],
    ['complex.pt', 'must not hold the global "torch.ComplexFloatStorage": there are no complex tensors here'],
    [
      'whole.pt',
      'must not hold the global "torch.nn.modules.container.Sequential": only tensors and plain data are read',
    ],
    [
      'objects.npy',
      "must be an array of real numbers or bool, got '|O'; arrays of objects are pickles, which could run code",
    ],
    ['complex.npy', "must be an array of real numbers or bool, got '<c16'"],
  ])('%s is refused: %s', (name, message) => {
    expect(() => io.load(file(name))).toThrow(FileError);
    expect(() => io.load(file(name))).toThrow(message);
  });

  it('a file of another format says what it holds', () => {
    const path = join(folder, 'model.safetensors');
    writeFileSync(path, readFileSync(file('state.pt')));
    expect(Object.keys(read(io.load(path))).length).toBe(Object.keys(files['state.pt']!).length);
    expect(() => io.loadMetadata(path)).toThrow('must be a safetensors file, but holds a zip archive');
    expect(() => io.loadTorch(file('types.safetensors'))).toThrow(
      'must be a file of torch.save, but holds a safetensors file; read it with io.load',
    );
    writeFileSync(path, Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'));
    expect(() => io.load(path)).toThrow('must be a file of tensors, but holds an HDF5 file');
  });
});

describe('writing other formats', () => {
  // test/golden/make_written.py had PyTorch and NumPy read these very files.
  it.each(['written.pt', 'written.npz'])('%s has the bytes that Python reads rightly', (name) => {
    const path = join(folder, name);
    io.save(path, io.load(file('types.safetensors')));
    if (process.env.ADJOINT_WRITE) writeFileSync(file(name), readFileSync(path));
    expect(readFileSync(path).equals(readFileSync(file(name)))).toBe(true);
    const read = JSON.parse(readFileSync(join(golden, '..', 'written.json'), 'utf8'))[name] as Record<string, Saved>;
    for (const [key, [dtype, shape, data]] of Object.entries(files['types.safetensors']!)) {
      // NumPy has none of these types: they are float32 there.
      const saved = name.endsWith('npz') && /bfloat|float8/.test(dtype) ? 'float32' : dtype;
      expect([key, ...read[key]!]).toEqual([key, saved, shape, data]);
    }
  });

  it.each(['copy.pt', 'copy.pth', 'copy.npz'])('%s comes back', (name) => {
    const path = join(folder, name);
    const state = io.load(file('types.safetensors'));
    io.save(path, state);
    expect(read(io.load(path))).toEqual(expected('types.safetensors'));
  });

  it('.npy holds one tensor', () => {
    const path = join(folder, 'x.npy');
    io.save(path, { anything: tensor([[1, 2.5]]) });
    expect(readFileSync(path).length).toBe(128 + 8);
    expect(read(io.load(path))).toEqual({ x: ['float32', [1, 2], [1, 2.5]] });
    expect(() => io.save(path, { a: zeros([1]), b: zeros([1]) })).toThrow(
      'save: a .npy file must hold one tensor, got 2; use .npz',
    );
    expect(() => io.save(path, { a: zeros([1]) }, { dtype: 'bfloat16' })).toThrow(
      "must have a type of NumPy's, got bfloat16",
    );
    expect(() => io.save(path, { a: zeros([1]) }, { metadata: {} })).toThrow(
      'save: metadata must be left out for a .npy file',
    );
  });
});

it('loadAsync and saveAsync leave the event loop free', async () => {
  const path = join(folder, 'large.safetensors');
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const large = zeros([8_000_000]);
  const saved = io.saveAsync(path, { large }, { dtype: 'bfloat16' });
  large.fill_(7); // what is written is what was there
  await saved;
  const afterSave = ticks;
  const loaded = await io.loadAsync(path);
  clearInterval(timer);
  expect(afterSave).toBeGreaterThan(3);
  expect(ticks - afterSave).toBeGreaterThan(3);
  expect(loaded.get('large')!.sum().item()).toBe(0);
  await expect(io.loadAsync(join(folder, 'none'))).rejects.toThrow('loadAsync: cannot read');
  await expect(io.saveAsync(join(folder, 'none', 'x'), {})).rejects.toThrow('saveAsync: cannot write');
});
