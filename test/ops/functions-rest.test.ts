// What the table of functions cannot tell: gradients in one of two arguments, errors, and methods without a function.
import { expect, it } from 'vitest';
import {
  ArgumentError,
  AutogradError,
  broadcastShapes,
  DTypeError,
  gradcheck,
  gradgradcheck,
  i0,
  igamma,
  igammac,
  lcm,
  maskedScatter,
  nextafter,
  polygamma,
  ShapeError,
  type Tensor,
  tensor,
  unravelIndex,
  zeros,
} from '../../lib/index.js';

const doubles = (...values: number[]): Tensor => tensor(Float64Array.from(values), { requiresGrad: true });
const ints = (...values: number[]): Tensor => tensor(Int32Array.from(values));
const listOf = (x: Tensor): number[] => Array.from(x.toTypedArray());

it.each([igamma, igammac])('%o has the gradient of its integrand in x, and none in a', (f) => {
  const a = tensor(Float64Array.of(0.5, 2, 5, 30));
  const xs = [doubles(0.25, 1.5, 6, 28)];
  expect(gradcheck((x) => f(a, x as Tensor).square(), xs)).toBe(true);
  expect(gradgradcheck((x) => f(a, x as Tensor).square(), xs)).toBe(true);
  const y = f(doubles(2), tensor(Float64Array.of(1))).sum();
  expect(() => y.backward()).toThrow(AutogradError);
  expect(() =>
    f(doubles(2), tensor(Float64Array.of(1)))
      .sum()
      .backward(),
  ).toThrow(`${f.name}: has no gradient in a; detach a`);
});

it('incomplete gamma functions of integers are sums of Poisson probabilities', () => {
  const poisson = [0, 1, 2, 3, 4].map((k) => 3 ** k / [1, 1, 2, 6, 24][k]! / Math.E ** 3);
  const sum = poisson.reduce((p, q) => p + q);
  expect(igammac(doubles(5), doubles(3)).item()).toBeCloseTo(sum, 13);
  expect(igamma(doubles(5), doubles(3)).item()).toBeCloseTo(1 - sum, 13);
});

it('i0 grows without bound', () => {
  expect(listOf(i0(tensor([Infinity, -Infinity])))).toEqual([Infinity, Infinity]);
});

it('nextafter of float32 takes the next of its numbers', () => {
  const a = tensor([1, 1, 0, Infinity, 2 ** -149]);
  const b = tensor([2, 0, -1, 0, 0]);
  expect(listOf(nextafter(a, b))).toEqual([1 + 2 ** -23, 1 - 2 ** -24, -(2 ** -149), 3.4028234663852886e38, 0]);
});

it('lcm never wraps', () => {
  expect(() => lcm(ints(100_003), ints(100_019))).toThrow(ArgumentError);
  expect(() => lcm(ints(100_003), ints(100_019))).toThrow(
    'lcm: results must fit in int32, got 10002200057; convert a and b to a wider dtype',
  );
});

it('maskedScatter needs an element for each place', () => {
  const mask = tensor(Uint8Array.of(1, 1, 0));
  expect(() => maskedScatter(zeros(3), mask, zeros(1))).toThrow(
    'maskedScatter: source must have an element for each 1 of mask, got source [1] and 2 ones',
  );
  expect(listOf(maskedScatter(zeros(3), mask.mul(0), zeros(0)))).toEqual([0, 0, 0]);
});

it('unravelIndex takes int32', () => {
  expect(() => unravelIndex(zeros(1), [2])).toThrow(DTypeError);
  expect(() => unravelIndex(zeros(1), [2])).toThrow(
    "unravelIndex: indices must be int32, got float32; convert it by indices.to('int32')",
  );
});

it('shapes broadcast', () => {
  expect(broadcastShapes()).toEqual([]);
  expect(broadcastShapes([2, 1], [3], [])).toEqual([2, 3]);
  expect(() => broadcastShapes([2], [3])).toThrow(
    'broadcastShapes: shapes must broadcast, got shape 0 [2] and shape 1 [3] (2 ≠ 3 in dimension 0)',
  );
});

it('new tensors have the dtype of another, unless it is given', () => {
  const x = ints(1);
  for (const y of [x.newZeros(2, 3), x.newOnes([2, 3]), x.newEmpty(2, 3), x.newFull([2, 3], 7)]) {
    expect([y.dtype, ...y.shape]).toEqual(['int32', 2, 3]);
  }
  expect(listOf(x.newFull([2], 7))).toEqual([7, 7]);
  expect(listOf(x.newTensor([4, 5]))).toEqual([4, 5]);
  expect(x.newTensor([4.5], { dtype: 'float64' }).dtype).toBe('float64');
  expect(tensor([1.75]).typeAs(x).dtype).toBe('int32');
});

it('shapes are taken from another tensor, or summed and repeated to one', () => {
  const x = tensor([[1, 2, 3]]);
  expect(x.expandAs(zeros(2, 3)).toArray()).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect(x.reshapeAs(zeros(3, 1)).shape).toEqual([3, 1]);
  expect(x.viewAs(zeros(3)).shape).toEqual([3]);
  expect(x.expandAs(zeros(2, 3)).sumToSize(1, 3).toArray()).toEqual([[2, 4, 6]]);
  expect(() => x.sumToSize(2)).toThrow(ShapeError);
  expect(x.repeat(2, 1).shape).toEqual([2, 3]);
  expect(() => x.repeat(2)).toThrow(
    'repeat: repeats must be a number for each dimension, got x [1, 3] and 1; use tile',
  );
});

it('elements have sizes and signs', () => {
  expect([zeros([2, 3], { dtype: 'float64' }).nbytes, ints(1, 2, 3, 4, 5).nbytes]).toEqual([48, 20]);
  expect([tensor([1]).elementSize(), doubles(1).elementSize(), zeros(1, { dtype: 'uint8' }).elementSize()]).toEqual([
    4, 8, 1,
  ]);
  expect([ints(1).isSigned(), zeros(1, { dtype: 'uint8' }).isSigned(), ints(1).isFloatingPoint()]).toEqual([
    true,
    false,
    false,
  ]);
});

it('polygamma is a method, too: ψ₁(1) = π² / 6', () => {
  const x = tensor([1]);
  expect(x.polygamma(1).item()).toBeCloseTo(Math.PI ** 2 / 6, 5);
  expect(x.polygamma_(1)).toBe(x);
  expect(x.equal(polygamma(1, tensor([1])))).toBe(true);
});
