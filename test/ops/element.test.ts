import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  AutogradError,
  compile,
  grad,
  gradcheck,
  gradgradcheck,
  type Index,
  indexPut,
  noGrad,
  ones,
  ShapeError,
  StateError,
  scope,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { readGolden } from '../support/golden.js';
import { checkError } from '../support/harness.js';

interface Case {
  indices: unknown[];
  shape: number[];
  data: number[];
  gradient: number[];
  put: number[];
}
const cases = readGolden<Case[]>('index');

const cube = (requiresGrad = false): Tensor =>
  tensor(
    Float64Array.from({ length: 24 }, (_, i) => i),
    { shape: [2, 3, 4], requiresGrad },
  );
const int = (...values: number[]) => tensor(Int32Array.from(values));
const indexOf = (spec: unknown): Index => {
  const { positions, mask } = Object(spec) as { positions?: number[]; mask?: boolean[] };
  if (positions !== undefined) return tensor(positions, { dtype: 'int32' });
  return mask === undefined ? (spec as Index) : tensor(mask);
};

describe("index, as PyTorch's brackets", () => {
  it.each(cases.map((c) => [JSON.stringify(c.indices), c] as const))('%s', (_, { indices, ...want }) => {
    const given = indices.map(indexOf);
    const x = cube(true);
    const y = x.index(...given);
    expect(y.shape).toEqual(want.shape);
    expect(Array.from(y.toTypedArray())).toEqual(want.data);
    const weights = tensor(
      Float64Array.from({ length: y.size }, (_, i) => i + 1),
      { shape: y.shape },
    );
    const [gradient] = grad([y.mul(weights).sum()], [x]);
    expect(Array.from(gradient!.toTypedArray())).toEqual(want.gradient);
    expect(Array.from(cube().indexPut(given, -1).toTypedArray())).toEqual(want.put);
    const written = cube();
    expect(written.indexPut_(given, -1)).toBe(written);
    expect(Array.from(written.toTypedArray())).toEqual(want.put);
    const step = compile((t: Tensor) => t.index(...given));
    if (!given.some((item) => (item as Tensor | null)?.dtype === 'uint8')) {
      expect(step.sync(cube())).toEqual(y.detach());
    } else {
      expect(() => step.sync(cube())).toThrow(StateError);
      expect(() => step.sync(cube())).toThrow(/use where or maskedFill in place of a mask$/);
    }
  });

  it('has second derivatives', () => {
    const rows = int(1, -1, 1);
    for (const f of [
      (x: Tensor) => x.index(rows, {}, int(0, 1, 0)).square(),
      (x: Tensor) => x.index(0, int(2, 2)).square(),
      (x: Tensor) => x.at(1).square(),
    ]) {
      gradcheck(f, [cube(true)]);
      gradgradcheck(f, [cube(true)]);
    }
    const put = (accumulate: boolean) => (x: Tensor, v: Tensor) => indexPut(x, [rows, 2], v, { accumulate }).square();
    for (const accumulate of [false, true]) {
      const inputs = () => [cube(true), ones([3, 4], { dtype: 'float64', requiresGrad: true }).mul(2).detach()];
      const leaves = inputs();
      for (const leaf of leaves) leaf.requiresGrad = true;
      gradcheck(put(accumulate), leaves);
      gradgradcheck(put(accumulate), leaves);
    }
  });
});

describe('indexPut', () => {
  it.each(['float32', 'float64', 'int32', 'uint8'] as const)(
    'the last of several values stays, or all add up: %s',
    (dtype) => {
      const x = () => tensor([10, 20, 30], { dtype });
      const values = tensor([1, 2, 3, 4], { dtype });
      const places = [int(2, 0, 2, -1)];
      expect(x().indexPut(places, values).toArray()).toEqual([2, 20, 4]);
      expect(x().indexPut(places, values, { accumulate: true }).toArray()).toEqual([12, 20, 38]);
      expect(
        x()
          .indexPut_([{ end: 2 }], tensor([7], { dtype }))
          .toArray(),
      ).toEqual([7, 7, 30]);
      expect(x().indexPut([int()], 1).toArray()).toEqual([10, 20, 30]);
    },
  );

  it('writes NaN and infinities, and leaves those that are there', () => {
    const x = tensor([Number.NaN, 1, Number.POSITIVE_INFINITY, 2]);
    expect(x.indexPut([int(1)], Number.NEGATIVE_INFINITY).toArray()).toEqual([NaN, -Infinity, Infinity, 2]);
    expect(x.indexPut([int(0, 3)], tensor([5, Number.NaN])).toArray()).toEqual([5, 1, Infinity, NaN]);
  });

  it('in place is not recorded, and compiles', () => {
    const w = zeros([3], { requiresGrad: true });
    expect(() => w.indexPut_([0], 1)).toThrow(AutogradError);
    expect(() => zeros(3).indexPut_([0], w.index(0))).toThrow(AutogradError);
    noGrad(() => w.indexPut_([0], 1));
    expect(w.toArray()).toEqual([1, 0, 0]);
    const step = compile((x: Tensor) => x.clone().indexPut_([int(1, 1)], 5, { accumulate: true }));
    expect(step.sync(tensor([1, 2])).toArray()).toEqual([1, 12]);
  });
});

