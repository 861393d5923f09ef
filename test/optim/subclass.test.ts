// Optimizers that users write: a name, defaults, `init` and `apply`. Here a cautious Lion, compared with a
// closed form.
import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  compile,
  mul,
  nn,
  ones,
  optim,
  randn,
  StateError,
  sub,
  type Tensor,
  tensor,
  zeros,
  zerosLike,
} from '../../lib/index.js';
import { type AnyOptimizer, everything, imageOf } from '../support/whole.js';

interface LionOptions {
  lr: number;
  betas: readonly [number, number];
  weightDecay: number;
  cautious: boolean;
}

const defaults: LionOptions = { lr: 0.1, betas: [0.9, 0.99], weightDecay: 0, cautious: false };

class Lion extends optim.Optimizer<LionOptions, { exp_avg: Tensor }> {
  constructor(params: optim.Parameters<LionOptions>, options?: Partial<LionOptions>) {
    super('Lion', params, defaults, options);
  }

  protected init(p: Tensor): { exp_avg: Tensor } {
    return { exp_avg: zerosLike(p) };
  }

  protected apply(
    p: Tensor,
    g: Tensor,
    { exp_avg: m }: { exp_avg: Tensor },
    { lr, betas, weightDecay, cautious }: optim.OptionTensors<LionOptions>,
  ): void {
    const mix = (beta: Tensor) => m.mul(beta).add(g.mul(sub(1, beta)));
    let direction = mix(betas[0]).sign();
    if (cautious) direction = direction.mul(direction.mul(g).gt(0).to(p.dtype));
    p.copy_(p.sub(direction.add(p.mul(weightDecay)).mul(lr)));
    m.copy_(mix(betas[1]));
  }
}

/** Lion by JavaScript's numbers (Chen et al., "Symbolic discovery of optimization algorithms", 2023). */
function lion(p: number[], m: number[], g: readonly number[], { lr, betas, weightDecay, cautious }: LionOptions): void {
  g.forEach((gi, i) => {
    const [pi, mi] = [p[i] as number, m[i] as number];
    const sign = Math.sign(betas[0] * mi + (1 - betas[0]) * gi);
    const direction = cautious && sign * gi <= 0 ? 0 : sign;
    p[i] = pi - lr * (direction + weightDecay * pi);
    m[i] = betas[1] * mi + (1 - betas[1]) * gi;
  });
}

function expectClose(got: Tensor, want: readonly number[], limit: number): void {
  want.forEach((v, i) => {
    expect(Math.abs((got.toTypedArray()[i] as number) - v)).toBeLessThan(limit);
  });
}

const gradients = [
  [1, -2, 0.5],
  [-0.2, -0.1, 0.3],
  [0.1, 3, -0.7],
  [-2, 1, 0.4],
  [0.3, -0.2, 0.1],
  [1, 1, -1],
];

