// Hooks of modules: before, after and behind forward, eager and compiled.
import { describe, expect, it } from 'vitest';
import { compile, grad, nn, noGrad, ones, type Tensor, tensor } from '../../lib/index.js';
import { errorOf } from '../support/refusals.js';

const values = (t: Tensor | null | undefined): unknown => t?.toArray();
const textOf = (run: () => unknown): string => (errorOf(run) as Error).message;

/** y = 2 a + 3 b, and a · b. */
class Pair extends nn.Module {
  forward(a: Tensor, b: Tensor, _note?: string): [Tensor, Tensor] {
    return [a.mul(2).add(b.mul(3)), a.mul(b)];
  }
}

const double = () => {
  const layer = new nn.Linear(1, 1, { bias: false });
  noGrad(() => layer.weight.fill_(2));
  return layer;
};

describe('forward hooks', () => {
  it('run in order, before and after, see and replace inputs and outputs', () => {
    const layer = double();
    const seen: unknown[] = [];
    layer.registerForwardPreHook((module, inputs) => {
      seen.push('pre 1', module === layer, values(inputs[0]));
    });
    layer.registerForwardPreHook((_, [x]) => x.add(1));
    layer.registerForwardPreHook(() => void seen.push('pre 0'), { prepend: true });
    layer.registerForwardHook((_, [x], y) => {
      seen.push('post', values(x), values(y));
      return y.neg();
    });
    expect(values(layer.forward(tensor([[3]])))).toEqual([[-8]]);
    expect(seen).toEqual(['pre 0', 'pre 1', true, [[3]], 'post', [[4]], [[8]]]);
  });

  it('end with remove, each by itself, also when one function is registered twice', () => {
    const layer = double();
    const add = (_: nn.Module, __: Tensor[], y: Tensor) => y.add(1);
    const handles = [layer.registerForwardHook(add), layer.registerForwardHook(add)];
    const run = () => layer.forward(tensor([[1]])).item();
    expect(run()).toBe(4);
    handles[0]?.remove();
    handles[0]?.remove();
    expect(run()).toBe(3);
    handles[1]?.remove();
    expect(run()).toBe(2);
    expect(Object.hasOwn(layer, '_around')).toBe(false);
  });

  it('several inputs and outputs, with an array or one value', () => {
    const pair = new Pair();
    const pre = pair.registerForwardPreHook((_, [a, b]) => [b, a]);
    const [y] = pair.forward(tensor([1]), tensor([10]));
    expect(values(y)).toEqual([23]);
    pre.remove();
    pair.registerForwardHook((_, inputs, outputs) => [inputs.length, outputs.length]);
    expect(pair.forward(ones([1]), ones([1]), 'note')).toEqual([3, 2]);
  });

  it('run once where forward calls super.forward, and where it is a property', () => {
    class Wide extends nn.Linear {
      override forward(x: Tensor): Tensor {
        return super.forward(x).mul(10);
      }
    }
    class Field extends nn.Module {
      forward = (x: Tensor): Tensor => x.mul(5);
    }
    for (const layer of [new Wide(1, 1), new Field(), new (class extends Wide {})(1, 1)]) {
      let calls = 0;
      layer.registerForwardHook(() => void calls++);
      layer.registerForwardPreHook(() => void calls++);
      layer.forward(ones([1, 1]));
      expect(calls).toBe(2);
    }
  });

  it('of layers that would run fused with their neighbour', () => {
    for (const hooked of [0, 1]) {
      const model = nn.sequential(double(), new nn.ReLU());
      let calls = 0;
      model.children()[hooked]?.registerForwardHook(() => void calls++);
      expect(model.forward(tensor([[-1], [1]])).toArray()).toEqual([[0], [2]]);
      expect(calls).toBe(1);
    }
    const encoder = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 3 });
    let shape: unknown;
    const { linear1 } = encoder as unknown as { linear1: nn.Linear };
    linear1.registerForwardHook((_, __, y) => {
      shape = y.shape;
    });
    encoder.forward(ones([2, 1, 4]));
    expect(shape).toEqual([2, 1, 3]);
  });

  it('errors in them have the path of the module', () => {
    const model = nn.sequential(new nn.Identity(), double());
    model.children()[1]?.registerForwardHook((_, __, y) => y.reshape([7]));
    expect(textOf(() => model.forward(ones([1, 1])))).toMatch(/^1 \(Linear\): reshape: /);
    expect(textOf(() => model.registerForwardHook(3 as never))).toBe(
      'registerForwardHook: hook must be a function, got 3',
    );
    expect(textOf(() => model.registerForwardPreHook(() => {}, { before: true } as never))).toBe(
      'registerForwardPreHook: unknown option "before"; known are prepend',
    );
  });
});

