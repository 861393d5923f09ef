// LSTM, GRU and RNN. ONNX's gates are in another order than PyTorch's, and its GRU resets the state before the product.
import { relu, sigmoid, tanh } from '../../ops/activation.js';
import { zeros } from '../../ops/creation.js';
import { add, mul, sub } from '../../ops/elementwise.js';
import { clamp } from '../../ops/elementwise-compare.js';
import { linear } from '../../ops/matmul-linear.js';
import { cells, recurrentLayer } from '../../ops/recurrent.js';
import { flip, permute, reshape } from '../../ops/shape.js';
import { cat, chunk, slice, split, stack } from '../../ops/shape-slice.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operators } from './call.js';

type Kind = 'LSTM' | 'GRU' | 'RNN';

/** Which block of ONNX's rows is each of PyTorch's: i f g o of i o f c, and r z n of z r h. */
const orders: Readonly<Record<Kind, readonly number[]>> = { LSTM: [0, 2, 3, 1], GRU: [1, 0, 2], RNN: [0] };
const defaults: Readonly<Record<Kind, readonly string[]>> = {
  LSTM: ['sigmoid', 'tanh', 'tanh'],
  GRU: ['sigmoid', 'tanh'],
  RNN: ['tanh'],
};
const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = { sigmoid, tanh, relu };

/** A direction's weights: [gates · hidden, …] in PyTorch's order, biases [gates · hidden]. */
interface Weights {
  ofInput: Tensor;
  ofState: Tensor;
  biasIn: Tensor;
  biasState: Tensor;
  peepholes: Tensor[] | null;
}

function ordered(t: Tensor, kind: Kind): Tensor {
  const order = orders[kind];
  const blocks = chunk(t, order.length, 0);
  return order.length === 1
    ? t
    : cat(
        order.map((i) => blocks[i] as Tensor),
        0,
      );
}

const row = (t: Tensor, i: number): Tensor => reshape(slice(t, { dim: 0, start: i, end: i + 1 }), t.dims.slice(1));

function weightsOf(kind: Kind, d: number, w: Tensor, r: Tensor, b?: Tensor, p?: Tensor): Weights {
  const [ofInput, ofState] = [ordered(row(w, d), kind), ordered(row(r, d), kind)];
  const rows = ofInput.dims[0] as number;
  const [biasIn, biasState] =
    b === undefined ? [0, 1].map(() => zeros([rows], { dtype: w.dtype })) : chunk(row(b, d), 2, 0);
  return {
    ...{ ofInput, ofState },
    biasIn: ordered(biasIn as Tensor, kind),
    biasState: ordered(biasState as Tensor, kind),
    peepholes: p === undefined ? null : chunk(row(p, d), 3, 0),
  };
}

/** One step from x [batch, features]: new states. */
type Step = (x: Tensor, h: Tensor, c: Tensor) => [h: Tensor, c: Tensor];

function stepOf(call: Call, kind: Kind, w: Weights, names: readonly string[]): Step {
  const [f, g, h] = names.map((name) => functions[name] ?? call.fail(`activation ${name} is not known here`)) as ((
    x: Tensor,
  ) => Tensor)[];
  const limit = call.float('clip');
  const clipped = (t: Tensor) => (limit > 0 ? clamp(t, -limit, limit) : t);
  const gates = (x: Tensor, state: Tensor) =>
    add(linear(x, w.ofInput, { bias: w.biasIn }), linear(state, w.ofState, { bias: w.biasState }));
  if (kind === 'RNN') return (x, state, c) => [(f as Step0)(clipped(gates(x, state))), c];
  if (kind === 'LSTM') {
    const [pi, po, pf] = w.peepholes ?? [];
    const peep = (t: Tensor, p: Tensor | undefined, c: Tensor) => (p === undefined ? t : add(t, mul(p, c)));
    return (x, state, cell) => {
      const [i, forget, g2, o] = chunk(gates(x, state), 4, 1) as [Tensor, Tensor, Tensor, Tensor];
      const input = (f as Step0)(clipped(peep(i, pi, cell)));
      const kept = call.int('input_forget') ? sub(1, input) : (f as Step0)(clipped(peep(forget, pf, cell)));
      const c = add(mul(kept, cell), mul(input, (g as Step0)(clipped(g2))));
      return [mul((f as Step0)(clipped(peep(o, po, c))), (h as Step0)(c)), c];
    };
  }
  const resetsLate = call.int('linear_before_reset') !== 0;
  const hidden = w.ofState.dims[1] as number;
  const [stateGates, stateNew] = split(w.ofState, [2 * hidden, hidden], 0) as [Tensor, Tensor];
  const [biasGates, biasNew] = split(w.biasState, [2 * hidden, hidden], 0) as [Tensor, Tensor];
  return (x, state, c) => {
    const [ofGates, ofNew] = split(linear(x, w.ofInput, { bias: w.biasIn }), [2 * hidden, hidden], 1) as [
      Tensor,
      Tensor,
    ];
    const [r, z] = chunk((f as Step0)(clipped(add(ofGates, linear(state, stateGates, { bias: biasGates })))), 2, 1) as [
      Tensor,
      Tensor,
    ];
    const late = () => mul(r, linear(state, stateNew, { bias: biasNew }));
    const early = () => linear(mul(r, state), stateNew, { bias: biasNew });
    const next = (g as Step0)(clipped(add(ofNew, resetsLate ? late() : early())));
    return [add(mul(sub(1, z), next), mul(z, state)), c];
  };
}

