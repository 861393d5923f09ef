// One layer of a recurrent network over all steps: its kernel, and its reference, composed of simple operations, for second
// derivatives. Arguments are checked in lib/nn/recurrent-module.ts.
import { allOrNothing } from '../all-or-nothing.js';
import { recordFused } from '../autograd/fused.js';
import { isRecorded } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { ArgumentError } from '../errors.js';
import { handleOf, handles } from '../lists.js';
import { type Fault, type Kernel, kernel } from '../native.js';
import type { Shape } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { relu, sigmoid, tanh } from './activation.js';
import { zeros } from './creation.js';
import { add, mul, sub } from './elementwise.js';
import { gt, where } from './elementwise-compare.js';
import { countsUpTo } from './indexing.js';
import { linear } from './matmul-linear.js';
import { reshape } from './shape.js';
import { cat, chunk, slice, stack } from './shape-slice.js';

/** @internal What distinguishes the kinds of layers. */
export interface Cell {
  run: Kernel;
  runBackward: Kernel;
  /** Blocks of rows in the weights. */
  gates: number;
  /** Blocks of columns that the kernel writes, and keeps for the backward pass if `keeps`. */
  kept: number;
  keeps: boolean;
  /** 1: h; 2: h and c. */
  states: 1 | 2;
  /** The arguments after the sizes in a call. */
  code: readonly number[];
  /** One step composed of operations: from the gates' sums over the input and over h, both biases included. */
  step(ofInput: Tensor, ofState: Tensor, states: readonly Tensor[]): Tensor[];
}

const sizes = 'steps,batch,inFeatures,hidden,directions,batchFirst';
const forward = (sizes: string): string => `results x states weights lengths ${sizes}`;
const backward = (sizes: string): string => `gradients upstream x states kept weights lengths ${sizes}`;

const lstm: Cell = {
  run: kernel('lstm', forward(sizes)),
  runBackward: kernel('lstmBackward', backward(sizes)),
  gates: 4,
  kept: 4,
  keeps: true,
  states: 2,
  code: [],
  step(ofInput, ofState, states) {
    const [i, f, g, o] = chunk(add(ofInput, ofState), 4, { dim: 1 }) as [Tensor, Tensor, Tensor, Tensor];
    const c = add(mul(sigmoid(f), states[1] as Tensor), mul(sigmoid(i), tanh(g)));
    return [mul(sigmoid(o), tanh(c)), c];
  },
};

const gru: Cell = {
  run: kernel('gru', forward(sizes)),
  runBackward: kernel('gruBackward', backward(sizes)),
  gates: 3,
  kept: 4,
  keeps: true,
  states: 1,
  code: [],
  step(ofInput, ofState, states) {
    const [ri, zi, ni] = chunk(ofInput, 3, { dim: 1 }) as [Tensor, Tensor, Tensor];
    const [rh, zh, nh] = chunk(ofState, 3, { dim: 1 }) as [Tensor, Tensor, Tensor];
    const n = tanh(add(ni, mul(sigmoid(add(ri, rh)), nh)));
    return [add(n, mul(sigmoid(add(zi, zh)), sub(states[0] as Tensor, n)))];
  },
};

const rnn = (code: number, activation: (x: Tensor) => Tensor): Cell => ({
  run: kernel('rnn', forward(`${sizes},relu`)),
  runBackward: kernel('rnnBackward', backward(`${sizes},relu`)),
  gates: 1,
  kept: 1,
  keeps: false,
  states: 1,
  code: [code],
  step: (ofInput, ofState) => [activation(add(ofInput, ofState))],
});

/** @internal */
export const cells = { lstm, gru, rnnTanh: rnn(0, tanh), rnnRelu: rnn(1, relu) };

/** @internal */
export interface LayerOptions {
  /** The name of the layer in error texts. */
  name: string;
  /** x and y are [batch, steps, …] instead of [steps, batch, …]. */
  batchFirst: boolean;
  /** int32 [batch]: the number of steps of each sequence. */
  lengths: Tensor | null;
}

/**
 * @internal A layer over all steps in one call each way, in one direction or (with twice as many weights) both.
 *
 * @param x [steps, batch, inFeatures]
 * @param states h0 (and c0) [directions, batch, hidden]; null: zeros
 * @param weights of each direction weightIh [gates · hidden, inFeatures], weightHh [gates · hidden, hidden] and perhaps
 *   biasIh, biasHh [gates · hidden]; of an LSTM perhaps weightHr [projected, hidden], too, by which h is projected: then
 *   weightHh, y and the states h have `projected` columns instead of `hidden`, and the layer is composed of operations
 * @returns y [steps, batch, directions · hidden], hN (and cN) [directions, batch, hidden]
 */