describe('backward hooks', () => {
  it('see the gradients of inputs and outputs', () => {
    const pair = new Pair();
    const seen: unknown[] = [];
    pair.registerFullBackwardHook((module, gradInput, gradOutput) => {
      seen.push(module === pair, gradInput.map(values), gradOutput.map(values));
    });
    const [a, b] = [tensor([5], { requiresGrad: true }), tensor([7], { requiresGrad: true })];
    const [y, z] = pair.forward(a, b, 'note');
    y.mul(10).add(z.mul(100)).sum().backward();
    // d/da = 10 · 2 + 100 · 7, d/db = 10 · 3 + 100 · 5
    expect(seen).toEqual([true, [[720], [530], undefined], [[10], [100]]]);
    expect([values(a.grad), values(b.grad)]).toEqual([[720], [530]]);
  });

  it('may keep them', () => {
    const layer = double();
    const kept: (Tensor | null | undefined)[] = [];
    layer.registerFullBackwardHook((_, [dx], [dy]) => {
      kept.push(dx, dy);
      return dx?.mul(1);
    });
    const x = tensor([[3]], { requiresGrad: true });
    for (const factor of [1, 10, 100]) layer.forward(x.mul(1)).mul(factor).sum().backward();
    expect(kept.map(values)).toEqual([[[2]], [[1]], [[20]], [[10]], [[200]], [[100]]]);
    expect(values(x.grad)).toEqual([[222]]);
  });

  it('replace them: before the module, and behind it', () => {
    const layer = double();
    const x = tensor([[3]], { requiresGrad: true });
    layer.registerFullBackwardPreHook((_, [dy]) => [dy?.mul(10) ?? null]);
    const first = layer.registerFullBackwardHook((_, [dx]) => dx?.add(0.5));
    layer.registerFullBackwardHook((_, [dx]) => [dx?.neg() ?? null]);
    layer.forward(x).backward(ones([1, 1]));
    expect([values(layer.weight.grad), values(x.grad)]).toEqual([[[30]], [[-20.5]]]);
    first.remove();
    x.grad = null;
    layer.forward(x).backward(ones([1, 1]));
    expect(values(x.grad)).toEqual([[-20]]);
  });

  it('have null where an input has no gradient, and run where none has', () => {
    const pair = new Pair();
    const seen: unknown[] = [];
    const handle = pair.registerFullBackwardHook((_, gradInput, gradOutput) => {
      seen.push(gradInput.map(values), gradOutput.map(values));
    });
    const b = tensor([7], { requiresGrad: true });
    pair.forward(tensor([5]), b)[1].backward(ones([1]));
    expect(seen).toEqual([
      [undefined, [5]],
      [undefined, [1]],
    ]);
    handle.remove();

    const layer = double();
    layer.registerFullBackwardHook((_, ...gradients) => void seen.push(gradients.map((list) => list.map(values))));
    layer.forward(tensor([[3]])).backward(ones([1, 1]));
    expect(seen.at(-1)).toEqual([[undefined], [[[1]]]]);
    noGrad(() => layer.forward(tensor([[3]], { requiresGrad: true })));
    expect(seen).toHaveLength(3);
  });

  it('differentiate again', () => {
    const layer = new (class extends nn.Module {
      forward(x: Tensor): Tensor {
        return x.pow(3);
      }
    })();
    layer.registerFullBackwardHook((_, [dx]) => [dx?.mul(dx) ?? null]);
    const x = tensor([2], { requiresGrad: true, dtype: 'float64' });
    const [dx] = grad([layer.forward(x).sum()], [x], { createGraph: true });
    expect(values(dx)).toEqual([144]); // (3 x²)²
    expect(values(grad([(dx as Tensor).sum()], [x])[0])).toEqual([288]); // 36 x³
  });

  it('that return something else are refused', () => {
    const layer = double();
    const run = () => layer.forward(tensor([[3]], { requiresGrad: true })).backward(ones([1, 1]));
    const rule = 'the hook must return nothing, or one gradient or null for each of 1, got';
    for (const [returned, got] of [
      [3, '3'],
      [[], '[]'],
      [[null, null], 'an array of 2'],
    ] as const) {
      const handle = layer.registerFullBackwardHook(() => returned);
      expect(textOf(run)).toBe(`registerFullBackwardHook: ${rule} ${got}`);
      handle.remove();
      const pre = layer.registerFullBackwardPreHook(() => returned);
      expect(textOf(run)).toBe(`registerFullBackwardPreHook: ${rule} ${got}`);
      pre.remove();
    }
    layer.registerFullBackwardHook(() => ones([2]));
    expect(textOf(run)).toBe('backward of Linear: the gradient of input 0 must have its shape [1, 1], got [2]');
    const other = double();
    other.registerFullBackwardHook(() => ones([1, 1]));
    expect(textOf(() => other.forward(tensor([[3]])).backward(ones([1, 1])))).toBe(
      'registerFullBackwardHook: no input of Linear has a gradient, and none can be replaced; return nothing',
    );
  });
});

