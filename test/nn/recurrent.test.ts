import { describe, expect, it } from 'vitest';
import { backward, grad } from '../../lib/backward/engine.js';
import { gradcheck, gradgradcheck } from '../../lib/backward/gradcheck.js';
import { getNumThreads, setNumThreads } from '../../lib/memory.js';
import '../../lib/methods.js';
import * as nn from '../../lib/nn/index.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import { add } from '../../lib/ops/elementwise.js';
import { manualSeed } from '../../lib/ops/generator.js';
import { randn } from '../../lib/ops/random.js';
import { sum } from '../../lib/ops/reduce.js';
import { Adam } from '../../lib/optim/index.js';
import { compile } from '../../lib/program/compile.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Case {
  inputSize: number;
  hiddenSize: number;
  options: object;
  state: Record<string, Golden>;
  x: Golden;
  gradients: { x: Golden; initial: Golden[] | null; weights: Record<string, Golden> };
}
interface LayerCase extends Case {
  layer: 'LSTM' | 'GRU' | 'RNN';
  initial: Golden[] | null;
  lengths: number[] | null;
  output: Golden;
  final: Golden[];
  upstream: (Golden | null)[];
}
interface CellCase extends Case {
  cell: 'LSTMCell' | 'GRUCell' | 'RNNCell';
  initial: Golden[];
  output: Golden[];
  upstream: Golden[];
}
const golden = readGolden<{
  layers: LayerCase[];
  cells: CellCase[];
  defaults: { name: keyof typeof classes; hiddenSize: number; bound: number }[];
}>('recurrent');
const { layers: projected } = readGolden<{ layers: LayerCase[] }>('recurrent_projected');

const { LSTM, GRU, RNN, LSTMCell, GRUCell, RNNCell } = nn;
type AnyModule = nn.Module & { forward(...inputs: unknown[]): unknown };
type Constructor = new (inputs: number, hidden: number, options?: object) => AnyModule;
const classes = { LSTM, GRU, RNN, LSTMCell, GRUCell, RNNCell } as unknown as Record<string, Constructor>;

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());
const flat = (results: unknown): Tensor[] => [results].flat(3) as Tensor[];

// One state by itself, two in an array, as PyTorch has them.
const stateOf = (list: Tensor[] | null): unknown => (list === null || list.length > 1 ? list : list[0]);

function load(name: string, c: Case): AnyModule {
  const made = new (classes[name] as Constructor)(c.inputSize, c.hiddenSize, { ...c.options, dtype: c.x.dtype });
  made.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([key, t]) => [key, fromGolden(t)])));
  expect([...made.stateDict().keys()]).toEqual(Object.keys(c.state));
  return made.eval();
}

function checkGradients(made: nn.Module, c: Case, x: Tensor, initial: Tensor[] | null): void {
  expectNear(x.grad as Tensor, c.gradients.x.data);
  initial?.forEach((t, i) => {
    expectNear(t.grad as Tensor, (c.gradients.initial as Golden[])[i]?.data ?? []);
  });
  for (const [name, t] of made.namedParameters())
    expectNear(t.grad as Tensor, (c.gradients.weights[name] as Golden).data);
}

describe('recurrent layers against PyTorch', () => {
  [...golden.layers, ...projected].forEach((c, i) => {
    const about = [c.initial && 'initial states', c.lengths && 'lengths'].filter((part) => part).join(', ');
    it(`${c.layer} ${JSON.stringify(c.options)} ${c.x.dtype} ${about} (${i})`, () => {
      const layer = load(c.layer, c);
      const x = fromGolden(c.x, { requiresGrad: true });
      const initial = c.initial?.map((t) => fromGolden(t, { requiresGrad: true })) ?? null;
      const lengths = c.lengths && tensor(c.lengths, { dtype: 'int32' });
      const results = flat(layer.forward(x, stateOf(initial), lengths));
      [c.output, ...c.final].forEach((want, k) => {
        expect(results[k]?.shape).toEqual(want.shape);
        expectNear(results[k] as Tensor, want.data);
      });
      // All upstream gradients in one backward pass.
      const terms = c.upstream.flatMap((g, k) => (g === null ? [] : [sum(fromGolden(g).mul(results[k] as Tensor))]));
      backward(terms.reduce((a, b) => add(a, b)));
      checkGradients(layer, c, x, initial);
    });
  });
});