export function recurrentLayer(
  cell: Cell,
  x: Tensor,
  states: readonly (Tensor | null)[],
  weights: readonly Tensor[],
  directions: number,
  o: LayerOptions,
): Tensor[] {
  const [outer, inner, inFeatures] = x.dims as [number, number, number];
  const hidden = (weights[1] as Tensor).dims[1] as number;
  const [steps, batch] = o.batchFirst ? [inner, outer] : [outer, inner];
  const given = states.filter((t) => t !== null);
  const inputs = [x, ...given, ...weights];
  if (isProjected(weights.length / directions)) {
    return allOrNothing(() => {
      const lengths = o.lengths && countsUpTo(steps, o.lengths, (found) => wrongLength(o.name, steps, found));
      return composedLayer(cell, inputs, states, directions, { ...o, lengths });
    });
  }
  const numbers = [steps, batch, inFeatures, hidden, directions, o.batchFirst ? 1 : 0, ...cell.code];
  const state: Shape = [directions, batch, hidden];
  const y = empty([outer, inner, directions * hidden], x.dtype);
  const hN = empty(state, x.dtype);
  const gates = empty([directions, outer, inner, cell.kept * hidden], x.dtype);
  const cN = cell.states === 2 ? empty(state, x.dtype) : null;
  const cellStates = cN && empty([directions, outer, inner, hidden], x.dtype);
  const results = cN && cellStates ? [y, hN, gates, cN, cellStates] : [y, hN, gates];
  const operands = (): number[] => [...handles(weights), handleOf(o.lengths), ...numbers];
  const fault = cell.run(...handles(results), x.handle, ...handles(states), ...operands());
  checkFault(fault, (found) => wrongLength(o.name, steps, found));
  const kept = cellStates ? [y, gates, cellStates] : [y, cell.keeps ? gates : null];
  const recorded = isRecorded(inputs);
  if (!recorded || !cell.keeps) gates.dispose();
  if (!recorded) cellStates?.dispose();
  const outputs = cN ? [y, hN, cN] : [y, hN];
  const gradientsOf = (dys: readonly (Tensor | null)[], needs: readonly boolean[]): (Tensor | null)[] => {
    const gradients = inputs.map((t, i) => (needs[i] ? empty(t.dims, t.dtype) : null));
    let next = 1;
    const ofStates = states.map((t) => (t === null ? null : (gradients[next++] as Tensor | null)));
    const ofWeights = gradients.slice(next).flatMap((g, i, all) => {
      // A layer without bias has two weights per direction, and the kernel places for four.
      return all.length === 2 * directions && i % 2 === 1 ? [g, null, null] : [g];
    });
    cell.runBackward(
      ...handles([gradients[0], ...ofStates, ...ofWeights]),
      ...handles(dys),
      x.handle,
      ...handles(states),
      ...handles(kept),
      ...operands(),
    );
    return gradients;
  };
  const reference = (...list: Tensor[]) => composedLayer(cell, list, states, directions, o);
  const saved = [...inputs, y, o.lengths].filter((t) => t !== null);
  const owned = kept.slice(1).filter((t) => t !== null);
  recordFused(o.name, outputs, inputs, gradientsOf, reference, saved, owned);
  return outputs;
}

// A direction has weights in pairs, and weightHr.
const isProjected = (perDirection: number): boolean => perDirection % 2 === 1;

function wrongLength(name: string, steps: number, { value, position }: Fault): ArgumentError {
  const rule = `lengths must be at least 1 and at most the number of steps ${steps}`;
  return new ArgumentError(`${name}: ${rule}, got ${value} (element ${position})`);
}

// The layer composed of operations, for the inputs [x, h0 and c0 if given, …weights].
function composedLayer(
  cell: Cell,
  inputs: readonly Tensor[],
  given: readonly (Tensor | null)[],
  directions: number,
  o: LayerOptions,
): Tensor[] {
  const x = inputs[0] as Tensor;
  let next = 1;
  const states = given.map((t) => (t === null ? null : (inputs[next++] as Tensor)));
  const weights = inputs.slice(next);
  const perDirection = weights.length / directions;
  const parts = Array.from({ length: directions }, (_, d) =>
    composedDirection(
      cell,
      x,
      states.map((t) => t && slice(t, { start: d, end: d + 1 })),
      weights.slice(d * perDirection, (d + 1) * perDirection),
      d === 1,
      o,
    ),
  );
  const y = cat(
    parts.map((p) => p.y),
    { dim: 2 },
  );
  return [y, ...given.map((_, k) => stack(parts.map((p) => p.states[k] as Tensor)))];
}

function composedDirection(
  cell: Cell,
  x: Tensor,
  initial: readonly (Tensor | null)[],
  weights: readonly Tensor[],
  reverse: boolean,
  { batchFirst, lengths }: LayerOptions,
): { y: Tensor; states: Tensor[] } {
  const dim = batchFirst ? 1 : 0;
  const steps = x.dims[dim] as number;
  const batch = x.dims[1 - dim] as number;
  const projection = isProjected(weights.length) ? (weights.at(-1) as Tensor) : null;
  const [weightIh, weightHh, biasIh, biasHh] = projection === null ? weights : weights.slice(0, -1);
  const rows = (weightIh as Tensor).dims[0] as number;
  const widths = [(weightHh as Tensor).dims[1] as number, rows / cell.gates]; // of h and c
  const none = widths.map((width) => zeros([batch, width], { dtype: x.dtype }));
  let states = initial.map((t, k) => (t === null ? (none[k] as Tensor) : reshape(t, [batch, widths[k] as number])));
  const ys: Tensor[] = [];
  for (let i = 0; i < steps; i++) {
    const t = reverse ? steps - 1 - i : i;
    const now = reshape(slice(x, { dim, start: t, end: t + 1 }), [batch, x.dims[2] as number]);
    const ofInput = linear(now, weightIh as Tensor, biasIh ?? null);
    const ofState = linear(states[0] as Tensor, weightHh as Tensor, biasHh ?? null);
    let after = cell.step(ofInput, ofState, states);
    if (projection !== null) after = [linear(after[0] as Tensor, projection), after[1] as Tensor];
    ys[t] = after[0] as Tensor;
    if (lengths !== null) {
      const active = reshape(gt(lengths, t), [batch, 1]);
      ys[t] = where(active, after[0] as Tensor, none[0] as Tensor);
      after = after.map((state, k) => where(active, state, states[k] as Tensor));
    }
    states = after;
  }
  return { y: stack(ys, { dim }), states };
}
