import { spawnSync } from 'node:child_process';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as adjoint from '../../lib/index.js';
import {
  ArgumentError,
  arange,
  buildInfo,
  DTypeError,
  mul,
  ShapeError,
  Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';

describe('tensor', () => {
  it('takes nested arrays, typed arrays, numbers and booleans', () => {
    const cases: [Tensor, string, number[], number[]][] = [
      [
        tensor([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        'float32',
        [2, 3],
        [1, 2, 3, 4, 5, 6],
      ],
      [tensor(new Float64Array([1.5, 2])), 'float64', [2], [1.5, 2]],
      [tensor(new Int32Array([-7, 2]), { shape: [2, 1] }), 'int32', [2, 1], [-7, 2]],
      [tensor(new Uint8Array([255])), 'uint8', [1], [255]],
      [tensor(new Uint8ClampedArray([254])), 'uint8', [1], [254]],
      [tensor([true, false]), 'uint8', [2], [1, 0]],
      [tensor(3), 'float32', [], [3]],
      [tensor([]), 'float32', [0], []],
      [tensor([[], []]), 'float32', [2, 0], []],
      [tensor([1, 2], { dtype: 'int32' }), 'int32', [2], [1, 2]],
    ];
    for (const [t, dtype, shape, values] of cases) {
      expect([t.dtype, t.shape, Array.from(t.toTypedArray())]).toEqual([dtype, shape, values]);
    }
  });

  it('copies: the array and the shape stay the caller’s', () => {
    const array = new Float32Array([1, 2]);
    const shape = [1, 2];
    const t = tensor(array, { shape });
    array[0] = 9;
    shape[0] = 7;
    expect(t.toArray()).toEqual([[1, 2]]);
  });

  it('refuses what is no regular array of numbers', () => {
    const wrong =
      (data: unknown, options?: object): (() => unknown) =>
      () =>
        tensor(data as never, options);
    expect(wrong([[1, 2], [3]])).toThrow(ShapeError);
    expect(wrong([[1, 2], [3]])).toThrow(
      'tensor: nested arrays must be regular, got 1 elements where 2 was expected at depth 1',
    );
    expect(wrong([1, [2]])).toThrow(ShapeError);
    expect(wrong([[1], 2])).toThrow(ArgumentError);
    expect(wrong('12')).toThrow('tensor: elements must be numbers in arrays of one shape, got "12" at depth 0');
    expect(wrong([1, null])).toThrow(ArgumentError);
    expect(wrong(undefined)).toThrow(ArgumentError);
    expect(wrong([1.5], { dtype: 'int32' })).toThrow('tensor: element 0 must be an integer that int32 holds, got 1.5');
    expect(wrong([300], { dtype: 'uint8' })).toThrow(ArgumentError);
    expect(wrong([NaN], { dtype: 'int32' })).toThrow(ArgumentError);
    expect(wrong([1, 2], { shape: [3] })).toThrow('tensor: shape [3] has 3 elements, got data with 2');
    expect(wrong([1], { shape: [-1] })).toThrow(ArgumentError);
    expect(wrong([1], { dtype: 'float16' })).toThrow(
      'tensor: dtype must be one of float32, float64, int32, uint8, got "float16"',
    );
    expect(wrong([1], { dtyp: 'int32' })).toThrow(
      'tensor: unknown option "dtyp"; known are shape, dtype, requiresGrad',
    );
    expect(wrong([1], { requiresGrad: 1 })).toThrow('requiresGrad: must be a boolean, got 1');
    expect(wrong(new Float32Array(1), { dtype: 'int32', requiresGrad: true })).toThrow(DTypeError);
  });

  it('refuses arrays nested in themselves', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => tensor(loop as never)).toThrow(ArgumentError);
  });
});

describe('reading', () => {
  it('item, toArray, copyTo, data', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(tensor([7]).item()).toBe(7);
    expect(() => x.item()).toThrow('item: needs a tensor with one element, got [2, 2]; use toArray()');
    const target = new Float32Array(4);
    x.copyTo(target);
    expect(Array.from(target)).toEqual([1, 2, 3, 4]);
    expect(() => x.copyTo(new Float32Array(3))).toThrow(ArgumentError);
    expect(() => x.copyTo(new Float64Array(4) as never)).toThrow(ArgumentError);
    expect(x.data).toBe(x.data);
    expect(Array.from(x.data)).toEqual([1, 2, 3, 4]);
  });

  it("nested arrays that JavaScript's heap has no room for are refused; text of any tensor is short", () => {
    const script = `
      const { zeros, ones, arange } = await import('adjoint');
      const tensors = [zeros([2 ** 26, 0]), zeros([2 ** 53 - 1, 0]), zeros([2 ** 25]), zeros([2 ** 23, 1])];
      for (const t of tensors) {
        for (const make of [() => t.toArray(), () => JSON.stringify(t)]) {
          try {
            make();
          } catch (error) {
            console.log(error.code, error.message.replace(/\\d+ MB/g, 'N MB'));
          }
        }
        console.log(String(t).length < 100);
      }
      console.log(JSON.stringify([zeros([0, 2 ** 26]), zeros([2, 0, 3]), arange(0, 8).reshape([2, 2, 2]), ones([])]));
      console.log(ones([2 ** 20]).toArray().length, ones([2 ** 16, 1]).toArray().length);`;
    const args = ['--max-old-space-size=64', '--input-type=module', '-e', script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const refusal = (shape: string) =>
      `ADJOINT_MEMORY toArray: arrays for ${shape} take some N MB of JavaScript's heap, which has N MB left; ` +
      `use toTypedArray() or a slice, or raise node's --max-old-space-size\n`;
    const shapes = ['[67108864, 0]', '[9007199254740991, 0]', '[33554432]', '[8388608, 1]'];
    const lines = shapes.map((shape) => `${refusal(shape).repeat(2)}true\n`);
    const values = '[[],[[],[]],[[[0,1],[2,3]],[[4,5],[6,7]]],1]\n1048576 65536\n';
    expect(stdout + stderr).toBe(lines.join('') + values);
  });

  it('data is a copy that is made anew when the tensor was changed, through whatever view', () => {
    const x = tensor([1, 2, 3, 4]);
    const row = x.reshape([2, 2]);
    const before = x.data;
    expect([row.data, before].map((data) => data.buffer.byteLength)).toEqual([16, 16]);
    before[0] = 9;
    expect(x.toArray()).toEqual([1, 2, 3, 4]);
    row.fill_(5);
    expect([x.data, row.data].map((data) => [...data])).toEqual([
      [5, 5, 5, 5],
      [5, 5, 5, 5],
    ]);
    expect([...before]).toEqual([9, 2, 3, 4]);
  });
});

describe('printing', () => {
  it('shows dtype, shape and values in columns', () => {
    expect(
      inspect(
        tensor([
          [1, 2.5],
          [-30, 4],
        ]),
      ),
    ).toBe('Tensor float32 [2, 2]\n[[  1.0000,   2.5000],\n [-30.0000,   4.0000]]');
    expect(inspect(tensor(3, { dtype: 'int32' }))).toBe('Tensor int32 [] 3');
    expect(inspect(zeros([0, 3]))).toBe('Tensor float32 [0, 3] []');
    expect(inspect(tensor([1, NaN, Infinity]))).toBe('Tensor float32 [3]\n[       1,      NaN, Infinity]');
    expect(inspect(tensor([1e-9, 1e9]))).toBe('Tensor float32 [2]\n[1.0000e-9, 1.0000e+9]');
  });

  it('shortens large tensors, names the operation, and copes with disposed ones', () => {
    expect(String(arange(2000))).toBe('Tensor float32 [2000]\n[   0,    1,    2, …, 1997, 1998, 1999]');
    expect(inspect(zeros([100, 100])).split('\n')).toHaveLength(8);
    const x = tensor([1], { requiresGrad: true });
    expect(inspect(x)).toContain(', requiresGrad');
    expect(inspect(mul(x, 2))).toContain(', from mul');
    x.dispose();
    expect(inspect(x)).toContain('(disposed)');
  });
});

describe('methods', () => {
  it('linear', () => {
    const x = tensor([[1, 2]]);
    expect(x.linear(tensor([[3, 4]]), tensor([5])).toArray()).toEqual([[16]]);
  });

  it('and functions: nothing that users are promised is missing', () => {
    const promised = `tensor zeros ones full arange linspace eye rand randn randint normal bernoulli randperm cat stack
      to clone copy_ fill_ add_ add sub mul div eq ne lt le gt ge logicalAnd logicalOr logicalXor logicalNot where
      maximum minimum clamp isnan isfinite exp log log1p expm1 sqrt rsqrt square pow abs sign reciprocal sin cos tanh
      sigmoid erf floor ceil round relu leakyRelu elu selu gelu silu softplus hardtanh mish sum mean prod max min argmax
      argmin var std logsumexp norm cumsum any all matmul linear reshape flatten transpose permute squeeze unsqueeze
      expand split chunk slice flip pad tile tril triu gather indexSelect scatterAdd maskedFill oneHot
      softmax logSoftmax`.split(/\s+/);
    const methods = promised.slice(promised.indexOf('to'));
    const exported = adjoint as unknown as Record<string, unknown>;
    const own = Tensor.prototype as unknown as Record<string, unknown>;
    expect(promised.filter((name) => typeof exported[name] !== 'function')).toEqual([]);
    expect(methods.filter((name) => typeof own[name] !== 'function')).toEqual([]);
  });

  it('all have a function of their name', () => {
    const own = [
      'constructor',
      'handle',
      'rank',
      'disposed',
      'requiresGrad',
      'isLeaf',
      'grad',
      'data',
      'item',
      'copyTo',
    ];
    own.push('T', 'at', 'byte', 'contiguous', 'dim', 'double', 'elementSize', 'float', 'index', 'int', 'isContiguous');
    own.push('isFloatingPoint', 'length', 'mT', 'nbytes', 'ndim', 'numel', 'tolist', 'view');
    own.push('toTypedArray', 'toArray', 'toJSON', 'dispose', 'toString', 'shape');
    const operations = Object.getOwnPropertyNames(Tensor.prototype).filter(
      (name) => !/^_|_$|^\d$|^-1$/.test(name) && !own.includes(name),
    );
    expect(operations).toContain('sum');
    // Tensor.unfold is another operation than nn.functional.unfold.
    const missing = operations.filter((name) => typeof (adjoint as Record<string, unknown>)[name] !== 'function');
    // So are those that are methods only in PyTorch, too.
    const alone =
      'unfold expandAs newEmpty newFull newOnes newTensor newZeros repeat reshapeAs sumToSize typeAs viewAs';
    expect(missing.sort()).toEqual(alone.split(' ').sort());
  });

  it('are the functions', () => {
    const x = tensor([
      [1, -2],
      [3, 4],
    ]);
    expect(x.relu().sum({ dim: 0 }).toArray()).toEqual([4, 4]);
    expect(x.max({ dim: 1 }).indices.toArray()).toEqual([0, 1]);
    expect(x.max().item()).toBe(4);
    expect(x.where(x.gt(0), 0).toArray()).toEqual([
      [1, 0],
      [3, 4],
    ]);
  });
});

describe('buildInfo', () => {
  it('names the BLAS, its core, the level and the threads', () => {
    const info = buildInfo();
    expect(info.blas).toMatch(/OpenBLAS/);
    expect(info.blasCore).not.toBe('');
    expect(['baseline', 'v3', 'v4']).toContain(info.isa);
    expect(info.threads).toBeGreaterThanOrEqual(1);
  });
});
