// Which operations can follow each other: what does computes the same as plain numbers, what does not changes nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compress, io, manualSeed, nn, optim, randn, type Tensor } from '../../lib/index.js';
import { inIntegers, rangeOf } from '../support/integers.js';
import { numbersOf, rowsOf } from '../support/plain-numbers.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-order-'));
afterAll(() => rmSync(folder, { recursive: true }));

const stateOf = (model: nn.Module) => [...model.stateDict()].map(([name, t]) => [name, t.shape, numbersOf(t)]);

type Net = nn.Sequential;
function net(seed: number): Net {
  manualSeed(seed);
  return nn.sequential(new nn.Linear(6, 8), new nn.ReLU(), new nn.Linear(8, 3));
}

/** The same network of plain numbers. */
interface Plain {
  layers: { weight: number[][]; bias: number[] }[];
  /** How inputs are rounded: not, in the range of each batch, or in ranges of their own. */
  inputs: 'floats' | 'batch' | [number, number][];
  prepared?: 'floats' | 'batch';
}

const plainOf = (model: Net): Plain => ({
  layers: [0, 2].map((i) => {
    const { weight, bias } = model.at(i) as nn.Linear;
    return { weight: rowsOf(weight), bias: numbersOf(bias as Tensor) };
  }),
  inputs: 'floats',
});

/** What goes into each layer, and the result. */
function run({ layers, inputs }: Plain, x: number[][]): number[][][] {
  const all = [x];
  for (const [i, { weight, bias }] of layers.entries()) {
    const given = (all[i] as number[][]).map((row) => (i === 0 ? row : row.map((v) => Math.max(0, v))));
    all[i] = given;
    const floats = () =>
      given.map((row) =>
        weight.map((w, j) => w.reduce((sum, v, k) => sum + v * (row[k] as number), bias[j] as number)),
      );
    const range = inputs === 'batch' ? rangeOf(given) : (inputs[i] as [number, number]);
    all.push(inputs === 'floats' ? floats() : inIntegers(given, weight, bias, range));
  }
  return all;
}

const eachWeight = (plain: Plain, change: (flat: number[]) => number[]): Plain => ({
  ...plain,
  layers: plain.layers.map(({ weight, bias }) => {
    const flat = change(weight.flat());
    return { bias, weight: weight.map((row, i) => flat.slice(i * row.length, (i + 1) * row.length)) };
  }),
});

/** Lloyd's k-means from values spread evenly; zeros stay out. */
function lloyd(values: number[], count: number): number[] {
  const others = values.filter((v) => v !== 0);
  const [low, high] = [Math.min(...others), Math.max(...others)];
  let centers = Array.from({ length: count }, (_, i) => low + ((high - low) * (i + 0.5)) / count);
  const nearest = (v: number) => centers.reduce((best, c) => (Math.abs(c - v) < Math.abs(best - v) ? c : best));
  for (let round = 0; round < 50; round++) {
    const chosen = others.map(nearest);
    centers = centers.map((c) => {
      const own = others.filter((_, i) => chosen[i] === c);
      return own.length === 0 ? c : own.reduce((a, b) => a + b) / own.length;
    });
  }
  return values.map((v) => (v === 0 ? 0 : nearest(v)));
}

// The first half of all weights in an order of their own becomes zero.
function halved(plain: Plain, order: (all: number[]) => number[]): Plain {
  const all = plain.layers.flatMap(({ weight }) => weight.flat());
  const gone = new Set(order(all).slice(0, all.length / 2));
  let at = 0;
  return eachWeight(plain, (flat) => flat.map((v) => (gone.has(at++) ? 0 : v)));
}

interface Operation {
  run: (model: Net, x: Tensor) => unknown;
  plain: (plain: Plain, x: number[][]) => Plain;
}

