// Layers: products, convolutions, pools, norms, recurrent layers, attention.

import { native } from '../../native.js';
import type { Axis } from '../../ops/windows.js';
import { activated } from './export-elementwise.js';
import { type Dim, dim, int, ints, productOf, sameDim, type Value } from './export-graph.js';
import type { Emitter, Operation } from './export-operation.js';

const activations = Object.entries(native.codes.activation);

/** Swaps the last two dimensions. */
function swapped(o: Operation, x: Value): Value {
  const order = [...x.dims.keys()];
  const [m, n] = order.splice(-2) as [number, number];
  return o.builder.transpose(x, [...order, n, m]);
}

function matmul(o: Operation): void {
  const [a, b] = ['a', 'b'].map((name) => o.in(name)) as [Value, Value];
  const left = o.number('transA') ? swapped(o, a) : a;
  const right = o.number('transB') ? swapped(o, b) : b;
  o.set('y', o.node('MatMul', [left, right], { type: a.type, dims: o.dims('y') }));
}

function linear(o: Operation): void {
  const [x, weight] = [o.in('x'), o.in('weight')];
  const bias = o.has('bias') ? o.in('bias') : null;
  const result = { type: x.type, dims: o.dims('y') };
  const code = o.number('activation');
  const activation = activations.find(([, n]) => n === code)?.[0] as string;
  let y: Value;
  if (x.dims.length === 2) y = o.node('Gemm', [x, weight, bias], result, { transB: int(1) });
  else {
    y = o.node('MatMul', [x, swapped(o, weight)], result);
    if (bias !== null) y = o.binary('Add', y, bias);
  }
  o.set('y', activated(o, y, activation));
}

// The axes at the end of a list of numbers.
function axesAt(list: readonly number[], at: number): Axis[] {
  const axes: Axis[] = [];
  for (let i = at; i + 6 <= list.length; i += 6) {
    const [size, out, taps, stride, pad, dilation] = list.slice(i, i + 6) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    axes.push({ in: size, out, taps, stride, pad, dilation });
  }
  return axes;
}

const spanOf = (axis: Axis): number => (axis.taps - 1) * axis.dilation + 1;
// What is missing behind the input for the last window; negative where elements are left over.
const missing = (axis: Axis): number => (axis.out - 1) * axis.stride + spanOf(axis) - axis.in - axis.pad;
const padsOf = (axes: readonly Axis[]): number[] => [
  ...axes.map((axis) => axis.pad),
  ...axes.map((axis) => Math.max(missing(axis), 0)),
];
// A single window has no stride; one that no second fits behind.
const strideOf = (axis: Axis): number => (axis.out === 1 ? Math.max(axis.stride, 1 - missing(axis)) : axis.stride);

function windowAttributes(axes: readonly Axis[]) {
  return {
    kernel_shape: ints(axes.map((axis) => axis.taps)),
    strides: ints(axes.map(strideOf)),
    pads: ints(padsOf(axes)),
    ...(axes.some((axis) => axis.dilation !== 1) ? { dilations: ints(axes.map((axis) => axis.dilation)) } : {}),
  };
}

/** Runs a node on x as a batch of images: x may be a single one. */
function onImages(o: Operation, x: Value, spatial: number, write: (x: Value, lead: readonly Dim[]) => Value): Value {
  const lead = x.dims.slice(0, -spatial);
  const batch =
    lead.length === 2
      ? lead
      : lead.length < 2
        ? [dim(1), ...(lead.length === 0 ? [dim(1)] : lead)]
        : [dim(1), productOf(lead)];
  return write(o.builder.reshape(x, [...batch, ...x.dims.slice(-spatial)]), batch);
}

function convolution(o: Operation, isTransposed: boolean): void {
  const [[list], [resultName, sourceName]] = [
    o.numbers('algorithm,images,groups,inChannels,outChannels,in,out,taps,stride,pad,dilation'),
    isTransposed ? ['dx', 'dy'] : ['y', 'x'],
  ] as const;
  const [x, weight] = [o.in(sourceName), o.in('weight')];
  const bias = o.has('bias') ? o.in('bias') : null;
  const spatial = weight.dims.length - 2;
  const axes = axesAt(list, 5).slice(-spatial);
  const group = list[2] as number;
  const y = onImages(o, x, spatial, (images, lead) => {
    const dims = [lead[0] as Dim, ...o.dims(resultName).slice(-spatial - 1)];
    const result = { type: x.type, dims };
    const attributes = { ...(isTransposed ? transposedAttributes(axes) : windowAttributes(axes)), group: int(group) };
    return o.node(isTransposed ? 'ConvTranspose' : 'Conv', [images, weight, bias], result, attributes);
  });
  o.set(resultName, y);
}

