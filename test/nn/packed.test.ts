// Padded and packed sequences against PyTorch, and in recurrent layers.
import { describe, expect, it } from 'vitest';
import { compile, grad, nn, optim, rand, type Tensor, tensor, zeros } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

const {
  packPaddedSequence,
  packSequence,
  PackedSequence,
  padPackedSequence,
  padSequence,
  unpackSequence,
  unpadSequence,
} = nn.utils.rnn;

interface Case {
  lengths: number[];
  enforceSorted: boolean;
  pad: { batchFirst?: boolean };
  unpack: { batchFirst?: boolean };
  sequences: Golden[];
  padded: Golden;
  packed: [Golden, Golden, Golden | null, Golden | null];
  unpacked: [Golden, Golden];
  upstream?: Golden;
  gradients?: Golden[];
}

const int32 = (...values: number[]) => tensor(Int32Array.from(values));
const fieldsOf = (p: nn.utils.rnn.PackedSequence) => [p.data, p.batchSizes, p.sortedIndices, p.unsortedIndices];
const expectTensor = (got: Tensor | null | undefined, want: Golden | null | undefined): void => {
  expect(got && [got.dtype, got.shape]).toEqual(want && [want.dtype, want.shape]);
  if (!got || !want) return;
  if (want.dtype === 'int32') expect([...got.toTypedArray()]).toEqual(want.data);
  else expectNear(got, want.data);
};

describe('nn.utils.rnn', () => {
  const { cases } = readGolden<{ cases: Case[] }>('packed');
  it.each(cases.map((c) => [JSON.stringify([c.lengths, c.pad, c.unpack]), c] as const))('%s', (_, c) => {
    const sequences = c.sequences.map((g) => fromGolden(g, { requiresGrad: g.dtype !== 'int32' }));
    const padded = padSequence(sequences, c.pad);
    expectTensor(padded, c.padded);
    const packed = packSequence(sequences, c.enforceSorted);
    fieldsOf(packed).forEach((t, i) => {
      expectTensor(t, c.packed[i]);
    });
    const [y, lengths] = padPackedSequence(packed, c.unpack);
    expectTensor(y, c.unpacked[0]);
    expectTensor(lengths, c.unpacked[1]);
    unpackSequence(packed).forEach((t, i) => {
      expectTensor(t, c.sequences[i]);
    });
    unpadSequence(y, lengths, c.unpack.batchFirst ?? false).forEach((t, i) => {
      expectTensor(t, c.sequences[i]);
    });
    const { batchFirst = false } = c.unpack;
    const again = packPaddedSequence(y, c.lengths, { batchFirst, enforceSorted: c.enforceSorted });
    fieldsOf(again).forEach((t, i) => {
      expectTensor(t, c.packed[i]);
    });
    if (c.upstream === undefined) return;
    const found = grad(packed.data, sequences, { gradOutputs: [fromGolden(c.upstream)] });
    found.forEach((g, i) => {
      expectTensor(g, c.gradients?.[i]);
    });
  });

  it('a sequence of no steps can be padded', () => {
    expect(padSequence([zeros([0, 2]), rand([2, 2])]).shape).toEqual([2, 2, 2]);
    expect(unpadSequence(rand([3, 2]), [0, 3]).map((t) => t.shape)).toEqual([[0], [3]]);
    expect(padSequence([zeros([0])]).shape).toEqual([0, 1]);
  });

  it('fields from elsewhere are checked', () => {
    const [data, sizes] = [zeros([5]), int32(2, 2, 1)];
    const half = new PackedSequence(data, sizes, null, int32(1, 0));
    expect(fieldsOf(half).slice(2).map((t) => t?.toArray())).toEqual([[1, 0], [1, 0]]); // biome-ignore format: one line
    expect(half.to('float64').data.dtype).toBe('float64');
    const sizesRule = 'PackedSequence: batchSizes must be at least 1, never rise, and add up to the rows of data';
    const wrong: [() => unknown, string][] = [
      [() => new PackedSequence(data, int32(2, 2)), `${sizesRule}, got [2, 2] for data [5]`],
      [() => new PackedSequence(data, int32(2, 3)), `${sizesRule}, got [2, 3] for data [5]`],
      [() => new PackedSequence(data, int32(5, 0)), `${sizesRule}, got [5, 0] for data [5]`],
      [
        () => new PackedSequence(data, sizes, int32(0, 0)),
        'PackedSequence: sortedIndices must be the numbers below 2 in some order, got [0, 0]',
      ],
      [
        () => new PackedSequence(data, sizes, int32(0, 1), int32(1, 0)),
        'PackedSequence: unsortedIndices must be the inverse of sortedIndices, got [1, 0] and [0, 1]',
      ],
    ];
    for (const [call, message] of wrong) expect(call).toThrow(message);
  });

  it('refuses what does not fit', () => {
    const x = zeros([4, 3, 2]);
    const packed = packPaddedSequence(x, [4, 2, 2]);
    const wrong: [() => unknown, string][] = [
      [
        () => packPaddedSequence(x, [1, 2, 2]),
        'packPaddedSequence: lengths must not rise, got [1, 2, 2]; set enforceSorted to false, which sorts the sequences',
      ],
      [
        () => packPaddedSequence(x, [4, 2, 0]),
        'packPaddedSequence: lengths must be from 1 to the number of steps 4, got 0',
      ],
      [
        () => packPaddedSequence(x, [5, 2, 1]),
        'packPaddedSequence: lengths must be from 1 to the number of steps 4, got 5',
      ],
      [
        () => packPaddedSequence(x, zeros([1000], { dtype: 'int32' })),
        'packPaddedSequence: lengths must be at most 3 numbers, got 1000',
      ],
      [() => packPaddedSequence(x, [4, 2]), 'packPaddedSequence: lengths must be one for each sequence, 3, got 2'],
      [() => packPaddedSequence(zeros([4]), [4]), 'packPaddedSequence: input must be [steps, batch, …], got input [4]'],
      [
        () => padPackedSequence(packed, { totalLength: 3 }),
        'padPackedSequence: totalLength must be an integer of at least 4, got 3',
      ],
      [() => padSequence([]), 'padSequence: sequences must be at least one, got none'],
      [
        () => padSequence([zeros([2, 3]), zeros([2, 2])]),
        'padSequence: sequences must have the same dimensions behind the first, got [2, 3] and [2, 2]',
      ],
      [
        () => packSequence([zeros([2]), zeros([0])]),
        'packSequence: sequences must have at least one step, got none in sequence 1',
      ],
      [
        () => new nn.LSTM(2, 3).forward(packed, null, int32(1, 1, 1)),
        'LSTM: lengths must be null for a PackedSequence, got a tensor',
      ],
      [() => new nn.GRU(2, 3).forward(packSequence([zeros([2])])), 'GRU: data of x must be [rows, inputSize], got [2]'],
      [
        () => compile((n: Tensor) => packPaddedSequence(x, n).data).sync(int32(4, 2, 2)),
        'packPaddedSequence: reads a value while a step is being recorded',
      ],
    ];
    for (const [call, message] of wrong) expect(call).toThrow(message);
  });
});

