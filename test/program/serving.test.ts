// Several compiled functions over the same tensors: training beside predictions, locks, pause.
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type CompiledStep,
  cat,
  compile,
  mul,
  nn,
  noGrad,
  ones,
  optim,
  randint,
  randn,
  StateError,
  type Tensor,
  zeros,
} from '../../lib/index.js';
import { bits, message } from '../support/compiled.js';
import { holdUntilTurn, queueCalls, slowStep, square } from '../support/queued.js';

const inUse = (name: string): string =>
  `${name}: a tensor is in use by a compiled step or a collective that is running or queued; await it, or do it inside step.pause(() => …)`;
const busy = 'compile: another compiled step that is running or queued works with the same tensors; await it first';

describe('while steps are queued', () => {
  it('eager use of what they write is refused, and fine inside pause and afterwards', async () => {
    const w = new nn.Parameter(zeros([3]));
    const view = w.reshape([3, 1]);
    const optimizer = new optim.SGD([w], { lr: 1 });
    const step = slowStep(w);
    w.grad = ones([3]);
    const uses: [string, () => unknown][] = [
      ['item', () => w.slice({ end: 1 }).item()],
      ['toTypedArray', () => w.toTypedArray()],
      ['toTypedArray', () => view.toArray()],
      ['multiply', () => mul(w, 2)],
      ['multiply', () => mul(view, 2)],
      ['fill', () => noGrad(() => w.fill_(1))],
      ['cast', () => noGrad(() => w.copy_([1, 2, 3]))],
      ['sgd', () => optimizer.step()],
    ];
    const queued = queueCalls(step);
    for (const [name, use] of uses) {
      expect(use).toThrow(StateError);
      expect(message(use)).toBe(inUse(name));
    }
    expect(message(() => step.sync(square))).toBe(
      'compile: step.sync cannot run while steps are queued; await them first',
    );
    expect(message(() => step.profile(square))).toBe(
      'step.profile: cannot run while steps are queued; await them first',
    );
    const inside = step.pause(() => {
      for (const [name, use] of uses.slice(0, 5)) expect(message(use), name).toBe('nothing was thrown');
      return w.toArray() as number[];
    });
    expect(inside[0]).toBe(inside[2]);
    await queued;
    expect(w.toArray()).toEqual([61, 61, 61]);
    for (const [, use] of uses) expect(message(use)).toBe('nothing was thrown');
  });

  it('their arguments can be read and disposed of, but not changed', async () => {
    const step = slowStep(zeros([1]));
    const x = ones([128, 128]);
    const queued = queueCalls(step, x);
    expect(x.toTypedArray()[0]).toBe(1);
    expect(message(() => x.fill_(2))).toBe(inUse('fill'));
    x.dispose();
    for (const y of await queued) expect(y.toTypedArray()[0]).toBe(1);
    const other = ones([128, 128]);
    await step(other);
    expect(message(() => other.fill_(2))).toBe('nothing was thrown');
  });

  it('what they read from outside can be read, but not changed', async () => {
    const scale = ones([128, 128]);
    const total = zeros([]);
    const queued = holdUntilTurn((one) => total.add_(scale.mul(one).sum()));
    expect(scale.toTypedArray()[0]).toBe(1);
    expect(message(() => scale.fill_(2))).toBe(inUse('fill'));
    await queued;
    expect(message(() => scale.fill_(2))).toBe('nothing was thrown');
  });

  it('a function that throws inside pause leaves nothing paused or unlocked', async () => {
    const w = zeros([1]);
    const step = slowStep(w);
    const queued = queueCalls(step);
    const fail = (): never => {
      throw new Error('mine');
    };
    expect(message(() => step.pause(() => step.pause(fail)))).toBe('mine');
    expect(message(() => step.pause(() => Promise.resolve() as unknown))).toMatch(
      /^step.pause: fn must be synchronous/,
    );
    expect(message(() => w.fill_(1))).toBe(inUse('fill'));
    await queued;
    expect(w.item()).toBe(61);
  });

  it('a step compiled inside pause, or inside a recording, runs', async () => {
    const step = slowStep(zeros([1]));
    const inPause = step.pause(() => compile((x: Tensor) => mul(x, 3)));
    let inRecording: CompiledStep<[Tensor], Tensor> | null = null;
    const recorded = compile((x: Tensor) => {
      inRecording ??= compile((y: Tensor) => mul(y, 5));
      return x.add(1);
    });
    recorded.sync(ones([1]));
    for (let i = 0; i < 3; i++) {
      expect((await inPause(ones([1]))).item()).toBe(3);
      expect((await (inRecording as unknown as CompiledStep<[Tensor], Tensor>)(ones([1]))).item()).toBe(5);
    }
  });
});

