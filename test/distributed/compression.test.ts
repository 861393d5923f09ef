import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distributed, nn, tensor } from 'adjoint';
import { afterAll, expect, it } from 'vitest';
import { describeRuns, resultsOf, runRanks } from '../support/ranks.js';

interface Parallel {
  hash: string;
}
interface Given {
  weights: [a: number[], b: number[]][];
}
interface Learnt {
  first: number;
  last: number;
}
interface Saved {
  refused: string;
  expected: number[][];
  loaded: number[][];
  back: number[][];
  without: number[][];
}

const folder = mkdtempSync(join(tmpdir(), 'adjoint-compression-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = async <T>(program: string, size: number, ...args: string[]): Promise<T[]> =>
  (await resultsOf(program, size, { args, timeout: 60_000 })) as T[];

/** Top-k with error feedback as it is defined, for n weights whose gradients are sin(1 + place + 7 step + 31 rank). */
function expected(size: number, n: number, part: number): number[][] {
  const rests = Array.from({ length: size }, () => new Array<number>(n).fill(0));
  const weights = new Array<number>(n).fill(0);
  return Array.from({ length: 6 }, (_, step) => {
    rests.forEach((rest, rank) => {
      const sums = rest.map((left, place) => left + Math.sin(1 + place + 7 * step + 31 * rank));
      const order = [...sums.keys()].sort((i, j) => Math.abs(sums[j] as number) - Math.abs(sums[i] as number));
      const sent = new Set(order.slice(0, Math.ceil(part * n)));
      sums.forEach((sum, place) => {
        rest[place] = sent.has(place) ? 0 : sum;
        if (sent.has(place)) weights[place] = (weights[place] as number) - sum / size;
      });
    });
    return [...weights];
  });
}

describeRuns('gradients of which only the largest are sent', () => {
  it.each([
    [2, 'eager', 0.1],
    [3, 'compiled', 0.25],
  ] as const)(
    '%i processes, %s, a part of %d: what is left comes with the next step',
    { timeout: 60_000 },
    async (size, mode, part) => {
      for (const { weights } of await run<Given>('compression', size, 'given', mode, String(part))) {
        for (const [i, n] of [30, 20].entries()) {
          const wanted = expected(size, n, part).map((list) => list.map((w) => expect.closeTo(w, 4)));
          expect(weights.map((both) => both[i])).toEqual(wanted);
        }
      }
    },
  );

  it('all of them: as without', { timeout: 60_000 }, async () => {
    const args = ['gru', 'adam', 'compiled', '2', '10'];
    const plain = await run<Parallel>('parallel', 2, ...args);
    const all = await run<Parallel>('parallel', 2, ...args, 'float32', '1');
    expect(new Set([...plain, ...all].map(({ hash }) => hash)).size).toBe(1);
  });

  it('eager and compiled alike, the same in all processes', { timeout: 60_000 }, async () => {
    const one = await run<Parallel>('parallel', 2, 'lenet', 'sgd', 'eager', '1', '20', 'float32', '0.05');
    const two = await run<Parallel>('parallel', 2, 'lenet', 'sgd', 'compiled', '1', '20', 'float32', '0.05');
    expect(new Set([...one, ...two].map(({ hash }) => hash)).size).toBe(1);
  });

  it('one in a hundred: learns as well', { timeout: 90_000 }, async () => {
    const [all] = await run<Learnt>('compression', 2, 'learn', 'compiled', '1');
    const [few] = await run<Learnt>('compression', 2, 'learn', 'compiled', '0.01');
    expect((few as Learnt).last).toBeLessThan(0.1 * (few as Learnt).first);
    expect((few as Learnt).last).toBeLessThan(2 * (all as Learnt).last);
  });

  it.each(['eager', 'compiled'])('%s: what is left is part of checkpoints', { timeout: 60_000 }, async (mode) => {
    for (const { refused, expected, loaded, back, without } of await run<Saved>(
      'compression',
      2,
      'saved',
      mode,
      '0.05',
      folder,
    )) {
      expect(refused).toMatch(
        /^stateDict: .* since the last step; await consolidateStateDict\(to\) in all of them first$/,
      );
      expect(loaded).toEqual(expected);
      expect(back).toEqual(expected);
      expect(without).not.toEqual(expected);
    }
  });

  it('train.fit goes on as if it had not been killed', { timeout: 90_000 }, async () => {
    const args = (name: string): string[] => ['fit', 'compiled', '0.05', join(folder, name)];
    const [whole] = await run<{ weights: number[][] }>('compression', 2, ...args('whole'));
    const ends = await runRanks('compression', 2, { args: [...args('parts'), '8'], timeout: 40_000 });
    expect(ends.some(({ signal }) => signal === 'SIGKILL')).toBe(true);
    expect(readdirSync(join(folder, 'parts'))).toEqual([
      'checkpoint-000001.safetensors',
      'checkpoint-000002.safetensors',
    ]);
    for (const { weights } of await run<{ weights: number[][] }>('compression', 2, ...args('parts'))) {
      expect(weights).toEqual(whole?.weights);
    }
  });

  it('of another number of processes comes the mean, and what does not fit is refused', async () => {
    await distributed.init();
    const { errorFeedback } = new nn.DistributedDataParallel(new nn.Linear(2, 1), {
      compression: { topK: 0.5 },
    });
    const load = (size: number, ranks: object) => errorFeedback.loadStateDict({ size, ranks } as never);
    const left = () => {
      const { size, ranks } = errorFeedback.stateDict();
      const of = Object.entries(ranks[0] ?? {}).map(([name, t]) => [name, t.toArray()]);
      return { size, of: Object.fromEntries(of) };
    };
    expect(left()).toEqual({ size: 1, of: {} });
    load(2, { 0: { weight: tensor([[1, 2]]) }, 1: { weight: tensor([[3, 8]]), bias: tensor([1]) } });
    expect(left()).toEqual({ size: 1, of: { weight: [[2, 5]], bias: [0.5] } });
    expect(() => load(1, { 0: { w: tensor([1]) } })).toThrow(/the model must have the parameter w, got none/);
    expect(() => load(1, { 0: { bias: tensor([1, 2]) } })).toThrow(/bias must be a tensor of float32 \[1\], got/);
    expect(() => load(1, { 1: {} })).toThrow(/state must hold what is left in rank 0, got that of ranks 1/);
    for (const state of [null, {}, { size: 1, ranks: [1] }]) {
      expect(() => errorFeedback.loadStateDict(state as never)).toThrow(/state must be that of an error feedback/);
    }
    expect(left().of).toEqual({ weight: [[2, 5]], bias: [0.5] });
    await distributed.destroy();
  });

  it('options that do not fit are refused', async () => {
    await distributed.init();
    const make = (options: object) => () => new nn.DistributedDataParallel(new nn.Linear(2, 1), options);
    expect(make({ compression: { topK: 0 } })).toThrow(/compression.topK must be a finite number above 0/);
    expect(make({ compression: 0.1 })).toThrow(/compression must be such as \{ topK: 0.01 \}, got 0.1/);
    expect(make({ compression: { topk: 0.1 } })).toThrow(/unknown option "topk".*topK/);
    expect(make({ compression: { topK: 0.1 }, wire: 'bfloat16' })).toThrow(/wire must be float32 with compression/);
    await distributed.destroy();
  });
});