// `in` is the result of a transposed convolution: stride · (out - 1) + span + outputPadding - both paddings.
function transposedAttributes(axes: readonly Axis[]) {
  const behind = axes.map((axis) => axis.stride * (axis.out - 1) + spanOf(axis) - axis.pad - axis.in);
  return {
    kernel_shape: ints(axes.map((axis) => axis.taps)),
    strides: ints(axes.map((axis) => axis.stride)),
    dilations: ints(axes.map((axis) => axis.dilation)),
    pads: ints([...axes.map((axis) => axis.pad), ...behind.map((n) => Math.max(n, 0))]),
    ...(behind.some((n) => n < 0) ? { output_padding: ints(behind.map((n) => Math.max(-n, 0))) } : {}),
  };
}

function volumes(o: Operation, isTransposed: boolean): void {
  const [x, weight, bias] = o.list('inputs') as [Value, Value, Value | null];
  const [list] = o.numbers('axes');
  const axes = axesAt(list, 0);
  const attributes = {
    ...(isTransposed ? transposedAttributes(axes) : windowAttributes(axes)),
    group: int(o.number('groups')),
  };
  const dims = o.dims('y');
  const y = onImages(o, x, 3, (images, lead) =>
    o.node(
      isTransposed ? 'ConvTranspose' : 'Conv',
      [images, weight, bias],
      { type: x.type, dims: [lead[0] as Dim, ...dims.slice(-4)] },
      attributes,
    ),
  );
  o.set('y', y);
}

/** A pool's x, axes and the number of spatial ones: a sequence is an image of height 1. */
function pooled(o: Operation, x: Value, given: readonly Axis[]): { axes: Axis[]; spatial: number } {
  const planes = o.numbers('planes,in,out,taps,stride,pad,dilation').map((list) => list[0] as number) as unknown as Dim;
  const isImage =
    x.dims.length >= 3 && sameDim(productOf(x.dims.slice(0, -2)), planes) && (x.dims.at(-2) as Dim)[0] === given[0]?.in;
  const isSequence = given[0]?.in === 1 && sameDim(productOf(x.dims.slice(0, -1)), planes);
  if (!isImage && !isSequence) o.builder.refuse('its dimensions are not found');
  return { axes: isImage ? [...given] : given.slice(-1), spatial: isImage ? 2 : 1 };
}

// Adaptive windows of equal sizes as windows with a stride; null for others.
function evenly(axes: readonly Axis[]): Axis[] | null {
  const even = axes.map((axis) =>
    axis.taps > 0 ? axis : { ...axis, taps: axis.in / axis.out, stride: axis.in / axis.out },
  );
  return even.every((axis) => Number.isInteger(axis.taps)) ? even : null;
}

const isAdaptive = (axes: readonly Axis[]): boolean => axes.some((axis) => axis.taps === 0);

function poolNode(
  o: Operation,
  x: Value,
  axes: readonly Axis[],
  kind: 'Max' | 'Average',
  write: (x: Value, dims: Dim[]) => Value,
): Value {
  const spatial = axes.length;
  return onImages(o, x, spatial, (images, lead) => {
    const dims = [...lead, ...axes.map((axis) => dim(axis.out))];
    if (isAdaptive(axes) && axes.every((axis) => axis.out === 1)) {
      return o.node(`Global${kind}Pool`, [images], { type: x.type, dims });
    }
    return write(images, dims);
  });
}

function maxPool(o: Operation): void {
  const x = o.in('x');
  const [list] = o.numbers('planes,in,out,taps,stride,pad,dilation');
  const { axes, spatial } = pooled(o, x, axesAt(list, 1));
  const even = evenly(axes);
  if (even === null || (isAdaptive(axes) && axes.every((axis) => axis.out === 1))) o.set('y', maxOf(o, x, axes));
  else maxWithIndex(o, x, even, spatial);
}

function maxOf(o: Operation, x: Value, axes: readonly Axis[]): Value {
  return poolNode(o, x, axes, 'Max', (images, dims) => {
    const even = evenly(axes);
    if (even !== null) return o.node('MaxPool', [images], { type: x.type, dims }, windowAttributes(even));
    return axes.reduce(
      (value, axis, i) => slicewise(o, value, i - axes.length + value.dims.length, axis, 'ReduceMax'),
      images,
    );
  });
}

