import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import { adaptiveAvgPool1d, adaptiveAvgPool2d, avgPool1d, avgPool2d } from '../../lib/ops/pool.js';
import { adaptiveMaxPool1d, adaptiveMaxPool2d, maxPool1d, maxPool2d } from '../../lib/ops/pool-max.js';
import type { AvgPoolOptions, MaxPoolOptions } from '../../lib/ops/pool-sizes.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, irregular, type OpRow, type Plain } from '../support/harness.js';

/** Positions that a window takes, beyond the ends too, and how many of them an average counts. */
type WindowsOf = (size: number, axis: number) => { positions: number[]; counted: number }[];

const perAxis = (value: number | readonly number[] | undefined, axis: number, fallback: number): number =>
  Array.isArray(value) ? value[axis] : ((value as number | undefined) ?? fallback);

function regular(kernelSize: number | number[], o: Options): WindowsOf {
  return (size, axis) => {
    const k = perAxis(kernelSize, axis, 1);
    const [stride, pad] = [perAxis(o.stride, axis, k), perAxis(o.padding, axis, 0)];
    const dilation = perAxis(o.dilation, axis, 1);
    const windows: ReturnType<WindowsOf> = [];
    for (let start = -pad; ; start += stride) {
      const last = start + (k - 1) * dilation;
      const fits = last < size + pad;
      const reachesOver = o.ceilMode === true && start < size && windows.length > 0 && last - stride < size + pad - 1;
      if (!fits && !reachesOver) break;
      const positions = Array.from({ length: k }, (_, i) => start + i * dilation);
      const inside = (o.countIncludePad ?? true) ? Math.min(start + k, size + pad) - start : 0;
      windows.push({ positions, counted: inside || positions.filter((p) => p >= 0 && p < size).length });
    }
    return windows;
  };
}

const adaptive =
  (outputSize: number | number[]): WindowsOf =>
  (size, axis) => {
    const out = perAxis(outputSize, axis, 1);
    return Array.from({ length: out }, (_, i) => {
      const first = Math.floor((i * size) / out);
      const length = Math.ceil(((i + 1) * size) / out) - first;
      return { positions: Array.from({ length }, (_, j) => first + j), counted: length };
    });
  };

function reference(rank: number, windowsOf: WindowsOf, isMax: boolean): (x: Plain) => Plain {
  return (x) => {
    const sizes = x.shape.slice(-rank);
    const [h, w] = (rank === 1 ? [1, sizes[0]] : sizes) as [number, number];
    const rows = rank === 1 ? [{ positions: [0], counted: 1 }] : windowsOf(h, 0);
    const columns = windowsOf(w, rank - 1);
    const planes = x.shape.slice(0, -rank).reduce((a, b) => a * b, 1);
    const data: number[] = [];
    const magnitude: number[] = [];
    for (let p = 0; p < planes; p++)
      for (const r of rows)
        for (const c of columns) {
          const values = r.positions
            .filter((i) => i >= 0 && i < h)
            .flatMap((i) =>
              c.positions.filter((j) => j >= 0 && j < w).map((j) => x.data[(p * h + i) * w + j] as number),
            );
          const sum = values.reduce((a, b) => a + b, 0) / (r.counted * c.counted);
          data.push(isMax ? Math.max(...values) : sum);
          magnitude.push(values.reduce((a, b) => a + Math.abs(b), 0) / (r.counted * c.counted));
        }
    const spatial = rank === 1 ? [columns.length] : [rows.length, columns.length];
    return { shape: [...x.shape.slice(0, -rank), ...spatial], data, magnitude };
  };
}

type Options = Omit<MaxPoolOptions & AvgPoolOptions, 'kernelSize' | 'returnIndices'>;

const pools = { avgPool1d, avgPool2d, maxPool1d, maxPool2d };
const adaptives = { adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveMaxPool1d, adaptiveMaxPool2d };

function row(
  name: keyof typeof pools,
  shape: number[],
  kernelSize: number | number[],
  options: Options,
  extra: Partial<OpRow> = {},
  values: (i: number) => number = irregular,
): OpRow {
  const windows = regular(kernelSize, options);
  return {
    name: `${name} of [${shape}] by ${JSON.stringify(kernelSize)} ${JSON.stringify(options)} ${values.name}`,
    run: (x) => (pools[name] as typeof maxPool2d)(x as Tensor, kernelSize, options),
    method: (x) => (x as Tensor)[name as 'maxPool2d'](kernelSize, options),
    inputs: [{ shape, values }],
    reference: reference(name.endsWith('1d') ? 1 : 2, windows, name.startsWith('max')) as OpRow['reference'],
    ...extra,
  };
}

function adaptiveRow(name: keyof typeof adaptives, shape: number[], outputSize: number | number[]): OpRow {
  return {
    name: `${name} of [${shape}] to ${JSON.stringify(outputSize)}`,
    run: (x) => adaptives[name](x as Tensor, outputSize),
    method: (x) => (x as Tensor)[name](outputSize),
    inputs: [{ shape }],
    reference: reference(name.endsWith('1d') ? 1 : 2, adaptive(outputSize), name.includes('Max')) as OpRow['reference'],
  };
}

const only = { gradient: false };
const spoiled = (i: number): number => (i % 7 === 4 ? Number.NaN : irregular(i));
const hopeless = (): number => -Infinity;

