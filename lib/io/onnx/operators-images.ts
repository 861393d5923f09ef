// Convolutions and pools: windows over 1, 2 or 3 spatial axes.
import { convolution, transposedConvolution } from '../../ops/conv.js';
import { to } from '../../ops/copy.js';
import { arange, ones } from '../../ops/creation.js';
import { abs, add, div, mul, pow, sub } from '../../ops/elementwise.js';
import { floorDivide, remainder } from '../../ops/elementwise-rounding.js';
import { avgPool } from '../../ops/pool.js';
import { maxOfWindows } from '../../ops/pool-max.js';
import { mean } from '../../ops/reduce.js';
import { amax } from '../../ops/reduce-composed.js';
import type { Extremes } from '../../ops/reduce-extremes.js';
import { reshape } from '../../ops/shape.js';
import { fold } from '../../ops/unfold.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operators } from './call.js';
import { padBy } from './operators-shape.js';

interface Windows {
  kernel: number[];
  stride: number[];
  dilation: number[];
  begins: number[];
  ends: number[];
  /** How much longer each axis must be for the last window that `ceil_mode` adds. */
  extra: number[];
}

function windowsOf(call: Call, sizes: readonly number[], kernel: readonly number[]): Windows {
  const rank = sizes.length;
  const all = (name: string, value: number) => {
    const list = call.ints(name) ?? sizes.map(() => value);
    if (list.length !== rank) call.fail(`${name} must be of ${rank} axes, got ${list.length}`);
    return list;
  };
  const [stride, dilation] = [all('strides', 1), all('dilations', 1)];
  if (kernel.length !== rank) call.fail(`the window must have ${rank} axes, got ${kernel.length}`);
  const pads = call.ints('pads') ?? sizes.flatMap(() => [0, 0]);
  const mode = call.text('auto_pad', 'NOTSET');
  const w: Windows = { kernel: [...kernel], stride, dilation, begins: [], ends: [], extra: [] };
  sizes.forEach((n, i) => {
    const [k, s, d] = [kernel[i] as number, stride[i] as number, dilation[i] as number];
    const reach = (k - 1) * d + 1;
    let [begin, end] = mode === 'VALID' ? [0, 0] : [pads[i] ?? 0, pads[i + rank] ?? 0];
    if (mode.startsWith('SAME')) {
      const total = Math.max((Math.ceil(n / s) - 1) * s + reach - n, 0);
      const less = Math.floor(total / 2);
      [begin, end] = mode === 'SAME_LOWER' ? [total - less, less] : [less, total - less];
    }
    w.begins.push(begin);
    w.ends.push(end);
    const length = n + begin + end - reach;
    let steps = call.int('ceil_mode') ? Math.ceil(length / s) : Math.floor(length / s);
    if (call.int('ceil_mode') && steps * s >= n + begin) steps--; // a window in the padding alone
    w.extra.push(Math.max(steps * s - length, 0));
  });
  return w;
}

const isEven = (w: Windows) => w.begins.every((n, i) => n === w.ends[i] && n >= 0) && w.extra.every((n) => n === 0);

/** Pads the spatial axes, which are the last. */
function spread(x: Tensor, begins: readonly number[], ends: readonly number[], value = 0): Tensor {
  const lead = x.dims.slice(0, x.rank - begins.length).map(() => 0);
  return padBy(x, [...lead, ...begins], [...lead, ...ends], value);
}

const sum = (a: readonly number[], b: readonly number[]) => a.map((n, i) => n + (b[i] as number));

export function convOf(call: Call, x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const rank = x.rank - 2;
  const w = windowsOf(call, x.dims.slice(2), call.ints('kernel_shape') ?? weight.dims.slice(2));
  const even = isEven(w);
  const input = even ? x : spread(x, w.begins, w.ends);
  const { stride, dilation } = w;
  const padding = even ? w.begins : 0;
  return convolution('Conv', rank, input, weight, {
    ...{ stride, dilation, padding, groups: call.int('group', 1) },
    ...(bias === undefined ? {} : { bias }),
  });
}

