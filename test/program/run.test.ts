// Queued steps, step.run, aborts and failures: the state afterwards is always that after a whole number of steps.
import { createHook } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  add,
  compile,
  defaultGenerator,
  dropout,
  manualSeed,
  mul,
  nn,
  noGrad,
  ones,
  optim,
  randint,
  randn,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { bits, message } from '../support/compiled.js';

const count = 300;

/** A training program with dropout and Adam, and what its whole state is after each of its eager steps. */
function program() {
  manualSeed(9);
  const batches = Array.from({ length: count }, () => [randn([8, 6]), randint(0, 4, [8])]);
  const model = nn.sequential(new nn.Linear(6, 24), nn.functional.relu, new nn.Dropout(), new nn.Linear(24, 4));
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
  const fn = (x: Tensor, y: Tensor): Tensor => {
    const loss = nn.functional.crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  const state = (): string => {
    const moments = Object.values(optimizer.stateDict().state).flatMap((s) => Object.values(s));
    return [...model.parameters(), ...moments].map(bits).join() + defaultGenerator().getState();
  };
  return { batches, fn, state };
}

const eager = program();
const losses: string[] = [];
/** The state after i steps. From 1: the optimizer's state is made in the first step. */
const states = [
  '',
  ...eager.batches.map(([x, y]) => {
    losses.push(bits(eager.fn(x as Tensor, y as Tensor)));
    return eager.state();
  }),
];

/** How many steps have been done, by the state alone; all locks must be open. */
function stepsDone(p: ReturnType<typeof program>): number {
  const done = states.indexOf(p.state());
  expect(done, 'the state is that after a whole number of steps').toBeGreaterThanOrEqual(0);
  return done;
}

function compiled() {
  const p = program();
  return { ...p, step: compile(p.fn) };
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not reject');
}

/** What is left of the batches must give what is left of the trajectory. */
async function goesOn(c: ReturnType<typeof compiled>): Promise<void> {
  const done = stepsDone(c);
  const { steps } = await c.step.run(c.batches.slice(done, done + 20));
  expect(stepsDone(c)).toBe(done + steps);
}

describe('step.run', () => {
  it('ends as eager, and tells the steps and the last result', async () => {
    const c = compiled();
    const { steps, result } = await c.step.run(c.batches);
    expect([steps, bits(result as Tensor)]).toEqual([count, losses.at(-1)]);
    expect(stepsDone(c)).toBe(count);
    expect(await c.step.run([])).toEqual({ steps: 0, result: undefined });
  });

  it('hands each result to onStep, in order', async () => {
    const c = compiled();
    const got: string[] = [];
    await c.step.run(c.batches, { onStep: (loss, i) => expect(got.push(bits(loss))).toBe(i + 1) });
    expect(got).toEqual(losses);
  });

  it('disposes of the batches whose steps were replayed when it is asked to, and ends alike', async () => {
    const c = compiled();
    const { steps, result } = await c.step.run(c.batches, { dispose: true });
    expect([steps, bits(result as Tensor)]).toEqual([count, losses.at(-1)]);
    expect(stepsDone(c)).toBe(count);
    const left = c.batches.flatMap((batch, i) => (batch.some((t) => !t.disposed) ? [i] : []));
    expect(left).toEqual([0]); // recorded by running the function, which may have kept it
    const other = compiled();
    await other.step.run(other.batches);
    expect(other.batches.flat().some((t) => t.disposed)).toBe(false);
  });

  it('is refused while another one is going on, and so are further steps', async () => {
    const c = compiled();
    const first = c.step.run(c.batches);
    expect(await rejection(c.step.run(c.batches))).toMatchObject({
      message: 'step.run: another run of this step is going on; await it first',
    });
    const [x, y] = c.batches[0] as [Tensor, Tensor];
    expect(await rejection(c.step(x, y))).toMatchObject({
      message: 'compile: step.run is going on; await it before further steps',
    });
    await first;
    expect(stepsDone(c)).toBe(count);
  });

  it('checks its arguments', async () => {
    const { step } = compiled();
    expect(await rejection(step.run(3 as never))).toMatchObject({
      message: 'step.run: batches must be an array, a loader or another iterable of argument lists',
    });
    expect(await rejection(step.run([], { signal: 3 as never }))).toMatchObject({
      message: 'step.run: signal must be an AbortSignal, got 3',
    });
    expect(await rejection(step.run([], { onStep: 3 as never }))).toMatchObject({
      message: 'step.run: onStep must be a function, got 3',
    });
    expect(await rejection(step.run([], { dispose: 3 as never }))).toMatchObject({
      message: 'step.run: dispose must be a boolean, got 3',
    });
  });

  it('refuses a batch that was changed before its step ran', async () => {
    const sum = zeros([1]);
    const step = compile((t: Tensor) => void noGrad(() => sum.add_(t)));
    const batches = Array.from({ length: 2000 }, () => [ones([1])]);
    await step.run(batches); // now many steps are gathered before they are submitted
    let given = 2000;
    function* reused() {
      const t = ones([1]);
      for (; ; given++) {
        noGrad(() => t.fill_(1));
        yield [t];
      }
    }
    const error = await rejection(step.run(reused()));
    expect((error as Error).message).toMatch(
      /^step.run: batch \d+: a tensor \[1\] was changed or disposed before its step ran|: a tensor is in use by a compiled step/,
    );
    expect(sum.item()).toBeLessThanOrEqual(given);
  });
});

describe('an error says which batch it concerns', () => {
  const short = zeros([1]);
  const disposed = ones([8, 6]);
  disposed.dispose();
  const y = tensor(new Int32Array(8));
  const structure =
    'compile: arguments must be an array of 2 as in the first call, got an array of 1; compile another function for it';
  // biome-ignore format: one line a row
  const wrong: [string, unknown, string][] = [
    ['of another structure', [ones([8, 6])], structure],
    ['with a disposed tensor', [disposed, y], 'disposed tensor: float32 [8, 6] was disposed or left its scope; return it from the scope or keep a clone()'],
    ['that cannot be recorded', [ones([8, 5]), y], '0 (Linear): last dimension of x must be inFeatures 6, got x [8, 5]'],
    ['that is no list', short, structure],
  ];
  it.each(wrong)('%s', async (_, batch, text) => {
    for (const before of [0, 1, 30]) {
      const c = compiled();
      const error = await rejection(c.step.run([...c.batches.slice(0, before), batch, ...c.batches] as never));
      if (before === 0 && text === structure) continue; // the first call gives the structure
      expect(error).toMatchObject({ message: `step.run: batch ${before}: ${text}`, batch: before });
      if (before > 0) expect(stepsDone(c)).toBeLessThanOrEqual(before);
    }
  });

  it('or which batches, when several were refused together; others of JavaScript have the number alone', async () => {
    const w = zeros([1]);
    const step = compile((t: Tensor) => void noGrad(() => w.add_(t)));
    const batches = Array.from({ length: 2000 }, () => [ones([1])]);
    await step.run(batches);
    function* disposing() {
      for (let i = 0; i < 2000; i++) {
        if (i === 1000) w.dispose();
        yield [ones([1])];
      }
    }
    const error = (await rejection(step.run(disposing()))) as Error & { batch: number };
    expect(error.message).toMatch(
      /^step\.run: batch(es)? \d+( to \d+)?: compile: a tensor that the step uses was disposed/,
    );
    expect(error.batch).toBeLessThanOrEqual(1000);
    const mine = compile((t: Tensor): Tensor => {
      if (t.size === 2) throw new TypeError('mine');
      return mul(t, 2);
    });
    const thrown = await rejection(mine.run([[ones([1])], [ones([1])], [ones([2])]]));
    expect(thrown).toMatchObject({ message: 'mine', batch: 2 });
  });
});

it.each(['at once', 'later'])('closes what gives batches %s when a step fails', async (when) => {
  const wrong = tensor([1]);
  const closed: string[] = [];
  const c = compiled();
  function* atOnce() {
    try {
      yield* [...c.batches.slice(0, 5), [wrong, wrong], ...c.batches];
    } finally {
      closed.push(when);
    }
  }
  async function* later() {
    yield* atOnce();
  }
  expect(await rejection(c.step.run(when === 'later' ? later() : atOnce()))).toMatchObject({ batch: 5 });
  expect(stepsDone(c)).toBeLessThanOrEqual(5);
  expect(closed).toEqual([when]);
});

describe('an abort leaves a whole number of steps', () => {
  it('before the first one', async () => {
    const c = compiled();
    c.step.sync(...(c.batches[0] as [Tensor, Tensor]));
    expect(await rejection(c.step.run(c.batches, { signal: AbortSignal.abort('no') }))).toBe('no');
    expect(stepsDone(c)).toBe(1);
    await goesOn(c);
  });

  it.each(['list', 'sync generator', 'async generator', 'slow async generator'])('over a %s', async (kind) => {
    async function* slowly(list: Tensor[][], wait: boolean) {
      for (const batch of list) {
        if (wait) await turn();
        yield batch;
      }
    }
    const seen = new Set<number>();
    for (let i = 0; i < 12; i++) {
      const c = compiled();
      c.step.sync(...(c.batches[0] as [Tensor, Tensor]));
      const list = c.batches.slice(1);
      const batches =
        kind === 'list' ? list : kind === 'sync generator' ? list.values() : slowly(list, kind.startsWith('slow'));
      const controller = new AbortController();
      const run = rejection(c.step.run(batches, { signal: controller.signal }).then(() => Promise.reject('all done')));
      const until = performance.now() + i / 2;
      do await turn();
      while (performance.now() < until);
      controller.abort('enough');
      expect(['enough', 'all done']).toContain(await run);
      seen.add(stepsDone(c));
      await goesOn(c);
    }
    expect(seen.size, `${[...seen]}`).toBeGreaterThan(1);
  });

  it('while the generator waits for ever', async () => {
    const c = compiled();
    async function* waiting() {
      yield* c.batches.slice(0, 5);
      await new Promise(() => {});
    }
    const controller = new AbortController();
    const run = rejection(c.step.run(waiting(), { signal: controller.signal }));
    while (c.step.pause(() => states.indexOf(c.state())) < 5) await turn(); // what came is run, not held back
    controller.abort('enough');
    expect(await run).toBe('enough');
    expect(stepsDone(c)).toBe(5);
  });

  it('by onStep that throws', async () => {
    const c = compiled();
    const onStep = (_: Tensor, i: number): void => {
      if (i === 20) throw new Error('mine');
    };
    expect(await rejection(c.step.run(c.batches, { onStep }))).toMatchObject({ message: 'mine' });
    expect(stepsDone(c)).toBeGreaterThanOrEqual(21);
    await goesOn(c);
  });

  it('by a generator that throws', async () => {
    const c = compiled();
    function* batches() {
      yield* c.batches.slice(0, 50);
      throw new Error('mine');
    }
    expect(await rejection(c.step.run(batches()))).toMatchObject({ message: 'mine' });
    stepsDone(c);
    await goesOn(c);
  });

  it('by dispose: what is queued rejects', async () => {
    const c = compiled();
    c.step.sync(...(c.batches[0] as [Tensor, Tensor]));
    const results = c.batches.slice(1, 100).map(([x, y]) => c.step(x as Tensor, y as Tensor).then(() => '', String));
    c.step.dispose();
    const texts = await Promise.all(results);
    const done = stepsDone(c);
    const text = 'StateError: compile: the step was disposed; compile the function again';
    expect(texts).toEqual([...Array(done - 1).fill(''), ...Array(100 - done).fill(text)]);
  });
});

describe('a label out of range', () => {
  const text = 'crossEntropy: labels must be at least 0 and below 4, or ignoreIndex -100, got 7 (element 3)';
  const wrong = (): [Tensor, Tensor] => [ones([8, 6]), tensor(Int32Array.of(0, 1, 2, 7, 0, 1, 2, 9))];

  it('on the calling thread', async () => {
    const c = compiled();
    c.step.sync(...(c.batches[0] as [Tensor, Tensor]));
    expect(message(() => c.step.sync(...wrong()))).toBe(text);
    expect(stepsDone(c)).toBe(1);
    await goesOn(c);
  });

  it('on its own thread: it and what is queued behind it reject, and have changed nothing', async () => {
    const c = compiled();
    const steps = c.batches.slice(0, 10).map(([x, y]) => c.step(x as Tensor, y as Tensor).then(bits));
    const failed = c.step(...wrong());
    const behind = c.batches.slice(10, 20).map(([x, y]) => c.step(x as Tensor, y as Tensor));
    const errors = await Promise.all([failed, ...behind].map(rejection));
    expect(await Promise.all(steps)).toEqual(losses.slice(0, 10));
    expect((errors[0] as Error).message).toBe(text);
    for (const error of errors.slice(1)) {
      expect(error).toMatchObject({
        message: 'compile: an earlier step failed, this one did not run; submit it again',
        cause: errors[0],
      });
    }
    expect(stepsDone(c)).toBe(10);
    await goesOn(c);
  });

  it('in a run, after operations that folded away', async () => {
    const c = compiled();
    const batches = [...c.batches.slice(0, 40), wrong(), ...c.batches.slice(40)];
    const error = await rejection(c.step.run(batches));
    expect(error).toMatchObject({ message: `step.run: batch 40: ${text}`, batch: 40 });
    expect((error as Error).stack).toContain(`step.run: batch 40: ${text}`);
    expect(stepsDone(c)).toBe(40);
    await goesOn(c);
    const scaled = compile((x: Tensor, y: Tensor) =>
      nn.functional.crossEntropy(
        mul(x, tensor([2, 3, 4, 5]))
          .mul(2)
          .add(1),
        y,
      ),
    );
    const x = ones([8, 4]);
    scaled.sync(x, tensor(new Int32Array(8)));
    expect(message(() => scaled.sync(x, wrong()[1]))).toBe(text);
  });
});

it('random numbers drawn eagerly between queued steps keep their place in the stream', async () => {
  const draw = (x: Tensor): Tensor => add(dropout(x, { p: 0.5 }), randn([50]));
  const x = ones([50]);
  manualSeed(4);
  const want = [draw(x), draw(x), randn([3]), draw(x)].map(bits);
  manualSeed(4);
  const step = compile(draw);
  const got = [await step(x)];
  const second = step(x);
  const between = randn([3]);
  const third = step(x);
  got.push(await second, between, await third);
  expect(got.map(bits)).toEqual(want);
});

it('async_hooks see a reference to the event loop while steps are queued, and only then', async () => {
  const resources: { hasRef(): boolean }[] = [];
  const hook = createHook({
    init: (_, type, __, resource) => {
      if (type === 'adjoint program') resources.push(resource as { hasRef(): boolean });
    },
  }).enable();
  const step = compile((x: Tensor) => x.mul(2));
  const x = ones([2]);
  await step(x);
  const queued = step(x);
  hook.disable();
  const [resource] = resources as [{ hasRef(): boolean }];
  expect(resources.length).toBe(1);
  expect(resource.hasRef()).toBe(true);
  await queued;
  expect(resource.hasRef()).toBe(false);
  const dropped = step(x).catch(() => {});
  expect(resource.hasRef()).toBe(true);
  step.dispose();
  await dropped;
  expect(resource.hasRef()).toBe(false);
});
