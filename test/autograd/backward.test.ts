import { describe, expect, it } from 'vitest';
import {
  AutogradError,
  add,
  customFunction,
  DTypeError,
  exp,
  grad,
  gradcheck,
  gradgradcheck,
  graphDot,
  graphText,
  mul,
  noGrad,
  numericalGradient,
  ones,
  relu,
  ShapeError,
  StateError,
  scope,
  type Tensor,
  tensor,
} from '../../lib/index.js';

const leaf = (data: number[], dtype: 'float32' | 'float64' = 'float64'): Tensor =>
  tensor(data, { dtype, requiresGrad: true });
const list = (t: Tensor | null): number[] => Array.from(t?.toTypedArray() ?? []);

describe('backward', () => {
  it('gives the closed form of d(x·y + eˣ)', () => {
    const x = leaf([1, 2]);
    const y = leaf([3, -4]);
    add(mul(x, y), exp(x)).backward(ones([2], { dtype: 'float64' }));
    const wanted = [3 + Math.E, -4 + Math.exp(2)];
    // Windows' eˣ differs from JavaScript's in the last bit.
    expect(list(x.grad)).toEqual(process.platform === 'win32' ? wanted.map((y) => expect.closeTo(y, 14)) : wanted);
    expect(list(y.grad)).toEqual([1, 2]);
  });

  it('adds to grad at each call', () => {
    const x = leaf([2]);
    mul(x, 3).backward();
    mul(x, x).backward();
    expect(list(x.grad)).toEqual([7]);
  });

  it('uses a tensor that appears many times once for each', () => {
    const x = leaf([3]);
    const y = mul(x, x);
    add(add(y, y), mul(y, y)).backward(); // 2x² + x⁴
    expect(list(x.grad)).toEqual([4 * 3 + 4 * 27]);
  });

  it('gives two leaves that share a gradient memory of their own', () => {
    const x = leaf([1, 1]);
    const y = leaf([1, 1]);
    add(x, y).backward(ones([2], { dtype: 'float64' }));
    noGrad(() => x.grad?.fill_(9));
    expect(list(y.grad)).toEqual([1, 1]);
  });

  it('does not take over the gradient that the caller passes', () => {
    const x = leaf([1, 1]);
    const upstream = ones([2], { dtype: 'float64' });
    x.reshape([2]).backward(upstream);
    noGrad(() => x.grad?.fill_(9));
    expect(list(upstream)).toEqual([1, 1]);
    expect(upstream.disposed).toBe(false);
  });

  it('walks a graph of 100,000 operations', () => {
    const x = leaf([1]);
    let y: Tensor = x;
    for (let i = 0; i < 100_000; i++) y = add(y, 1);
    y.backward();
    expect(list(x.grad)).toEqual([1]);
  });

  it('is right for a wide graph of 2,000 branches', () => {
    const x = leaf([2]);
    let sum = mul(x, 0);
    for (let i = 0; i < 2000; i++) sum = add(sum, mul(x, i));
    sum.backward();
    expect(list(x.grad)).toEqual([(1999 * 2000) / 2]);
  });

  it('skips branches without requiresGrad', () => {
    const x = leaf([2]);
    const c = tensor([5], { dtype: 'float64' });
    mul(x, c).backward();
    expect(c.grad).toBeNull();
    expect(list(x.grad)).toEqual([5]);
  });
});

describe('using a graph twice', () => {
  it('is an error that says how to mend it, and changes nothing', () => {
    const x = leaf([2]);
    const y = mul(x, x);
    y.backward();
    expect(() => y.backward()).toThrow(AutogradError);
    expect(() => y.backward()).toThrow(
      'backward: the graph behind mul [1] was used already and its saved tensors are freed; pass { retainGraph: true } to the first backward',
    );
    expect(list(x.grad)).toEqual([4]);
  });

  it('works with retainGraph', () => {
    const x = leaf([2]);
    const y = mul(x, x);
    y.backward({ retainGraph: true });
    y.backward();
    expect(list(x.grad)).toEqual([8]);
  });

  it('notices a part that another graph used up before anything runs', () => {
    const x = leaf([2]);
    const z = leaf([3]);
    const shared = mul(x, x);
    mul(shared, 2).backward();
    const y = mul(add(shared, 1), z);
    expect(() => y.backward()).toThrow(/used already/);
    expect(z.grad).toBeNull();
  });
});

