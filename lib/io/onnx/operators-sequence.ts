// Sequences: lists of tensors.
import { squeeze } from '../../ops/shape.js';
import { cat, split, stack } from '../../ops/shape-slice.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operators, Value } from './call.js';
import { axisOf, ints } from './operators-shape.js';

function splitToSequence(call: Call, x: Tensor, sizes?: Tensor): Value[] {
  const axis = axisOf(call, call.int('axis'), x.rank);
  const n = x.dims[axis] as number;
  if (sizes === undefined) {
    const single = split(x, 1, axis);
    return [call.int('keepdims', 1) ? single : single.map((t) => squeeze(t, axis))];
  }
  const given = call.numbers(sizes);
  if (sizes.rank > 0) return [split(x, given, axis)];
  const size = given[0] as number;
  if (!(size > 0)) call.fail(`split must be at least 1, got ${size}`);
  return [
    split(
      x,
      Array.from({ length: Math.ceil(n / size) }, (_, i) => Math.min(size, n - i * size)),
      axis,
    ),
  ];
}

function sequenceInsert(call: Call, list: Tensor[], t: Tensor, place?: Tensor): Value[] {
  const at = place === undefined ? list.length : (call.numbers(place)[0] as number);
  const i = at < 0 ? at + list.length : at;
  return [[...list.slice(0, i), t, ...list.slice(i)]];
}

function sequenceErase(call: Call, list: Tensor[], place?: Tensor): Value[] {
  const at = place === undefined ? -1 : (call.numbers(place)[0] as number);
  const i = at < 0 ? at + list.length : at;
  return [list.filter((_, j) => j !== i)];
}

function sequenceAt(call: Call, list: Tensor[], place: Tensor): Tensor {
  return list.at(call.numbers(place)[0] as number) ?? call.fail(`position must be in a sequence of ${list.length}`);
}

function concatFromSequence(call: Call, list: Tensor[]): Tensor {
  return call.int('new_axis') ? stack(list, call.int('axis')) : cat(list, call.int('axis'));
}

export const sequences: Operators = {
  ConcatFromSequence: concatFromSequence,
  SequenceAt: sequenceAt,
  SequenceConstruct: (_, ...xs: Tensor[]) => [xs],
  SequenceEmpty: () => [[]],
  SequenceErase: sequenceErase,
  SequenceInsert: sequenceInsert,
  SequenceLength: (_, list: Tensor[]) => ints([list.length], []),
  SplitToSequence: splitToSequence,
};