describe('in a compiled function', () => {
  it('hooks run while it is recorded, and what they compute is part of the step', () => {
    const layer = double();
    let calls = 0;
    const step = compile((x: Tensor) => noGrad(() => layer.forward(x)));
    const run = (x: number): number => step.sync(tensor([[x]])).item();
    expect(run(1)).toBe(2);
    const handle = layer.registerForwardHook((_, __, y) => {
      calls++;
      return y.add(100);
    });
    expect([run(1), run(2), run(3)]).toEqual([102, 104, 106]);
    expect(calls).toBe(1);
    const pre = layer.registerForwardPreHook((_, [x]) => x.neg());
    expect([run(1), run(2)]).toEqual([98, 96]);
    pre.remove();
    handle.remove();
    expect([run(1), run(2)]).toEqual([2, 4]);
  });

  it('gradients are hooked, too, as in eager', () => {
    const gradients = (compiled: boolean): unknown[] => {
      const layer = double();
      layer.registerFullBackwardPreHook((_, [dy]) => [dy?.mul(10) ?? null]);
      layer.registerFullBackwardHook((_, [dx]) => [dx?.neg() ?? null]);
      const run = (x: Tensor) => grad([layer.forward(x.mul(3)).sum()], [layer.weight]);
      const inner = (x: Tensor) => {
        const scaled = layer.forward(x.mul(layer.weight));
        return grad([scaled.sum()], [layer.weight]);
      };
      return [run, inner].flatMap((f) => {
        const call = compiled ? compile(f).sync : f;
        return [1, 2, 3].map((v) => (call(tensor([[v]])) as Tensor[]).map(values));
      });
    };
    const eager = gradients(false);
    // scaled = w · (w x): through the module's weight 10 w x, through its input -10 w x
    expect(eager).toEqual([[[[30]]], [[[60]]], [[[90]]], [[[0]]], [[[0]]], [[[0]]]]);
    expect(gradients(true)).toEqual(eager);
  });
});
