import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import { padSequence } from '../../lib/data/pad-sequence.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import { mul } from '../../lib/ops/elementwise.js';
import { sum } from '../../lib/ops/reduce.js';

interface Row {
  sequences: { shape: number[]; data: number[] }[];
  batchFirst: boolean;
  paddingSide: 'left' | 'right';
  shape: number[];
  data: number[];
}
const rows = JSON.parse(readFileSync(new URL('../golden/pad_sequence.json', import.meta.url), 'utf8')) as Row[];

it.each(rows.map((row, i) => [i, row] as const))('pads as PyTorch does: row %i', (_, row) => {
  const sequences = row.sequences.map(({ shape, data }) => tensor(Float32Array.from(data), { shape }));
  const { batchFirst, paddingSide } = row;
  const padded = padSequence(sequences, { batchFirst, paddingValue: -1.5, paddingSide });
  expect(padded.shape).toEqual(row.shape);
  expect(padded.toTypedArray()).toEqual(Float32Array.from(row.data));
});

it('keeps integers, and passes gradients on', () => {
  const words = padSequence([tensor(Int32Array.of(5, 6)), tensor(Int32Array.of(7))], true, 9);
  expect([words.dtype, words.toArray()]).toEqual([
    'int32',
    [
      [5, 6],
      [7, 9],
    ],
  ]);
  const x = tensor([1, 2], { requiresGrad: true });
  const y = padSequence([x, ones([3])], true);
  expect(grad([sum(mul(y, tensor([1, 2, 3])))], [x])[0]?.toArray()).toEqual([1, 2]);
});

it('refuses what does not fit', () => {
  expect(() => padSequence([])).toThrow('padSequence: sequences must have a tensor, got none');
  expect(() => padSequence([ones([2]), ones([2, 1])])).toThrow(
    'padSequence: sequence 1 must be like sequence 0 but for the first dimension, got [2] and [2, 1]',
  );
  expect(() => padSequence([ones([2]), tensor(Int32Array.of(1))])).toThrow(
    'sequence 1 must be float32 as sequence 0, got int32',
  );
  expect(() => padSequence([tensor(1)])).toThrow(
    'padSequence: sequence 0 must have a dimension of its length, got a scalar',
  );
});
