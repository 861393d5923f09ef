// Nested backward passes, started by hooks and backward functions, through graphs that both visit.
import { describe, expect, it } from 'vitest';
import {
  AutogradError,
  add,
  compile,
  customFunction,
  enableGrad,
  exp,
  grad,
  gradcheck,
  gradgradcheck,
  mul,
  nn,
  noGrad,
  randn,
  StateError,
  sin,
  sum,
  type Tensor,
  tanh,
  tensor,
} from '../../lib/index.js';
import { baseOf } from '../../lib/tensor.js';

const leaf = (data: number[]): Tensor => tensor(data, { dtype: 'float64', requiresGrad: true });
const list = (t: Tensor | null | undefined): number[] | null => (t ? Array.from(t.toTypedArray()) : null);

function attempt(fn: () => void): unknown {
  try {
    return fn();
  } catch (error) {
    return error;
  }
}

let depth = 0;

/** A hook that calls `fn` in passes that are less than `deepest` deep inside of others: those of `fn` call it again. */
function hook(x: Tensor, deepest: number, fn: () => void): void {
  if (x.isLeaf) return; // under noGrad
  x.registerHook(() => {
    if (depth >= deepest) return;
    depth++;
    try {
      fn();
    } finally {
      depth--;
    }
  });
}

/** l = Σ 4x² + 6x. When the gradient of b is whole, that of a is not: the second summand has arrived there, the first has not. */
function make(): { x: Tensor; b: Tensor; l: Tensor } {
  const x = leaf([1, 2, 3]);
  const a = mul(x, 1);
  const b = mul(a, 2);
  return { x, b, l: sum(add(mul(b, b), mul(a, 6))) };
}

/**
 * 24 elementwise operations on results chosen at random, and the sum of the last and of a few others; differentiated by dual
 * numbers in plain JavaScript.
 */
class RandomGraph {
  private readonly steps: { kind: number; a: number; b: number }[] = [];
  private readonly ends: number[];
  private readonly values = [
    [0.3, -0.7],
    [1.1, 0.4],
  ];

  constructor(seed: number) {
    let state = seed * 7919 + 1;
    const below = (n: number): number => {
      state = (state * 16807) % 2147483647;
      return state % n;
    };
    for (let i = 0; i < 24; i++) {
      this.steps.push({ kind: below(4), a: Math.max(0, i + 1 - below(6)), b: below(i + 2) });
    }
    this.ends = [25, 2 + below(24), 2 + below(24)];
  }

  record(): { leaves: Tensor[]; results: Tensor[]; loss: Tensor } {
    const leaves = this.values.map(leaf);
    const all = leaves.slice();
    for (const { kind, a, b } of this.steps) {
      const [x, y] = [all[a] as Tensor, all[b] as Tensor];
      all.push(kind === 0 ? add(x, y) : kind === 1 ? tanh(mul(x, y)) : kind === 2 ? sin(add(x, y)) : mul(tanh(x), 0.9));
    }
    const loss = this.ends.map((i) => sum(all[i] as Tensor)).reduce((x, y) => add(x, y));
    return { leaves, results: all.slice(2), loss };
  }

  /** ∂loss/∂leaf, for each leaf and element. */
  derivatives(): number[][] {
    return [0, 1].map((which) => [0, 1].map((element) => this.derivative(which, element)));
  }

  private derivative(which: number, element: number): number {
    const dual = this.values.map((v, i): readonly [number, number] => [v[element] as number, i === which ? 1 : 0]);
    for (const { kind, a, b } of this.steps) {
      const [[x, dx], [y, dy]] = [dual[a] as readonly [number, number], dual[b] as readonly [number, number]];
      const slope = (t: number): number => 1 - Math.tanh(t) ** 2;
      if (kind === 0) dual.push([x + y, dx + dy]);
      else if (kind === 1) dual.push([Math.tanh(x * y), slope(x * y) * (dx * y + x * dy)]);
      else if (kind === 2) dual.push([Math.sin(x + y), Math.cos(x + y) * (dx + dy)]);
      else dual.push([0.9 * Math.tanh(x), 0.9 * slope(x) * dx]);
    }
    return this.ends.reduce((total, i) => total + (dual[i] as readonly [number, number])[1], 0);
  }
}