describe('recurrent cells against PyTorch', () => {
  golden.cells.forEach((c, i) => {
    it(`${c.cell} ${JSON.stringify(c.options)} ${c.x.dtype} (${i})`, () => {
      const cell = load(c.cell, c);
      const x = fromGolden(c.x, { requiresGrad: true });
      const initial = c.initial.map((t) => fromGolden(t, { requiresGrad: true }));
      const results = flat(cell.forward(x, stateOf(initial)));
      c.output.forEach((want, k) => {
        expect(results[k]?.shape).toEqual(want.shape);
        expectNear(results[k] as Tensor, want.data);
      });
      const terms = c.upstream.map((g, k) => sum(fromGolden(g).mul(results[k] as Tensor)));
      backward(terms.reduce((a, b) => add(a, b)));
      checkGradients(cell, c, x, initial);
    });
  });

  it('are one step of the layer', () => {
    const cell = new GRUCell(3, 4, { dtype: 'float64' });
    const layer = new GRU(3, 4, { dtype: 'float64' });
    layer.loadStateDict(new Map([...cell.stateDict()].map(([key, t]) => [`${key}_l0`, t])));
    const x = randn([5, 2, 3], { dtype: 'float64' });
    let h: Tensor | null = null;
    for (let t = 0; t < 5; t++) h = cell.forward(x.slice({ start: t, end: t + 1 }).reshape([2, 3]), h);
    expectNear(h as Tensor, numbers(layer.forward(x)[1]));
    expect(cell.forward(ones([3], { dtype: 'float64' })).shape).toEqual([4]);
  });
});

it.each(golden.defaults)('$name starts in ±$bound', ({ name, hiddenSize, bound }) => {
  for (const t of new (classes[name] as Constructor)(300, hiddenSize).parameters()) {
    const most = t.abs().max().item();
    expect(most).toBeLessThanOrEqual(bound * (1 + 1e-6));
    expect(most).toBeGreaterThan(bound * 0.98);
  }
});

