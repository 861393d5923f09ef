import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { data, io } from 'adjoint';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shards } from '../../examples/federated/data.js';
import { run, small } from '../../examples/federated/train.js';
import { describeRuns, resultsOf } from '../support/ranks.js';

let output = '';
beforeAll(() => {
  output = mkdtempSync(join(tmpdir(), 'adjoint-examples-'));
});
afterAll(() => rmSync(output, { recursive: true }));

function check(accuracies: readonly number[]): void {
  expect(accuracies).toHaveLength(small.rounds);
  expect(accuracies.at(-1)).toBeGreaterThan(60);
  expect(io.load(join(output, 'federated.safetensors')).size).toBe(10);
  expect(readFileSync(join(output, 'federated.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
}

it('clients have all images, each of few digits', () => {
  const { train } = data.mnist();
  const parts = shards({ images: train.images.slice({ end: 6000 }), labels: train.labels.slice({ end: 6000 }) }, 30);
  const counts = new Array<number>(10).fill(0);
  for (const { images, labels } of parts) {
    expect(images.shape).toEqual([200, 28, 28]);
    const all = [...labels.toTypedArray()];
    expect(new Set(all).size).toBeLessThanOrEqual(4); // a shard may hold the end of one digit and the begin of another
    for (const label of all) counts[label] = (counts[label] as number) + 1;
  }
  const wanted = new Array<number>(10).fill(0);
  for (const label of train.labels.slice({ end: 6000 }).toTypedArray()) wanted[label] = (wanted[label] as number) + 1;
  expect(counts).toEqual(wanted);
});

it('the small federated example learns', { timeout: 240_000 }, async () => {
  check(await run({ ...small, output, stream: { write: () => true } }));
});

describeRuns('over two processes', () => {
  it('the small federated example learns', { timeout: 240_000 }, async () => {
    const results = (await resultsOf('federated-example', 2, { args: [output], timeout: 200_000 })) as number[][];
    check(results[0] as number[]);
    expect(results[1], 'the same model in both').toEqual(results[0]);
  });
});