describe('higher order', () => {
  it('differentiates x⁴ four times', () => {
    const x = leaf([2]);
    let y: Tensor = mul(mul(x, x), mul(x, x));
    const values: number[] = [];
    for (let i = 0; i < 4; i++) {
      y = grad(y, x, { createGraph: true })[0] as Tensor;
      values.push(y.item());
    }
    expect(values).toEqual([32, 48, 48, 24]);
  });

  it('backward with createGraph leaves grads that can be differentiated', () => {
    const x = leaf([3]);
    mul(mul(x, x), x).backward({ createGraph: true });
    const second = grad(x.grad as Tensor, x)[0] as Tensor;
    expect(second.item()).toBe(18);
  });
});

describe('grad', () => {
  it('returns gradients and leaves grad alone', () => {
    const x = leaf([2]);
    const y = leaf([5]);
    const [dx, dy] = grad(mul(x, y), [x, y]);
    expect([dx?.item(), dy?.item()]).toEqual([5, 2]);
    expect([x.grad, y.grad]).toEqual([null, null]);
  });

  it('takes tensors that operations made as inputs', () => {
    const x = leaf([2]);
    const h = mul(x, 3);
    const [dh, dx] = grad(mul(h, h), [h, x]);
    expect([dh?.item(), dx?.item()]).toEqual([12, 36]);
  });

  it('names an input that the outputs do not depend on', () => {
    const x = leaf([2]);
    const z = leaf([2, 3]);
    expect(() => grad(mul(x, x), [x, z])).toThrow(
      'grad: the outputs do not depend on input 1 [2]; pass { allowUnused: true } to get null',
    );
    expect(grad(mul(x, x), [x, z], { allowUnused: true })[1]).toBeNull();
  });
});

