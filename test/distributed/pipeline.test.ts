import { distributed, nn, ones, type Tensor } from 'adjoint';
import { beforeAll, expect, it } from 'vitest';
import { describeRuns, isThorough, resultsOf, runRanks } from '../support/ranks.js';

interface Result {
  losses: number[];
  weights: number[][];
  scores?: number[];
  name?: string;
  message?: string;
  rank?: number;
}

const run = async (size: number, ...args: string[]): Promise<Result[]> =>
  (await resultsOf('pipeline', size, { args, timeout: 40_000 })) as Result[];

/** Relative to the largest of each tensor. */
function distance(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  const largest = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number)))) / largest;
}

describeRuns('a GPT that is split by hand', () => {
  let whole: Result;
  beforeAll(async () => {
    [whole] = (await run(1, 'plain')) as [Result];
  }, 60_000);

  const cases = [
    [1, 'ScheduleGPipe', 2],
    [2, 'ScheduleGPipe', 4],
    [2, 'Schedule1F1B', 8],
    [3, 'Schedule1F1B', 4],
    [3, 'ScheduleGPipe', 1],
    [4, 'Schedule1F1B', 2],
  ] as const;
  it.each(isThorough ? cases : cases.slice(0, 4))(
    '%i processes, %s, %i micro-batches: trains as one process with the whole',
    {
      timeout: 90_000,
    },
    async (size, schedule, parts) => {
      const results = await run(size, schedule, String(parts));
      const weights = results.flatMap((result) => result.weights);
      expect(weights.length).toBe(whole.weights.length);
      // What only shifts all keys alike has a gradient of zero, but for rounding, which Adam makes into steps.
      const isKeyBias = (i: number): boolean => whole.weights[i]?.length === 48;
      weights.forEach((values, i) => {
        const [own, wanted] = [values, whole.weights[i] as number[]].map((all) =>
          isKeyBias(i) ? [...all.slice(0, 16), ...all.slice(32)] : all,
        ) as [number[], number[]];
        expect(distance(own, wanted), `parameter ${i}`).toBeLessThan(1e-5);
      });
      const last = results.at(-1) as Result;
      expect(last.losses).toEqual(whole.losses.map((loss) => expect.closeTo(loss, 5)));
      expect(distance(last.scores as number[], whole.scores as number[])).toBeLessThan(1e-5);
    },
  );

  it('keeps nobody waiting for a process that is lost, or fails', { timeout: 90_000 }, async () => {
    const ends = await runRanks('pipeline', 3, { args: ['Schedule1F1B', '4', 'killed'], timeout: 25_000 });
    for (const { result } of [ends[0], ends[2]] as { result: Result }[]) {
      expect(result.name).toBe('DistributedError');
      expect(result.message).toMatch(/rank 1 has ended$/);
    }
    const [first, second, third] = (await run(3, 'ScheduleGPipe', '4', 'thrown')) as [Result, Result, Result];
    expect(third.message).toBe('planted');
    for (const { name, message, rank } of [first, second]) {
      expect([name, rank]).toEqual(['DistributedError', 2]);
      expect(message).toMatch(/rank 2 has failed in a pipeline: planted$/);
    }
  });
});

describeRuns('a pipeline of one stage', () => {
  const { mseLoss } = nn.functional;
  const inRun = async (test: () => Promise<void>): Promise<void> => {
    await distributed.init();
    try {
      await test();
    } finally {
      await distributed.destroy();
    }
  };

  it('adds to gradients, and gives a loss for each micro-batch', () =>
    inRun(async () => {
      const model = new nn.Linear(1, 1, { bias: false });
      model.weight.detach().fill_(2);
      const schedule = new distributed.ScheduleGPipe(new distributed.PipelineStage(model, 0, 1), 2, mseLoss);
      const losses: Tensor[] = [];
      for (let i = 0; i < 2; i++) {
        const y = await schedule.step(ones([4, 1]), { target: ones([4, 1]), losses });
        expect(y?.toArray()).toEqual([[2], [2], [2], [2]]);
      }
      expect(losses.map((loss) => loss.item())).toEqual([1, 1, 1, 1]);
      expect(model.weight.grad?.item()).toBe(4); // twice d/dw (w - 1)²
      const predicted = await schedule.eval(ones([2, 1]));
      expect([predicted?.toArray(), predicted?.requiresGrad]).toEqual([[[2], [2]], false]);
    }));

  it('refuses what does not fit', () =>
    inRun(async () => {
      const model = new nn.Linear(1, 1);
      const { PipelineStage, ScheduleGPipe } = distributed;
      expect(() => new PipelineStage(model, 1, 2)).toThrow(/stageIndex must be an integer of at least 0 and at most 0/);
      expect(() => new PipelineStage(3 as unknown as nn.Linear, 0, 1)).toThrow(/submodule must be a module, got 3/);
      const stage = new PipelineStage(model, 0, 1);
      expect(() => new ScheduleGPipe(model as unknown as typeof stage, 2, mseLoss)).toThrow(/must be a PipelineStage/);
      expect(() => new ScheduleGPipe(stage, 0, mseLoss)).toThrow(/nMicrobatches must be an integer of at least 1/);
      const schedule = new ScheduleGPipe(stage, 2, mseLoss);
      const target = ones([4, 1]);
      await expect(schedule.step(ones([3, 1]), { target })).rejects.toThrow(
        /the first dimension of x must be a multiple of 2 micro-batches, got \[3, 1\]/,
      );
      await expect(schedule.step({ target })).rejects.toThrow(/x must be a tensor, got undefined/);
      await expect(schedule.step(ones([4, 1]))).rejects.toThrow(/target must be a tensor, got undefined/);
      await expect(schedule.step(ones([4, 1]), { targets: target } as object)).rejects.toThrow(/unknown option/);
    }));
});
