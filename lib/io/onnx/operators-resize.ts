// Resize and Upsample: along each axis, elements of the result are weighted sums of elements of x.
import { tensor } from '../../ops/creation.js';
import { where } from '../../ops/elementwise-compare.js';
import { indexSelect } from '../../ops/indexing.js';
import { linear } from '../../ops/matmul-linear.js';
import { transpose } from '../../ops/shape.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operators } from './call.js';
import { axisOf, ints } from './operators-shape.js';

/** How one axis is resized. */
interface Axis {
  from: number;
  to: number;
  scale: number;
  begin: number;
  end: number;
}

interface Method {
  mode: string;
  nearest: string;
  coordinates: string;
  cubic: number;
  excludeOutside: boolean;
  antialias: boolean;
  extrapolation: number;
}

// The place in x of element i of the result.
function placeOf(call: Call, i: number, a: Axis, mode: string): number {
  switch (mode) {
    case 'half_pixel':
      return (i + 0.5) / a.scale - 0.5;
    case 'half_pixel_symmetric': {
      const adjustment = a.to / (a.scale * a.from);
      return (a.from / 2) * (1 - adjustment) + (i + 0.5) / a.scale - 0.5;
    }
    case 'pytorch_half_pixel':
      return a.to > 1 ? (i + 0.5) / a.scale - 0.5 : 0;
    case 'align_corners':
      return a.to === 1 ? 0 : (i * (a.from - 1)) / (a.scale * a.from - 1);
    case 'asymmetric':
      return i / a.scale;
    case 'tf_half_pixel_for_nn':
      return (i + 0.5) / a.scale;
    case 'tf_crop_and_resize':
      return a.to > 1
        ? a.begin * (a.from - 1) + (i * (a.end - a.begin) * (a.from - 1)) / (a.to - 1)
        : 0.5 * (a.begin + a.end) * (a.from - 1);
    default:
      return call.fail(`coordinate_transformation_mode ${mode} is not known`);
  }
}

const nearestOf: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

