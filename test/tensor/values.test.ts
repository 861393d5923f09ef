// Tensors as JavaScript values: arithmetic, comparison, JSON, cloning, and shapes that nobody can change.
import assert from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { compile, ShapeError, StateError, scope, Tensor, tensor, zeros } from '../../lib/index.js';

const matrix = (): Tensor => tensor([[1, 2, 3], [4, 5, 6]]); // biome-ignore format: one line

// What a value is to code that does not know its type.
const asNumber = (t: Tensor): number => t as unknown as number;

describe('a tensor of one element as a number', () => {
  it.each(['float32', 'float64', 'int32', 'uint8'] as const)('%s', (dtype) => {
    const three = tensor(3, { dtype });
    expect(asNumber(three) * 2).toBe(6);
    expect(2 - asNumber(three)).toBe(-1);
    expect(asNumber(three) > 2).toBe(true);
    expect(asNumber(three) < 2).toBe(false);
    expect(Math.max(asNumber(three), 1)).toBe(3);
    expect(`${three}`).toBe('3');
  });

  it('adds up', () => {
    let total = 0;
    for (const value of [0.5, 1.5, 2]) total += asNumber(tensor([[value]]));
    expect(total).toBe(4);
  });

  it('is refused for other sizes, naming the remedy', () => {
    for (const t of [matrix(), zeros([0])]) {
      for (const use of [() => asNumber(t) * 2, () => asNumber(t) > 1, () => +asNumber(t), () => asNumber(t) + 1]) {
        expect(use).toThrow(ShapeError);
      }
    }
    expect(() => asNumber(matrix()) + 1).toThrow(
      'a tensor as a number: needs one element, got [2, 3]; use add, mul, gt, … on tensors and item() for a number',
    );
  });

  it('is refused while a step is recorded', () => {
    const step = compile((x: Tensor) => (asNumber(x) > 0 ? x : x.neg()));
    expect(() => step.sync(tensor(1))).toThrow(StateError);
    expect(() => step.sync(tensor(1))).toThrow('a tensor as a number: reads a value while a step is being recorded');
  });

  it('shows a larger tensor in a template', () => {
    expect(`${matrix()}`).toBe(matrix().toString());
  });
});

it('JSON holds the values', () => {
  expect(JSON.stringify({ x: matrix(), y: tensor(2), z: zeros([0]) })).toBe('{"x":[[1,2,3],[4,5,6]],"y":2,"z":[]}');
  expect(JSON.stringify(tensor([Number.NaN, 1]))).toBe('[null,1]');
});

