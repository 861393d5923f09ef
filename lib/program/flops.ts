// How much the kernels of a program compute and move, for `describe` and `profile`.
import type { OperationDescription } from '../native.js';

// All three passes of a convolution multiply each tap with each output once; numbers as in
// native/kernels/conv/planes.h.
function convolution({ integers }: OperationDescription): number {
  const [, images, groups, inChannels, outChannels] = integers as [number, number, number, number, number];
  const [outputs, taps] = [6, 7].map((i) => (integers[i] as number) * (integers[i + 6] as number)) as [number, number];
  return 2 * images * groups * inChannels * outChannels * outputs * taps;
}

// With images in lanes, whether to the input comes before the numbers. Winograd's products, fewer, count as those that
// they stand for.
const inLanes = (o: OperationDescription): number => convolution({ ...o, integers: o.integers.slice(1) });

// The products with both weights, whose rows are `gates` blocks; numbers as in native/kernels/recurrent/recurrent.h.
// Shorter sequences among the batch are counted as if they were whole.
function recurrent(gates: number): (o: OperationDescription) => number {
  return ({ integers }) => {
    const [steps, batch, inFeatures, hidden, directions] = integers as [number, number, number, number, number];
    return 2 * directions * steps * batch * gates * hidden * (inFeatures + hidden);
  };
}

// The gradients of the weights are as much as the forward pass, and so are those of states and x. The latter is written
// first, if it is wanted.
function recurrentBackward(gates: number): (o: OperationDescription) => number {
  return ({ integers, spans }) => {
    const [steps, batch, inFeatures, hidden, directions] = integers as [number, number, number, number, number];
    const hasInput = spans.find((s) => s.written)?.length === steps * batch * inFeatures;
    const columns = 2 * inFeatures + 2 * hidden - (hasInput ? 0 : inFeatures);
    return 2 * directions * steps * batch * gates * hidden * columns;
  };
}

// `ofWidth` and `ofValue` products along the width of queries and keys and along that of values, for the pairs that a
// causal attention leaves; numbers as in native/kernels/attention/attention.cc.
function attention(ofWidth: number, ofValue: number): (o: OperationDescription) => number {
  return ({ integers }) => {
    const [batch, heads, queries, keys, width, valueWidth, causal] = integers as [
      ...[number, number, number, number],
      ...[number, number, number],
    ];
    let pairs = queries * keys;
    if (causal > 0) {
      pairs = 0;
      for (let i = 0; i < queries; i++) pairs += Math.min(keys, i + causal);
    }
    return 2 * batch * heads * pairs * (ofWidth * width + ofValue * valueWidth);
  };
}

/** Multiplications and additions of the kernels that do more than a few an element written. */
const formulas: Record<string, (o: OperationDescription) => number> = {
  conv: convolution,
  convInput: convolution,
  convImages: inLanes,
  convWinograd: inLanes,
  convWeight: convolution,
  lstm: recurrent(4),
  lstmBackward: recurrentBackward(4),
  gru: recurrent(3),
  gruBackward: recurrentBackward(3),
  rnn: recurrent(1),
  rnnBackward: recurrentBackward(1),
  // Scores and weighted values; backwards the scores once more, then the gradients of weights, values, queries and keys.
  attention: attention(1, 1),
  attentionBackward: attention(3, 2),
};

/** Floating-point operations of a call. */
export function flopsOf(o: OperationDescription): number {
  return formulas[o.kernel]?.(o) ?? o.flops;
}
