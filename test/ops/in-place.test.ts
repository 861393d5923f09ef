// Methods with an underscore write what the operation without it gives, which the tests of its family compare with references.
import { describe, expect, it } from 'vitest';
import { AutogradError, compile, isGradEnabled, noGrad, ShapeError, Tensor, tensor, zeros } from '../../lib/index.js';

type Method = (...args: unknown[]) => Tensor;

const call = (x: Tensor, name: string, args: readonly unknown[]): Tensor =>
  (x as unknown as Record<string, Method>)[name]!.apply(x, [...args]);

const other = () => tensor([[0.5, 2, 1.5]]);
const index = () => tensor([[1, 0, 1]], { dtype: 'int32' });
const square = () => tensor([[1, 2], [3, 4]]); // biome-ignore format: a matrix
const square23 = () => tensor([[1, 0, 2], [-1, 3, 1]]); // biome-ignore format: a matrix
const square33 = () => tensor([1, 2, 3, 4, 5, 6, 7, 8, 10], { shape: [3, 3] });
const given: Record<string, () => unknown[]> = {
  clamp_: () => [-1, { max: 1 }],
  clip_: () => [-1, 1],
  igamma_: () => [other()],
  igammac_: () => [other()],
  ldexp_: () => [tensor([1, -2, 3])],
  maskedScatter_: () => [tensor([1, 0, 1], { dtype: 'uint8' }), tensor([7, 8, 9, 10])],
  mvlgamma_: () => [1],
  polygamma_: () => [1],
  nextafter_: () => [other()],
  put_: () => [tensor([1, 5], { dtype: 'int32' }), tensor([7, 8])],
  renorm_: () => [2, 0, 1.5],
  cumsum_: () => [1],
  elu_: () => [0.5],
  hardtanh_: () => [-0.5, 0.5],
  lerp_: () => [tensor([[1, 2, 3]]), 0.25],
  leakyRelu_: () => [0.3],
  maskedFill_: () => [tensor([1, 0, 1], { dtype: 'uint8' }), 7],
  pow_: () => [2],
  addmm_: () => [square(), square23(), { alpha: 2 }],
  addmv_: () => [square33(), tensor([1, -1, 2]), { beta: 0.5 }],
  addr_: () => [tensor([1, 2]), tensor([3, 4, 5])],
  addbmm_: () => [square().reshape(1, 2, 2), square23().reshape(1, 2, 3)],
  cumprod_: () => [1],
  indexAdd_: () => [0, tensor([1], { dtype: 'int32' }), other(), { alpha: 2 }],
  indexCopy_: () => [0, tensor([1], { dtype: 'int32' }), other()],
  indexFill_: () => [1, tensor([2, 0], { dtype: 'int32' }), 9],
  indexReduce_: () => [0, tensor([1], { dtype: 'int32' }), other(), 'amax'],
  scatter_: () => [0, index(), other()],
  scatterReduce_: () => [0, index(), other(), 'prod'],
  scatterAdd_: () => [0, index(), other()],
  tril_: () => [-1],
};
const more = 'atan2 copysign floorDivide fmod heaviside hypot remainder xlogy'.split(' ').map((name) => `${name}_`);
for (const name of more) given[name] = () => [other()];
for (const name of ['addcdiv_', 'addcmul_']) given[name] = () => [other(), other(), { value: 2 }];
for (const name of ['add_', 'sub_', 'div_', 'mul_', 'eq_', 'ge_', 'gt_', 'le_', 'lt_', 'ne_'])
  given[name] = () => [other()];
for (const name of ['logicalAnd_', 'logicalOr_', 'logicalXor_']) given[name] = () => [zeros(2, 3)];

const values = [0.5, 2, -1.25, 0, 1.5, 3];
const make = () => tensor([values.slice(0, 3), values.slice(3)]);

// Those of whole numbers or batches, those that draw, and those that are written out have tests of their own.
const apart = /^(bitwise|gcd_|lcm_|baddbmm_|bernoulli_|indexPut_|requiresGrad_)/;
const writing = Object.getOwnPropertyNames(Tensor.prototype).filter(
  (name) => name.endsWith('_') && name.slice(0, -1) in Tensor.prototype && !apart.test(name),
);