interface LayerCase {
  layer: 'LSTM';
  inputSize: number;
  hiddenSize: number;
  options: { batchFirst?: boolean };
  state: Record<string, Golden>;
  x: Golden;
  initial: Golden[] | null;
  lengths: number[] | null;
  output: Golden;
  final: Golden[];
  upstream: (Golden | null)[];
  gradients: { x: Golden; weights: Record<string, Golden> } & Record<string, unknown>;
}

describe('a recurrent layer of a packed sequence', () => {
  const cases = ['recurrent', 'recurrent_projected']
    .flatMap((file) => readGolden<{ layers: LayerCase[] }>(file).layers)
    .filter((c) => c.lengths !== null);
  it('has cases', () => expect(cases.length).toBeGreaterThan(5));
  it.each(cases.map((c) => [`${c.layer} ${JSON.stringify(c.options)} ${c.x.dtype}`, c] as const))(
    '%s computes what PyTorch does, and its gradients',
    (_, c) => {
      const layer = new nn[c.layer](c.inputSize, c.hiddenSize, { ...c.options, dtype: c.x.dtype });
      layer.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([k, v]) => [k, fromGolden(v)])));
      const x = fromGolden(c.x, { requiresGrad: true });
      const initial = c.initial?.map((t) => fromGolden(t)) ?? null;
      const state = (initial?.length === 1 ? initial[0] : initial) as [Tensor, Tensor] | null;
      const batchFirst = c.options.batchFirst ?? false;
      const packed = packPaddedSequence(x, c.lengths as number[], { batchFirst, enforceSorted: false });
      const [output, final] = layer.forward(packed, state);
      expect(output.sortedIndices?.toArray()).toEqual(packed.sortedIndices?.toArray());
      const results = [padPackedSequence(output, { batchFirst, totalLength: x.shape[batchFirst ? 1 : 0] as number })[0], ...[final].flat()]; // biome-ignore format: one line
      [c.output, ...c.final].forEach((want, i) => {
        expectTensor(results[i], want);
      });
      const flowing = results.filter((_, i) => c.upstream[i] !== null);
      const gradOutputs = c.upstream.filter((u) => u !== null).map((u) => fromGolden(u));
      const names = layer.namedParameters().map(([name]) => name);
      const [dx, ...dWeights] = grad(flowing, [x, ...layer.parameters()], { gradOutputs });
      expectTensor(dx, c.gradients.x);
      dWeights.forEach((d, i) => {
        expectTensor(d, c.gradients.weights[names[i] as string]);
      });
    },
  );

  it('trains in a compiled step as without', () => {
    const layers = [new nn.GRU(2, 3, { bidirectional: true })];
    layers.push((layers[0] as nn.GRU).clone());
    const [eager, compiled] = layers.map((layer) => {
      const optimizer = new optim.SGD(layer.parameters(), 0.1);
      return (x: Tensor) => {
        const [y] = layer.forward(packPaddedSequence(x, [2, 4, 3], false, false));
        const loss = padPackedSequence(y)[0].square().mean();
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      };
    }) as [(x: Tensor) => Tensor, (x: Tensor) => Tensor];
    const step = compile(compiled).sync;
    for (let i = 0; i < 3; i++) {
      const x = rand([4, 3, 2]);
      expect(step(x).item()).toBe(eager(x).item());
    }
  });

  it('reads a weight once, so that a spectral norm iterates once', () => {
    const layer = nn.utils.parametrizations.spectralNorm(new nn.RNN(2, 3), 'weight_ih_l0');
    const v = 'parametrizations.weight_ih_l0.0._v';
    layer.loadStateDict({ [v]: tensor([1, 0]) }, { strict: false });
    const twin = layer.clone();
    layer.forward(rand([4, 1, 2]));
    (twin as unknown as Record<string, unknown>).weight_ih_l0; // one reading
    expect(layer.stateDict().get(v)?.toArray()).toEqual(twin.stateDict().get(v)?.toArray());
  });
});