describe('rows', () => {
  it('at counts from both ends, and shares memory', () => {
    const x = cube();
    expect(x.at(1).toArray()).toEqual((x.toArray() as number[][][])[1]);
    expect(x.at(-2).at(-1).at(0).item()).toBe(8);
    x.at(0).zero_();
    expect(x.index(0, 1, 1).item()).toBe(0);
  });

  it('at takes a number for each dimension, and index lists of positions', () => {
    const x = cube(true);
    expect(x.at(1, -1).toArray()).toEqual(x.at(1).at(-1).toArray());
    expect(x.at(1, 2, 3).item()).toBe(x.detach().toTypedArray()[23]);
    expect(
      grad(x.at(1, 2, 3), x)[0]
        ?.sum()
        .item(),
    ).toBe(1);
    expect(
      grad(x.index(0), x, { gradOutputs: ones([3, 4], { dtype: x.dtype }) })[0]
        ?.sum()
        .item(),
    ).toBe(12);
    expect(x.index({}, [2, -3]).toArray()).toEqual(x.index({}, int(2, -3)).toArray());
    expect(x.index([0, 1], [2, 0]).toArray()).toEqual(x.index(int(0, 1), int(2, 0)).toArray());
    expect(x.index([]).shape).toEqual([0, 3, 4]);
  });

  it('are iterated over, with one gradient for all', () => {
    const x = cube(true);
    expect(x.length).toBe(2);
    expect([...x].map((row) => row.shape)).toEqual([[3, 4], [3, 4]]); // biome-ignore format: one line
    let sum = tensor(0, { dtype: 'float64' });
    let k = 0;
    for (const row of x) sum = sum.add(row.sum().mul(++k));
    sum.backward();
    expect(x.grad!.toArray()).toEqual([ones([3, 4]).toArray(), ones([3, 4]).mul(2).toArray()]);
    expect(Array.from(tensor([3, 1, 2]), Number)).toEqual([3, 1, 2]);
    expect([...zeros(0, 3)]).toEqual([]);
    expect(zeros(0, 3).length).toBe(0);
    const [first, second] = scope(() => [...tensor([[1, 2], [3, 4]])]); // biome-ignore format: one line
    expect([first!.toArray(), second!.toArray()]).toEqual([[1, 2], [3, 4]]); // biome-ignore format: one line
  });

  it('a scalar has none: neither iteration nor length, and comparing or printing it still works', () => {
    const scalar = tensor(3);
    expect(() => [...scalar]).toThrow(TypeError);
    expect(() => scalar.length).toThrow(ShapeError);
    expect(() => scalar.length).toThrow('length: x must have at least one dimension, got a scalar; use item()');
    expect({ scalar }).toEqual({ scalar: tensor(3) });
    expect({ scalar }).not.toEqual({ scalar: tensor(4) });
    expect(inspect(scalar, { customInspect: false, getters: true, showHidden: true })).toContain('Tensor');
    expect(JSON.stringify({ scalar })).toBe('{"scalar":3}');
  });

  it('brackets neither type-check nor give undefined', () => {
    // @ts-expect-error
    expect(() => cube()[0]).toThrow(
      '[0]: a tensor has no elements in brackets; use at(0), or index for several dimensions',
    );
  });
});