describe('a pass inside another one on the same graph', () => {
  it('changes neither what that one gathers nor its own result: d(4x² + 6x) = 8x + 6', () => {
    const { x, b, l } = make();
    const inner: (number[] | null)[] = [];
    hook(b, 1, () => inner.push(list(grad([l], [x], { retainGraph: true })[0])));
    l.backward({ retainGraph: true });
    expect(list(x.grad)).toEqual([14, 22, 30]);
    expect(inner).toEqual([[14, 22, 30]]);
  });

  it('adds to the same leaves when it is a backward', () => {
    const { x, b, l } = make();
    hook(b, 2, () => l.backward({ retainGraph: true }));
    l.backward();
    expect(list(x.grad)).toEqual([3 * 14, 3 * 22, 3 * 30]);
  });

  it('may start from the gradient that the hook was given', () => {
    const x = leaf([1, 2]);
    const five = sum(mul(x, 5));
    const b = add(x, 0); // hands its gradient on as it is
    let seen: Tensor | undefined;
    b.registerHook((g) => {
      const y = enableGrad(() => add(x, 0));
      seen = grad([y], [x], { gradOutputs: [g], createGraph: true })[0]; // g itself
      return undefined;
    });
    add(sum(mul(b, b)), five).backward(); // d(x² + 5x)
    expect(list(seen)).toEqual([2, 4]);
    expect(list(x.grad)).toEqual([7, 9]);
  });

  // Every operation's result has a hook; each of them differentiates the whole, or a part with its own upstream gradient.
  const network = (x: Tensor, z: Tensor, deepest: number, createGraph: boolean): Tensor => {
    const a = mul(x, z);
    const b = tanh(add(a, x));
    const c = mul(exp(mul(b, 0.5)), sin(a));
    const d = add(mul(c, b), mul(a, a));
    const l = sum(mul(d, c));
    const options = { retainGraph: true, createGraph };
    for (const h of [a, b, c, d, l]) hook(h, deepest, () => grad([l], [x, z], options));
    for (const h of [a, b])
      hook(h, 1, () => grad([d, c], [z, a], { ...options, gradOutputs: [d.detach(), b.detach()] }));
    return l;
  };

  it.each([1, 2])('agrees with central differences, hooks of all results %i deep', (deepest) => {
    const inputs = [leaf([0.3, -0.7]), leaf([1.1, 0.4])];
    expect(gradcheck((x, z) => network(x as Tensor, z as Tensor, deepest, false), inputs)).toBe(true);
    expect(gradcheck((x, z) => network(x as Tensor, z as Tensor, 1, true), inputs)).toBe(true);
    expect(gradgradcheck((x, z) => network(x as Tensor, z as Tensor, 1, false), inputs)).toBe(true);
  });

  it.each(Array.from({ length: 20 }, (_, seed) => [seed]))('agrees with dual numbers on random graph %i', (seed) => {
    const graph = new RandomGraph(seed);
    const truth = graph.derivatives();
    const close = (found: readonly (Tensor | null)[], k = 1): void => {
      found.forEach((g, i) => {
        const wanted = truth[i] as number[];
        (list(g) ?? wanted.map(() => 0)).forEach((value, e) => {
          expect(Math.abs(value - k * (wanted[e] as number))).toBeLessThan(
            1e-9 * k * (1 + Math.abs(wanted[e] as number)),
          );
        });
      });
    };
    const { leaves, results, loss } = graph.record();
    let passes = 0;
    let backwards = 0;
    for (const [i, y] of results.entries()) {
      if (i % 3 === seed % 3) continue;
      hook(y, 1 + (seed % 3), () => {
        if (passes++ > 60) return; // each pass calls all hooks
        if (i % 2 === 0)
          close(grad([loss], leaves, { retainGraph: true, createGraph: i % 4 === 0, allowUnused: true }));
        else {
          loss.backward({ retainGraph: true });
          backwards++;
        }
      });
    }
    loss.backward();
    backwards++;
    expect(passes).toBeGreaterThan(0);
    close(
      leaves.map((x) => x.grad),
      backwards,
    );
  });

  it('agrees with central differences where an operation has several results', () => {
    const lstm = new nn.LSTM(2, 3, { dtype: 'float64' });
    const run = (x: Tensor): Tensor => {
      const [y, [h, c]] = lstm.forward(x) as [Tensor, [Tensor, Tensor]];
      const l = add(sum(mul(y, y)), sum(mul(h, c)));
      for (const t of [y, h, c]) hook(t, 2, () => grad([l], [x], { retainGraph: true }));
      return l;
    };
    const x = randn([3, 1, 2], { dtype: 'float64', requiresGrad: true });
    expect(gradcheck((t) => run(t as Tensor), [x])).toBe(true);
    run(x).backward();
    expect(list(x.grad)).toEqual(list(grad([run(x)], [x])[0]));
  });

  it('may differentiate a graph of its own, and use it up', () => {
    // The segment is computed again in backward: what checkpointing does.
    const segment = (x: Tensor): Tensor => mul(tanh(x), sin(x));
    const checkpointed = customFunction(
      'checkpointed',
      (x) => ({ result: segment(x as Tensor), saved: [x as Tensor] }),
      (dy, [x]) => {
        const input = (x as Tensor).detach();
        input.requiresGrad = true;
        const y = enableGrad(() => segment(input));
        return [grad([y], [input], { gradOutputs: [dy] })[0] as Tensor];
      },
    );
    expect(gradcheck((x) => checkpointed(checkpointed(x as Tensor)), [leaf([0.4, -1.2])])).toBe(true);
  });
});