const operations: Record<string, Operation> = {
  prune: {
    run: (model) => compress.prune(model, { amount: 0.5 }),
    plain: (p) =>
      halved(p, (all) => [...all.keys()].sort((a, b) => Math.abs(all[a] as number) - Math.abs(all[b] as number))),
  },
  movement: {
    run: (model) => compress.prune(model, { amount: 0.5, method: 'movement' }), // without training all are equal
    plain: (p) => halved(p, (all) => [...all.keys()]),
  },
  slices: {
    run: (model) => compress.prune(model, { amount: 0.5, dim: 0, names: '0' }),
    plain: ({ layers: [first, last], ...rest }) => {
      const { weight, bias } = first as Plain['layers'][0];
      const norms = weight.map((row) => Math.hypot(...row));
      const limit = [...norms].sort((a, b) => a - b)[3] as number;
      const without = {
        weight: weight.map((row, i) => row.map((v) => ((norms[i] as number) > limit ? v : 0))),
        bias: bias.map((v, i) => ((norms[i] as number) > limit ? v : 0)),
      };
      return { ...rest, layers: [without, last as Plain['layers'][0]] };
    },
  },
  shrink: { run: (model) => compress.shrink(model), plain: (p) => p },
  cluster: {
    run: (model) => compress.cluster(model, { clusters: 4 }),
    plain: (p) => eachWeight(p, (flat) => lloyd(flat, 4)),
  },
  quantizeDynamic: { run: (model) => compress.quantizeDynamic(model), plain: (p) => ({ ...p, inputs: 'batch' }) },
  prepare: { run: (model) => compress.prepare(model), plain: (p) => ({ ...p, prepared: 'floats' }) },
  // The first batch of training is rounded in its own range.
  prepareQat: {
    run: (model) => compress.prepareQat(model),
    plain: (p) => ({ ...p, inputs: 'batch', prepared: 'batch' }),
  },
  convert: {
    run: (model, x) => {
      model.forward(x);
      compress.convert(model);
    },
    plain: (p, x) => ({ ...p, inputs: run({ ...p, inputs: p.prepared as 'batch' }, x).map(rangeOf) }),
  },
};

const isPruning = (name: string) => ['prune', 'movement', 'slices'].includes(name);

/** Nothing if the second can follow the first, else how it is refused. */
function refusal(first: string, second: string): string | undefined {
  const last = { cluster: 'clustered', prepare: 'prepared', prepareQat: 'prepared' }[first];
  const had = first === 'convert' || first === 'quantizeDynamic' ? 'quantised' : last;
  const then = { clustered: 'cluster', prepared: 'prepare', quantised: 'quantise' }[had as 'clustered'];
  const name = isPruning(second) ? 'prune' : second;
  if (second === 'convert') {
    if (had === 'prepared') return undefined;
    if (had !== 'quantised')
      return 'convert: the model must be prepared first, by compress.prepare or compress.prepareQat';
    return 'convert: 0.weight must not be quantised yet; begin with floats, or leave it out: names';
  }
  if (had === undefined || (had === 'clustered' && !isPruning(second) && second !== 'shrink')) {
    if (!isPruning(first) || !isPruning(second) || first === second) return undefined;
    const what = first === 'slices' || second === 'slices' ? 'dim' : 'method';
    return `prune: 0.weight must be pruned as before (${what}); make the earlier pruning permanent first: compress.makePermanent(model)`;
  }
  if (isPruning(second) || second === 'shrink' || second === 'cluster') {
    return `${name}: 0.weight must not be ${had} yet; ${name} first, then ${then}`;
  }
  const hint =
    had === 'prepared' ? 'compress.convert quantises what is prepared' : 'begin with floats, or leave it out: names';
  return `${name}: 0.weight must not be ${had} yet; ${hint}`;
}

const names = Object.keys(operations);
const starts = names.filter((name) => name !== 'convert').map((name) => [name]);
const pairs = [...starts, ['prepare', 'convert'], ['prepareQat', 'convert']].flatMap((before) =>
  names.map((second) => ({ before, second, message: refusal(before.at(-1) as string, second) })),
);