describe('recurrent layers', () => {
  it('take x without batch', () => {
    const layer = new LSTM(3, 4, { numLayers: 2, bidirectional: true });
    const x = randn([5, 3]);
    const h0 = randn([4, 4]);
    const c0 = randn([4, 4]);
    const [y, [h, c]] = layer.forward(x, [h0, c0]);
    const wide = [h0, c0].map((t) => t.unsqueeze(1)) as [Tensor, Tensor];
    const [yWide, [hWide, cWide]] = layer.forward(x.unsqueeze(1), wide);
    expect([y.shape, h.shape, c.shape]).toEqual([
      [5, 8],
      [4, 4],
      [4, 4],
    ]);
    expect([y, h, c].map(numbers)).toEqual([yWide, hWide, cWide].map(numbers));
  });

  it('drop between layers in training only', () => {
    manualSeed(3);
    const layer = new GRU(3, 4, { numLayers: 2, dropout: 0.5 });
    const x = randn([5, 2, 3]);
    const run = (): number[] => numbers(layer.forward(x)[0]);
    expect(run()).not.toEqual(run());
    layer.eval();
    expect(run()).toEqual(run());
    const one = new GRU(3, 4, { dropout: 0.5 });
    expect(numbers(one.forward(x)[0])).toEqual(numbers(one.eval().forward(x)[0]));
  });

  it('read nothing beyond the lengths', () => {
    const layer = new LSTM(3, 4, { bidirectional: true });
    const lengths = tensor([2, 5], { dtype: 'int32' });
    const x = randn([5, 2, 3]);
    const values = x.toTypedArray();
    for (let t = 2; t < 5; t++) for (let j = 0; j < 3; j++) values[(t * 2 + 0) * 3 + j] = 77;
    const other = tensor(values as Float32Array, { shape: x.shape });
    expect(flat(layer.forward(other, null, lengths)).map(numbers)).toEqual(
      flat(layer.forward(x, null, lengths)).map(numbers),
    );
  });

  it('give one result gradients, several together, and again with retainGraph', () => {
    const layer = new LSTM(2, 3, { dtype: 'float64' });
    const x = randn([4, 2, 2], { dtype: 'float64', requiresGrad: true });
    const of = (pick: (y: Tensor, h: Tensor, c: Tensor) => Tensor, options = {}): number[] => {
      const [y, [h, c]] = layer.forward(x);
      return numbers(grad(pick(y, h, c), x, options)[0] as Tensor);
    };
    const parts = [of((y) => sum(y)), of((_, h) => sum(h)), of((_, __, c) => sum(c))];
    const together = of((y, h, c) => sum(y).add(sum(h)).add(sum(c)));
    together.forEach((g, i) => {
      expect(g).toBeCloseTo(
        parts.reduce((s, p) => s + (p[i] as number), 0),
        12,
      );
    });
    const [y, [h]] = layer.forward(x);
    const first = numbers(grad(sum(y), x, { retainGraph: true })[0] as Tensor);
    expect(first).toEqual(parts[0]);
    expect(numbers(grad(sum(y), x, { retainGraph: true })[0] as Tensor)).toEqual(parts[0]);
    expect(numbers(grad(sum(h), x)[0] as Tensor)).toEqual(parts[1]);
    expect(() => grad(sum(y), x)).toThrow(/was used already/);
  });

  it('have second derivatives through several layers', () => {
    const layer = new LSTM(2, 2, { dtype: 'float64', numLayers: 2, bidirectional: true });
    const lengths = tensor([3, 2], { dtype: 'int32' });
    const run = (x: Tensor): Tensor => {
      const [y, [h, c]] = layer.forward(x, null, lengths);
      return sum(y.square()).add(sum(h.mul(c)));
    };
    const x = (): Tensor => randn([3, 2, 2], { dtype: 'float64', requiresGrad: true });
    gradcheck(run, [x()]);
    gradgradcheck(run, [x()]);
  });

  it('of which h is projected: shapes, names, second derivatives, lengths out of range', () => {
    const options = { projSize: 2, numLayers: 2, bidirectional: true, dtype: 'float64' } as const;
    const layer = new LSTM(3, 4, options);
    expect(String(layer)).toBe('LSTM(3, 4, 2 layers, bidirectional, projected to 2)');
    const lengths = tensor([3, 1], { dtype: 'int32' });
    const x = (): Tensor => randn([3, 2, 3], { dtype: 'float64', requiresGrad: true });
    const [y, [h, c]] = layer.forward(x());
    expect([y.shape, h.shape, c.shape]).toEqual([
      [3, 2, 4],
      [4, 2, 2],
      [4, 2, 4],
    ]);
    expect(layer.forward(x().select(1, 0))[1].map((t) => t.shape)).toEqual([
      [4, 2],
      [4, 4],
    ]);
    const run = (x: Tensor): Tensor => {
      const [y, [h, c]] = layer.forward(x, null, lengths);
      return sum(y.square()).add(sum(h)).add(sum(c.square()));
    };
    gradcheck(run, [x()]);
    gradgradcheck(run, [x()]);
    expect(() => layer.forward(x(), null, tensor([3, 0], { dtype: 'int32' }))).toThrow(
      'LSTM: lengths must be at least 1 and at most the number of steps 3, got 0 (element 1)',
    );
    const [h0, c0] = [ones([4, 2, 4], { dtype: 'float64' }), ones([4, 2, 4], { dtype: 'float64' })];
    expect(() => layer.forward(x(), [h0, c0])).toThrow(
      'LSTM: h0 must be [numLayers · 2, batch, projSize] [4, 2, 2] for x [3, 2, 3], got [4, 2, 4]',
    );
    expect(() => new LSTM(3, 4, { projSize: 4 })).toThrow('LSTM: projSize must be below hiddenSize 4, got 4');
    // @ts-expect-error: LSTM's alone
    expect(() => new GRU(3, 4, { projSize: 2 })).toThrow('GRU: unknown option "projSize"');
  });

  it('save no gradient work for what is frozen', () => {
    const layer = new GRU(3, 4);
    const frozen = layer.namedParameters().filter(([name]) => name.startsWith('weight'));
    for (const [, t] of frozen) t.requiresGrad = false;
    const [y] = layer.forward(randn([5, 2, 3]));
    backward(sum(y));
    expect(layer.namedParameters().map(([name, t]) => [name, t.grad !== null])).toEqual([
      ['weight_ih_l0', false],
      ['weight_hh_l0', false],
      ['bias_ih_l0', true],
      ['bias_hh_l0', true],
    ]);
  });

  it('give the same bits at any number of threads', () => {
    const before = getNumThreads();
    manualSeed(5);
    const layer = new LSTM(32, 64, { bidirectional: true });
    const x = randn([20, 24, 32], { requiresGrad: true });
    const run = (threads: number): number[][] => {
      setNumThreads(threads);
      layer.zeroGrad();
      const [y, [h, c]] = layer.forward(x);
      const [dx] = grad(sum(y.square()), x);
      return [y, h, c, dx as Tensor].map(numbers);
    };
    try {
      expect(run(2)).toEqual(run(1));
    } finally {
      setNumThreads(before);
    }
  });
});