describe('operations that write their result into their first argument', () => {
  it('are found', () => expect(writing.length).toBeGreaterThan(85));

  it.each(writing)('%s', (name) => {
    const args = given[name] ?? (() => []);
    const wanted = call(make(), name.slice(0, -1), args()).to('float32');
    const x = make();
    const view = x.reshape(6);
    expect(call(x, name, args())).toBe(x);
    expect(x).toEqual(wanted);
    expect(view.toArray(), 'views share the memory').toEqual(x.reshape(6).toArray());
    const step = compile((y: Tensor) => call(y.clone(), name, args()));
    if (args().length === 0 || args().every((arg) => !(arg instanceof Tensor))) {
      expect(step.sync(make())).toEqual(wanted);
    }
  });

  it.each(writing)('%s is refused where it would have to be recorded', (name) => {
    const x = make();
    x.requiresGrad = true;
    const args = given[name] ?? (() => []);
    const text = `${name}: in-place changes are not recorded for gradients; wrap it in noGrad(() => …) or use the operation without _`;
    expect(() => call(x, name, args())).toThrow(AutogradError);
    expect(() => call(x, name, args())).toThrow(text);
    expect(() => call(x.mul(1), name, args())).toThrow(text);
    expect(x.toArray()).toEqual(make().toArray());
    noGrad(() => call(x, name, args()));
    expect(x).toEqual(call(make(), name.slice(0, -1), args()).to('float32'));
    expect(isGradEnabled()).toBe(true);
  });

  it('bits', () => {
    const x = () => tensor([6, -1], { dtype: 'int32' });
    expect(x().bitwiseAnd_(3).toArray()).toEqual([2, 3]);
    expect(x().bitwiseOr_(3).toArray()).toEqual([7, -1]);
    expect(x().bitwiseXor_(3).toArray()).toEqual([5, -4]);
    expect(x().bitwiseNot_().toArray()).toEqual([-7, 0]);
    expect(x().bitwiseLeftShift_(2).toArray()).toEqual([24, -4]);
    expect(x().bitwiseRightShift_(1).toArray()).toEqual([3, -1]);
    expect(x().gcd_(4).toArray()).toEqual([2, 1]);
    expect(x().lcm_(4).toArray()).toEqual([12, 4]);
  });

  it('baddbmm_, of batches', () => {
    const [x, a, b] = [tensor([[[1]], [[2]]]), tensor([[[3]], [[4]]]), tensor([[[5]], [[6]]])];
    expect(x.baddbmm_(a, b, { alpha: 2 })).toBe(x);
    expect(x.toArray()).toEqual([[[1 + 2 * 15]], [[2 + 2 * 24]]]);
  });

  it('also an operand that wants gradients', () => {
    const weight = tensor([1, 2, 3], { requiresGrad: true });
    expect(() => tensor([1, 2, 3]).mul_(weight)).toThrow(AutogradError);
  });

  it('read views of x before they write', () => {
    const x = tensor([1, 2, 3, 4]);
    x.slice({ start: 1 }).mul_(x.slice({ end: 3 }));
    expect(x.toArray()).toEqual([1, 2, 6, 12]);
    x.sub_(x);
    expect(x.toArray()).toEqual([0, 0, 0, 0]);
  });

  it('keep shape and dtype', () => {
    expect(() => tensor([1, 2]).mul_(zeros(3, 2))).toThrow(ShapeError);
    expect(() => tensor([1, 2]).mul_(zeros(3, 2))).toThrow(
      "mul_: the result must have x's shape, got x [2] and a result [3, 2]; use the operation without _",
    );
    expect(tensor([1, 2], { dtype: 'int32' }).gt_(1)).toEqual(tensor([0, 1], { dtype: 'int32' }));
    expect(tensor([7, 2], { dtype: 'uint8' }).sub_(3)).toEqual(tensor([4, 255], { dtype: 'uint8' }));
    expect(
      tensor([1, 2])
        .sub_(tensor([1, 1]), { alpha: 3 })
        .toArray(),
    ).toEqual([-2, -1]);
  });

  it('are noticed by a backward pass that needs the old values', () => {
    const w = tensor([2, 3], { requiresGrad: true });
    const x = tensor([1, 2]);
    const y = w.mul(x).sum();
    x.mul_(2);
    expect(() => y.backward()).toThrow(/changed in place/);
  });
});