function convTranspose(call: Call, x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const sizes = x.dims.slice(2);
  const rank = sizes.length;
  const all = (name: string, value: number) => call.ints(name) ?? sizes.map(() => value);
  const [stride, dilation, more] = [all('strides', 1), all('dilations', 1), all('output_padding', 0)];
  const kernel = call.ints('kernel_shape') ?? weight.dims.slice(2);
  const reach = kernel.map((k, i) => (k - 1) * (dilation[i] as number) + 1);
  const whole = sizes.map((n, i) => (n - 1) * (stride[i] as number) + (reach[i] as number));
  const pads = call.ints('pads') ?? sizes.flatMap(() => [0, 0]);
  const mode = call.text('auto_pad', 'NOTSET');
  const shape =
    call.ints('output_shape') ?? (mode.startsWith('SAME') ? sizes.map((n, i) => n * (stride[i] as number)) : null);
  let [begins, ends] = [pads.slice(0, rank), pads.slice(rank)];
  if (shape !== null) {
    const total = whole.map((n, i) => n + (more[i] as number) - (shape.at(i - rank) as number));
    const [less, rest] = [total.map((n) => Math.floor(n / 2)), total.map((n) => n - Math.floor(n / 2))];
    [begins, ends] = mode === 'SAME_UPPER' ? [less, rest] : [rest, less];
  }
  const options = { stride, dilation, groups: call.int('group', 1) };
  const y = transposedConvolution('ConvTranspose', rank, x, weight, options);
  const cut = spread(
    y,
    begins.map((n) => -n),
    ends.map((n, i) => (more[i] as number) - n),
  );
  return bias === undefined ? cut : add(cut, reshape(bias, [1, -1, ...sizes.map(() => 1)]));
}

function maxPool(call: Call, x: Tensor): Tensor | Tensor[] {
  const rank = x.rank - 2;
  const w = windowsOf(call, x.dims.slice(2), call.ints('kernel_shape') ?? []);
  const { kernel: kernelSize, stride, dilation } = w;
  const fits = isEven(w) && w.begins.every((n, i) => n <= (kernelSize[i] as number) / 2);
  const floats = x.dtype.startsWith('float') ? x : to(x, 'float32');
  const input = fits ? floats : spread(floats, w.begins, sum(w.ends, w.extra), Number.NEGATIVE_INFINITY);
  const padding = fits ? w.begins : 0;
  const options = { kernelSize, stride, dilation, padding };
  if (call.outputs < 2) return to(maxOfWindows('MaxPool', rank, input, options) as Tensor, x.dtype);
  const found = maxOfWindows('MaxPool', rank, input, { ...options, returnIndices: true }) as Extremes;
  const places = fits ? found.indices : unpaddedPlaces(found.indices, input.dims.slice(2), x.dims.slice(2), w.begins);
  return [to(found.values, x.dtype), inWhole(places, x.dims, call.int('storage_order') === 1)];
}

/** The coordinates of places in an image. */
function coordinates(places: Tensor, sizes: readonly number[]): Tensor[] {
  let rest = places;
  return [...sizes]
    .reverse()
    .map((n) => {
      const at = remainder(rest, n);
      rest = floorDivide(rest, n);
      return at;
    })
    .reverse();
}

const placed = (at: readonly Tensor[], sizes: readonly number[]): Tensor =>
  at.slice(1).reduce((place, c, i) => add(mul(place, sizes[i + 1] as number), c), at[0] as Tensor);

function unpaddedPlaces(
  places: Tensor,
  padded: readonly number[],
  sizes: readonly number[],
  begins: readonly number[],
): Tensor {
  return placed(
    coordinates(places, padded).map((c, i) => sub(c, begins[i] as number)),
    sizes,
  );
}

// Places in an image as places in the whole batch, whose images may be stored column by column.
function inWhole(places: Tensor, shape: readonly number[], byColumns: boolean): Tensor {
  const [n, c, ...sizes] = shape as [number, number, ...number[]];
  const size = sizes.reduce((a, b) => a * b, 1);
  const own = byColumns ? placed(coordinates(places, sizes).reverse(), [...sizes].reverse()) : places;
  const planes = reshape(arange(n * c, { dtype: 'int32' }), [n, c, ...sizes.map(() => 1)]);
  return add(own, mul(planes, size));
}