describe('a pass inside another one that would use up the graph', () => {
  const text =
    /^backward: a backward pass that is running needs the graph behind (sum|add|mul) \[3?\]; pass { retainGraph: true } to the one inside it$/;

  it('is refused, and the outer one is right', () => {
    const { x, b, l } = make();
    hook(b, 1, () => {
      expect(() => grad([l], [x])).toThrow(AutogradError);
      expect(() => l.backward()).toThrow(text);
    });
    l.backward();
    expect(list(x.grad)).toEqual([14, 22, 30]);
  });

  it('is refused in a backward function, where the graph stays usable', () => {
    const x = leaf([1, 2]);
    let l: Tensor | null = null;
    let greedy = true;
    const square = customFunction(
      'square',
      (t) => ({ result: mul(t as Tensor, t as Tensor), saved: [t as Tensor] }),
      (dy, [t]) => {
        if (greedy) l?.backward();
        return [mul(dy, mul(t as Tensor, 2))];
      },
    );
    l = sum(square(mul(x, 3)));
    expect(() => (l as Tensor).backward()).toThrow(text);
    expect(x.grad).toBeNull();
    greedy = false;
    l.backward();
    expect(list(x.grad)).toEqual([18, 36]);
  });

  it('is refused at any depth', () => {
    const { x, b, l } = make();
    let refused = 0;
    hook(b, 2, () => {
      grad([l], [x], { retainGraph: true });
      expect(() => grad([l], [x])).toThrow(text);
      refused++;
    });
    l.backward();
    expect(refused).toBe(1 + 1);
    expect(list(x.grad)).toEqual([14, 22, 30]);
  });
});

describe('a hook that changes a tensor which the rest of the pass needs', () => {
  it('is noticed', () => {
    const x = leaf([1, 2]);
    const a = mul(x, 2);
    const b = mul(a, a);
    b.registerHook(() => {
      noGrad(() => a.fill_(0));
      return undefined;
    });
    expect(() => sum(b).backward()).toThrow(
      'backward of mul: a tensor that it needs (one of [2], [2]) was changed in place after the forward pass; change a clone() instead',
    );
    expect(x.grad).toBeNull();
  });
});

