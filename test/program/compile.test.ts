// What decides which program a call of a compiled function replays: shapes, structure, modes, options.
import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  add,
  type CompiledStep,
  compile,
  mul,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  StateError,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { bits, classes, entropy, message, net, training } from '../support/compiled.js';

/** A function that counts how often JavaScript runs it. */
function counted<A extends unknown[], R>(
  fn: (...args: A) => R,
  options = {},
): { step: CompiledStep<A, R>; calls: () => number } {
  let calls = 0;
  const step = compile((...args: A): Tensor => {
    calls++;
    return fn(...args) as Tensor;
  }, options);
  return { step: step as unknown as CompiledStep<A, R>, calls: () => calls };
}

describe('a program is recorded once for each', () => {
  it('shape and dtype', () => {
    const { step, calls } = counted((x: Tensor) => mul(x, 2));
    for (let i = 0; i < 3; i++) for (const n of [1, 2, 3]) expect(step.sync(ones([n])).size).toBe(n);
    expect(calls()).toBe(3);
    expect(step.sync(ones([2], { dtype: 'float64' })).dtype).toBe('float64');
    expect(calls()).toBe(4);
  });

  it('the least recently used goes', () => {
    const { step, calls } = counted((x: Tensor) => mul(x, 2), { maxPrograms: 2 });
    const call = (n: number): number => {
      step.sync(ones([n]));
      return calls();
    };
    expect([call(1), call(2), call(1), call(3), call(1), call(2)]).toEqual([1, 2, 2, 3, 3, 4]);
  });

  it('mode of the modules that it asked', () => {
    const inside = new nn.Dropout();
    const elsewhere = new nn.Dropout();
    const { step, calls } = counted((x: Tensor) => inside.forward(x));
    const x = ones([1000]);
    const kept = (): number =>
      step
        .sync(x)
        .toTypedArray()
        .filter((v) => v === 1).length;
    expect(kept()).toBe(0);
    inside.eval();
    expect(kept()).toBe(1000);
    expect(calls()).toBe(2);
    inside.train();
    elsewhere.eval();
    expect(kept()).toBe(0);
    inside.eval();
    expect(kept()).toBe(1000);
    expect(calls()).toBe(2);
  });

  it('choice of the parameters that are trained', () => {
    const model = net();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const { step, calls } = counted(training(model, optimizer, entropy(model), []).step);
    const batch = classes();
    const frozen = model.parameters()[0] as Tensor;
    step.sync(...batch);
    frozen.requiresGrad = false;
    const before = [bits(frozen), bits(model.parameters()[1] as Tensor)];
    step.sync(...batch);
    step.sync(...batch);
    expect(calls()).toBe(2);
    expect(bits(frozen)).toBe(before[0]);
    expect(bits(model.parameters()[1] as Tensor)).not.toBe(before[1]);
    frozen.requiresGrad = true;
    step.sync(...batch);
    expect(calls()).toBe(2);
    expect(bits(frozen)).not.toBe(before[0]);
  });

  it('recorded gradients or none, and requiresGrad of arguments', () => {
    const { step, calls } = counted((x: Tensor) => mul(x, 2));
    step.sync(ones([2]));
    noGrad(() => step.sync(ones([2])));
    step.sync(ones([2], { requiresGrad: true }));
    expect(calls()).toBe(3);
  });

  it('flag of an optimizer, while its numbers are followed', () => {
    const p = new nn.Parameter(zeros([1]));
    const optimizer = new optim.SGD([p], { lr: 1, momentum: 0.5 });
    const { step, calls } = counted((x: Tensor) => {
      optimizer.zeroGrad();
      mul(p, x).sum().backward();
      optimizer.step();
    });
    const group = optimizer.paramGroups[0] as { lr: number; momentum: number; nesterov: boolean };
    const stepped = (change: object): number => {
      Object.assign(group, change);
      step.sync(ones([1]));
      return p.item();
    };
    expect([stepped({}), stepped({ lr: 2 }), stepped({ lr: 0 })]).toEqual([-1, -4, -4]); // buffer 1, 1.5, 1.75
    expect(stepped({ lr: 1, momentum: 0.25 })).toBe(-5.4375);
    expect(calls()).toBe(1);
    expect(stepped({ nesterov: true })).toBe(-5.4375 - 1 - 0.25 * (1 + 0.25 * 1.4375));
    expect(calls()).toBe(2);
    stepped({ nesterov: false });
    expect(calls()).toBe(2);
  });

  it('optimizer state that was loaded, and groups that were added', () => {
    const [p, q] = [new nn.Parameter(zeros([1])), new nn.Parameter(zeros([1]))];
    const optimizer = new optim.SGD([p], { lr: 1, momentum: 1 });
    const step = compile((x: Tensor) => {
      optimizer.zeroGrad();
      q.grad = null;
      add(mul(p, x), mul(q, x)).sum().backward();
      optimizer.step();
      q.grad = null;
    });
    const x = ones([1]);
    step.sync(x);
    step.sync(x);
    expect(p.item()).toBe(-3);
    const saved = { state: { 0: { step: ones([1], { dtype: 'float64' }), momentum_buffer: tensor([10]) } } };
    optimizer.loadStateDict({ ...optimizer.stateDict(), ...saved });
    step.sync(x);
    expect(p.item()).toBe(-14);
    expect(optimizer.stateDict().state[0]?.momentum_buffer?.item()).toBe(11);
    optimizer.addParamGroup({ params: [q] });
    step.sync(x);
    expect([p.item(), q.item()]).toEqual([-26, -1]);
  });
});

