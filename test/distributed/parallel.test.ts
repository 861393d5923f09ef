// Models that several processes train against those that one process trains with the whole batch.
import { beforeAll, expect, it } from 'vitest';
import { describeRuns, resultsOf } from '../support/ranks.js';

interface Result {
  weights: number[];
  hash: string;
  /** What a compiled step does, one operation a line. */
  plan: string;
}

/** By model, optimizer and way; the weights as base64 of float64. */
type Table = Record<string, { weights: string; hashes: string[] }>;

const numbersOf = (text = ''): Float64Array => new Float64Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);

const tables = async (size: number, only = ''): Promise<Table[]> =>
  (await resultsOf('equality', size, { args: [only], timeout: 220_000 })) as Table[];

const run = async (args: readonly string[]): Promise<[Result, Result]> =>
  (await resultsOf('parallel', 2, { args, timeout: 60_000 })) as [Result, Result];

/** The largest difference, relative to the largest weight. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  const largest = Array.from(b).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0) / largest;
}

/** Four processes, too, in `npm run test:distributed`. */
const sizes = process.env.ADJOINT_RANKS === '4' ? [2, 4] : [2];

describeRuns('four models by SGD and Adam, plain, clipped and accumulated', () => {
  let whole: Table;
  beforeAll(async () => {
    [whole] = (await tables(1)) as [Table];
  }, 240_000);

  it.each(sizes)(
    '%i processes train as one does, with the same bits, eager or compiled',
    { timeout: 240_000 },
    async (size) => {
      const all = await tables(size);
      expect(Object.keys(whole)).toHaveLength(24);
      for (const [name, { weights }] of Object.entries(whole)) {
        const hashes = new Set(all.flatMap((table) => table[name]?.hashes));
        expect(hashes.size, name).toBe(1);
        expect(distance(numbersOf(all[0]?.[name]?.weights), numbersOf(weights)), name).toBeLessThan(1e-5);
      }
      const again = await tables(size, 'gpt adam accumulated');
      const hashes = all.map((table) => table['gpt adam accumulated']?.hashes);
      expect(
        again.map((table) => table['gpt adam accumulated']?.hashes),
        'a second run',
      ).toEqual(hashes);
    },
  );
});

describeRuns('what travels', () => {
  const mlp = ['mlp', 'sgd', 'compiled', '1', '5'];

  it('sets out before the layer below has its gradient', { timeout: 120_000 }, async () => {
    const [{ plan }] = await run(mlp);
    const [forward, ...rest] = plan.split(/^allReduceBegin /m);
    expect(forward?.match(/^matmul/gm), 'the weight of the upper layer').toHaveLength(1);
    expect(rest.join().match(/^matmul/gm), 'the gradient between both layers, and the lower weight').toHaveLength(2);
  });

  it('bfloat16 on the wire stays near, and equal in all ranks', { timeout: 120_000 }, async () => {
    const [exact] = await run(mlp);
    const rounded = await run([...mlp, 'bfloat16']);
    expect(rounded[0].hash).toBe(rounded[1].hash);
    expect(rounded[0].hash).not.toBe(exact.hash);
    expect(distance(rounded[0].weights, exact.weights)).toBeLessThan(1e-2);
  });
});
