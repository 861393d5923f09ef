import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { GRU, LSTM, LSTMCell, RNN, RNNCell } from '../../lib/nn/index.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import { type Cell, cells, recurrentLayer } from '../../lib/ops/recurrent.js';
import { reshape } from '../../lib/ops/shape.js';
import { cat } from '../../lib/ops/shape-slice.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { withGradient } from '../support/fused.js';
import { type ErrorRow, type InputSpec, irregular, type OpRow, type Plain } from '../support/harness.js';

interface Layer {
  kind: keyof typeof cells;
  steps: number;
  batch: number;
  inputs: number;
  hidden: number;
  directions?: number;
  batchFirst?: boolean;
  bias?: boolean;
  initial?: boolean;
  lengths?: number[];
  gradient?: boolean;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

// One unit's new states from its gates' sums over the input (a) and over the state (b).
const steps: Record<Layer['kind'], (a: number[], b: number[], h: number, c: number) => [number, number]> = {
  lstm: (a, b, _, c) => {
    const [i, f, g, o] = a.map((v, k) => v + (b[k] as number)) as [number, number, number, number];
    const cell = sigmoid(f) * c + sigmoid(i) * Math.tanh(g);
    return [sigmoid(o) * Math.tanh(cell), cell];
  },
  gru: (a, b, h) => {
    const [r, z] = [0, 1].map((k) => sigmoid((a[k] as number) + (b[k] as number))) as [number, number];
    const n = Math.tanh((a[2] as number) + r * (b[2] as number));
    return [(1 - z) * n + z * h, 0];
  },
  rnnTanh: (a, b) => [Math.tanh((a[0] as number) + (b[0] as number)), 0],
  rnnRelu: (a, b) => [Math.max((a[0] as number) + (b[0] as number), 0), 0],
};

// Naively, number by number: y, hN and (of an LSTM) cN, one after the other.
function reference(l: Layer, plain: readonly Plain[]): Plain {
  const { gates, states } = cells[l.kind];
  const directions = l.directions ?? 1;
  const rest = plain.slice();
  const x = (rest.shift() as Plain).data;
  const initial = Array.from({ length: l.initial ? states : 0 }, () => (rest.shift() as Plain).data);
  const y = new Array<number>(l.steps * l.batch * directions * l.hidden).fill(0);
  const finals = Array.from({ length: states }, () => new Array<number>(directions * l.batch * l.hidden).fill(0));
  for (let d = 0; d < directions; d++) {
    const [wi, wh, bi, bh] = Array.from({ length: l.bias === false ? 2 : 4 }, () => (rest.shift() as Plain).data);
    for (let b = 0; b < l.batch; b++) {
      const length = l.lengths?.[b] ?? l.steps;
      const state = (k: number): number[] =>
        Array.from({ length: l.hidden }, (_, j) => initial[k]?.[(d * l.batch + b) * l.hidden + j] ?? 0);
      let [h, c] = [state(0), state(1)];
      for (let i = 0; i < length; i++) {
        const t = d === 0 ? i : length - 1 - i;
        const row = l.batchFirst ? b * l.steps + t : t * l.batch + b;
        const dot = (w: number[], r: number, n: number, v: number[], first = 0): number => {
          let sum = 0;
          for (let k = 0; k < n; k++) sum += (w[r * n + k] as number) * (v[first + k] as number);
          return sum;
        };
        const next = h.map((_, j) => {
          const rows = Array.from({ length: gates }, (_, g) => g * l.hidden + j);
          const a = rows.map((r) => dot(wi as number[], r, l.inputs, x, row * l.inputs) + (bi?.[r] ?? 0));
          const s = rows.map((r) => dot(wh as number[], r, l.hidden, h) + (bh?.[r] ?? 0));
          return steps[l.kind](a, s, h[j] as number, c[j] as number);
        });
        h = next.map((n) => n[0]);
        c = next.map((n) => n[1]);
        h.forEach((v, j) => {
          y[(row * directions + d) * l.hidden + j] = v;
        });
      }
      [h, c].slice(0, states).forEach((values, k) => {
        values.forEach((v, j) => {
          (finals[k] as number[])[(d * l.batch + b) * l.hidden + j] = v;
        });
      });
    }
  }
  const data = [...y, ...finals.flat()];
  // Sums of some hundred terms of about 1, squashed.
  return { shape: [data.length], data, magnitude: data.map((v) => Math.max(Math.abs(v), 1)) };
}

function row(l: Layer): OpRow {
  const cell: Cell = cells[l.kind];
  const directions = l.directions ?? 1;
  const x = l.batchFirst ? [l.batch, l.steps, l.inputs] : [l.steps, l.batch, l.inputs];
  const rows = cell.gates * l.hidden;
  const small = (scale: number) => (i: number) => irregular(i) * scale;
  const states = Array.from(
    { length: l.initial ? cell.states : 0 },
    (_, k): InputSpec => ({ shape: [directions, l.batch, l.hidden], values: (i) => irregular(i + 5 + k) }),
  );
  const weights = Array.from({ length: directions }, (_, d): InputSpec[] => {
    const all: InputSpec[] = [[rows, l.inputs], [rows, l.hidden], [rows], [rows]].map((shape, k) => ({
      shape,
      values: (i) => small(1 / Math.sqrt(l.hidden))(i + 31 * k + 7 * d),
    }));
    return l.bias === false ? all.slice(0, 2) : all;
  }).flat();
  const flags = Object.entries(l).map(([key, value]) => `${key} ${value}`);
  return {
    name: flags.join(', '),
    run: (...inputs) => {
      const [first, ...others] = inputs as [Tensor, ...Tensor[]];
      const given = l.initial ? others.splice(0, cell.states) : cell.states === 2 ? [null, null] : [null];
      const lengths = l.lengths ? tensor(l.lengths, { dtype: 'int32' }) : null;
      const o = { name: 'layer', batchFirst: l.batchFirst ?? false, lengths };
      const results = recurrentLayer(cell, first, given, others, directions, o);
      return cat(results.map((t) => reshape(t, [t.size])));
    },
    inputs: [{ shape: x }, ...states, ...weights],
    reference: (...plain) => reference(l, plain),
    gradient: l.gradient ?? true,
  };
}

const kinds = Object.keys(cells) as Layer['kind'][];
const rows: OpRow[] = kinds.flatMap((kind) => [
  row({ kind, steps: 3, batch: 2, inputs: 2, hidden: 2 }),
  row({ kind, steps: 3, batch: 3, inputs: 2, hidden: 2, directions: 2, initial: true, lengths: [2, 3, 1] }),
  row({ kind, steps: 2, batch: 2, inputs: 1, hidden: 3, bias: false, batchFirst: true, initial: true }),
  row({ kind, steps: 3, batch: 2, inputs: 2, hidden: 1, batchFirst: true, lengths: [3, 2], directions: 2 }),
  row({ kind, steps: 1, batch: 1, inputs: 1, hidden: 1 }),
  row({ kind, steps: 2, batch: 0, inputs: 2, hidden: 2, gradient: false }),
  // More than a tile, and no multiples of one; enough work for two threads.
  row({ kind, steps: 5, batch: 37, inputs: 19, hidden: 45, initial: true, gradient: false }),
  row({ kind, steps: 4, batch: 30, inputs: 8, hidden: 67, directions: 2, batchFirst: true, gradient: false }),
]);

const three = (...shape: number[]): Tensor => ones(shape);
const errors: ErrorRow[] = [
  {
    name: 'LSTM features',
    call: () => new LSTM(4, 3).forward(three(5, 2, 3)),
    error: ShapeError,
    message: 'LSTM: last dimension of x must be inputSize 4, got x [5, 2, 3]',
  },
  {
    name: 'GRU rank',
    call: () => new GRU(4, 3, { batchFirst: true }).forward(three(4)),
    error: ShapeError,
    message: 'GRU: x must be [batch, steps, inputSize] or [steps, inputSize], got x [4]',
  },
  {
    name: 'RNN without steps',
    call: () => new RNN(4, 3).forward(three(0, 2, 4)),
    error: ShapeError,
    message: 'RNN: x must have at least one step, got x [0, 2, 4]',
  },
  {
    name: 'LSTM dtype',
    call: () => new LSTM(4, 3, { dtype: 'float64' }).forward(three(1, 2, 4)),
    error: DTypeError,
    message: 'LSTM: dtypes must match, got x float32 and weights float64; convert one by to(dtype)',
  },
  {
    name: 'LSTM state',
    call: () => new LSTM(4, 3).forward(three(5, 2, 4), three(1, 2, 3) as never),
    error: ArgumentError,
    message: 'LSTM: state must be [h0, c0], got a tensor',
  },
  {
    name: 'LSTM c0',
    call: () => new LSTM(4, 3, { bidirectional: true }).forward(three(5, 2, 4), [zeros([2, 2, 3]), zeros([1, 2, 3])]),
    error: ShapeError,
    message: 'LSTM: c0 must be [numLayers · 2, batch, hiddenSize] [2, 2, 3] for x [5, 2, 4], got [1, 2, 3]',
  },
  {
    name: 'GRU h0 of an x without batch',
    call: () => new GRU(4, 3).forward(three(5, 4), zeros([1, 1, 3])),
    error: ShapeError,
    message: 'GRU: h0 must be [numLayers, hiddenSize] [1, 3] for x [5, 4], got [1, 1, 3]',
  },
  {
    name: 'GRU lengths too long',
    call: () => new GRU(4, 3).forward(three(5, 2, 4), null, tensor([5, 6], { dtype: 'int32' })),
    error: ArgumentError,
    message: 'GRU: lengths must be at least 1 and at most the number of steps 5, got 6 (element 1)',
  },
  {
    name: 'RNN lengths of 0',
    call: () => new RNN(4, 3).forward(three(5, 2, 4), null, tensor([0, 5], { dtype: 'int32' })),
    error: ArgumentError,
    message: 'RNN: lengths must be at least 1 and at most the number of steps 5, got 0 (element 0)',
  },
  {
    name: 'LSTM lengths of another batch',
    call: () => new LSTM(4, 3).forward(three(5, 2, 4), null, tensor([5], { dtype: 'int32' })),
    error: ShapeError,
    message: 'LSTM: lengths must have one element for each sequence [2], got [1]',
  },
  {
    name: 'LSTM lengths of another dtype',
    call: () => new LSTM(4, 3).forward(three(5, 2, 4), null, three(2)),
    error: DTypeError,
    message: "LSTM: lengths must be int32, got float32; convert it by lengths.to('int32')",
  },
  {
    name: 'LSTM option',
    call: () => new LSTM(4, 3, { layers: 2 } as never),
    error: ArgumentError,
    message:
      'LSTM: unknown option "layers"; known are inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional, projSize, dtype',
  },
  {
    name: 'RNN nonlinearity',
    call: () => new RNN(4, 3, { nonlinearity: 'gelu' as never }),
    error: ArgumentError,
    message: 'RNN: nonlinearity must be tanh or relu, got "gelu"',
  },
  {
    name: 'LSTMCell features',
    call: () => new LSTMCell(4, 3).forward(three(2, 3)),
    error: ShapeError,
    message: 'LSTMCell: last dimension of x must be inputSize 4, got x [2, 3]',
  },
  {
    name: 'RNNCell state',
    call: () => new RNNCell(4, 3).forward(three(2, 4), three(1, 3)),
    error: ShapeError,
    message: 'RNNCell: h0 must be [batch, hiddenSize] [2, 3] for x [2, 4], got [1, 3]',
  },
];

testFamily('recurrent', { rows, errors, fused: withGradient('layer') });