describe('two operations, one after the other', () => {
  const all = (list: readonly string[]) => list.map((name) => operations[name] as Operation);
  manualSeed(20);
  const [x, rows] = [randn([30, 6])].flatMap((t) => [t, rowsOf(t)]) as [Tensor, number[][]];
  const made = (list: readonly string[], seed = 21) => {
    const model = net(seed);
    for (const operation of all(list)) operation.run(model, x);
    return model;
  };

  it.each(pairs.filter(({ message }) => message === undefined))(
    '$before and $second compute what they do in plain numbers, also from a file',
    ({ before, second }) => {
      const model = made([...before, second]);
      const plain = all([...before, second]).reduce((p, operation) => operation.plain(p, rows), plainOf(net(21)));
      const wanted = (run(plain, rows).at(-1) as number[][]).flat();
      const got = numbersOf(model.forward(x));
      for (const [i, value] of got.entries()) expect(value, String(i)).toBeCloseTo(wanted[i] as number, 4);
      const file = join(folder, 'model.safetensors');
      io.save(file, model.stateDict());
      const other = made([...before, second], 22);
      other.loadStateDict(io.load(file));
      expect(numbersOf(other.eval().forward(x))).toEqual(numbersOf(model.eval().forward(x)));
    },
  );

  it.each(pairs.filter(({ message }) => message !== undefined))(
    '$second is refused after $before, and changes nothing',
    ({ before, second, message }) => {
      const model = made(before);
      model.forward(x);
      const [state, y] = [stateOf(model), numbersOf(model.eval().forward(x))];
      const change = second === 'convert' ? compress.convert : (operations[second] as Operation).run;
      expect(() => change(model, second === 'convert' ? ({} as never) : x)).toThrow(message as string);
      expect(stateOf(model)).toEqual(state);
      expect(numbersOf(model.forward(x))).toEqual(y);
    },
  );

  it('makes nothing permanent that is prepared for training', () => {
    const model = compress.prepareQat(compress.prune(net(1), { amount: 0.5 }));
    const state = stateOf(model);
    const message = 'makePermanent: 0.weight must not be prepared yet; make it permanent first, then prepare';
    expect(() => compress.makePermanent(model)).toThrow(message);
    expect(stateOf(model)).toEqual(state);
  });

  it('may concern different layers', () => {
    const model = compress.quantizeDynamic(net(3), { names: '0' });
    const integers = numbersOf((model.at(0) as nn.Linear).weight);
    compress.prune(model, { amount: 0.5, names: '2' });
    compress.prepare(compress.cluster(model, { names: '2' }), { names: '2' }).forward(x);
    compress.convert(model, { names: '2' });
    expect(numbersOf((model.at(0) as nn.Linear).weight)).toEqual(integers);
    expect(compress.sparsity(model, { names: '2' }).zeros).toBeGreaterThanOrEqual(12);
    const half = compress.prepare(net(3), { names: '0' });
    half.forward(x);
    const message =
      'convert: 2.weight must be prepared first, by compress.prepare or compress.prepareQat, or left out: names';
    expect(() => compress.convert(half)).toThrow(message);
  });
});

describe('training that is aware of rounding', () => {
  const train = (model: Net) => {
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    for (let i = 0; i < 5; i++) {
      optimizer.zeroGrad();
      model
        .forward(randn([20, 6]))
        .sub(1)
        .square()
        .sum()
        .backward();
      optimizer.step();
    }
  };

  it('leaves pruned weights at zero', () => {
    const model = compress.prepareQat(compress.prune(net(4), { amount: 0.5 }));
    const zeros = () => [0, 2].flatMap((i) => numbersOf((model.at(i) as nn.Linear).weight).map((w) => w === 0));
    const before = zeros();
    const first = numbersOf((model.at(0) as nn.Linear).weight);
    train(model);
    expect(numbersOf((model.at(0) as nn.Linear).weight)).not.toEqual(first);
    for (const [i, isZero] of before.entries()) if (isZero) expect(zeros()[i]).toBe(true);
    const { zeros: count } = compress.sparsity(compress.convert(model.eval()));
    expect(count).toBeGreaterThanOrEqual(36);
  });

  it('trains the values that clustered weights share', () => {
    const model = compress.prepareQat(compress.cluster(net(5), { clusters: 4 }));
    train(model);
    const row = numbersOf((model.at(0) as nn.Linear).weight);
    for (let i = 0; i < 8; i++) expect(new Set(row.slice(6 * i, 6 * i + 6)).size).toBeLessThanOrEqual(4);
    expect(model.parameters().map((p) => p.size)).toEqual(expect.arrayContaining([4]));
  });
});