describe('an optimizer of a user', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    it(`does what it says, eager and compiled, and follows its options: ${dtype}`, () => {
      const make = () => tensor([1, -2, 3], { dtype, requiresGrad: true });
      const [p, q] = [make(), make()];
      const eager = new Lion([p], { weightDecay: 0.1 });
      const compiled = new Lion([q], { weightDecay: 0.1 });
      let recordings = 0;
      const step = compile((g: Tensor) => {
        recordings++;
        compiled.zeroGrad();
        mul(q, g).sum().backward();
        compiled.step();
      });
      const [want, m]: [number[], number[]] = [
        [1, -2, 3],
        [0, 0, 0],
      ];
      const limit = dtype === 'float64' ? 1e-14 : 1e-6;
      gradients.forEach((g, i) => {
        const options: LionOptions = {
          lr: 0.1 / (i + 1),
          betas: [0.9 - i / 10, 0.5],
          weightDecay: 0.1,
          cautious: i > 3,
        };
        for (const optimizer of [eager, compiled]) Object.assign(optimizer.paramGroups[0] as object, options);
        lion(want, m, g, options);
        p.grad = tensor(g, { dtype });
        eager.step();
        step.sync(tensor(g, { dtype }));
        expectClose(p, want, limit);
        expectClose(eager.stateDict().state[0]?.exp_avg as Tensor, m, limit);
        expect(imageOf(q)).toBe(imageOf(p));
      });
      expect(recordings).toBe(2); // once for each value of the flag
      expect(compiled.stateDict().state[0]?.step?.item()).toBe(gradients.length);
    });
  }

  it('trains on the thread of a compiled step, with a schedule, as it does eagerly', async () => {
    const run = async (isCompiled: boolean) => {
      const model = nn.sequential(new nn.Linear(3, 4), nn.functional.tanh, new nn.Linear(4, 1));
      for (const [i, p] of model.parameters().entries()) nn.init.constant_(p, 0.1 * (i + 1));
      const optimizer = new optim.Adamax(model.parameters(), { lr: 0.05 });
      const schedule = new optim.lrScheduler.LambdaLR(optimizer, (step) => 0.9 ** step);
      let calls = 0;
      const once = (x: Tensor, y: Tensor) => {
        calls++;
        const loss = nn.functional.mseLoss(model.forward(x), y);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        schedule.step();
        return loss;
      };
      const x = tensor(
        Float32Array.from({ length: 15 }, (_, i) => ((7 * i) % 11) / 11),
        { shape: [5, 3] },
      );
      const batch = [x, x.sum({ dim: 1, keepDim: true })] as const;
      if (isCompiled) await compile(once).run(Array(10).fill(batch));
      else for (let i = 0; i < 10; i++) once(...batch);
      expect(calls).toBe(isCompiled ? 1 : 10);
      expect((optimizer.paramGroups[0] as { lr: number }).lr).toBeCloseTo(0.05 * 0.9 ** 10, 12);
      return everything(model.parameters(), optimizer as AnyOptimizer) as { tensors: unknown; state: unknown };
    };
    const [eager, compiled] = [await run(false), await run(true)];
    expect(compiled.state).toEqual(eager.state);
    const bits = (images: { tensors: unknown }) => (images.tensors as unknown[][]).map(([image]) => image);
    expect(bits(compiled)).toEqual(bits(eager));
  });

  it('saves and loads', () => {
    const step = (p: Tensor, optimizer: Lion, i: number) => {
      p.grad = tensor(gradients[i] as number[]);
      optimizer.step();
    };
    const p = tensor([1, 2, 3], { requiresGrad: true });
    const optimizer = new Lion([p], { lr: 0.2 });
    for (let i = 0; i < 3; i++) step(p, optimizer, i);
    const q = p.clone().detach();
    q.requiresGrad = true;
    const other = new Lion([q]);
    other.loadStateDict(optimizer.stateDict());
    for (let i = 3; i < 6; i++) {
      step(p, optimizer, i);
      step(q, other, i);
    }
    expect(imageOf(q)).toBe(imageOf(p));
    expect(Object.keys(other.stateDict().state[0] ?? {}).sort()).toEqual(['exp_avg', 'step']);
    const bad = { ...optimizer.stateDict(), state: { 0: { exp_avg: zeros([2]) } } };
    expect(() => other.loadStateDict(bad)).toThrow('Lion: state exp_avg of parameter 0 must be [3], got [2]');
  });

  it('does not change the defaults that it gives, and checks options by their kinds', () => {
    const p = () => ones([2], { requiresGrad: true });
    new Lion([p()], { lr: 5, betas: [0.5, 0.5] });
    expect(defaults).toEqual({ lr: 0.1, betas: [0.9, 0.99], weightDecay: 0, cautious: false });
    const wrong: [Record<string, unknown>, string][] = [
      [{ lr: -1 }, 'Lion: lr must be a finite number of at least 0, got -1'],
      [{ weightDecay: '1' }, 'Lion: weightDecay must be a finite number, got "1"'],
      [{ betas: [0.9] }, 'Lion: betas must be 2 finite numbers, got [0.9]'],
      [{ betas: [0.9, Number.NaN] }, 'Lion: betas must be 2 finite numbers, got [0.9, NaN]'],
      [{ cautious: 1 }, 'Lion: cautious must be a boolean, got 1'],
      [{ beta: 1 }, 'Lion: unknown option "beta"; known are lr, betas, weightDecay, cautious'],
    ];
    for (const [options, text] of wrong) {
      expect(() => new Lion([p()], options)).toThrow(ArgumentError);
      expect(() => new Lion([p()], options)).toThrow(text);
    }
  });

  it('may use any name for what is its own', () => {
    class Counting extends Lion {
      state = 0;
      names = ['Counting'];
      defaults = null;
      changes = 'none';
      prepare(): number {
        return ++this.state;
      }
      run(): never {
        throw new Error('not called');
      }
    }
    const p = tensor([1, 2, 3], { requiresGrad: true });
    p.grad = ones([3]);
    const optimizer = new Counting([p], { lr: 0.5 });
    optimizer.step();
    expect(p.toArray()).toEqual([0.5, 1.5, 2.5]);
    expect([optimizer.prepare(), optimizer.names]).toEqual([1, ['Counting']]);
  });

  it('may derive from a built-in one: an `apply` of its own is called', () => {
    class Negative extends optim.SGD {
      protected override apply(...[p, g, state, options]: Parameters<optim.SGD['apply']>): void {
        super.apply(p, g.neg(), state, options);
      }
    }
    class Named extends optim.SGD {}
    for (const [Class, want] of [
      [Negative, 1.5],
      [Named, 0.5],
    ] as const) {
      const p = ones([1], { requiresGrad: true });
      p.grad = ones([1]);
      new Class([p], { lr: 0.5 }).step();
      expect(p.item()).toBe(want);
    }
  });

  it('may begin with the parameter itself: that is copied', () => {
    class Anchored extends Lion {
      protected override init(p: Tensor): { exp_avg: Tensor } {
        return { exp_avg: p.detach() };
      }
    }
    const p = tensor([1, 2, 3], { requiresGrad: true });
    p.grad = zeros([3]);
    const optimizer = new Anchored([p], { lr: 0, betas: [0, 1] });
    optimizer.step();
    p.detach().fill_(7);
    expect(optimizer.stateDict().state[0]?.exp_avg?.toArray()).toEqual([1, 2, 3]);
  });
});