type Step0 = (x: Tensor) => Tensor;

/** All steps of one direction, one by one. */
function unrolled(x: Tensor, h: Tensor, c: Tensor, step: Step): Tensor[] {
  const ys: Tensor[] = [];
  for (let t = 0; t < (x.dims[0] as number); t++) {
    [h, c] = step(row(x, t), h, c);
    ys.push(h);
  }
  return [stack(ys, 0), h, c];
}

interface Given {
  x: Tensor;
  lengths: Tensor | undefined;
  /** [batch, hidden] of a direction. */
  state(i: number, d: number): Tensor;
}

function direction(
  call: Call,
  kind: Kind,
  d: number,
  w: Weights,
  { x, lengths, state }: Given,
  names: readonly string[],
): Tensor[] {
  const isBack = call.text('direction', 'forward') === 'reverse' || d === 1;
  const input = isBack ? flip(x, [0]) : x;
  const isPlain =
    w.peepholes === null &&
    call.float('clip') === 0 &&
    call.int('input_forget') === 0 &&
    (kind !== 'GRU' || call.int('linear_before_reset') !== 0) &&
    names.every((name, i) => name === defaults[kind][i]);
  if (lengths !== undefined && isBack) call.fail('sequences of several lengths are not known backwards');
  if (lengths !== undefined && !isPlain) call.fail('sequences of several lengths need the default functions');
  let [y, h, c]: Tensor[] = [];
  if (isPlain) {
    const cell = kind === 'LSTM' ? cells.lstm : kind === 'GRU' ? cells.gru : cells.rnnTanh;
    const states = (kind === 'LSTM' ? [0, 1] : [0]).map((i) => reshape(state(i, d), [1, ...state(i, d).dims]));
    const weights = [w.ofInput, w.ofState, w.biasIn, w.biasState];
    [y, h, c] = recurrentLayer(cell, input, states, weights, 1, {
      name: kind,
      batchFirst: false,
      lengths: lengths ?? null,
    });
    h = row(h as Tensor, 0);
    c = c === undefined ? h : row(c, 0);
  } else [y, h, c] = unrolled(input, state(0, d), state(1, d), stepOf(call, kind, w, names));
  return [isBack ? flip(y as Tensor, [0]) : (y as Tensor), h as Tensor, c as Tensor];
}

function recurrent(kind: Kind) {
  return (
    call: Call,
    given: Tensor,
    w: Tensor,
    r: Tensor,
    b?: Tensor,
    lengths?: Tensor,
    ...rest: Tensor[]
  ): Tensor[] => {
    const batchFirst = call.int('layout') !== 0;
    const x = batchFirst ? permute(given, [1, 0, 2]) : given;
    const [steps, batch] = x.dims as [number, number];
    const directions = w.dims[0] as number;
    const hidden = r.dims[2] as number;
    const first = rest.slice(0, 2).map((t) => (t !== undefined && batchFirst ? permute(t, [1, 0, 2]) : t));
    const state = (i: number, d: number) =>
      first[i] === undefined ? zeros([batch, hidden], { dtype: x.dtype }) : row(first[i] as Tensor, d);
    const isShort = lengths !== undefined && call.numbers(lengths).some((n) => n !== steps);
    const names = (call.has('activations') ? call.texts('activations') : []).map((name) => name.toLowerCase());
    const all = Array.from({ length: directions }, (_, d) => {
      const own = names.slice(d * defaults[kind].length, (d + 1) * defaults[kind].length);
      const weights = weightsOf(kind, d, w, r, b, kind === 'LSTM' ? rest[2] : undefined);
      const input = { x, lengths: isShort ? lengths : undefined, state };
      return direction(call, kind, d, weights, input, own.length > 0 ? own : defaults[kind]);
    });
    const [y, h, c] = [0, 1, 2].map((i) =>
      stack(
        all.map((results) => results[i] as Tensor),
        i === 0 ? 1 : 0,
      ),
    ) as [Tensor, Tensor, Tensor];
    const results = batchFirst ? [permute(y, [2, 0, 1, 3]), permute(h, [1, 0, 2]), permute(c, [1, 0, 2])] : [y, h, c];
    return kind === 'LSTM' ? results : results.slice(0, 2);
  };
}

export const recurrents: Operators = { GRU: recurrent('GRU'), LSTM: recurrent('LSTM'), RNN: recurrent('RNN') };
