import { distributed, nn } from 'adjoint';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeRuns, isThorough, resultsOf } from '../support/ranks.js';

interface Result {
  rounds: { round: number; clients: number[]; weight: number }[];
  weights: number[];
  hash: string;
  /** How much masks change, on average. */
  shown: number[];
  noise?: number[];
  name?: string;
  message?: string;
  rank?: number;
}

const run = async (size: number, ...args: string[]): Promise<Result[]> =>
  (await resultsOf('federated', size, { args, timeout: 40_000 })) as Result[];

const near = (weights: readonly number[], digits: number) => weights.map((w) => expect.closeTo(w, digits));

describeRuns('federated averaging', () => {
  let average: Result;
  beforeAll(async () => {
    [average] = (await run(1, 'average')) as [Result];
  }, 60_000);

  it('of one gradient each is training on the data of all', { timeout: 60_000 }, async () => {
    const [central] = (await run(1, 'central')) as [Result];
    for (const { weights } of await run(2, 'sgd')) expect(weights).toEqual(near(central.weights, 5));
  });

  it('is the same with clients in one process and in several', { timeout: 90_000 }, async () => {
    for (const size of isThorough ? [2, 3] : [2]) {
      const results = await run(size, 'average');
      expect(new Set(results.map(({ hash }) => hash)).size, 'the same bits').toBe(1);
      expect(results[0]?.weights).toEqual(near(average.weights, 6));
      expect(results[0]?.rounds).toEqual(average.rounds);
    }
    expect(average.rounds[3]).toEqual({ round: 3, clients: [0, 1, 2, 3, 4, 5], weight: 4 + 7 + 10 + 13 + 16 + 19 });
  });

  it('with masks of pairs shows no update, and has the same sum', { timeout: 60_000 }, async () => {
    const results = await run(2, 'masked');
    for (const { weights, shown } of results) {
      expect(weights).toEqual(near(average.weights, 6));
      expect(Math.min(...shown)).toBeGreaterThan(1e5);
    }
    const [unbalanced] = (await run(1, 'unbalanced')) as [Result];
    expect(unbalanced.weights, 'a mask that does not cancel').not.toEqual(near(average.weights, 2));
  });

  it('chooses other clients in each round, the same in all processes', { timeout: 60_000 }, async () => {
    const [one] = await run(1, 'some', '12');
    const two = await run(2, 'some', '12');
    for (const { rounds } of two) expect(rounds).toEqual(one?.rounds);
    const chosen = one?.rounds.map(({ clients }) => clients) ?? [];
    for (const clients of chosen) expect(new Set(clients).size).toBe(3);
    expect(new Set(chosen.flat()).size).toBe(6);
    expect(new Set(chosen.map(String)).size).toBeGreaterThan(5);
  });

  it('adds noise of σ C / m, however many processes add it', { timeout: 60_000 }, async () => {
    for (const size of [1, 2]) {
      const results = await run(size, 'noisy');
      const [mean = 1, deviation] = results[0]?.noise ?? [];
      expect(Math.abs(mean)).toBeLessThan(0.02); // 20,000 values: a standard error of 0.0035
      expect(deviation).toBeCloseTo((1.5 * 2) / 6, 1.7);
      for (const { noise, rounds } of results) {
        expect(noise, 'the same in all processes').toEqual(results[0]?.noise);
        expect(rounds[0]?.weight, 'all clients count the same').toBe(6);
      }
    }
  });

  it('leaves the model as it was when a client fails, and tells the others', { timeout: 90_000 }, async () => {
    const [before] = await run(1, 'failing', '1');
    const [first, second] = (await run(2, 'failing')) as [Result, Result];
    expect(second.message).toBe('planted');
    expect(first.name).toBe('DistributedError');
    expect(first.message).toMatch(/rank 1 has failed in a round: planted$/);
    for (const { weights } of [first, second]) expect(weights).toEqual(near(before?.weights ?? [], 6));
    const [diverging] = (await run(1, 'diverging')) as [Result];
    expect(diverging.message).toBe(
      'FederatedAverage.round: updates must be finite, got NaN as the norm of that of client 4',
    );
    expect(diverging.rounds).toHaveLength(1);
    expect((await run(2, 'none'))[1]?.message).toBe(
      'FederatedAverage: clients must not be empty in all processes, got none',
    );
  });
});

describe('in one process', () => {
  const make = async (options: object, clients: unknown = [1]): Promise<nn.Linear> => {
    await distributed.init();
    try {
      const model = new nn.Linear(3, 1, { bias: false });
      model.weight.detach().fill_(0);
      const train = (net: nn.Linear, by: number) => {
        net.weight.detach().add_(by);
        return 1;
      };
      const federated = new distributed.FederatedAverage(model, clients as number[], { train, ...options });
      await federated.round();
      return model;
    } finally {
      await distributed.destroy();
    }
  };
  const valuesOf = async (made: Promise<nn.Linear>) => [...(await made).weight.toTypedArray()];

  it('updates are cut to maxNorm, and weighted by samples', async () => {
    expect(await valuesOf(make({}, [1, 4]))).toEqual(near([2.5, 2.5, 2.5], 6));
    expect(await valuesOf(make({ maxNorm: 2 }, [100]))).toEqual(near(new Array(3).fill(2 / Math.sqrt(3)), 6));
    expect(await valuesOf(make({ maxNorm: 2 }, [0.5]))).toEqual(near([0.5, 0.5, 0.5], 6));
    const weighted = (net: nn.Linear, by: number) => {
      net.weight.detach().add_(by);
      return by;
    };
    expect(await valuesOf(make({ train: weighted }, [1, 3]))).toEqual(near([2.5, 2.5, 2.5], 6));
  });

  it.each([
    [{ train: 3 }, /train must be a function/],
    [{ fraction: 1.5 }, /fraction must be a finite number of at least 0 and at most 1/],
    [{ maxNorm: 0 }, /maxNorm must be a finite number above 0/],
    [{ noiseMultiplier: 1 }, /noiseMultiplier must come with maxNorm, got none/],
    [{ train: () => undefined }, /what train returns must be a finite number of at least 1, got undefined/],
    [{ mask: () => [1] }, /what mask returns must be a tensor/],
    [
      { mask: (x: { add(n: number): unknown }) => x.add(-5) },
      /must have a positive sum, got -4; do the masks cancel\?/,
    ],
    [{ masks: 1 }, /unknown option "masks"/],
  ])('%o is refused', async (options, message) => {
    await expect(make(options)).rejects.toThrow(message);
  });
});
