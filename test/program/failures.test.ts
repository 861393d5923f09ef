// Calls of compiled functions that fail leave parameters, gradients, versions, optimizers, schedules, generators and memory
// as they were: while recording, before a replay, within one, and when memory fails at any allocation.
import { describe, expect, it } from 'vitest';
import {
  type CompiledStep,
  compile,
  freeMemory,
  manualSeed,
  mul,
  nn,
  noGrad,
  ones,
  rotaryEmbedding,
  scope,
  type Tensor,
  zeros,
} from '../../lib/index.js';
import { expectFailure, expectOneStep, failingMemory, labels, liveBytes, rounds, World } from '../support/world.js';

type Fn = (x: Tensor, y: Tensor) => unknown;
type Step = CompiledStep<[Tensor, Tensor], unknown>;
type Args = [Tensor, Tensor];

const mine = (): never => {
  throw new Error('mine');
};
const compiled = (fn: Fn): Step => compile(fn as (x: Tensor, y: Tensor) => Tensor);
const other = compile((t: Tensor) => mul(t, 3));
const free = ones([2], { requiresGrad: true });
const onGraph = mul(ones([2], { requiresGrad: true }), 2);
const wrong = labels(0, 1, 2, 9, 0, 1);

/** The worlds in which a call fails: fresh ones, and with optimizer state and gradients. */
const worlds: Record<string, () => World> = {
  'at first': () => new World(),
  'later, with gradients': () => {
    const w = new World();
    for (let i = 0; i < 2; i++) w.step(w.x, w.y);
    w.leaveGradients();
    return w;
  },
};

/** Each n-th call of a hook fails, until it is called less often in a call that then succeeds. */
async function eachTime(
  hook: (w: World, f: (() => void) | null) => void,
  make: () => World,
  call: (w: World) => unknown,
) {
  for (let n = 1; ; n++) {
    const w = make();
    let left = n;
    hook(w, () => {
      if (--left === 0) mine();
    });
    const before = w.state();
    left = n;
    try {
      await call(w);
      expect(n).toBeGreaterThan(2);
      return;
    } catch {
      hook(w, null);
      expect(w.state(), `at call ${n}`).toEqual(before);
    }
  }
}
const onOption = (w: World, f: (() => void) | null): void => {
  w.onOption = f;
};
const onSchedule = (w: World, f: (() => void) | null): void => {
  w.onSchedule = f;
};

