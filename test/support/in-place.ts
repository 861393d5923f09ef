// The table of in-place methods. Methods with an underscore write what the operation without it gives, which the tests of its family compare with references.
import { expect, it } from 'vitest';
import { AutogradError, compile, isGradEnabled, noGrad, Tensor, tensor, zeros } from '../../lib/index.js';

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
  sub_: () => [other()],
  tril_: () => [-1],
};
const more = 'atan2 copysign floorDivide fmod heaviside hypot remainder xlogy'.split(' ').map((name) => `${name}_`);
for (const name of more) given[name] = () => [other()];
for (const name of ['addcdiv_', 'addcmul_']) given[name] = () => [other(), other(), { value: 2 }];
for (const name of ['div_', 'mul_', 'eq_', 'ge_', 'gt_', 'le_', 'lt_', 'ne_']) given[name] = () => [other()];
for (const name of ['logicalAnd_', 'logicalOr_', 'logicalXor_']) given[name] = () => [zeros(2, 3)];

const values = [0.5, 2, -1.25, 0, 1.5, 3];
const make = () => tensor([values.slice(0, 3), values.slice(3)]);

/** The methods of one of the library's files. `least`: how many there are at least. */
export function testInPlace(file: object, least: number): void {
  const writing = Object.keys(file).filter((name) => name.endsWith('_') && !name.startsWith('bitwise'));

  it('are found', () => expect(writing.length).toBeGreaterThan(least));

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
}
