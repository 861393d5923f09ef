// Images read by grids, unpooled maxima, windows of signals.
import { blackmanWindow, hammingWindow, hannWindow } from '../../ops/creation-windows.js';
import { remainder } from '../../ops/elementwise-rounding.js';
import { affineGrid, gridSample } from '../../ops/grid-sample.js';
import { unpool } from '../../ops/pool-unpool.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operators } from './call.js';
import { typeOf } from './operators-elementwise.js';
import { padBy } from './operators-shape.js';

const sampling = {
  linear: 'bilinear',
  bilinear: 'bilinear',
  nearest: 'nearest',
  cubic: 'bicubic',
  bicubic: 'bicubic',
} as const;

function sampled(call: Call, x: Tensor, grid: Tensor): Tensor {
  const mode = call.text('mode', 'linear');
  if (!Object.hasOwn(sampling, mode)) call.fail(`mode ${mode} is not known`);
  const paddingMode = call.text('padding_mode', 'zeros') as 'zeros' | 'border' | 'reflection';
  const alignCorners = call.int('align_corners') !== 0;
  return gridSample(x, grid, { mode: sampling[mode as keyof typeof sampling], paddingMode, alignCorners });
}

// Positions count from the beginning of the batch; a given shape adds zeros behind the result.
function maxUnpool(call: Call, x: Tensor, positions: Tensor, shape?: Tensor): Tensor {
  const rank = x.rank - 2;
  const kernelSize = call.ints('kernel_shape') ?? call.fail('must have kernel_shape');
  const stride = call.ints('strides') ?? kernelSize.map(() => 1);
  const pads = call.ints('pads') ?? new Array<number>(2 * rank).fill(0);
  const sizes = kernelSize.map((n, i) => {
    const around = (pads[i] as number) + (pads[i + rank] as number);
    return ((x.dims[i + 2] as number) - 1) * (stride[i] as number) + n - around;
  });
  const plane = sizes.reduce((a, b) => a * b, 1);
  if (plane < 1) call.fail(`its result must have elements, got ${sizes.join(' × ')}`);
  const padding = pads.slice(0, rank);
  const options = { kernelSize, stride, padding, outputSize: sizes };
  const y = unpool('MaxUnpool', rank, x, remainder(positions, plane), [options]);
  if (shape === undefined) return y;
  const missing = call.numbers(shape).map((n, i) => n - (y.dims[i] as number));
  return padBy(
    y,
    y.dims.map(() => 0),
    missing,
  );
}

type Windows = typeof hannWindow | typeof hammingWindow;

const windowed =
  (make: Windows, more: object = {}) =>
  (call: Call, size: Tensor): Tensor => {
    const dtype = call.has('output_datatype') ? typeOf(call, call.int('output_datatype')) : 'float32';
    const options = { periodic: call.int('periodic', 1) !== 0, dtype, ...more };
    return make(call.numbers(size)[0] as number, options);
  };

export const grids: Operators = {
  AffineGrid: (call, theta: Tensor, size: Tensor) =>
    affineGrid(theta, call.numbers(size), call.int('align_corners') !== 0),
  BlackmanWindow: windowed(blackmanWindow),
  GridSample: sampled,
  HammingWindow: windowed(hammingWindow, { alpha: 25 / 46, beta: 21 / 46 }),
  HannWindow: windowed(hannWindow),
  MaxUnpool: maxUnpool,
};
