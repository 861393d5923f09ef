// Replays that are refused or fail change nothing, in each way of calling, however often.
import { describe, expect, it } from 'vitest';
import { type CompiledStep, compile, noGrad, ones, type Tensor } from '../../lib/index.js';
import { native } from '../../lib/native.js';
import {
  expectFailure,
  expectOneStep,
  labels,
  liveBytes,
  recorded,
  rounds,
  type Step,
  trained,
  type World,
  ways,
} from '../support/world.js';

const wrong = labels(0, 1, 2, 9, 0, 1);
const mine = (): never => {
  throw new Error('mine');
};

/** What makes a call fail, and what is done afterwards. */
interface Failure {
  text: RegExp;
  begin?: (w: World, step: Step) => unknown;
  args?: [Tensor, Tensor];
  end?: (w: World) => unknown;
}

const total = ones([]);
const disposed = ones([6, 5]);
disposed.dispose();
let other: CompiledStep<[], unknown> | null = null;
let queued: Promise<unknown> = Promise.resolve();
// A step of another function is queued, and does not run.
const queue = (fn: () => Tensor): void => {
  other = compile(() => void noGrad(fn));
  other.sync();
  native.pausePrograms();
  queued = other();
};
const runQueued = async (): Promise<void> => {
  native.resumePrograms();
  await queued;
  other?.dispose();
};

const failures: Record<string, Failure> = {
  'a label out of range, found when batch norm has moved on': {
    text: /^crossEntropy: labels must be/,
    args: [ones([6, 5]), wrong],
  },
  'an argument that was disposed': { text: /^disposed tensor/, args: [disposed, wrong] },
  'an argument that a schedule disposes': {
    text: /^compile: tensor 0 of the arguments was disposed while the step began|^disposed tensor/,
    begin: (w) => {
      w.onSchedule = () => w.x.dispose();
    },
  },
  'a schedule that throws': {
    text: /^mine$/,
    begin: (w) => {
      w.onSchedule = mine;
    },
  },
  'a schedule that calls the step': {
    text: /^compile: a step must not be called by the options and schedules that it follows/,
    begin: (w, step) => {
      w.onSchedule = () => step.sync(w.x, w.y);
    },
  },
  'a schedule that has the step record': {
    text: /^compile: a step must not be called by the options and schedules that it follows/,
    begin: (w, step) => {
      w.onSchedule = () => step.sync(ones([3, 5]), labels(0, 1, 2));
    },
  },
  'an option that throws': {
    text: /^mine$/,
    begin: (w) => {
      w.onOption = mine;
    },
  },
  'another step that writes what it reads': {
    text: /^compile: another compiled step that is running or queued works with the same tensors/,
    begin: ({ scale }) => queue(() => scale.fill_(1)),
    end: runQueued,
  },
  'another step that reads what it writes': {
    text: /^compile: another compiled step that is running or queued works with the same tensors/,
    begin: ({ weight }) => queue(() => total.copy_(weight.sum())),
    end: runQueued,
  },
  'an argument that another step writes': {
    text: /^compile: tensor 0 of the arguments is being written by a step/,
    begin: ({ x }) => queue(() => x.add_(1)),
    end: runQueued,
  },
};

describe.each(Object.keys(ways))('%s', (way) => {
  const call = ways[way] as (typeof ways)[string];

  /** Lets a call fail, and expects nothing to have changed. */
  const fail = ({ text, begin, args, end }: Failure, w: World, step: Step): Promise<void> =>
    expectFailure(
      w,
      async () => {
        const x = w.x.clone();
        begin?.(w, step);
        try {
          await call(step, ...(args ?? [w.x, w.y]));
        } finally {
          w.onSchedule = w.onOption = null;
          await end?.(w);
          w.x = x;
        }
      },
      text,
    );

  it.each(Object.entries(failures))('%s', async (_, failure) => {
    const { w, step } = recorded();
    for (let i = 0; i < 2; i++) await fail(failure, w, step);
    // What failed is forgotten: this trains as an eager world does.
    await call(step, w.x, w.y);
    expectOneStep(w, trained);
  });

  it('no memory stays behind', async () => {
    const all = Object.values(failures).map((failure) => ({ failure, ...recorded() }));
    const round = async (): Promise<void> => {
      for (const { failure, w, step } of all) await fail(failure, w, step);
    };
    await round();
    const before = await liveBytes();
    for (let i = 0; i < rounds; i++) await round();
    expect((await liveBytes()) - before).toBe(0);
  });
});