describe('recurrent layers compiled', () => {
  const settings: [string, object][] = [
    ['LSTM', {}],
    ['LSTM', { numLayers: 2, bidirectional: true, dropout: 0.3, batchFirst: true }],
    ['LSTM', { numLayers: 2, bidirectional: true, projSize: 2 }],
    ['GRU', { numLayers: 2, dropout: 0.2 }],
    ['GRU', { bidirectional: true, bias: false }],
    ['RNN', { nonlinearity: 'relu' }],
    ['RNN', { bidirectional: true }],
  ];
  it.each(settings)('%s %o trains with the same bits as eager', (name, options) => {
    const train = (compiled: boolean): number[] => {
      manualSeed(11);
      const layer = new (classes[name] as Constructor)(5, 6, options);
      const optimizer = new Adam(layer.parameters(), { lr: 0.01 });
      const lengths = tensor([4, 2, 3], { dtype: 'int32' });
      const first = 'batchFirst' in options;
      const step = (x: Tensor, n: Tensor): Tensor => {
        const results = flat(layer.forward(x, null, n));
        const loss = results.map((t) => sum(t.square())).reduce((a, b) => add(a, b));
        optimizer.zeroGrad();
        backward(loss);
        optimizer.step();
        return loss;
      };
      const run = compiled ? compile(step) : null;
      const losses = Array.from({ length: 4 }, () => {
        const x = randn(first ? [3, 4, 5] : [4, 3, 5]);
        return (run ? run.sync(x, lengths) : step(x, lengths)).item();
      });
      return [...losses, ...layer.parameters().flatMap(numbers)];
    };
    expect(train(true)).toEqual(train(false));
  });

  it.each([new GRU(2, 3), new LSTM(2, 3, { projSize: 1 })])('words lengths that do not fit: %s', (layer) => {
    const name = layer.constructor.name;
    const run = compile((x: Tensor, lengths: Tensor) => layer.forward(x, null, lengths)[0]);
    const x = ones([4, 2, 2]);
    run.sync(x, tensor([4, 1], { dtype: 'int32' }));
    expect(() => run.sync(x, tensor([4, 5], { dtype: 'int32' }))).toThrow(
      `${name}: lengths must be at least 1 and at most the number of steps 4, got 5 (element 1)`,
    );
  });
});