function averagePool(call: Call, x: Tensor): Tensor {
  const rank = x.rank - 2;
  const w = windowsOf(call, x.dims.slice(2), call.ints('kernel_shape') ?? []);
  const countIncludePad = call.int('count_include_pad') !== 0;
  const { kernel: kernelSize, stride, dilation } = w;
  const fits =
    isEven(w) && dilation.every((d) => d === 1) && w.begins.every((n, i) => n <= (kernelSize[i] as number) / 2);
  if (fits) return avgPool('AveragePool', rank, x, { kernelSize, stride, padding: w.begins, countIncludePad });
  const taps = ones([1, 1, ...kernelSize], { dtype: x.dtype });
  const planes = [x.dims[0]! * x.dims[1]!, 1, ...x.dims.slice(2)];
  const windows = (t: Tensor) => convolution('AveragePool', rank, t, taps, { stride, dilation });
  const total = windows(spread(reshape(x, planes), w.begins, sum(w.ends, w.extra)));
  const one = ones([1, 1, ...x.dims.slice(2)], { dtype: x.dtype });
  const within = spread(one, w.begins, w.ends, countIncludePad ? 1 : 0);
  const count = windows(
    spread(
      within,
      w.begins.map(() => 0),
      w.extra,
    ),
  );
  return reshape(div(total, count), [...x.dims.slice(0, 2), ...total.dims.slice(2)]);
}

function lpPool(call: Call, x: Tensor): Tensor {
  const p = call.int('p', 2);
  const rank = x.rank - 2;
  const w = windowsOf(call, x.dims.slice(2), call.ints('kernel_shape') ?? []);
  const taps = ones([1, 1, ...w.kernel], { dtype: x.dtype });
  const planes = reshape(pow(abs(x), p), [x.dims[0]! * x.dims[1]!, 1, ...x.dims.slice(2)]);
  const { stride, dilation } = w;
  const total = convolution('LpPool', rank, spread(planes, w.begins, sum(w.ends, w.extra)), taps, { stride, dilation });
  return reshape(pow(total, 1 / p), [...x.dims.slice(0, 2), ...total.dims.slice(2)]);
}

const spatial = (x: Tensor) => x.dims.map((_, i) => i).slice(2);

function globalLpPool(call: Call, x: Tensor): Tensor {
  const p = call.int('p', 2);
  const area = x.dims.slice(2).reduce((a, b) => a * b, 1);
  return pow(mul(mean(pow(abs(x), p), { dim: spatial(x), keepDim: true }), area), 1 / p);
}

function col2Im(call: Call, x: Tensor, size: Tensor, block: Tensor): Tensor {
  const kernel = call.numbers(block);
  const all = (name: string, value: number) => call.ints(name) ?? kernel.map(() => value);
  const pads = call.ints('pads') ?? kernel.flatMap(() => [0, 0]);
  if (kernel.length !== 2) call.fail(`must have 2 spatial axes, got ${kernel.length}`);
  const outputSize = call.numbers(size).map((n, i) => n + (pads[i] as number) + (pads[i + 2] as number));
  const options = { outputSize, kernelSize: kernel, dilation: all('dilations', 1), stride: all('strides', 1) };
  const whole = fold(x, options);
  return spread(
    whole,
    pads.slice(0, 2).map((n) => -n),
    pads.slice(2).map((n) => -n),
  );
}

export const images: Operators = {
  AveragePool: averagePool,
  Col2Im: col2Im,
  Conv: convOf,
  ConvTranspose: convTranspose,
  GlobalAveragePool: (_, x: Tensor) => mean(x, { dim: spatial(x), keepDim: true }),
  GlobalLpPool: globalLpPool,
  GlobalMaxPool: (_, x: Tensor) => amax(x, { dim: spatial(x), keepDim: true }),
  LpPool: lpPool,
  MaxPool: maxPool,
};