describe('two functions that change the same tensor', () => {
  it('take turns with await; overlapping is an error that harms neither', async () => {
    const w = zeros([1]);
    const [a, b] = [slowStep(w), slowStep(w)];
    for (let i = 0; i < 3; i++) {
      await a(square);
      await b(square);
      b.sync(square);
    }
    expect(w.item()).toBe(11);
    let refused: Promise<string>[] = [];
    const queued = a.pause(() => {
      const pending = queueCalls(a); // none of them runs in here
      refused = [b(square), b.run([[square]])].map((p) => p.then(String, (error: Error) => error.message));
      expect(message(() => b.sync(square))).toBe(busy);
      return { pending };
    });
    expect(await Promise.all(refused)).toEqual([busy, `step.run: batch 0: ${busy}`]);
    await queued.pending;
    await b(square);
    expect(w.item()).toBe(72);
  });

  it.each(['captured', 'argument'])('one reads it (%s) and writes something else', async (how) => {
    const w = ones([128, 128]);
    const total = zeros([1]);
    const reader = compile((x: Tensor) => {
      let y = how === 'captured' ? w : x;
      for (let i = 0; i < 40; i++) y = y.matmul(square).mul(1 / 128);
      noGrad(() => total.add_(y.mean()));
      return y;
    });
    const writer = slowStep(w);
    const given = how === 'captured' ? square : w;
    reader.sync(given);
    await writer(square); // it has written before
    // Nothing runs inside pause, so that what is queued stays so.
    const first = reader.pause(() => {
      const queued = reader(given);
      expect(message(() => writer.sync(square))).toBe(busy);
      return { queued, refused: writer(square).catch(String) };
    });
    expect(await first.refused).toContain(busy);
    expect((await first.queued).toTypedArray().every((v) => v === 3)).toBe(true);
    const second = writer.pause(() => ({ queued: writer(square), refused: reader(given).catch(String) }));
    const written = 'compile: tensor 0 of the arguments is being written by a step; await it first';
    expect(await second.refused).toContain(how === 'captured' ? busy : written);
    await second.queued;
    await writer(square);
    expect(w.toTypedArray()[0]).toBe(5);
  });
});

