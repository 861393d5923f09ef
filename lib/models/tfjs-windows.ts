// Convolutions and pooling. TensorFlow's tensors have their channels last, ours after the batch; its padding "same" may add one
// more element after than before.
import { Conv1d, Conv2d, ConvTranspose2d, functional as F, type Module } from '../nn/index.js';
import { ones } from '../ops/creation.js';
import type { Tensor } from '../tensor.js';
import { activationOf } from './tfjs-activations.js';
import { filled, type Held, type LayerConfig, type TfjsLayer } from './tfjs-config.js';

type Maker = (c: LayerConfig) => TfjsLayer;

/** Channels from the last place to that after the batch. */
const inward = (x: Tensor): Tensor => x.permute(x.rank === 4 ? [0, 3, 1, 2] : [0, 2, 1]);
const outward = (x: Tensor): Tensor => x.permute(x.rank === 4 ? [0, 2, 3, 1] : [0, 2, 1]);

interface Windows {
  kernel: readonly number[];
  stride: readonly number[];
  dilation: readonly number[];
  isSame: boolean;
}

// What "same" adds, the last dimension's pair first.
function pads(x: Tensor, { kernel, stride, dilation }: Windows): number[] {
  const pairs = kernel.map((k, i) => {
    const n = x.dims[i + 2] as number;
    const s = stride[i] as number;
    const total = Math.max((Math.ceil(n / s) - 1) * s + (k - 1) * (dilation[i] as number) + 1 - n, 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
  return pairs.reverse().flat();
}

function surrounded(x: Tensor, windows: Windows, value = 0): Tensor {
  const around = windows.isSame ? pads(x, windows) : [];
  return around.some((n) => n > 0) ? F.pad(x, around, 'constant', value) : x;
}

function windowsOf(c: LayerConfig, rank: number): Windows {
  c.oneOf('data_format', 'channels_last', 'channelsLast');
  return {
    kernel: c.integers('kernel_size', rank),
    stride: c.integers('strides', rank, 1),
    dilation: c.integers('dilation_rate', rank, 1),
    isSame: c.oneOf('padding', 'valid', 'same') === 'same',
  };
}

const any = -1;
const biasOf = (c: LayerConfig, size: number): Tensor | null =>
  c.flag('use_bias', true) ? c.weight('bias', [size]) : null;
const sizeOf = (t: Tensor, dim: number): number => t.dims.at(dim) as number;

function convolved(
  c: LayerConfig,
  module: object,
  windows: Windows,
  forward: (m: Held, x: Tensor) => Tensor,
): TfjsLayer {
  const activation = activationOf(c);
  return { module, run: (m, [x]) => activation(outward(forward(m, surrounded(inward(x as Tensor), windows)))) };
}

const forwardOf = (m: Module, x: Tensor): Tensor => m.forward(x);

const conv =
  (rank: 1 | 2): Maker =>
  (c) => {
    const windows = windowsOf(c, rank);
    const kernel = c.weight('kernel', [...windows.kernel, any, c.integer('filters')]);
    const weight = rank === 1 ? kernel.permute(2, 1, 0) : kernel.permute(3, 2, 0, 1);
    const [out, inner] = weight.dims as [number, number];
    const bias = biasOf(c, out);
    const { kernel: kernelSize, stride, dilation } = windows;
    const options = { kernelSize, stride, dilation, bias: bias !== null };
    const module =
      rank === 2
        ? new Conv2d(inner, out, options)
        : new Conv1d(inner, out, { bias: bias !== null, ...first({ kernelSize, stride, dilation }) });
    return convolved(c, filled<Module>(module, { weight, bias }), windows, forwardOf);
  };

const first = <K extends string>(lists: Record<K, readonly number[]>) =>
  Object.fromEntries(Object.entries<readonly number[]>(lists).map(([key, list]) => [key, list[0]])) as Record<
    K,
    number
  >;

// Each channel alone: [height, width, channels, multiplier] → [channels · multiplier, 1, height, width].
function depthwise(c: LayerConfig, windows: Windows, bias: (size: number) => Tensor | null): Conv2d {
  const kernel = c.weight('depthwise_kernel', [...windows.kernel, any, any]);
  const [channels, multiplier] = [sizeOf(kernel, 2), sizeOf(kernel, 3)];
  const out = channels * multiplier;
  const given = bias(out);
  const { kernel: kernelSize, stride, dilation } = windows;
  const module = new Conv2d(channels, out, { kernelSize, stride, dilation, groups: channels, bias: given !== null });
  const weight = kernel.permute(2, 3, 0, 1).reshape([out, 1, ...kernelSize]);
  return filled(module, { weight, bias: given });
}

const depthwiseConv: Maker = (c) => {
  const windows = windowsOf(c, 2);
  return convolved(
    c,
    depthwise(c, windows, (size) => biasOf(c, size)),
    windows,
    forwardOf,
  );
};

const separableConv: Maker = (c) => {
  const windows = windowsOf(c, 2);
  const spatial = depthwise(c, windows, () => null);
  const kernel = c.weight('pointwise_kernel', [1, 1, sizeOf(spatial.weight, 0), c.integer('filters')]);
  const out = sizeOf(kernel, 3);
  const bias = biasOf(c, out);
  const pointwise = filled(new Conv2d(sizeOf(spatial.weight, 0), out, { kernelSize: 1, bias: bias !== null }), {
    weight: kernel.permute(3, 2, 0, 1),
    bias,
  });
  return convolved(c, { depthwise: spatial, pointwise }, windows, (m, x) =>
    m.pointwise.forward(m.depthwise.forward(x)),
  );
};

const convTranspose: Maker = (c) => {
  const windows = windowsOf(c, 2);
  c.oneOf('output_padding', undefined);
  if (windows.dilation.some((d) => d !== 1)) throw c.fail('must have the dilation_rate 1 here');
  const weight = c.weight('kernel', [...windows.kernel, c.integer('filters'), any]).permute(3, 2, 0, 1);
  const [inner, out] = weight.dims as [number, number];
  const bias = biasOf(c, out);
  const { kernel: kernelSize, stride } = windows;
  const module = new ConvTranspose2d(inner, out, { kernelSize, stride, bias: bias !== null });
  // What is cut off or, where strides leave gaps at the end, added.
  const around = kernelSize.map((k, i) => {
    const extra = k - (stride[i] as number);
    const cut = windows.isSame ? Math.max(extra, 0) : 0;
    return [-Math.floor(cut / 2), extra < 0 ? -extra : -Math.ceil(cut / 2)];
  });
  const list = around.reverse().flat();
  const activation = activationOf(c);
  return {
    module: filled(module, { weight, bias }),
    run: (m, [x]) => {
      const y = F.convTranspose2d(inward(x as Tensor), m.weight, null, { stride });
      const whole = outward(list.some((n) => n !== 0) ? F.pad(y, list) : y);
      return activation(m.bias === null ? whole : whole.add(m.bias));
    },
  };
};

const poolOf =
  (rank: 1 | 2, isMax: boolean): Maker =>
  (c) => {
    c.oneOf('data_format', 'channels_last', 'channelsLast');
    const kernel = c.integers('pool_size', rank, 2);
    const windows: Windows = {
      kernel,
      stride: c.integers('strides', rank, kernel),
      dilation: kernel.map(() => 1),
      isSame: c.oneOf('padding', 'valid', 'same') === 'same',
    };
    const pool = isMax ? maxOf(windows) : averageOf(windows);
    return { run: (_, [x]) => outward(pool(inward(x as Tensor))) };
  };

function maxOf(windows: Windows): (x: Tensor) => Tensor {
  const { kernel, stride } = windows;
  return (x) => {
    const y = surrounded(x, windows, Number.NEGATIVE_INFINITY);
    return kernel.length === 2
      ? F.maxPool2d(y, kernel, stride)
      : F.maxPool1d(y, kernel[0] as number, stride[0] as number);
  };
}

// Means of what is there: the padding does not count.
function averageOf(windows: Windows): (x: Tensor) => Tensor {
  const { kernel, stride } = windows;
  const mean = (x: Tensor) =>
    kernel.length === 2 ? F.avgPool2d(x, kernel, stride) : F.avgPool1d(x, kernel[0] as number, stride[0] as number);
  return (x) => {
    const y = surrounded(x, windows);
    if (y === x) return mean(x);
    return mean(y).div(mean(surrounded(ones([1, 1, ...x.dims.slice(2)], { dtype: x.dtype }), windows)));
  };
}

const globalPool =
  (rank: 1 | 2, isMax: boolean): Maker =>
  (c) => {
    c.oneOf('data_format', 'channels_last', 'channelsLast');
    const keepDim = c.flag('keepdims', false);
    const dim = rank === 2 ? [1, 2] : [1];
    return { run: (_, [x]) => (isMax ? (x as Tensor).amax({ dim, keepDim }) : (x as Tensor).mean({ dim, keepDim })) };
  };

const zeroPadding: Maker = (c) => {
  c.oneOf('data_format', 'channels_last', 'channelsLast');
  const given = c.get('padding') ?? 1;
  const pairs = (Array.isArray(given) ? given : [given, given]).map((n) => (Array.isArray(n) ? n : [n, n]));
  const flat = pairs.flat();
  if (pairs.length !== 2 || flat.length !== 4 || !flat.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw c.fail('must have numbers of rows and columns as padding');
  }
  const [top, bottom, left, right] = flat as [number, number, number, number];
  return { run: (_, [x]) => F.pad(x as Tensor, [0, 0, left, right, top, bottom]) };
};

const upSampling: Maker = (c) => {
  c.oneOf('data_format', 'channels_last', 'channelsLast');
  c.oneOf('interpolation', 'nearest');
  const [high, wide] = c.integers('size', 2, 2) as [number, number];
  return { run: (_, [x]) => (x as Tensor).repeatInterleave(high, { dim: 1 }).repeatInterleave(wide, { dim: 2 }) };
};

/** @internal */
export const windowLayers: Readonly<Record<string, Maker>> = {
  Conv1D: conv(1),
  Conv2D: conv(2),
  DepthwiseConv2D: depthwiseConv,
  SeparableConv2D: separableConv,
  Conv2DTranspose: convTranspose,
  MaxPooling1D: poolOf(1, true),
  MaxPooling2D: poolOf(2, true),
  AveragePooling1D: poolOf(1, false),
  AveragePooling2D: poolOf(2, false),
  GlobalMaxPooling1D: globalPool(1, true),
  GlobalMaxPooling2D: globalPool(2, true),
  GlobalAveragePooling1D: globalPool(1, false),
  GlobalAveragePooling2D: globalPool(2, false),
  ZeroPadding2D: zeroPadding,
  UpSampling2D: upSampling,
};
