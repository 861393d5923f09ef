// Derivatives of functions: closed forms, and products that must agree with the whole matrices.
import { describe, expect, it } from 'vitest';
import { autograd, linalg, randn, type Tensor, tensor } from '../../lib/index.js';

const { functional } = autograd;
const float64 = { dtype: 'float64' } as const;
const close = (got: unknown, want: Tensor): void => {
  const g = got as Tensor;
  expect(g.shape).toEqual(want.shape);
  expect(g.sub(want).abs().sum().item()).toBeLessThan(1e-10);
};

describe('torch.autograd.functional', () => {
  const a = randn(3, 4, float64);
  const x = randn([4], float64);
  const linear = (t: Tensor): Tensor => a.matmul(t.reshape(4, 1)).reshape(3);

  it('jacobian of a linear function is its matrix; of x², twice the diagonal', () => {
    close(functional.jacobian(linear, x), a);
    const square = functional.jacobian((t) => t.square(), tensor([1, 2, 3], float64)) as Tensor;
    expect(square.toArray()).toEqual([
      [2, 0, 0],
      [0, 4, 0],
      [0, 0, 6],
    ]);
  });

  it('several inputs and results, and one on which nothing depends', () => {
    const [u, v] = [tensor([1, 2], float64), tensor([3, 4], float64)];
    const j = functional.jacobian((s, t) => [s.mul(t), s.add(1)], [u, v]) as Tensor[][];
    expect(j.map((row) => row.map((t) => t.toArray()))).toEqual([
      [
        [
          [3, 0],
          [0, 4],
        ],
        [
          [1, 0],
          [0, 2],
        ],
      ],
      [
        [
          [1, 0],
          [0, 1],
        ],
        [
          [0, 0],
          [0, 0],
        ],
      ],
    ]);
  });

  it('hessian of xᵀBx is B + Bᵀ', () => {
    const b = randn(4, 4, float64);
    const form = (t: Tensor): Tensor => t.mul(b.matmul(t.reshape(4, 1)).reshape(4)).sum();
    close(functional.hessian(form, x), b.add(b.transpose(0, 1)));
    const blocks = functional.hessian((s, t) => s.mul(t).sum(), [x, x.mul(2)]) as Tensor[][];
    close(blocks[0]?.[1], functional.jacobian((t) => t.mul(1), x) as Tensor);
    close(blocks[0]?.[0], randn(4, 4, float64).mul(0));
  });

  it('products agree with the matrices', () => {
    const f = (t: Tensor): Tensor => linear(t.sin()).exp();
    const j = functional.jacobian(f, x) as Tensor;
    const [u, v] = [randn([3], float64), randn([4], float64)];
    close(functional.vjp(f, x, u)[1], u.reshape(1, 3).matmul(j).reshape(4));
    close(functional.jvp(f, x, v)[1], j.matmul(v.reshape(4, 1)).reshape(3));
    close(functional.vjp(f, x, u)[0], f(x));
    const g = (t: Tensor): Tensor => f(t).sum();
    const h = functional.hessian(g, x) as Tensor;
    close(functional.hvp(g, x, v)[1], h.matmul(v.reshape(4, 1)).reshape(4));
    close(functional.vhp(g, x, v)[1], h.matmul(v.reshape(4, 1)).reshape(4));
  });

  it('createGraph: derivatives can be differentiated again', () => {
    const p = tensor([0.5, 1.5], { ...float64, requiresGrad: true });
    const j = functional.jacobian((t) => t.pow(3), p, { createGraph: true }) as Tensor;
    linalg.diagonal(j).sum().backward();
    close(p.grad, tensor([3, 9], float64)); // d 3p² = 6p
  });

  it('wrong input', () => {
    const f = (t: Tensor): Tensor => t.square();
    expect(() => functional.hessian(f, x)).toThrow('hessian: f must return one number, got [4]; sum() or mean() it');
    expect(() => functional.vjp(f, x)).toThrow('vjp: v must be given unless the result is one number');
    expect(() => functional.jvp(f, x, randn([3], float64))).toThrow(
      'jvp: v must have the shape of the inputs, [4], got [3]',
    );
    expect(() => functional.jacobian(3 as never, x)).toThrow('jacobian: f must be a function, got 3');
    expect(() => functional.jacobian(f, [])).toThrow('jacobian: inputs must be at least one tensor, got none');
    expect(() => functional.jacobian(f, tensor([1], { dtype: 'int32' }))).toThrow('input 0 must be float32 or float64');
    // @ts-expect-error PyTorch's other options
    expect(() => functional.jacobian(f, x, { vectorize: true })).toThrow('unknown option "vectorize"');
  });
});
