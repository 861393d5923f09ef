// Eight bits in layers that have several inputs or none to round, against plain numbers.
import { describe, expect, it } from 'vitest';
import { compress, manualSeed, nn, noGrad, randn, type Tensor, tensor } from '../../lib/index.js';
import { inIntegers, rangeOf, roundedInput, roundedRow } from '../support/integers.js';
import { numbersOf, rowsOf } from '../support/plain-numbers.js';

function expectNear(got: Tensor, wanted: readonly number[]): void {
  for (const [i, value] of numbersOf(got).entries()) expect(value, String(i)).toBeCloseTo(wanted[i] as number, 4);
}

/** Attention of several heads of queries, keys and values, each [rows, width]. */
function attended(query: number[][], key: number[][], value: number[][], heads: number): number[][] {
  const size = (query[0] as number[]).length / heads;
  return query.map((q) => {
    const parts = Array.from({ length: heads }, (_, head) => {
      const part = (row: number[]) => row.slice(head * size, (head + 1) * size);
      const weights = key.map((k) =>
        Math.exp(part(k).reduce((sum, x, i) => sum + x * (part(q)[i] as number), 0) / Math.sqrt(size)),
      );
      const total = weights.reduce((a, b) => a + b);
      return Array.from(
        { length: size },
        (_, i) => value.reduce((sum, v, row) => sum + (part(v)[i] as number) * (weights[row] as number), 0) / total,
      );
    });
    return parts.flat();
  });
}

describe('attention in eight bits', () => {
  const made = () => {
    manualSeed(11);
    const attention = new nn.MultiheadAttention(8, 2, { batchFirst: true });
    noGrad(() => attention.in_proj_bias?.copy_(randn([24])));
    return attention.eval();
  };

  it('rounds query, key and value, each in its range', () => {
    const layer = made();
    const [weight, bias] = [rowsOf(layer.in_proj_weight as Tensor), numbersOf(layer.in_proj_bias as Tensor)];
    const [last, lastBias] = [rowsOf(layer.out_proj.weight), numbersOf(layer.out_proj.bias as Tensor)];
    const given = [randn([3, 8]), randn([5, 8]).mul(2), randn([5, 8]).mul(3)] as const;
    const projected = given.map((x, i) => {
      const part = { from: 8 * i, to: 8 * (i + 1) };
      const own = weight.slice(part.from, part.to);
      return inIntegers(rowsOf(x), own, bias.slice(part.from, part.to), rangeOf(rowsOf(x)));
    }) as [number[][], number[][], number[][]];
    const together = attended(...projected, 2);
    const wanted = inIntegers(together, last, lastBias, rangeOf(together));
    expectNear(compress.quantizeDynamic(layer).forward(...given)[0], wanted.flat());
  });

  it('goes on from a cache', () => {
    const layer = compress.prepare(made());
    const x = randn([1, 6, 8]);
    layer.forward(x);
    compress.convert(layer);
    const whole = layer.forward(x, x, x, { isCausal: true })[0];
    const cache = new nn.KeyValueCache();
    const rows = noGrad(() =>
      [0, 1, 2, 3, 4, 5].map((i) => {
        const row = x.narrow(1, i, 1);
        return numbersOf(layer.forward(row, row, row, { isCausal: true, cache })[0]);
      }),
    );
    expect(cache.length).toBe(6);
    expectNear(whole, rows.flat());
  });
});

describe('other layers in eight bits', () => {
  it('recurrent ones take packed sequences', () => {
    manualSeed(12);
    const gru = compress.quantizeDynamic(new nn.GRU(4, 6, { batchFirst: true }));
    const x = randn([2, 5, 4]);
    const packed = nn.utils.rnn.packPaddedSequence(x, [5, 5], { batchFirst: true });
    const [y] = gru.forward(packed);
    const [wanted] = gru.forward(x);
    expectNear(nn.utils.rnn.padPackedSequence(y, { batchFirst: true })[0], numbersOf(wanted));
  });

  it('bags of embeddings keep their indices', () => {
    const bag = new nn.EmbeddingBag(10, 4, { mode: 'sum' });
    const table = rowsOf(bag.weight).map(roundedRow);
    const y = compress.quantizeDynamic(bag).forward(tensor([[1, 7]], { dtype: 'int32' }));
    expectNear(
      y,
      (table[1] as number[]).map((value, i) => value + (table[7]?.[i] as number)),
    );
    expect(() => compress.prune(new nn.EmbeddingBag(10, 4), { amount: 0.5 })).toThrow('must have a weight');
  });

  it('bilinear ones round both inputs', () => {
    const layer = new nn.Bilinear(3, 2, 2, { bias: false });
    const [a, b] = [randn([1, 3]), randn([1, 2]).mul(4)];
    const [first, second] = [a, b].map((t) => roundedInput(numbersOf(t), rangeOf([numbersOf(t)]))) as [
      number[],
      number[],
    ];
    const wanted = (layer.weight.detach().toArray() as number[][][]).map((matrix) => {
      const rounded = roundedRow(matrix.flat());
      return first.reduce(
        (sum, p, i) => sum + second.reduce((s, q, j) => s + p * q * (rounded[2 * i + j] as number), 0),
        0,
      );
    });
    expectNear(compress.quantizeDynamic(layer).forward(a, b), wanted);
  });

  it('a copy has a range of its own', () => {
    const [model, other] = [1, 100].map((size) => {
      const layer = compress.prepare(new nn.Linear(4, 2));
      layer.forward(randn([50, 4]).mul(size));
      return compress.convert(layer);
    }) as [nn.Linear, nn.Linear];
    const copy = model.clone();
    copy.loadStateDict(other.stateDict());
    const x = randn([5, 4]).mul(50);
    expect(numbersOf(copy.forward(x))).toEqual(numbersOf(other.forward(x)));
    expect(numbersOf(model.forward(x))).not.toEqual(numbersOf(other.forward(x)));
  });
});
