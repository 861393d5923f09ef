// Fused operations against their references, beside those of the op tables: support/fused.ts.
import { describe, expect, it } from 'vitest';
import { fusedGradients, recordFused } from '../../lib/autograd/fused.js';
import { noGrad } from '../../lib/autograd/tape.js';
import { scaledDotProductAttention } from '../../lib/ops/attention.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import { add, exp, mul } from '../../lib/ops/elementwise.js';
import { manualSeed } from '../../lib/ops/generator.js';
import type { Tensor } from '../../lib/tensor.js';
import { checkFused, withGradient } from '../support/fused.js';
import { irregular } from '../support/harness.js';

it('attention with dropout: the reference drops what the kernel has dropped', () => {
  const inputs = [0, 1, 2].map((k) => {
    const values = Float64Array.from({ length: 2 * 5 * 4 }, (_, i) => irregular(40 * k + i));
    return tensor(values, { shape: [2, 5, 4], requiresGrad: true });
  });
  const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
  manualSeed(5);
  const run = () => scaledDotProductAttention(q, k, v, { dropoutP: 0.4, isCausal: true });
  expect([...checkFused(run, inputs, 'dropout')]).toEqual(
    expect.arrayContaining(withGradient('scaledDotProductAttention')),
  );
});

describe('a wrong reference is found', () => {
  // y = x², by "kernels" that are right.
  const square = (x: Tensor, reference: (x: Tensor) => Tensor): Tensor => {
    const y = noGrad(() => mul(x, x));
    const backward = ([dy]: readonly (Tensor | null)[]) => [mul(mul(x, 2), dy as Tensor)];
    recordFused('square', [y], [x], backward, (x) => [reference(x)], [x]);
    return y;
  };
  const checkSquare = (dtype: 'float32' | 'float64', reference: (x: Tensor) => Tensor) => {
    const x = tensor([0.5, -2, 3], { dtype, requiresGrad: true });
    return checkFused(() => square(x, reference), [x], 'planted');
  };

  it.each(['float32', 'float64'] as const)('%s', (dtype) => {
    const off = dtype === 'float32' ? 1e-3 : 1e-9;
    expect([...checkSquare(dtype, (x) => mul(x, x))]).toEqual(['square', 'squareBackward']);
    expect(() => checkSquare(dtype, (x) => mul(mul(x, x), 1 + off))).toThrow(/square: result 0: element/);
    expect(() => checkSquare(dtype, (x) => add(mul(x, x), Number.NaN))).toThrow(/square: result 0: element 0/);
    // The same values with another gradient.
    const detached = (x: Tensor) => mul(x, x.detach());
    expect(() => checkSquare(dtype, detached)).toThrow(/squareBackward: result 0: element/);
    expect(() => checkSquare(dtype, (x) => mul(x.detach(), x.detach()))).toThrow(/squareBackward: result 0: element/);
  });

  it('in a gradient of its own', () => {
    const x = ones([3], { requiresGrad: true });
    const run = (reference: (x: Tensor) => Tensor) => () =>
      fusedGradients(
        'planted',
        [x],
        () => [exp(x)],
        (x) => [reference(x)],
      )[0] as Tensor;
    expect([...checkFused(run(exp), [x], 'planted')]).toEqual(['plantedBackward']);
    expect(() =>
      checkFused(
        run((x) => mul(exp(x), 1.001)),
        [x],
        'planted',
      ),
    ).toThrow(/plantedBackward: result 0/);
    expect(() =>
      checkFused(
        run((x) => exp(x.reshape([3, 1]))),
        [x],
        'planted',
      ),
    ).toThrow(/shape|equal/);
  });
});