describe('a pass that fails', () => {
  const boom = (): never => {
    throw new Error('mine');
  };

  it.each([false, true])('leaves graph and gradients as they were, retainGraph %s', (retainGraph) => {
    const [x, z] = [leaf([1, 2]), leaf([3, 4])];
    const b = mul(x, z);
    const y = add(mul(b, b), z).retainGrad();
    mul(x, 10).backward(tensor([1, 1], { dtype: 'float64' }));
    const before = x.grad as Tensor;
    const version = baseOf(before).version;
    const handle = b.registerHook(boom);
    for (let i = 0; i < 3; i++) {
      expect(() => sum(y).backward({ retainGraph })).toThrow('mine');
      expect(() => grad([sum(y)], [x, z], { retainGraph })).toThrow('mine');
      expect(x.grad).toBe(before);
      expect([list(x.grad), list(z.grad), list(y.grad)]).toEqual([[10, 10], null, null]);
      expect(baseOf(before).version).toBe(version);
    }
    handle.remove();
    sum(y).backward({ retainGraph }); // x²z² + z
    expect(list(x.grad)).toEqual([10 + 2 * 1 * 9, 10 + 2 * 2 * 16]);
    expect(list(z.grad)).toEqual([2 * 3 * 1 + 1, 2 * 4 * 4 + 1]);
    expect(list(y.grad)).toEqual([1, 1]);
  });

  it('leaves the memory that a recurrent layer saved', () => {
    const lstm = new nn.LSTM(2, 3, { dtype: 'float64' });
    const x = randn([3, 1, 2], { dtype: 'float64', requiresGrad: true });
    const h = mul(x, 2);
    const loss = (): Tensor => sum(mul((lstm.forward(h) as [Tensor, unknown])[0], 2));
    const handle = h.registerHook(boom);
    const l = loss();
    expect(() => l.backward()).toThrow('mine');
    handle.remove();
    l.backward({ retainGraph: true });
    const found = list(x.grad);
    expect(found).toEqual(list(grad([loss()], [x])[0]));
  });

  it('does not use up a graph where grad finds an input unused', () => {
    const [x, z] = [leaf([2]), leaf([3])];
    const y = mul(x, x);
    expect(() => grad([y], [x, z])).toThrow(/do not depend on input 1/);
    expect(list(grad([y], [x])[0])).toEqual([4]);
  });

  it('adds to no gradient when one is in use by a compiled step', async () => {
    const [x, z] = [leaf([1, 2]), leaf([3, 4])];
    const slow = randn([600, 600]);
    const step = compile((g: Tensor) => [
      mul(g, 2),
      Array.from({ length: 30 }).reduce((y: Tensor) => y.matmul(slow), slow),
    ]);
    await step(tensor([0, 0], { dtype: 'float64' }));
    sum(mul(x, z)).backward();
    const waiting = step(z.grad as Tensor);
    const l = sum(mul(x, z));
    const failed = attempt(() => l.backward());
    const kept = list(x.grad);
    expect(failed).toBeInstanceOf(StateError);
    expect((failed as Error).message).toMatch(/^backward: a tensor is in use by a compiled step/);
    expect([kept, list((await waiting)[0])]).toEqual([
      [3, 4],
      [2, 4],
    ]);
    l.backward();
    expect([list(x.grad), list(z.grad)]).toEqual([
      [6, 8],
      [2, 4],
    ]);
  });

  it.each([undefined, null, 1, [], [null, null]])('is told what a backward function returned: %j', (returned) => {
    const wrong = customFunction(
      'wrong',
      (x) => ({ result: mul(x as Tensor, 1) }),
      () => returned as never,
    );
    const y = wrong(leaf([1]));
    expect(() => y.backward()).toThrow(AutogradError);
    expect(() => y.backward()).toThrow(
      /^backward of wrong: must return an array with one gradient per input \(1\), got /,
    );
  });
});