const both = (shape: number[], k: number | number[], options: Options, extra?: Partial<OpRow>) =>
  (['maxPool2d', 'avgPool2d'] as const).map((name) => row(name, shape, k, options, extra));

const rows: OpRow[] = [
  ...both([2, 1, 4, 6], 2, {}),
  ...both([1, 2, 5, 7], 2, {}),
  ...both([3, 5, 5], 3, { stride: 2, padding: 1 }),
  ...both([1, 1, 6, 5], [3, 2], { stride: [1, 2], padding: [1, 0] }),
  ...both([1, 1, 5, 6], 2, { ceilMode: true }),
  ...both([1, 1, 5, 5], 2, { ceilMode: true, padding: 1, stride: 3 }),
  ...both([1, 1, 7, 4], 3, { stride: 1 }),
  ...both([0, 2, 4, 4], 2, {}, only),
  ...both([2, 2, 1, 1], 1, {}),
  // Blocks, their borders, and the end of a thread's share.
  ...both([3, 2, 28, 28], 2, {}, only),
  ...both([2, 1, 14, 28], 2, {}),
  ...both([2, 3, 10, 10], 2, {}),
  ...both([1, 2, 9, 67], 2, {}),
  ...both([2, 2, 37, 40], 3, { stride: 2, padding: 1 }, only),
  ...both([1, 2, 20, 50], 3, { stride: 1, padding: 1 }, only),
  ...both([1, 2, 13, 60], 3, {}, only),
  row('maxPool2d', [1, 1, 7, 8], 2, { dilation: [2, 3], stride: 1 }),
  row('maxPool2d', [1, 1, 6, 40], 2, { dilation: 3, stride: 2, padding: 1 }, only),
  row('maxPool2d', [1, 2, 6, 40], 2, {}, only, spoiled),
  row('maxPool2d', [1, 2, 6, 6], 3, { padding: 1, stride: 1 }, only, spoiled),
  row('maxPool2d', [1, 2, 4, 36], 2, {}, only, hopeless),
  row('avgPool2d', [1, 2, 5, 5], 3, { padding: 1, countIncludePad: false, stride: 2 }),
  row('avgPool2d', [1, 1, 5, 5], 2, { ceilMode: true, countIncludePad: false, padding: 1 }),
  row('maxPool1d', [2, 2, 7], 3, { stride: 2, padding: 1 }),
  row('maxPool1d', [2, 9], 2, { dilation: 2, ceilMode: true }),
  row('avgPool1d', [2, 2, 7], 3, { stride: 2, padding: 1 }),
  row('avgPool1d', [1, 8], 2, { countIncludePad: false, padding: 1 }),
  adaptiveRow('adaptiveAvgPool2d', [2, 2, 4, 5], 1),
  adaptiveRow('adaptiveAvgPool2d', [1, 2, 7, 5], [3, 2]),
  adaptiveRow('adaptiveAvgPool2d', [2, 3, 2], [5, 3]),
  adaptiveRow('adaptiveAvgPool1d', [2, 2, 7], 3),
  adaptiveRow('adaptiveMaxPool2d', [2, 2, 4, 5], 1),
  adaptiveRow('adaptiveMaxPool2d', [1, 2, 7, 5], [3, 2]),
  adaptiveRow('adaptiveMaxPool1d', [2, 2, 7], 3),
];

const image = () => ones([1, 2, 4, 4]);

const errors: ErrorRow[] = [
  {
    name: 'kernel larger than the image',
    call: () => maxPool2d(image(), [2, 5]),
    error: ShapeError,
    message: 'maxPool2d: the kernel must fit into the padded input, got x [1, 2, 4, 4] (width 5 > 4)',
  },
  {
    name: 'padding beyond half of the kernel',
    call: () => avgPool2d(image(), 3, { padding: 2 }),
    error: ArgumentError,
    message: 'avgPool2d: padding must be at most half of kernelSize, got 2 and kernelSize 3',
  },
  {
    name: 'rank',
    call: () => maxPool1d(ones([4]), 2),
    error: ShapeError,
    message: 'maxPool1d: x must be [batch, channels, length] or [channels, length], got x [4]',
  },
  {
    name: 'integers',
    call: () => maxPool2d(ones([1, 1, 2, 2], { dtype: 'int32' }), 2),
    error: DTypeError,
    message: "maxPool2d: x must be float32 or float64, got int32; convert it by x.to('float32')",
  },
  {
    name: 'empty images',
    call: () => adaptiveAvgPool2d(ones([1, 1, 0, 2]), 1),
    error: ShapeError,
    message: 'adaptiveAvgPool2d: x must not be empty, got x [1, 1, 0, 2]',
  },
  {
    name: 'output size',
    call: () => adaptiveMaxPool2d(image(), -1),
    error: ArgumentError,
    message: 'adaptiveMaxPool2d: outputSize must be an integer of at least 0, got -1',
  },
  {
    name: 'ceilMode',
    call: () => maxPool2d(image(), 2, { ceilMode: 1 as never }),
    error: ArgumentError,
    message: 'maxPool2d: ceilMode must be a boolean, got 1',
  },
  {
    name: 'option',
    call: () => maxPool2d(image(), 2, { countIncludePad: true } as never),
    error: ArgumentError,
    message:
      'maxPool2d: unknown option "countIncludePad"; known are kernelSize, stride, padding, dilation, ceilMode, returnIndices',
  },
];

testFamily('pool', { rows, errors });
