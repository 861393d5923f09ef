import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noGrad, randn, tensor } from 'adjoint';
import { afterAll, expect, test } from 'vitest';
import { newestApart } from '../../examples/recommendation/data.js';
import { leastSquares } from '../../examples/recommendation/networks.js';
import { run, small } from '../../examples/recommendation/train.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-recommendation-'));
afterAll(() => rmSync(output, { recursive: true }));

test('who likes what is learned, better than by what most like', { timeout: 240_000 }, async () => {
  const reached = await run({ ...small, output, stream: { write: () => true } });
  const of = (name: string) => reached[name] as { recall: number; ndcg: number };
  for (const name of ['als', 'factors', 'neural', 'towers']) {
    expect(of(name).recall, name).toBeGreaterThan(of('popularity').recall + 2);
    expect(of(name).ndcg, name).toBeGreaterThan(of('popularity').ndcg);
  }
  expect(readFileSync(join(output, 'recommendation.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
});

test('the newest likes of each person are kept apart', () => {
  const pairs = Array.from({ length: 22 }, (_, i) => [i < 20 ? i % 2 : 2, i] as [number, number]);
  const likes = { users: 3, items: 22, pairs, userFeatures: [], itemFeatures: [], titles: [] };
  const { seen, held } = newestApart(likes, 0.2);
  expect(held).toEqual([
    [0, 16],
    [0, 18],
    [1, 17],
    [1, 19],
  ]);
  expect([...seen, ...held].sort()).toEqual([...pairs].sort());
});

test('least squares is where its loss is least', () => {
  const liked = tensor([
    [1, 0, 1],
    [0, 1, 0],
    [1, 1, 0],
    [0, 0, 1],
  ]).to('float64');
  const [alpha, lambda] = [3, 0.5];
  const first = randn([3, 2], { dtype: 'float64' });
  const likes = liked.toArray() as number[][];
  const loss = (users: number[][], items: number[][]) => {
    let sum = 0;
    for (const [i, u] of users.entries()) {
      for (const [j, v] of items.entries()) {
        const like = likes[i]?.[j] as number;
        sum += (1 + alpha * like) * (like - u.reduce((dot, x, k) => dot + x * (v[k] as number), 0)) ** 2;
      }
    }
    return sum + lambda * [...users, ...items].flat().reduce((norm, x) => norm + x * x, 0);
  };
  const made = noGrad(() => leastSquares(liked, { width: 2, rounds: 200, alpha, lambda }, first));
  const { users, items } = made;
  const [U, V] = [users.toArray() as number[][], items.toArray() as number[][]];
  const least = loss(U, V);
  for (const list of [U, V]) {
    for (const row of list) {
      for (const k of [0, 1]) {
        for (const change of [1e-3, -1e-3]) {
          row[k] = (row[k] as number) + change;
          expect(loss(U, V)).toBeGreaterThan(least);
          row[k] = (row[k] as number) - change;
        }
      }
    }
  }
});