// Windows of several sizes, one after the other.
function slicewise(o: Operation, x: Value, at: number, axis: Axis, op: string): Value {
  const dims = x.dims.map((d, i) => (i === at ? dim(1) : d));
  const parts = Array.from({ length: axis.out }, (_, i) => {
    const start = Math.floor((i * axis.in) / axis.out);
    const end = Math.ceil(((i + 1) * axis.in) / axis.out);
    const part = o.builder.slice(x, [{ axis: at, start: dim(start), length: dim(end - start), step: dim(1) }]);
    return o.builder.reshape(o.reduce(op, part, [at]), dims);
  });
  const whole = x.dims.map((d, i) => (i === at ? dim(axis.out) : d));
  return o.node('Concat', parts, { type: x.type, dims: whole }, { axis: int(at) });
}

// Positions in ONNX count from the beginning of x, ours from that of a plane.
function maxWithIndex(o: Operation, x: Value, axes: readonly Axis[], spatial: number): void {
  let positions: Value | undefined;
  const values = onImages(o, x, spatial, (images, lead) => {
    const dims = [...lead, ...axes.map((axis) => dim(axis.out))];
    const results = [
      { type: x.type, dims },
      { type: 'int64' as const, dims },
    ];
    const [y, index] = o.graph.nodeOf('MaxPool', [images], windowAttributes(axes), results) as [Value, Value];
    positions = index;
    return y;
  });
  const plane = axes.reduce((n, axis) => n * axis.in, 1);
  o.set('y', values);
  o.set('index', o.like('Mod', [positions as Value, o.graph.int64(plane)]));
}

function averagePool(o: Operation): void {
  const x = o.in('x');
  const [list] = o.numbers('planes,in,out,taps,stride,pad,dilation');
  const { axes } = pooled(o, x, axesAt(list, 1));
  o.set('y', averageOf(o, x, axes, o.number('withPadding') === 1, o.number('divisor')));
}

function averageOf(o: Operation, x: Value, axes: readonly Axis[], withPadding: boolean, divisor: number): Value {
  const y = poolNode(o, x, axes, 'Average', (images, dims) => {
    const even = evenly(axes);
    if (even === null) {
      return axes.reduce(
        (value, axis, i) => slicewise(o, value, i - axes.length + value.dims.length, axis, 'ReduceMean'),
        images,
      );
    }
    const counts = withPadding || divisor > 0;
    // Zeros around x that count, and behind them, in the last window, what does not.
    const isPast = counts && even.some((axis) => missing(axis) > axis.pad);
    if (!isPast) {
      const isPadded = padsOf(even).some((n) => n > 0);
      const attributes = { ...windowAttributes(even), ...(counts && isPadded ? { count_include_pad: int(1) } : {}) };
      return o.node('AveragePool', [images], { type: x.type, dims }, attributes);
    }
    const lead = images.dims.slice(0, -axes.length);
    const wide = even.map((axis) => ({ ...axis, in: axis.in + 2 * axis.pad, pad: 0 }));
    const before = [...lead.map(() => 0), ...even.map((axis) => axis.pad)];
    const padded = o.node('Pad', [images, o.graph.int64s([...before, ...before])], {
      type: x.type,
      dims: [...lead, ...wide.map((axis) => dim(axis.in))],
    });
    return o.node('AveragePool', [padded], { type: x.type, dims }, windowAttributes(wide));
  });
  if (divisor === 0) return y;
  return o.binary('Mul', y, o.scalar(y, axes.reduce((n, axis) => n * axis.taps, 1) / divisor));
}

/** Pools of volumes, which are traced as a whole. */
function volumePool(o: Operation, kind: 'max' | 'average'): void {
  const [x] = o.list('inputs') as [Value];
  const axes = axesAt(o.numbers('axes')[0], 0);
  const y = kind === 'max' ? maxOf(o, x, axes) : averageOf(o, x, axes, o.number('counted') === 1, o.number('divisor'));
  o.set('y', y);
}

export const layers: Record<string, Emitter> = {
  matmul,
  linear,
  conv: (o) => convolution(o, false),
  convInput: (o) => convolution(o, true),
  conv3d: (o) => volumes(o, false),
  convTranspose3d: (o) => volumes(o, true),
  maxPool,
  averagePool,
  maxPool3d: (o) => volumePool(o, 'max'),
  avgPool3d: (o) => volumePool(o, 'average'),
};
