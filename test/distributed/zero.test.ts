import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distributed, nn, optim } from 'adjoint';
import { expect, it } from 'vitest';
import { describeRuns, isThorough, resultsOf } from '../support/ranks.js';

interface Result {
  weights: number[];
  hash: string;
  /** How many numbers of the optimizer's state this process holds. */
  numbers: number;
  state?: unknown;
  /** Before the state is gathered, and after another step. */
  refused?: string[];
}

const run = async (size: number, ...args: string[]): Promise<Result[]> =>
  (await resultsOf('zero', size, { args, timeout: 60_000 })) as Result[];

describeRuns('an optimizer whose state is divided', () => {
  const cases = [
    ['Adam', 'eager', 2],
    ['Adam', 'compiled', 3],
    ['SGD', 'compiled', 2],
    ['RMSprop', 'eager', 3],
  ] as const;
  it.each(isThorough ? cases : cases.slice(0, 3))(
    '%s, %s, %i processes: trains as the plain one, with its share of the state',
    {
      timeout: 120_000,
    },
    async (algorithm, mode, size) => {
      const plain = await run(size, 'plain', algorithm, mode, '0', '20');
      const divided = await run(size, 'zero', algorithm, mode, '0', '20');
      expect(new Set([...plain, ...divided].map(({ hash }) => hash)).size, 'the same bits').toBe(1);
      const whole = (plain[0] as Result).numbers;
      expect(divided.reduce((sum, { numbers }) => sum + numbers, 0)).toBe(whole);
      for (const { numbers } of divided) expect(numbers / whole).toBeCloseTo(1 / size, 1.5);
      expect(divided[0]?.state, 'gathered').toEqual(plain[0]?.state);
      const rule = /^stateDict: .* since the last step; await consolidateStateDict\(to\) in all of them first$/;
      for (const { refused } of divided)
        expect(refused).toEqual([expect.stringMatching(rule), expect.stringMatching(rule)]);
    },
  );

  it('goes on with another number of processes, or without being divided', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'adjoint-'));
    const path = join(folder, 'checkpoint');
    const [whole] = await run(1, 'plain', 'Adam', 'eager', '0', '20');
    await run(2, 'zero', 'Adam', 'compiled', '0', '10', '', path);
    const [three] = await run(3, 'zero', 'Adam', 'eager', '10', '20', path);
    const [one] = await run(1, 'plain', 'Adam', 'eager', '10', '20', path);
    rmSync(folder, { recursive: true });
    const weights = (whole as Result).weights.map((w) => expect.closeTo(w, 5));
    expect((three as Result).weights).toEqual(weights);
    expect((one as Result).weights).toEqual(weights);
  });

  it('is saved and goes on with train.fit as the plain one', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'adjoint-'));
    const trained = async (...args: string[]) =>
      (await resultsOf('zero-fit', 2, { args, timeout: 40_000 })) as { weights: number[]; warnings: string[] }[];
    const [plain] = await trained('plain', '4', join(folder, 'plain'));
    await trained('zero', '2', join(folder, 'zero'));
    for (const { weights, warnings } of await trained('zero', '4', join(folder, 'zero'))) {
      expect(weights).toEqual(plain?.weights);
      expect(warnings).toEqual([]);
    }
    rmSync(folder, { recursive: true });
  });

  it('refuses what is no such optimizer, and options that it does not know', async () => {
    await distributed.init();
    const params = new nn.Linear(2, 1).parameters();
    const make = (given: unknown, options?: object) => () =>
      new optim.ZeroRedundancyOptimizer(params, given as typeof optim.Adam, options);
    const rule = /optimizerClass must be a class of optimizers that change each parameter by itself/;
    for (const given of [optim.LBFGS, optim.Optimizer.prototype, {}, null, 'Adam']) expect(make(given)).toThrow(rule);
    expect(make(optim.Adam, { rate: 1 })).toThrow(/Adam: unknown option "rate"/);
    expect(make(optim.Adam, { group: 1 })).toThrow(/group must be one of distributed.newGroup/);
    expect(make(optim.Adam, { lr: -1 })).toThrow(/Adam: lr must be/);
    expect(make(optim.Adam, { lr: 1 })).not.toThrow();
    await distributed.destroy();
    expect(make(optim.Adam)).toThrow(/distributed.init must be called first/);
  });
});