function weightAt(distance: number, { mode, cubic: a }: Method): number {
  const t = Math.abs(distance);
  if (mode !== 'cubic') return Math.max(1 - t, 0);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/** The weights of one row: those of elements outside count for the edge, or not at all. */
function rowOf(row: Float64Array, place: number, a: Axis, m: Method): void {
  const squeeze = m.antialias ? Math.min(a.scale, 1) : 1;
  const reach = (m.mode !== 'cubic' ? 1 : 2) / squeeze;
  let total = 0;
  for (let j = Math.floor(place - reach); j <= Math.ceil(place + reach); j++) {
    const isOutside = j < 0 || j >= a.from;
    const weight = weightAt((j - place) * squeeze, m);
    if (weight === 0 || (isOutside && m.excludeOutside)) continue;
    const at = Math.min(Math.max(j, 0), a.from - 1);
    row[at] = (row[at] as number) + weight;
    total += weight;
  }
  for (let j = 0; j < a.from; j++) row[j] = (row[j] as number) / total;
}

function resized(call: Call, x: Tensor, dim: number, a: Axis, m: Method): Tensor {
  const places = Array.from({ length: a.to }, (_, i) => placeOf(call, i, a, m.coordinates));
  if (m.mode === 'nearest') {
    const round = nearestOf[m.nearest] ?? call.fail(`nearest_mode ${m.nearest} is not known`);
    return indexSelect(x, dim, ints(places.map((p) => Math.min(Math.max(round(p), 0), a.from - 1))));
  }
  const matrix = new Float64Array(a.to * a.from);
  places.forEach((place, i) => {
    rowOf(matrix.subarray(i * a.from, (i + 1) * a.from), place, a, m);
  });
  const weight = tensor(x.dtype === 'float64' ? matrix : Float32Array.from(matrix), { shape: [a.to, a.from] });
  const last = x.rank - 1;
  if (dim === last) return linear(x, weight);
  return transpose(linear(transpose(x, dim, last), weight), dim, last);
}

function resize(call: Call, x: Tensor, roi?: Tensor, scales?: Tensor, sizes?: Tensor): Tensor {
  const given = call.ints('axes');
  const axes = given === undefined ? x.dims.map((_, i) => i) : given.map((a) => axisOf(call, a, x.rank));
  const m = methodOf(call);
  const region = roi === undefined ? [] : call.numbers(roi);
  const all = axesOf(call, x, axes, scales, sizes).map((a, i) => ({
    ...a,
    begin: region[i] ?? 0,
    end: region[i + axes.length] ?? 1,
  }));
  let y = x;
  axes.forEach((dim, i) => {
    const a = all[i] as Axis;
    const isSame = a.to === a.from && a.scale === 1 && m.coordinates !== 'tf_crop_and_resize';
    if (!isSame) y = resized(call, y, dim, a, m);
  });
  return m.coordinates === 'tf_crop_and_resize' ? extrapolated(call, y, axes, all, m) : y;
}

function axesOf(call: Call, x: Tensor, axes: readonly number[], scales?: Tensor, sizes?: Tensor): Axis[] {
  const from = axes.map((d) => x.dims[d] as number);
  const factors = scales === undefined ? (call.floats('scales') ?? []) : call.numbers(scales);
  const plain = { begin: 0, end: 1 };
  if (factors.length > 0) {
    return from.map((n, i) => {
      const scale = factors[i] as number;
      return { from: n, to: Math.floor(n * scale), scale, ...plain };
    });
  }
  const wanted = sizes === undefined ? call.fail('scales or sizes must be given') : call.numbers(sizes);
  const ratios = from.map((n, i) => (wanted[i] as number) / n);
  const policy = call.text('keep_aspect_ratio_policy', 'stretch');
  if (policy === 'stretch') {
    return from.map((n, i) => ({ from: n, to: wanted[i] as number, scale: ratios[i] as number, ...plain }));
  }
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return from.map((n) => ({ from: n, to: Math.floor(n * scale + 0.5), scale, ...plain }));
}

// What lies outside of x has a value of its own.
function extrapolated(call: Call, y: Tensor, axes: readonly number[], all: readonly Axis[], m: Method): Tensor {
  const outside = axes.map((_, k) => {
    const a = all[k] as Axis;
    return Array.from({ length: a.to }, (_, i) => {
      const place = placeOf(call, i, a, m.coordinates);
      return place < 0 || place > a.from - 1;
    });
  });
  return axes.reduce((t, dim, k) => replaced(t, dim, outside[k] as boolean[], m.extrapolation), y);
}

function replaced(y: Tensor, dim: number, outside: readonly boolean[], value: number): Tensor {
  if (!outside.includes(true)) return y;
  const shape = y.dims.map((n, i) => (i === dim ? n : 1));
  return where(tensor(Uint8Array.from(outside, Number), { shape }), tensor(value, { dtype: y.dtype }), y);
}

function methodOf(call: Call): Method {
  const isUpsample = call.operator === 'Upsample' || call.version < 11;
  return {
    mode: call.text('mode', 'nearest'),
    nearest: call.text('nearest_mode', isUpsample ? 'floor' : 'round_prefer_floor'),
    coordinates: call.text('coordinate_transformation_mode', isUpsample ? 'asymmetric' : 'half_pixel'),
    cubic: call.float('cubic_coeff_a', -0.75),
    excludeOutside: call.int('exclude_outside') !== 0,
    antialias: call.int('antialias') !== 0,
    extrapolation: call.float('extrapolation_value'),
  };
}

export const resizing: Operators = {
  Resize: (call, x: Tensor, ...rest: Tensor[]) =>
    call.version < 11 ? resize(call, x, undefined, rest[0]) : resize(call, x, ...rest),
  Upsample: (call, x: Tensor, scales?: Tensor) => resize(call, x, undefined, scales),
};