describe('comparison by value', () => {
  const long = (last: number): Tensor => tensor(Array.from({ length: 1000 }, (_, i) => (i === 999 ? last : i)));
  const equal: [string, () => [unknown, unknown]][] = [
    ['values', () => [matrix(), matrix()]],
    ['many values', () => [long(1), long(1)]],
    ['NaN', () => [tensor([Number.NaN, 1]), tensor([Number.NaN, 1])]],
    ['with and without requiresGrad', () => [tensor([1], { requiresGrad: true }), tensor([1])]],
    ['a result and a leaf', () => [tensor([1], { requiresGrad: true }).mul(2), tensor([2])]],
    ['a view and a copy', () => [matrix().reshape([3, 2]), tensor([[1, 2], [3, 4], [5, 6]])]], // biome-ignore format: one line
    ['one whose data and shape were looked at', () => [Object.assign(matrix(), matrix().data && {}), matrix()]],
    ['one that a scope returned', () => [scope(() => matrix()), matrix()]],
    ['inside of other values', () => [{ a: [matrix()] }, { a: [matrix()] }]],
    ['in a map', () => [new Map([[1, matrix()]]), new Map([[1, matrix()]])]],
  ];
  const different: [string, () => [unknown, unknown]][] = [
    ['an element', () => [matrix(), matrix().add(1)]],
    ['the last of many elements', () => [long(1), long(2)]],
    ['the shape', () => [matrix(), matrix().reshape([3, 2])]],
    ['the number of dimensions', () => [tensor(1), tensor([1])]],
    ['the dtype', () => [matrix(), matrix().to('float64')]],
    ['NaN and a number', () => [tensor([Number.NaN]), tensor([0])]],
    ['inside of other values', () => [{ a: [matrix()] }, { a: [matrix().neg()] }]],
    ['in a map', () => [new Map([[1, matrix()]]), new Map([[1, matrix().neg()]])]],
    ['an array', () => [tensor([1, 2]), [1, 2]]],
  ];

  it.each(equal)('equal: %s', (_, make) => {
    const [a, b] = make();
    expect(a).toEqual(b);
    expect(a).toStrictEqual(b);
    assert.deepEqual(a, b);
    assert.deepStrictEqual(a, b);
    expect(isDeepStrictEqual(a, b)).toBe(true);
  });

  it.each(different)('different: %s', (_, make) => {
    const [a, b] = make();
    expect(a).not.toEqual(b);
    expect(a).not.toStrictEqual(b);
    assert.notDeepEqual(a, b);
    assert.notDeepStrictEqual(a, b);
    expect(isDeepStrictEqual(a, b)).toBe(false);
  });

  it('shows the values of small tensors where they differ', () => {
    expect(() => assert.deepStrictEqual(tensor([1, 2]), tensor([1, 3]))).toThrow(/Tensor float32 \[2\] 1 3/);
  });

  it('a disposed tensor equals no live one', () => {
    const gone = matrix();
    gone.dispose();
    expect(isDeepStrictEqual(gone, matrix())).toBe(false);
  });
});

it('nothing of the inside can be listed', () => {
  const t = tensor([1, 2], { requiresGrad: true }).mul(2);
  t.sum().backward();
  const listed = new Set<string>();
  for (const key in t) listed.add(key);
  expect([...listed].sort()).toEqual(['dims', 'dtype', 'notCloneable', 'size']);
});

describe('cloning and posting', () => {
  it.each([
    ['structuredClone', (t: Tensor) => structuredClone(t)],
    ['inside of an object', (t: Tensor) => structuredClone({ batch: [t] })],
    ['postMessage', (t: Tensor) => new MessageChannel().port1.postMessage(t)],
  ])('%s is refused with what to do instead', (_, send) => {
    expect(() => send(matrix())).toThrow(/send its toTypedArray\(\), shape and dtype, and call tensor\(array/);
  });
});

describe('shape', () => {
  it('is frozen, also of views and results', () => {
    for (const t of [matrix(), matrix().reshape([6]), matrix().sum({ dim: 0 }), tensor(1), matrix().relu()]) {
      const before = [...t.shape];
      expect(Object.isFrozen(t.shape)).toBe(true);
      expect(() => ((t.shape as number[])[0] = 7)).toThrow(TypeError);
      expect(() => (t.shape as number[]).push(1)).toThrow(TypeError);
      expect(() => {
        (t as unknown as { shape: number[] }).shape = [1];
      }).toThrow(TypeError);
      expect(t.shape).toEqual(before);
      expect(t.add(1).shape).toEqual(before);
    }
  });

  it('does not change with the array that was given', () => {
    const shape = [2, 3];
    const t = zeros(shape);
    shape[0] = 7;
    expect(t.shape).toEqual([2, 3]);
    expect(t.add(1).shape).toEqual([2, 3]);
  });
});

it('what only looks like a tensor is refused', () => {
  const fake = Object.create(Tensor.prototype) as Tensor;
  expect(() => matrix().add(fake)).toThrow('add: b must be a tensor');
  class Other {
    shape = [1];
  }
  Object.defineProperty(Other, 'name', { value: 'Tensor' });
  expect(() => matrix().matmul(new Other() as unknown as Tensor)).toThrow(
    'must be a tensor, got a tensor of another copy of adjoint',
  );
  const step = compile((x: Tensor) => x.mul(2));
  expect(() => step.sync(new Other() as unknown as Tensor)).toThrow(/got a tensor of another copy of adjoint$/);
  expect(() => zeros(matrix() as unknown as number[])).toThrow(/got a tensor$/);
});
