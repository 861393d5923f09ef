import { currentRecording } from './context.js';
import type { TypedArray } from './dtype.js';
import type { Tensor } from './tensor.js';

const edge = 3; // elements shown at each end of a long dimension
const maxShown = 1000; // elements up to which all are shown

/** `tensor float32 [2, 3]` and the values, four digits each, long dimensions shortened. */
export function formatTensor(t: Tensor): string {
  const grad = t._node !== null ? `, from ${t._node.name}` : t._requiresGrad ? ', requiresGrad' : '';
  const head = `Tensor ${t.dtype} [${t.dims.join(', ')}]${grad}`;
  if (t.disposed) return `${head} (disposed)`;
  if (currentRecording() !== null) return `${head} (being recorded)`;
  if (t.size === 0) return `${head} []`;
  const data = t.toTypedArray();
  const integers = data.every((v) => Number.isInteger(v) || !Number.isFinite(v));
  const show = (v: number): string => (integers || !Number.isFinite(v) ? String(v) : shorten(v));
  const shortened = t.size > maxShown;
  const shown = collect(data, t.dims, 0, 0, shortened).map(show);
  const width = longest(shown);
  const body = render(t, data, 0, 0, shortened, (v) => show(v).padStart(t.dims.length === 0 ? 0 : width));
  return t.dims.length === 0 ? `${head} ${body}` : `${head}\n${body}`;
}

/** The length of the longest text. */
export function longest(texts: readonly string[]): number {
  return texts.reduce((max, text) => Math.max(max, text.length), 0);
}

function shorten(v: number): string {
  const size = Math.abs(v);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? v.toExponential(4) : v.toFixed(4);
}

function indices(n: number, shortened: boolean): number[] {
  const short = shortened && n > 2 * edge;
  return Array.from({ length: short ? 2 * edge : n }, (_, i) => (short && i >= edge ? n - 2 * edge + i : i));
}

function collect(
  data: TypedArray,
  shape: readonly number[],
  dim: number,
  offset: number,
  shortened: boolean,
): number[] {
  if (dim === shape.length) return [data[offset] as number];
  const step = shape.slice(dim + 1).reduce((a, b) => a * b, 1);
  return indices(shape[dim] as number, shortened).flatMap((i) =>
    collect(data, shape, dim + 1, offset + i * step, shortened),
  );
}

function render(
  t: Tensor,
  data: TypedArray,
  dim: number,
  offset: number,
  shortened: boolean,
  show: (v: number) => string,
): string {
  if (dim === t.dims.length) return show(data[offset] as number);
  const n = t.dims[dim] as number;
  const step = t.dims.slice(dim + 1).reduce((a, b) => a * b, 1);
  const parts = indices(n, shortened).map((i) => render(t, data, dim + 1, offset + i * step, shortened, show));
  if (shortened && n > 2 * edge) parts.splice(edge, 0, '…');
  const last = dim === t.dims.length - 1;
  return last
    ? `[${parts.join(', ')}]`
    : `[${parts.join(`,${'\n'.repeat(t.dims.length - dim - 1)}${' '.repeat(dim + 1)}`)}]`;
}

/** @internal Options of a layer for its `toString`: `size [3, 7], mode bilinear`. */
export function formatOptions(options: object | undefined): string {
  return Object.entries(options ?? {})
    .map(([name, value]) => `${name} ${Array.isArray(value) ? `[${value.join(', ')}]` : value}`)
    .join(', ');
}
