import { expect, it } from 'vitest';
import { describeRuns, resultsOf } from '../support/ranks.js';

interface Result {
  rank: number;
  size: number;
  reduce: Record<string, number[]>;
  scatter: Record<string, number[]>;
  broadcast: number[];
  gather: number[][];
  objects: unknown[];
  object: unknown;
  messages: number[][];
  even: number[] | null;
  place: number[] | null;
}

const mine = (rank: number, n: number): number[] => Array.from({ length: n }, (_, i) => ((i * 7 + rank * 3) % 11) + 1);

const together: Record<string, (column: number[]) => number> = {
  sum: (column) => column.reduce((a, b) => a + b),
  mean: (column) => column.reduce((a, b) => a + b) / column.length,
  min: (column) => Math.min(...column),
  max: (column) => Math.max(...column),
};

function reduced(op: string, rows: number[][]): number[] {
  const [first] = rows as [number[]];
  return first.map((_, i) => (together[op] as (typeof together)['sum'])(rows.map((row) => row[i] as number)));
}

describeRuns.each([2, 3])('collectives of %i processes', (size) => {
  it('give what a loop over all ranks gives', { timeout: 120_000 }, async () => {
    const results = (await resultsOf('collectives', size)) as Result[];
    const ranks = Array.from({ length: size }, (_, r) => r);
    for (const [rank, result] of results.entries()) {
      expect([result.rank, result.size]).toEqual([rank, size]);
      expect(Object.keys(result.reduce)).toHaveLength(56);
      for (const [name, values] of Object.entries(result.reduce)) {
        const [, op, n] = name.split(' ') as [string, string, string];
        const wanted = reduced(
          op,
          ranks.map((r) => mine(r, Number(n))),
        );
        expect(values, name).toEqual(wanted.map((v) => expect.closeTo(v, 5)));
        expect(values, `${name}: the same bits in all ranks`).toEqual(results[0]?.reduce[name]);
      }
      for (const [name, values] of Object.entries(result.scatter)) {
        const [, op] = name.split(' ') as [string, string];
        const wanted = reduced(
          op,
          ranks.map((r) => mine(r, 6).map((v) => v + rank)),
        );
        expect(values, name).toEqual(wanted.map((v) => expect.closeTo(v, 5)));
      }
      expect(result.broadcast).toEqual(mine(size - 1, 4));
      expect(result.gather).toEqual(ranks.map((r) => mine(r, 3)));
      expect(result.objects).toEqual(ranks.map((r) => ({ rank: r, text: 'ü'.repeat(r), list: [null, true] })));
      expect(result.object).toEqual({ from: 'zero' });
      const left = (rank + size - 1) % size;
      expect(result.messages).toEqual([
        [left, 1],
        [left, 2],
      ]);
      const members = ranks.filter((r) => r % 2 === 0);
      const isMember = rank % 2 === 0;
      expect(result.even).toEqual(
        isMember
          ? reduced(
              'sum',
              members.map((r) => mine(r, 3)),
            )
          : null,
      );
      expect(result.place).toEqual(isMember ? [rank / 2, members.length] : null);
    }
  });
});