/** An optimizer of two methods, as JavaScript may have it. */
function custom(methods: Record<string, unknown>): new (params: unknown) => AnyOptimizer {
  class Custom extends (optim.Optimizer as unknown as new (...args: unknown[]) => optim.SGD) {
    constructor(params: unknown) {
      super('Custom', params, { lr: 0.1 });
    }
  }
  Object.assign(Custom.prototype, methods);
  return Custom as unknown as new (
    params: unknown,
  ) => AnyOptimizer;
}

describe('an optimizer of a user that is wrong', () => {
  const init = (p: Tensor) => ({ average: zerosLike(p) });
  type State = Record<string, Tensor>;
  const move = (p: Tensor, g: Tensor, state: State) => {
    p.add_(g);
    state.average?.add_(g);
  };
  const apply = (after: (p: Tensor, g: Tensor, state: State) => unknown) => (p: Tensor, g: Tensor, state: State) => {
    move(p, g, state);
    return after(p, g, state);
  };
  // biome-ignore format: one line a row
  const table: [string, Record<string, unknown>, string][] = [
    ['no apply', { init }, 'Custom: the class must have a method apply(p, g, state, options), got undefined; see optim.Optimizer'],
    ['no init', { apply: move }, 'Custom: the class must have a method init(p, options), got undefined; see optim.Optimizer'],
    ['init returns nothing', { init() {}, apply: move }, 'Custom.init: must return an object of tensors, { momentum_buffer: zerosLike(p) } say, got undefined'],
    ['init returns a tensor', { init: (p: Tensor) => zerosLike(p), apply: move }, 'Custom.init: must return an object of tensors, { momentum_buffer: zerosLike(p) } say, got a tensor'],
    ['async init', { init: async () => ({}), apply: move }, 'got an object of class Promise'],
    ['a number as state', { init: () => ({ average: 0 }), apply: move }, 'Custom.init: state average must be a tensor, got 0'],
    ['another dtype', { init: (p: Tensor) => ({ average: zerosLike(p, { dtype: 'float64' }) }), apply: move }, 'Custom.init: state average must be float32 like its parameter, got float64; zerosLike(p) makes such a tensor'],
    ['its own step', { init: () => ({ step: zeros([1]) }), apply: move }, 'Custom.init: step is counted by the optimizer; leave it out'],
    ['a new value returned', { init, apply: apply((p) => p.add(1)) }, 'Custom.apply: must change the parameter in place and return nothing, got a tensor; use p.copy_(…)'],
    ['async apply', { init, apply: apply(async () => {}) }, 'Custom.apply: must change the parameter in place and return nothing, got an object of class Promise'],
    ['state assigned', { init, apply: apply((_, g, state) => void Object.assign(state, { average: g })) }, 'Custom.apply: state.average must be changed in place, got a tensor assigned to it; use state.average.copy_(…)'],
    ['gradient changed', { init, apply: apply((_, g) => void g.add_(1)) }, 'Custom.apply: the gradient must not be changed in place; use operations without _'],
    ['an error of its own after it changed the gradient', { init, apply: apply((_, g) => { g.add_(1); throw new StateError('mine'); }) }, 'mine'],
    ['an error of its own', { init, apply: apply(() => { throw new StateError('mine'); }) }, 'mine'],
  ];
  for (const [name, methods, text] of table) {
    it(`${name}: an error that leaves everything as it was, eager and compiled`, () => {
      const params = [ones([2], { requiresGrad: true }), ones([2], { requiresGrad: true })];
      const Custom = custom(methods);
      const optimizer = new Custom([{ params: params.slice(0, 1) }, { params: params.slice(1) }]);
      for (const p of params) p.grad = ones([2]);
      const before = everything(params, optimizer);
      expect(() => optimizer.step()).toThrow(text);
      expect(everything(params, optimizer)).toEqual(before);
      const step = compile((x: Tensor) => {
        optimizer.zeroGrad();
        for (const p of params) mul(p, x).sum().backward();
        optimizer.step();
      });
      for (let i = 0; i < 2; i++) expect(() => step.sync(ones([2]))).toThrow(text);
      expect(everything(params, optimizer)).toEqual(before);
    });
  }

  it('fails in its last parameter after others were changed: they and their state are put back', () => {
    let calls = 0;
    let isBad = false;
    const failing = (p: Tensor, g: Tensor, state: State) => {
      move(p, g, state);
      if (isBad && ++calls % 3 === 0) throw new Error('the third');
    };
    const params = [1, 2, 3].map((n) => randn([n], { requiresGrad: true }));
    const Custom = custom({ init, apply: failing });
    const optimizer = new Custom(params);
    for (const p of params) p.grad = ones(p.shape);
    optimizer.step();
    const before = everything(params, optimizer);
    isBad = true;
    for (let i = 0; i < 2; i++) expect(() => optimizer.step()).toThrow('the third');
    expect(everything(params, optimizer)).toEqual(before);
    isBad = false;
    optimizer.step();
    expect(optimizer.stateDict().state[2]?.step?.item()).toBe(2);
  });

  it('passes wrong things on', () => {
    const make =
      (...args: unknown[]) =>
      () => {
        class Bad extends (optim.Optimizer as unknown as new (...args: unknown[]) => optim.SGD) {}
        return new Bad(...args);
      };
    const rule = 'Optimizer: name must be a string and defaults an object { lr: 0.01, … }, got ';
    const hint = '; call super(name, params, defaults, options)';
    const p = ones([1], { requiresGrad: true });
    expect(make([p], { lr: 0.1 })).toThrow(`${rule}an array of 1 and undefined${hint}`);
    expect(make('Bad', [p])).toThrow(`${rule}"Bad" and undefined${hint}`);
    expect(make('Bad', [p], { rate: 0.1 })).toThrow(`${rule}"Bad" and an object of class Object${hint}`);
    expect(make('Bad', [p], { lr: 0.1 }, { lr: 'fast' })).toThrow(
      'Bad: lr must be a finite number of at least 0, got "fast"',
    );
  });
});