describe('arguments and results', () => {
  it('keep any structure', () => {
    const { step, calls } = counted((a: { x: Tensor; list: [Tensor, { y: Tensor }] }, mode: string) => ({
      sum: add(a.x, a.list[0]),
      rest: [a.list[1].y, null, { mode: undefined, again: a.list[1].y }],
      mode: mode === 'one' ? null : undefined,
    }));
    for (const n of [1, 2, 3]) {
      const y = tensor([n]);
      const got = step.sync({ x: ones([2]), list: [tensor([n, 0]), { y }] }, 'one');
      expect(got.sum.toArray()).toEqual([n + 1, 1]);
      const [first, none, { again }] = got.rest as [Tensor, null, { again: Tensor }];
      expect([first.item(), none, again.item(), got.mode]).toEqual([n, null, n, null]);
      expect(first === y || again === first).toBe(false);
    }
    expect(calls()).toBe(1);
  });

  it('numbers are slots, in the dtype of the tensors', async () => {
    const { step, calls } = counted((x: Tensor, n: Tensor, o: { m: Tensor }) => [mul(x, n).add(o.m), n] as const);
    const x = tensor(Float64Array.of(1, 2));
    for (const n of [1 / 3, -2, Number.NaN]) {
      const [y, same] = step.sync(x, n, { m: 10 });
      expect(y.toTypedArray()).toEqual(Float64Array.of(n + 10, 2 * n + 10));
      expect(same.item()).toBe(n);
    }
    const many = await Promise.all([1, 2, 3, 4].map((n) => step(x, n, { m: n })));
    expect(many.map(([y]) => y.toArray())).toEqual([
      [2, 3],
      [4, 6],
      [6, 9],
      [8, 12],
    ]);
    expect(calls()).toBe(1);
    const ys: number[] = [];
    const batches = [5, 6, 7].map((n) => [x, n, { m: 0 }]);
    await step.run(batches, { onStep: ([y]) => ys.push(y.data[0] as number) });
    expect(ys).toEqual([5, 6, 7]);
  });

  it('results are fresh: what becomes of one does not matter to another, an argument or a parameter', async () => {
    const w = new nn.Parameter(ones([3]));
    const step = compile((x: Tensor) => [x, w, w.reshape([3, 1]), mul(x, 2), x]);
    const x = tensor([1, 2, 3]);
    step.sync(x);
    for (const results of [step.sync(x), await step(x)]) {
      expect(new Set(results).size).toBe(5);
      noGrad(() => results[0]?.fill_(7));
      noGrad(() => results[1]?.fill_(7));
      results[2]?.dispose();
      expect([x.toArray(), w.toArray(), results[4]?.toArray()]).toEqual([
        [1, 2, 3],
        [1, 1, 1],
        [1, 2, 3],
      ]);
      expect(results[3]?.toArray()).toEqual([2, 4, 6]);
    }
    expect(step.sync(x)[3]?.toArray()).toEqual([2, 4, 6]);
  });

  it.each<[string, unknown[], string]>([
    ['a number for a tensor', [1, [ones([1])]], 'arguments[0] must be a tensor as in the first call, got 1'],
    [
      'a longer array',
      [ones([1]), [ones([1]), ones([1])]],
      'arguments[1] must be an array of 1 as in the first call, got an array of 2',
    ],
    [
      'one more argument',
      [ones([1]), [ones([1])], ones([1])],
      'arguments must be an array of 2 as in the first call, got an array of 3',
    ],
  ])('another structure is refused: %s', (_, args, text) => {
    const step = compile((x: Tensor, [y]: Tensor[]) => add(x, y as Tensor)) as unknown as CompiledStep<
      unknown[],
      Tensor
    >;
    step.sync(ones([1]), [ones([1])]);
    expect(message(() => step.sync(...args))).toBe(`compile: ${text}; compile another function for it`);
    expect(step.sync(ones([1]), [ones([1])]).item()).toBe(2);
  });

  it('a first call that failed does not fix the structure', () => {
    const step = compile((x: Tensor) => x.mul(2)) as unknown as CompiledStep<unknown[], Tensor>;
    expect(message(() => step.sync({ x: ones([1]) }))).toBe('x.mul is not a function');
    expect(message(() => step.sync(new Map()))).toBe(
      'compile: arguments[0] must be a tensor, a number, or arrays and plain objects of these, got an object of class Map',
    );
    expect(step.sync(ones([1])).item()).toBe(2);
  });
});