describe("PyTorch's names", () => {
  it('of sizes and conversions', () => {
    const x = cube();
    expect([x.numel(), x.ndim, x.dim(), x.elementSize(), x.isFloatingPoint()]).toEqual([24, 3, 3, 8, true]);
    expect([x.isContiguous(), x.contiguous() === x]).toEqual([true, true]);
    expect([x.float(), x.double(), x.int(), x.byte()].map((t) => t.dtype)).toEqual([
      'float32',
      'float64',
      'int32',
      'uint8',
    ]);
    expect(x.view(4, -1).shape).toEqual([4, 6]);
    expect(x.view([24]).shape).toEqual([24]);
    expect(x.tolist()).toEqual(x.toArray());
    expect(tensor(1).requiresGrad_().requiresGrad).toBe(true);
    expect(tensor(1).requiresGrad_().requiresGrad_(false).requiresGrad).toBe(false);
  });

  it('T and mT', () => {
    const x = cube(true);
    expect(x.T).toEqual(x.permute(2, 1, 0));
    expect(x.mT).toEqual(x.transpose(1, 2));
    expect(tensor([[1, 2]]).T.toArray()).toEqual([[1], [2]]);
    expect(tensor(1).T.toArray()).toBe(1);
    expect(() => tensor([1]).mT).toThrow('mT: x must have at least two dimensions, got [1]');
  });
});

const list = "a number, { start, end, step }, an array, null, '...' or a tensor";
it.each([
  ['at(2)', () => cube().at(2), ArgumentError, 'at: index must be an integer of at least -2 and at most 1, got 2'],
  [
    'at of a scalar',
    () => tensor(1).at(0),
    ShapeError,
    'at: x must have at least one dimension, got a scalar; use item() for its number',
  ],
  ['at of nothing', () => zeros(0).at(0), ArgumentError, 'at: x must have elements, got x [0]'],
  [
    'position',
    () => cube().index({}, int(1, 3)),
    ArgumentError,
    'index: indices of dimension 1 must be at least -3 and below 3, got 3 (element 1)',
  ],
  [
    'negative position',
    () => cube().index(int(-3)),
    ArgumentError,
    'index: indices of dimension 0 must be at least -2 and below 2, got -3 (element 0)',
  ],
  [
    'extreme position',
    () => cube().index(int(2 ** 31 - 1)),
    ArgumentError,
    'index: indices of dimension 0 must be at least -2 and below 2, got 2147483647 (element 0)',
  ],
  [
    'too many',
    () => cube().index(0, 0, 0, 0),
    ShapeError,
    'index: there must be at most one index for each dimension, got x [2, 3, 4] and indices of 4 dimensions',
  ],
  ['two ellipses', () => cube().index('...', 0, '...'), ArgumentError, "index: '...' must be given once"],
  [
    'mask',
    () => cube().index(ones([3], { dtype: 'uint8' })),
    ShapeError,
    'index: a mask must have the sizes of the dimensions it covers, got mask [3] for [2] of x [2, 3, 4]',
  ],
  [
    'float index',
    () => cube().index(ones(2)),
    ArgumentError,
    'index: indices[0] must be int32 positions or a uint8 mask with dimensions, got float32 [2]',
  ],
  ['text', () => cube().index('0' as never), ArgumentError, `index: indices[0] must be ${list}, got "0"`],
  [
    'nested list',
    () => cube().index([[0, 1]] as never),
    ArgumentError,
    'index: indices[0][0] must be an integer of at least -2147483648 and at most 2147483647, got [0, 1]',
  ],
  [
    'at of too many numbers',
    () => cube().at(0, 0, 0, 0),
    ShapeError,
    'at: there must be at most one number for each dimension, got x [2, 3, 4] and 4 numbers',
  ],
  [
    'slice',
    () => cube().index({ stop: 1 } as never),
    ArgumentError,
    'index: unknown option "stop"; known are start, end, step',
  ],
  [
    'broadcast',
    () => cube().index(int(0, 1), int(0, 1, 2)),
    ShapeError,
    'index: shapes must broadcast, got index 0 [2] and index 1 [3] (2 ≠ 3 in dimension 0)',
  ],
  [
    'values',
    () => cube().indexPut([0], ones([5], { dtype: 'float64' })),
    ShapeError,
    'indexPut: values must broadcast to [3, 4], the shape of the places, got values [5]',
  ],
] as const)('wrong: %s', (name, call, error, message) => checkError({ name, call, error, message }));