describe.each(Object.entries(worlds))('a recording that fails %s changes nothing', (_, make) => {
  /** What the function does after a whole step, and the text. */
  const failures: Record<string, [RegExp, (w: World) => Fn, ((w: World) => Args)?]> = {
    'an error': [/^mine$/, () => mine],
    'a result that is no tensor': [/^compile: the result must be a tensor/, () => () => 3],
    'a promise': [/^compile: fn must be synchronous/, () => () => Promise.resolve(1)],
    'a getter of the result': [
      /^mine$/,
      () => () => ({
        get loss() {
          return mine();
        },
      }),
    ],
    'a result that was disposed': [
      /^disposed tensor/,
      () => (x) => {
        const y = mul(x, 2);
        y.dispose();
        return y;
      },
    ],
    'a value that is read': [/^item: reads a value/, (w) => () => w.weight.sum().item()],
    'a gradient that is left': [/^compile: fn leaves the gradient/, () => () => mul(free, 2).sum().backward()],
    'a gradient that is set': [
      /^mine$/,
      (w) => () => {
        w.weight.grad = zeros([8, 5]);
        mine();
      },
    ],
    'modes and parameters that are switched': [
      /^mine$/,
      (w) => () => {
        w.model.eval();
        w.weight.requiresGrad = false;
        mine();
      },
    ],
    'a graph from outside': [/^compile: a tensor from outside/, () => () => mul(onGraph, 2)],
    'an argument that is changed': [/^compile: \w+ changes an argument/, () => (x) => void noGrad(() => x.add_(1))],
    'an argument that the step trains': [
      /^compile: tensor 0 of the arguments is one that the step changes/,
      (w) => () => w.step(w.x, w.y),
      (w) => [w.weight, w.y],
    ],
    'a seed': [/^compile: constant writes a generator's state/, () => () => void manualSeed(3)],
    'a label out of range': [/^crossEntropy: labels must be/, (w) => () => w.step(w.x, wrong)],
    'a step that is called': [/^compile: a step must not be called while/, () => (x) => other.sync(x)],
  };

  /** The function that fails, compiled, and what it is called with. */
  const failing = (name: string, w: World): { step: Step; given: Args; text: RegExp } => {
    const [text, more, args] = failures[name] as (typeof failures)[string];
    const then = more(w);
    const step = compiled((x, y) => {
      if (args === undefined) w.step(x, y);
      return then(x, y);
    });
    return { step, given: args?.(w) ?? [w.x, w.y], text };
  };

  it.each(Object.keys(failures))('%s', async (name) => {
    const w = make();
    const { step, given, text } = failing(name, w);
    for (const way of [() => step.sync(...given), () => step(...given), () => step.run([given])]) {
      await expectFailure(w, way, text);
    }
    // What failed is forgotten: this trains as an eager world does.
    compiled(w.step).sync(w.x, w.y);
    expectOneStep(w, make);
  });

  it('and leaves no memory behind', async () => {
    const w = make();
    const all = Object.keys(failures).map((name) => failing(name, w));
    const round = async (): Promise<void> => {
      for (const { step, given, text } of all) await expectFailure(w, () => step.sync(...given), text);
    };
    await round();
    const before = await liveBytes();
    for (let i = 0; i < rounds; i++) await round();
    expect((await liveBytes()) - before).toBe(0);
  });

  it('any call of an option or a schedule', async () => {
    const call = (w: World) => compiled(w.step).sync(w.x, w.y);
    await eachTime(onOption, make, call);
    await eachTime(onSchedule, make, call);
  });

  it('an option that calls another step; scalars are used as before', async () => {
    const w = make();
    w.onOption = () => void other.sync(w.x);
    await expectFailure(w, () => compiled(w.step).sync(w.x, w.y), /^compile: a step must not be called while another/);
    expect(mul(ones([1]), 3).item()).toBe(3);
  });

  it('the step is disposed meanwhile', async () => {
    const w = make();
    const step: Step = compiled((x, y) => {
      step.dispose();
      return w.step(x, y);
    });
    await expectFailure(w, () => step.sync(w.x, w.y), /^compile: the step was disposed/);
  });

  it('memory, at any allocation', async () => {
    const w = make();
    const step = compiled(w.step);
    expect(await failingMemory(w, () => step.sync(w.x, w.y))).toBeGreaterThan(process.env.ADJOINT_CHECK ? 5 : 10);
    expectOneStep(w, make);
  });
});

// Numbers as operands, tables of angles and positions: made where they are first needed, used for ever.
describe.each([
  'a recording',
  'a recording that fails',
  'a scope',
  'a scope that fails',
  'an option of a recorded step',
])('what the library keeps for later use, first made in %s', (where) => {
  const i = ['a recording', 'a recording that fails', 'a scope', 'a scope that fails'].indexOf(where);
  const base = 77 + i;
  const positions = new nn.SinusoidalPositions(4);
  /** Each with its result for ones [3, 4], in row t and column d. */
  const makers: Record<string, [(t: Tensor) => Tensor, (t: number, d: number) => number]> = {
    'a number': [(x) => mul(x, 1000.5 + i), () => 1000.5 + i],
    'angles of rotary positions': [
      (x) => rotaryEmbedding(x, { base }),
      (t, d) => {
        const angle = t * base ** (-(d % 2) / 2);
        return Math.cos(angle) + (d < 2 ? -1 : 1) * Math.sin(angle);
      },
    ],
    'sinusoidal positions': [
      (x) => positions.forward(x),
      (t, d) => {
        const angle = t * 10_000 ** (-(d - (d % 2)) / 4);
        return 1 + (d % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
      },
    ],
  };

  it.each(Object.entries(makers))('%s', (_, [use, reference]) => {
    const x = ones([3, 4]);
    const failing = (): never => {
      use(x);
      return mine();
    };
    const w = new World();
    if (where === 'a recording') compile(use).sync(x);
    if (where === 'a recording that fails') expect(() => compile(failing).sync()).toThrow('mine');
    if (where === 'a scope') scope(() => use(x));
    if (where === 'a scope that fails') expect(() => scope(failing)).toThrow('mine');
    if (where === 'an option of a recorded step') {
      w.onOption = () => void use(x);
      compiled(w.step).sync(w.x, w.y);
    }
    freeMemory();
    const check = (y: Tensor): void =>
      y.toTypedArray().forEach((value, k) => {
        expect(value).toBeCloseTo(reference(Math.floor(k / 4), k % 4), 4);
      });
    for (let k = 0; k < 3; k++) check(use(x));
    check(compile(use).sync(x));
  });
});