describe('predictions while a model is trained', () => {
  afterEach(() => vi.unstubAllEnvs());

  const steps = 4000;
  function made() {
    const model = nn.sequential(new nn.Linear(4, 300), nn.functional.tanh, new nn.Linear(300, 2));
    noGrad(() => {
      for (const p of model.parameters())
        p.copy_(Float32Array.from({ length: p.size }, (_, i) => Math.sin(i + p.size)));
    });
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
    const fn = (x: Tensor, y: Tensor): Tensor => {
      const loss = nn.functional.crossEntropy(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    };
    return { model, fn };
  }
  const batches = Array.from({ length: steps }, () => [randn([4, 4]), randint(0, 2, [4])]);
  const question = randn([1, 4]);
  const predictions = (model: nn.Sequential, q: Tensor) => bits(noGrad(() => model.forward(q)));

  it('are those of some whole step', async () => {
    const eager = made();
    const whole = new Map([[predictions(eager.model, question), 0]]);
    batches.forEach(([x, y], i) => {
      eager.fn(x as Tensor, y as Tensor);
      whole.set(predictions(eager.model, question), i + 1);
    });
    const c = made();
    const step = compile(c.fn);
    const predict = compile((q: Tensor) => noGrad(() => c.model.forward(q)));
    predict.sync(question);
    let ended = false;
    step.sync(...(batches[0] as [Tensor, Tensor]));
    const run = step.pause(() => {
      const queued = batches.slice(1).map(([x, y]) => step(x as Tensor, y as Tensor));
      return { done: Promise.all(queued).then(() => (ended = true)) };
    });
    const seen: number[] = [];
    while (!ended) {
      for (let i = 0; i < 40; i++) {
        seen.push(whole.get(bits(predict.sync(question))) ?? -1);
        const until = performance.now() + 0.02 * (i % 8); // let the other thread come to another place of its step
        while (performance.now() < until);
      }
      const queued = [predict(question), predict(question)];
      seen.push(whole.get(bits(predict.sync(question))) ?? -1);
      for (const answer of await Promise.all(queued)) seen.push(whole.get(bits(answer)) ?? -1);
      await turn();
    }
    await run.done;
    expect(seen).not.toContain(-1);
    expect(new Set(seen).size).toBeGreaterThan(3);
    expect(whole.get(bits(predict.sync(question)))).toBe(steps);
    expect(whole.get(predictions(c.model, question))).toBe(steps);
  });

  it('never see a step that is half written', async () => {
    const [a, b] = [zeros([8]), zeros([8])];
    const step = compile((x: Tensor) => {
      noGrad(() => a.add_(1));
      let y = x;
      for (let i = 0; i < 10; i++) y = y.matmul(x).mul(1 / 128); // most of the time, a and b differ
      noGrad(() => b.add_(y.mean()));
    });
    const predict = compile(() => cat([a, b]));
    step.sync(square);
    predict.sync();
    const queued = Array.from({ length: 300 }, () => step(square));
    let ended = false;
    const all = Promise.all(queued).then(() => {
      ended = true;
    });
    let samples = 0;
    while (!ended) {
      for (const answer of [predict.sync(), await predict(), predict.sync()]) {
        const values = new Set(answer.toTypedArray());
        expect([...values].join(), `sample ${samples++}`).toMatch(/^\d+$/);
      }
      await turn();
    }
    await all;
    expect(samples).toBeGreaterThan(20);
    expect([a.toArray(), b.toArray()]).toEqual([Array(8).fill(301), Array(8).fill(301)]);
  });

  it('may be recorded for another shape meanwhile', async () => {
    const c = made();
    const step = compile(c.fn);
    const predict = compile((q: Tensor) => noGrad(() => c.model.forward(q)));
    const run = step.run(batches);
    for (let n = 1; n <= 10; n++) {
      const q = ones([n, 4]);
      const [answer] = await Promise.all([predict(q), turn()]);
      const rows = answer.toArray() as number[][];
      // Alike but for rounding: each block of a product, and so each row, may be computed by other instructions.
      for (const row of rows) {
        for (const [i, value] of row.entries()) expect(value).toBeCloseTo(rows[0]![i]!, 5);
      }
    }
    await run;
    const eager = made();
    for (const [x, y] of batches) eager.fn(x as Tensor, y as Tensor);
    expect(c.model.parameters().map(bits)).toEqual(eager.model.parameters().map(bits));
  });
});

// Niceness and scheduling policy (5 is SCHED_IDLE) of this process's threads by their number, from the fields of their stat.
const threads = (): Map<string, string> => new Map(readdirSync('/proc/self/task').map((id) => [id, scheduling(id)]));

function scheduling(thread: string): string {
  try {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `nice ${fields[16]}, policy ${fields[38]}`;
  } catch {
    return 'ended meanwhile';
  }
}

describe.runIf(process.platform === 'linux')('the thread of a step', () => {
  const low = Math.min(getPriority() + 10, 19);
  const double = (x: Tensor) => mul(x, 2);

  beforeAll(async () => {
    const step = compile(double); // the threads that all steps share begin with the first
    await step(ones([2]));
    await step(ones([2]));
    step.dispose();
  });

  it.each([
    [undefined, undefined, `nice ${low}, policy 0`],
    ['low' as const, undefined, `nice ${low}, policy 0`],
    ['background' as const, undefined, `nice ${getPriority()}, policy 5`],
    ['normal' as const, undefined, `nice ${getPriority()}, policy 0`],
    [undefined, 'normal', `nice ${getPriority()}, policy 0`],
    ['low' as const, 'normal', `nice ${low}, policy 0`],
  ])('has the priority %s where ADJOINT_PRIORITY is %s', async (priority, environment, expected) => {
    vi.stubEnv('ADJOINT_PRIORITY', environment);
    const before = threads();
    const step = compile(double, priority === undefined ? {} : { priority });
    await step(ones([2]));
    await step(ones([2]));
    const begun = [...threads()].filter(([id]) => !before.has(id)).map(([, value]) => value);
    expect(begun).toEqual([expected]);
    step.dispose();
  });

  it('takes no other priority', () => {
    vi.stubEnv('ADJOINT_PRIORITY', 'high');
    expect(message(() => compile((x: Tensor) => x))).toBe(
      'compile: ADJOINT_PRIORITY must be normal, low or background, got "high"',
    );
    vi.stubEnv('ADJOINT_PRIORITY', undefined);
    for (const priority of ['idle', 10, true]) {
      expect(message(() => compile((x: Tensor) => x, { priority: priority as 'normal' }))).toMatch(
        /^compile: priority must be normal, low or background, got /,
      );
    }
  });
});
