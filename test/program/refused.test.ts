// Errors that end a compiled function or a step for good, and failures in special calls: nothing is changed.
import { describe, expect, it } from 'vitest';
import { compile, mul, nn, noGrad, ones, optim, type Tensor } from '../../lib/index.js';
import { native } from '../../lib/native.js';
import {
  expectFailure,
  expectOneStep,
  failingMemory,
  labels,
  liveBytes,
  recorded,
  rounds,
  type Step,
  trained,
  World,
  ways,
} from '../support/world.js';

const wrong = labels(0, 1, 2, 9, 0, 1);
const mine = (): never => {
  throw new Error('mine');
};

describe('once', () => {
  it('what is set by hand while steps are queued stays when these are aborted', async () => {
    const { w, step } = recorded();
    const onStep = (_: unknown, i: number): void => {
      if (i < 3) return;
      (w.optimizer.paramGroups[0] as { lr: number }).lr = 0.5;
      mine();
    };
    const batches = Array.from({ length: 50 }, () => [w.x, w.y]);
    await expect(step.run(batches, { onStep })).rejects.toThrow('mine');
    const steps = (w.schedules[0] as (typeof w.schedules)[number]).lastEpoch - 2;
    expect(w.optimizer.stateDict().state[0]?.step?.item()).toBe(steps + 2);
    expect(steps).toBeGreaterThan(3); // onStep hears of a step after those queued behind it have begun
    expect(w.optimizer.paramGroups[0]?.lr).toBe(0.5);
    expect(w.optimizer.paramGroups[1]?.lr).toBeCloseTo(0.02 * 0.8 ** (steps + 2), 12);
  });

  it.each(Object.entries(ways))('a schedule disposes the step: %s', async (_, call) => {
    const { w, step } = recorded();
    w.onSchedule = () => step.dispose();
    await expectFailure(w, () => call(step, w.x, w.y), /^compile: the step was disposed; compile the function again/);
  });

  it.each(Object.entries(ways))('an option disposes the step, which has only been recorded: %s', async (_, call) => {
    const w = trained();
    const step: Step = compile(w.step);
    step.sync(w.x, w.y);
    w.onOption = () => step.dispose();
    await expectFailure(w, () => call(step, w.x, w.y), /^compile: the step was disposed; compile the function again/);
  });

  it.each(Object.entries(ways))('a captured tensor was disposed: %s', async (_, call) => {
    const { w, step } = recorded();
    w.scale.dispose();
    await expectFailure(w, () => call(step, w.x, w.y), /^compile: a tensor that the step uses was disposed/);
  });

  it.each(Object.entries(ways))('a gradient that was null when the step was recorded: %s', async (_, call) => {
    const w = new World();
    const step: Step = compile((x: Tensor, y: Tensor) => {
      const loss = nn.functional.crossEntropy(w.model.forward(x), y);
      loss.backward();
      w.optimizer.step();
      for (const schedule of w.schedules) schedule.step();
      w.optimizer.zeroGrad();
      return loss;
    });
    step.sync(w.x, w.y);
    w.leaveGradients();
    await expectFailure(w, () => call(step, w.x, w.y), /^compile: the gradient of a parameter .* must be null/);
  });

  it.each(Object.entries(ways))('memory fails, at any allocation: %s', async (_, call) => {
    const w = trained();
    const step: Step = compile(w.step);
    step.sync(w.x, w.y);
    expect(await failingMemory(w, () => call(step, w.x, w.y))).toBeGreaterThan(2);
    expectOneStep(w, () => {
      const twin = trained();
      twin.step(twin.x, twin.y);
      return twin;
    });
  });

  it('an argument is disposed while its call waits', async () => {
    const w = trained();
    const step: Step = compile(w.step);
    const first = step(w.x, w.y);
    const late = w.x.clone();
    const waiting = step(late, w.y);
    await first;
    const small = step(ones([3, 5]), labels(0, 1, 2)); // is recorded when nothing is queued
    const lost = w.x.clone();
    const behind = step(lost, w.y);
    lost.dispose();
    await waiting;
    await small;
    await expectFailure(w, () => behind, /^disposed tensor/);
    expect(w.schedules.map((s) => s.lastEpoch)).toEqual([5, 5]); // two eager ones, and three that ran
  });

  it('two updates in one step, and a label out of range between them', async () => {
    const { w } = recorded();
    const second = new optim.SGD(w.model.parameters(), { lr: 0.1, momentum: 0.9 });
    const step: Step = compile((x: Tensor, y: Tensor) => {
      w.step(x, labels(0, 1, 2, 3, 0, 1));
      const loss = nn.functional.crossEntropy(w.model.forward(x), y);
      second.zeroGrad();
      loss.backward();
      second.step();
      return loss;
    });
    step.sync(w.x, w.y);
    for (const call of Object.values(ways)) {
      await expectFailure(w, () => call(step, w.x, wrong), /^crossEntropy: labels must be/);
    }
  });

  it('a profile: nothing moves, whether it fails or not', async () => {
    const { w, step } = recorded();
    const before = w.state();
    expect(step.profile(w.x, w.y)).toMatch(/µs a step/);
    expect(w.state()).toEqual(before);
    await expectFailure(w, () => step.profile(w.x, wrong), /^crossEntropy: labels must be/);
    const gradient = compile((x: Tensor, y: Tensor) => {
      w.optimizer.zeroGrad();
      nn.functional.crossEntropy(w.model.forward(x), y).backward();
      return w.weight.grad as Tensor;
    });
    for (let i = 0; i < 2; i++) gradient.sync(w.x, w.y);
    const again = w.state();
    gradient.profile(w.x, w.y);
    expect(w.state()).toEqual(again);
  });

  it('verify: the step does something else', async () => {
    const w = trained();
    let factor = 2;
    const step: Step = compile((x: Tensor, y: Tensor) => w.step(mul(x, factor), y), { verify: true });
    step.sync(w.x, w.y);
    step.sync(w.x, w.y);
    const before = await liveBytes();
    factor = 3;
    for (let i = 0; i < rounds; i++) {
      await expectFailure(w, () => step.sync(w.x, w.y), /^compile: the step does something else/);
    }
    await expectFailure(w, () => step.sync(w.x, wrong), /^crossEntropy: labels must be/);
    expect(await liveBytes()).toBe(before);
    factor = 2;
    step.sync(w.x, w.y);
  });

  it('a step is aborted before it ran', async () => {
    const { w, step } = recorded();
    const before = await liveBytes();
    for (let i = 0; i < rounds; i++) {
      const aborted = async (): Promise<void> => {
        native.pausePrograms();
        const stop = new AbortController();
        const run = step
          .run(
            [
              [w.x, w.y],
              [w.x, w.y],
            ],
            { signal: stop.signal },
          )
          .catch((error) => error);
        await new Promise((resolve) => setImmediate(resolve));
        stop.abort(new Error('mine'));
        native.resumePrograms();
        throw await run;
      };
      await expectFailure(w, aborted, /^mine$/);
    }
    expect(await liveBytes()).toBe(before);
  });
});

it('a program is kept while a run has gathered steps for it, whatever is recorded meanwhile', async () => {
  const total = ones([1]);
  const step = compile((x: Tensor) => void noGrad(() => total.add_(x.sum())), { maxPrograms: 1 });
  const x = ones([1]);
  let recordings = 0;
  let steps = 0;
  const end = performance.now() + 30_000;
  const batches = function* () {
    // When the queue is found empty depends on which thread is ahead of the other.
    while (recordings < 6 && performance.now() < end) {
      yield x;
      if (++steps % 3 !== 2) continue;
      try {
        step.sync(ones([2 + recordings]).mul(0));
        recordings++;
      } catch (error) {
        expect((error as Error).message).toMatch(/^compile: step.sync cannot run while steps are queued/);
      }
    }
  };
  expect((await step.run(batches())).steps).toBe(steps);
  expect(recordings).toBe(6);
  expect(total.item()).toBe(steps + 1);
});