describe('noGrad, detach, hooks', () => {
  it('noGrad and detach leave the tape', () => {
    const x = leaf([2]);
    expect(noGrad(() => mul(x, x)).requiresGrad).toBe(false);
    const y = mul(x.detach(), x);
    y.backward();
    expect(list(x.grad)).toEqual([2]);
  });

  it('noGrad refuses async functions before it calls them', () => {
    let called = false;
    const fn = async () => {
      called = true;
    };
    expect(() => noGrad(fn)).toThrow(StateError);
    expect(called).toBe(false);
    expect(mul(leaf([1]), 2).requiresGrad).toBe(true);
  });

  it('noGrad ends when its function throws', () => {
    expect(() =>
      noGrad(() => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(mul(leaf([1]), 2).requiresGrad).toBe(true);
  });

  it('retainGrad keeps the gradient of a result', () => {
    const x = leaf([2]);
    const h = mul(x, 3).retainGrad();
    mul(h, h).backward();
    expect(list(h.grad)).toEqual([12]);
    expect(list(x.grad)).toEqual([36]);
  });

  it('hooks see the whole gradient and may replace it', () => {
    const x = leaf([2]);
    const h = mul(x, 3);
    const seen: number[] = [];
    const handle = h.registerHook((g) => {
      seen.push(g.item());
      return mul(g, 10);
    });
    const y = add(mul(h, 2), mul(h, 5));
    y.backward({ retainGraph: true });
    handle.remove();
    y.backward();
    expect(seen).toEqual([7]);
    expect(list(x.grad)).toEqual([210 + 21]);
  });

  it('a hook that is registered twice runs twice, and each handle removes one', () => {
    const x = leaf([2]);
    const h = mul(x, 3);
    const triple = (g: Tensor) => mul(g, 3);
    const [first] = [h.registerHook(triple), h.registerHook(triple)];
    h.backward({ retainGraph: true });
    first.remove();
    first.remove();
    h.backward();
    expect(list(x.grad)).toEqual([27 + 9]);
  });
});

describe('hooks of leaves', () => {
  it('see the whole gradient of a pass and replace what is added to grad', () => {
    const x = leaf([2]);
    const seen: number[] = [];
    const handle = x.registerHook((g) => {
      seen.push(g.item());
      return mul(g, 10);
    });
    const y = () => add(mul(x, 2), mul(x, 5));
    y().backward();
    y().backward();
    handle.remove();
    y().backward();
    expect(seen).toEqual([7, 7]);
    expect(list(x.grad)).toEqual([70 + 70 + 7]);
  });

  it('run for grad, too, and can be differentiated', () => {
    const x = leaf([2]);
    x.registerHook((g) => mul(g, g));
    const [g] = grad(x.pow(3), x, { createGraph: true }) as [Tensor]; // (3x²)² = 9x⁴
    expect(list(g)).toEqual([144]);
    expect(list(grad(g, x, { retainGraph: true })[0] as Tensor)).toEqual([288 * 288]); // 36x³, and the hook again
  });

  it('that throw or return something else change nothing', () => {
    const x = leaf([2]);
    const handle = x.registerHook(() => {
      throw new Error('no');
    });
    const y = mul(x, 3);
    expect(() => y.backward()).toThrow('no');
    handle.remove();
    const other = x.registerHook(() => leaf([1, 2]));
    expect(() => y.backward()).toThrow('hook of a leaf: what it returns must have its shape [1], got [2]');
    other.remove();
    expect(x.grad).toBeNull();
    y.backward();
    expect(list(x.grad)).toEqual([3]);
    expect(() => tensor([1]).registerHook(() => undefined)).toThrow('registerHook: the tensor has no gradient');
  });
});

describe('changes in place', () => {
  it('of a saved tensor are noticed, and nothing is changed', () => {
    const x = leaf([2]);
    const h = mul(x, 3);
    const y = mul(h, h);
    noGrad(() => h.fill_(1));
    expect(() => y.backward()).toThrow(AutogradError);
    expect(() => y.backward()).toThrow(
      'backward of mul: a tensor that it needs (one of [1], [1]) was changed in place after the forward pass; change a clone() instead',
    );
    expect(x.grad).toBeNull();
  });

  it('through a view are noticed too', () => {
    const x = leaf([2, 3]);
    const h = mul(x, 3);
    const y = mul(h, h);
    noGrad(() => h.reshape([2, 1]).fill_(1));
    expect(() => y.backward(ones([2], { dtype: 'float64' }))).toThrow(/changed in place/);
  });

  it('of a tensor that nobody saved are fine', () => {
    const x = leaf([2]);
    const h = mul(x, 3);
    const y = add(h, 1);
    noGrad(() => h.fill_(1));
    y.backward();
    expect(list(x.grad)).toEqual([3]);
  });

  it('of a leaf are refused while gradients are recorded', () => {
    expect(() => leaf([1]).add_(1)).toThrow(
      'add_: in-place changes are not recorded for gradients; wrap it in noGrad(() => …) or use the operation without _',
    );
  });
});

describe('wrong input', () => {
  it('backward of what is not on the tape, not a scalar, with a wrong gradient', () => {
    const x = leaf([1, 2]);
    expect(() => tensor([1]).backward()).toThrow(AutogradError);
    expect(() => mul(x, 2).backward()).toThrow('backward: needs a scalar or an upstream gradient, got a tensor [2]');
    expect(() => mul(x, 2).backward(ones([3], { dtype: 'float64' }))).toThrow(ShapeError);
    expect(() => mul(x, 2).backward(ones([2]))).toThrow(DTypeError);
    expect(() => mul(x, 2).backward({ retain: true } as never)).toThrow('backward: unknown option "retain"');
    expect(x.grad).toBeNull();
  });

  it('requiresGrad on integers and on results', () => {
    expect(() => tensor([1], { dtype: 'int32', requiresGrad: true })).toThrow(DTypeError);
    const y = mul(leaf([1]), 2);
    expect(() => {
      y.requiresGrad = false;
    }).toThrow(AutogradError);
  });
});

describe('customFunction', () => {
  const cube = customFunction(
    'cube',
    (x) => ({ result: mul(mul(x as Tensor, x as Tensor), x as Tensor), saved: [x as Tensor] }),
    (dy, [x]) => [mul(dy, mul(mul(x as Tensor, x as Tensor), 3))],
  );

  it('has the gradients that it says, twice', () => {
    gradcheck((x) => cube(x), [leaf([1.5, -0.5])]);
    gradgradcheck((x) => cube(x), [leaf([1.5, -0.5])]);
  });

  it('is told when its gradient has a wrong shape', () => {
    const wrong = customFunction(
      'wrong',
      (x) => ({ result: mul(x as Tensor, 1) }),
      () => [ones([3], { dtype: 'float64' })],
    );
    expect(() => wrong(leaf([1])).backward()).toThrow(
      'backward of wrong: the gradient of input 0 must have its shape [1], got [3]',
    );
  });

  it('may keep the gradients that it sees', () => {
    let seen: Tensor | null = null;
    const keeps = customFunction(
      'keeps',
      (x) => ({ result: mul(x as Tensor, 1) }),
      (dy) => {
        seen = dy;
        return [dy];
      },
    );
    mul(keeps(leaf([1])), 4).backward();
    expect((seen as unknown as Tensor).item()).toBe(4);
  });
});

describe('gradcheck', () => {
  // Planted faults: each checker must fail on a wrong gradient.
  const wrongFirst = customFunction(
    'wrongFirst',
    (x) => ({ result: mul(x as Tensor, x as Tensor), saved: [x as Tensor] }),
    (dy, [x]) => [mul(dy, mul(x as Tensor, 2.001))],
  );
  // Right once, wrong twice: the second derivative is cut off.
  const wrongSecond = customFunction(
    'wrongSecond',
    (x) => ({ result: mul(x as Tensor, x as Tensor), saved: [x as Tensor] }),
    (dy, [x]) => [mul(dy, mul((x as Tensor).detach(), 2))],
  );

  it('passes a right gradient and fails a wrong one', () => {
    const x = leaf([0.3, -1.2]);
    expect(gradcheck((a) => mul(a, a), [x])).toBe(true);
    expect(() => gradcheck((a) => wrongFirst(a), [x])).toThrow(
      /gradcheck: the gradient of input 0 \[2\] at element 0 is/,
    );
  });

  it('of gradients fails when only the second derivative is wrong', () => {
    const x = leaf([0.3, -1.2]);
    expect(gradcheck((a) => wrongSecond(a), [x])).toBe(true);
    expect(gradgradcheck((a) => mul(a, a), [x])).toBe(true);
    expect(() => gradgradcheck((a) => wrongSecond(a), [x])).toThrow(AutogradError);
  });

  it('wants float64 and at least one gradient', () => {
    expect(() => gradcheck((a) => mul(a, a), [leaf([1], 'float32')])).toThrow(/must be float64/);
    expect(() => gradcheck((a) => mul(a, a), [tensor([1], { dtype: 'float64' })])).toThrow(/must have requiresGrad/);
  });

  it('restores its inputs', () => {
    const x = leaf([0.1, 0.7]);
    expect(Array.from(numericalGradient((a) => mul(a, a), [x])).map((g) => g.toFixed(6))).toEqual([
      '0.200000',
      '1.400000',
    ]);
    expect(list(x)).toEqual([0.1, 0.7]);
  });
});

describe('the graph', () => {
  const make = () => {
    const w = leaf([2]);
    const h = relu(mul(w, tensor([3], { dtype: 'float64' })));
    return { w, y: add(h, h) };
  };

  it('as text names operations, shapes and leaves, and repeats nothing', () => {
    const { w, y } = make();
    expect(graphText(y, { names: [['w', w]] })).toBe(
      ['#1 add [1]', '  #2 relu [1]', '    #3 mul [1]', '      #4 w [1]', '  #2 relu [1] (above)'].join('\n'),
    );
  });

  it('as DOT has a node for each and an arrow for each input', () => {
    const { w, y } = make();
    const dot = graphDot(y, { names: [['w', w]] });
    expect(dot.match(/label=/g)).toHaveLength(4);
    expect(dot.match(/->/g)).toHaveLength(4);
    expect(dot).toMatch(/^digraph gradients \{[\s\S]*\}$/);
    expect(dot).toContain('label="w [1]", shape=box');
  });
});

describe('scope and gradients', () => {
  it('keeps gradients of tensors from outside and what returned graphs need', () => {
    const x = leaf([2]);
    const y = scope(() => {
      mul(x, x).backward();
      return mul(mul(x, x), x);
    });
    expect(list(x.grad)).toEqual([4]);
    y.backward();
    expect(list(x.grad)).toEqual([16]);
  });
});