describe('verify', () => {
  it('names a closed-over number that changed', () => {
    let scale = 2;
    const step = compile((x: Tensor) => mul(x, scale), { verify: true });
    const x = ones([2]);
    step.sync(x);
    expect(step.sync(x).toArray()).toEqual([2, 2]);
    scale = 3;
    expect(() => step.sync(x)).toThrow(StateError);
    expect(message(() => step.sync(x))).toBe(
      'compile: the step does something else than when it was recorded: operation 0 (fill): a number was 2 and is 3; result 0 differs; pass what changes as an argument, or compile again',
    );
    scale = 2;
    expect(step.sync(x).toArray()).toEqual([2, 2]);
    const without = compile((x: Tensor) => mul(x, scale));
    without.sync(x);
    scale = 3;
    expect(without.sync(x).toArray()).toEqual([2, 2]);
  });

  it('names another operation', () => {
    let calls = 0;
    const step = compile((x: Tensor) => (calls++ % 2 === 0 ? x.exp() : x.tanh()), { verify: true });
    step.sync(ones([1]));
    expect(message(() => step.sync(ones([1])))).toContain('operation 0 was exp and is tanh; result 0 differs');
  });

  it('passes for a correct training step, and leaves the state as one step does', async () => {
    const make = (verify: boolean) => {
      const model = net();
      for (const p of model.parameters()) noGrad(() => p.fill_(0.1));
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 });
      return { model, step: compile(training(model, optimizer, entropy(model), []).step, { verify }) };
    };
    const [plain, verified] = [make(false), make(true)];
    for (const batch of Array.from({ length: 5 }, classes)) {
      plain.step.sync(...batch);
      await verified.step(...batch);
    }
    expect(verified.model.parameters().map(bits)).toEqual(plain.model.parameters().map(bits));
  });
});

it('options are checked', () => {
  expect(() => compile((x: Tensor) => x, { verify: 1 as unknown as boolean })).toThrow(ArgumentError);
  expect(message(() => compile((x: Tensor) => x, { maxPrograms: 0 }))).toMatch(/maxPrograms must be an integer/);
  expect(message(() => compile(3 as unknown as () => Tensor))).toBe('compile: fn must be a function, got 3');
  expect(message(() => compile(nn.Linear as never))).toBe('compile: fn must be a function, got the class Linear');
  expect(message(() => compile(new nn.ReLU() as never))).toBe(
    'compile: fn must be a function, got an object of class ReLU; pass a function that calls its forward',
  );
  // @ts-expect-error: it is async
  expect(message(() => compile(async () => randn([1])))).toBe(
    'compile: fn must be synchronous, got an async function; await outside of it',
  );
});

it('what cannot be compiled does not type-check, what can does', () => {
  // @ts-expect-error: a number would be the same at every call
  const number = compile(() => ({ n: 3 }));
  expect(message(() => number.sync())).toMatch(/^compile: .*n must be a tensor, .* got 3/);
  // @ts-expect-error: so would one beside tensors
  const mixed = compile((x: Tensor) => [x, 3] as const);
  expect(() => mixed.sync(ones([1]))).toThrow(ArgumentError);
  // @ts-expect-error: a promise
  const promised = compile((x: Tensor) => Promise.resolve(x));
  expect(() => promised.sync(ones([1]))).toThrow(/^compile: /);
  interface Result {
    loss: Tensor;
    parts?: readonly [Tensor, Tensor] | null;
  }
  const step: CompiledStep<[Tensor], Result> = compile((x: Tensor): Result => ({ loss: x, parts: null }));
  expect(step.sync(ones([1])).loss.item()).toBe(1);
  // Without types of its own the function takes tensors.
  const product: Tensor = compile((x, y) => x.mul(y)).sync(ones([1]), 3);
  expect(product.item()).toBe(3);
});

it('a result has memory of its own where the function returns a view', async () => {
  const a = tensor([[1, 2]]);
  const step = compile((x: Tensor) => [x.reshape([2, 1]), a.reshape([2])]);
  for (const results of [step.sync(a), step.sync(a), await step(a)]) {
    for (const y of results) y.add_(10);
    expect(results.map((y) => y.toArray())).toEqual([
      [[11], [12]],
      [11, 12],
    ]);
    expect(a.toArray()).toEqual([[1, 2]]);
  }
});
