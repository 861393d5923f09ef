import { beforeAll, expect, it } from 'vitest';
import { describeRuns, resultsOf } from '../support/ranks.js';

interface Result {
  weights: number[];
  hash: string;
  losses: number[][];
}

const run = async (args: readonly string[], size: number): Promise<Result[]> =>
  (await resultsOf('parallel', size, { args, timeout: 110_000 })) as Result[];

/** The largest difference, relative to the largest weight. */
function distance(a: readonly number[], b: readonly number[]): number {
  const largest = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number)))) / largest;
}

/** Four processes, too, in `npm run test:distributed`. */
const sizes = process.env.ADJOINT_RANKS === '4' ? [2, 4] : [2];

const cases = [
  ['mlp', 'sgd', '1'],
  ['mlp', 'adam', '2'],
  ['conv', 'sgd', '1'],
  ['gru', 'adam', '1'],
] as const;

describeRuns.each(cases)('%s by %s, %s parts a step', (model, optimizer, parts) => {
  let whole: Result;
  beforeAll(async () => {
    [whole] = (await run([model, optimizer, 'eager', parts], 1)) as [Result];
  }, 120_000);

  it.each(sizes)(
    '%i processes train as one does with the whole batch, eager and compiled alike',
    { timeout: 240_000 },
    async (size) => {
      const eager = await run([model, optimizer, 'eager', parts], size);
      const compiled = await run([model, optimizer, 'compiled', parts], size);
      const hashes = new Set([...eager, ...compiled].map(({ hash }) => hash));
      expect(hashes.size, 'all ranks have the same bits, compiled or not').toBe(1);
      expect(distance((eager[0] as Result).weights, whole.weights)).toBeLessThan(1e-5);
      const means = (eager[0] as Result).losses;
      whole.losses[0]?.forEach((loss, i) => {
        expect(means.reduce((sum, one) => sum + (one[i] as number), 0) / size).toBeCloseTo(loss, 4);
      });
    },
  );
});

describeRuns('what travels', () => {
  it('bfloat16 on the wire stays near, and equal in all ranks', { timeout: 120_000 }, async () => {
    const [exact] = await run(['mlp', 'sgd', 'compiled', '1', '5'], 2);
    const rounded = await run(['mlp', 'sgd', 'compiled', '1', '5', 'bfloat16'], 2);
    expect(rounded[0]?.hash).toBe(rounded[1]?.hash);
    expect(rounded[0]?.hash).not.toBe(exact?.hash);
    expect(distance((rounded[0] as Result).weights, (exact as Result).weights)).toBeLessThan(1e-2);
  });
});
