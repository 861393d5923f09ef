// Quantisation against PyTorch's rounding and against integer arithmetic written here.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  compile,
  compress,
  io,
  manualSeed,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  type Tensor,
  tensor,
} from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';
import { inIntegers, rangeOf, roundedRow } from '../support/integers.js';
import { rowsOf } from '../support/plain-numbers.js';

interface Rounded {
  axis: number | null;
  scale: number[];
  zero: number[];
  low: number;
  high: number;
  y: Golden;
  gradient: Golden;
}

const golden = readGolden<{ x: Golden; upstream: Golden; rounded: Rounded[] }>('compress');
const folder = mkdtempSync(join(tmpdir(), 'adjoint-integers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const net = () => nn.sequential(new nn.Linear(12, 32), new nn.Tanh(), new nn.Linear(32, 3));

describe('fakeQuantize is what PyTorch does', () => {
  it.each(golden.rounded)('with scales $scale', ({ axis, scale, zero, low, high, y, gradient }) => {
    const x = fromGolden(golden.x).requiresGrad_();
    const got = compress.fakeQuantize(x, {
      scale: tensor(scale),
      zeroPoint: tensor(zero),
      quantMin: low,
      quantMax: high,
      ...(axis !== null && { axis }),
    });
    got.backward(fromGolden(golden.upstream));
    expectNear(got, y.data);
    expectNear(x.grad as Tensor, gradient.data);
  });

  it.each([
    [{ quantMin: 3, quantMax: 3 }, 'fakeQuantize: quantMin must be below quantMax 3, got 3'],
    [{ scale: ones([2]) }, 'fakeQuantize: scale must have 1 elements, got [2]'],
    [{ axis: 1, zeroPoint: ones([3]), scale: ones([2]) }, 'fakeQuantize: scale must have 3 elements, got [2]'],
  ])('refuses %#', (options, message) => {
    const given = { scale: ones([1]), zeroPoint: ones([1]), quantMin: 0, quantMax: 255, ...options };
    expect(() => compress.fakeQuantize(ones([2, 3]), given)).toThrow(message);
  });
});

function messageOf(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

function expectRows(got: Tensor, wanted: number[][]): void {
  const values = got.detach().toTypedArray();
  for (const [i, value] of wanted.flat().entries()) expect(values[i]).toBeCloseTo(value, 4);
}

describe.each([
  ['with gradients, in floating point', (run: () => void) => run()],
  ['without them, in integers', (run: () => void) => noGrad(run)],
])('a layer of integers, %s', (_, how) => {
  manualSeed(2);
  const made = () => {
    manualSeed(3);
    return new nn.Linear(9, 5);
  };
  const [weight, bias] = [rowsOf(made().weight), Array.from((made().bias as Tensor).detach().toTypedArray())];
  const [seen, later] = [randn([20, 9]), randn([6, 9]).mul(2)];

  it('quantised dynamically takes the range of each batch', () =>
    how(() => {
      const layer = compress.quantizeDynamic(made());
      for (const x of [seen, later])
        expectRows(layer.forward(x), inIntegers(rowsOf(x), weight, bias, rangeOf(rowsOf(x))));
    }));

  it('quantised statically takes the range that it has measured, and cuts off what is outside', () =>
    how(() => {
      const layer = compress.prepare(made());
      const before = layer.forward(seen);
      expectRows(before, rowsOf(made().forward(seen)));
      layer.forward(seen.slice({ end: 3 }));
      compress.convert(layer);
      const range = rangeOf(rowsOf(seen));
      expect(
        rowsOf(later)
          .flat()
          .some((value) => value > range[1] || value < range[0]),
      ).toBe(true);
      expectRows(layer.forward(later), inIntegers(rowsOf(later), weight, bias, range));
    }));

  it('moves its range by 0.01 of a batch with an average', () =>
    how(() => {
      const layer = compress.prepare(made(), { observer: 'moving-average' });
      layer.forward(seen);
      layer.forward(later);
      compress.convert(layer);
      const [a, b] = [rangeOf(rowsOf(seen)), rangeOf(rowsOf(later))];
      const range = a.map((end, i) => 0.99 * end + 0.01 * (b[i] as number)) as [number, number];
      expectRows(layer.forward(later), inIntegers(rowsOf(later), weight, bias, range));
    }));

  it('trained for it computes in training what it computes afterwards', () =>
    how(() => {
      const layer = compress.prepareQat(made());
      layer.forward(seen);
      layer.eval();
      const wanted = inIntegers(rowsOf(later), weight, bias, rangeOf(rowsOf(seen)));
      expectRows(layer.forward(later), wanted);
      compress.convert(layer);
      expectRows(layer.forward(later), wanted);
    }));
});

describe('without gradients', () => {
  const table = () => new nn.Embedding(20, 6, { paddingIdx: 3 });
  // How often a weight became a tensor of floats.
  const watched = (layer: nn.Module & { parametrizations?: nn.ModuleDict<nn.Module> }) => {
    const calls: unknown[] = [];
    layer.parametrizations
      ?.get('weight')
      .modules()[1]
      ?.registerForwardHook(() => void calls.push(0));
    return calls;
  };

  it('no weight becomes floats, of a layer as it is, in a copy, and compiled', () => {
    const x = randn([4, 12]);
    const layer = compress.quantizeDynamic(new nn.Linear(12, 7));
    const wanted = layer.forward(x).detach();
    const copy = layer.clone();
    const calls = [layer, copy].map(watched);
    const predict = compile((x: Tensor) => noGrad(() => layer.forward(x)));
    noGrad(() => {
      for (const got of [layer.forward(x), copy.forward(x), predict.sync(x), predict.sync(x)]) {
        expectNear(got, Array.from(wanted.toTypedArray()));
      }
    });
    expect(calls).toEqual([[], []]);
    layer.forward(x);
    expect(calls[0]).toHaveLength(1);
  });

  it('a table looks integers up, and refuses what it refused', () => {
    const made = table();
    const rounded = rowsOf(made.weight).map((row) => (row.every((v) => v === 0) ? row : roundedRow(row)));
    const layer = compress.quantizeDynamic(made);
    const calls = watched(layer);
    noGrad(() => {
      const got = layer.forward(tensor([[19, 0, 3], [7, 7, 1]], { dtype: 'int32' })); // biome-ignore format: one line
      expect(got.shape).toEqual([2, 3, 6]);
      expectNear(
        got,
        [19, 0, 3, 7, 7, 1].flatMap((i) => rounded[i] as number[]),
      );
      expect(layer.forward(tensor([], { dtype: 'int32' })).shape).toEqual([0, 6]);
      for (const wrong of [20, -1]) {
        const index = tensor([0, wrong], { dtype: 'int32' });
        expect(() => layer.forward(index)).toThrow(messageOf(() => table().forward(index)));
      }
      expect(() => layer.forward(ones([2]))).toThrow(messageOf(() => table().forward(ones([2]))));
    });
    expect(calls).toEqual([]);
  });

  it('what does not fit is refused as by floats', () => {
    const layer = compress.quantizeDynamic(new nn.Linear(12, 7));
    const plain = new nn.Linear(12, 7);
    noGrad(() => {
      for (const x of [ones([2, 11]), ones([2, 12], { dtype: 'float64' }), tensor(1)]) {
        expect(() => layer.forward(x)).toThrow(messageOf(() => plain.forward(x)));
      }
    });
  });

  it('a layer of float64, and one whose weight was replaced, compute in floats', () => {
    const layer = compress.quantizeDynamic(new nn.Linear(12, 7, { dtype: 'float64' }));
    const x = randn([3, 12], { dtype: 'float64' });
    expectNear(
      noGrad(() => layer.forward(x)),
      Array.from(layer.forward(x).detach().toTypedArray()),
    );
    const permanent = compress.makePermanent(compress.quantizeDynamic(new nn.Linear(12, 7)));
    const y = permanent.forward(ones([1, 12])).detach();
    expectNear(
      noGrad(() => permanent.forward(ones([1, 12]))),
      Array.from(y.toTypedArray()),
    );
  });
});

describe('a model of integers', () => {
  it('needs a quarter of the file, and is loaded into one that is quantised, too', () => {
    const sizes = [
      nn.sequential(new nn.Embedding(50, 64), new nn.Linear(64, 256)),
      nn.sequential(new nn.Embedding(50, 64), new nn.Linear(64, 256)),
    ].map((model, i) => {
      // biome-ignore format: one line
      if (i === 1) compress.quantizeDynamic(model);
      const file = join(folder, `${i}.safetensors`);
      io.save(file, model.stateDict());
      return statSync(file).size;
    });
    expect((sizes[1] as number) / (sizes[0] as number)).toBeLessThan(0.3);
    const [model, other] = [compress.quantizeDynamic(net()), compress.quantizeDynamic(net())];
    io.save(join(folder, 'net.safetensors'), model.stateDict());
    other.loadStateDict(io.load(join(folder, 'net.safetensors')));
    const x = randn([4, 12]);
    expect(rowsOf(other.forward(x))).toEqual(rowsOf(model.forward(x)));
  });

  it('learns while it is rounded, the same eagerly and compiled', () => {
    const runs = [false, true].map((isCompiled) => {
      manualSeed(6);
      const model = compress.prepareQat(net());
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
      const [x, y] = [randn([64, 12]), randn([64, 3])];
      const take = (a: Tensor, b: Tensor) => {
        const loss = nn.functional.mseLoss(model.forward(a), b);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      };
      const step = isCompiled ? compile(take).sync : take;
      const losses = Array.from({ length: 60 }, () => step(x, y).item());
      model.eval();
      const before = noGrad(() => model.forward(x));
      compress.convert(model);
      const after = noGrad(() => model.forward(x));
      expect(after.sub(before).abs().max().item()).toBeLessThan(1e-5);
      return losses;
    });
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[0]?.at(-1)).toBeLessThan(0.7 * (runs[0]?.[0] as number));
  });

  it('can have been pruned and clustered before', () => {
    const model = compress.cluster(compress.prune(net(), { amount: 0.5, scope: 'layer' }), { clusters: 8 });
    compress.quantizeDynamic(model);
    expect(compress.sparsity(model).zeros).toBeGreaterThanOrEqual(240);
    expect(model.namedBuffers().map(([name]) => name)).toEqual([
      '0.parametrizations.weight.0.integers',
      '2.parametrizations.weight.0.integers',
    ]);
  });

  it('is compiled anew when it is converted', () => {
    const model = compress.prepare(net());
    const predict = compile((x: Tensor) => noGrad(() => model.forward(x)));
    const x = randn([30, 12]);
    const before = rowsOf(predict.sync(x));
    compress.convert(model);
    expect(rowsOf(predict.sync(x))).not.toEqual(before);
    expect(rowsOf(predict.sync(x))).toEqual(rowsOf(noGrad(() => model.forward(x))));
  });
});

describe('wrong input to quantisation', () => {
  it.each([
    [
      () => compress.convert(net()),
      'convert: the model must be prepared first, by compress.prepare or compress.prepareQat',
    ],
    [
      () => compress.convert(compress.prepare(net())),
      'convert: inputs of 0, 2 must have been measured, got none; run the model over some hundred typical samples first',
    ],
    [
      () => compress.prepare(compress.quantizeDynamic(net())),
      'prepare: 0.weight must not be quantised yet; begin with floats, or leave it out: names',
    ],
    [
      () => compress.quantizeDynamic(new nn.ReLU()),
      'quantizeDynamic: model must have a weight of two dimensions, got ReLU',
    ],
    [
      () => compress.prepare(net(), { observer: 'percentile' as never }),
      'prepare: observer must be minmax or moving-average, got "percentile"',
    ],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
  });
});
