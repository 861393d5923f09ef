// What each layer of TensorFlow.js is here.
import { describe } from '../errors.js';
import { AlphaDropout, BatchNorm1d, Dropout, Dropout1d, Embedding, LayerNorm, Linear } from '../nn/index.js';
import { maximum, minimum } from '../ops/elementwise.js';
import { randnLike } from '../ops/random-like.js';
import { cat } from '../ops/shape-slice.js';
import type { Tensor } from '../tensor.js';
import { activationOf } from './tfjs-activations.js';
import { filled, type LayerConfig, type TfjsLayer } from './tfjs-config.js';
import { recurrentLayers } from './tfjs-recurrent.js';
import { windowLayers } from './tfjs-windows.js';

/** @internal */
export type Maker = (c: LayerConfig) => TfjsLayer;

const any = -1;
const plain = (f: (x: Tensor) => Tensor): TfjsLayer => ({ run: (_, [x]) => f(x as Tensor) });

const dense: Maker = (c) => {
  const kernel = c.weight('kernel', [any, c.integer('units')]);
  const [inner, out] = kernel.dims as [number, number];
  const bias = c.flag('use_bias', true) ? c.weight('bias', [out]) : null;
  const module = filled(new Linear(inner, out, { bias: bias !== null }), { weight: kernel.t(), bias });
  const activation = activationOf(c);
  return { module, run: (m, [x]) => activation(m.forward(x)) };
};

const embedding: Maker = (c) => {
  c.oneOf('mask_zero', false);
  const weight = c.weight('embeddings', [c.integer('input_dim'), c.integer('output_dim')]);
  const module = filled(new Embedding(weight.dims[0] as number, weight.dims[1] as number), { weight });
  return { module, run: (m, [x]) => m.forward((x as Tensor).to('int32')) };
};

// In all but the last dimension, batch normalisation sees only examples.
const batchNorm: Maker = (c) => {
  const runningMean = c.weight('moving_mean', [any]);
  const n = runningMean.dims[0] as number;
  const [scale, center] = [c.flag('scale', true), c.flag('center', true)];
  const axis = c.integer('axis', -1, -1);
  const options = { eps: c.number('epsilon', 1e-3), momentum: 1 - c.number('momentum', 0.99) };
  const module = filled(new BatchNorm1d(n, options), {
    running_mean: runningMean,
    running_var: c.weight('moving_variance', [n]),
    weight: scale ? c.weight('gamma', [n]) : null,
    bias: center ? c.weight('beta', [n]) : null,
  });
  if (!scale) (module.weight as Tensor).requiresGrad = false;
  if (!center) (module.bias as Tensor).requiresGrad = false;
  return {
    module,
    run: (m, [given]) => {
      const x = given as Tensor;
      if (axis !== -1 && axis !== x.rank - 1) throw c.fail(`must have the last dimension as axis here, got ${axis}`);
      return m.forward(x.reshape([-1, n])).reshape(x.dims);
    },
  };
};

const layerNorm: Maker = (c) => {
  const [scale, center] = [c.flag('scale', true), c.flag('center', true)];
  const weight = scale ? c.weight('gamma', [any]) : null;
  const bias = center ? c.weight('beta', [any]) : null;
  const n = (weight ?? bias)?.dims[0];
  if (n === undefined) throw c.fail('must have scale or center here');
  const [axis] = c.integers('axis', 1, -1, -1) as [number];
  const module = filled(new LayerNorm(n, { eps: c.number('epsilon', 1e-3) }), { weight, bias });
  if (!scale) (module.weight as Tensor).requiresGrad = false;
  if (!center) (module.bias as Tensor).requiresGrad = false;
  return {
    module,
    run: (m, [x]) => {
      const { rank } = x as Tensor;
      if (axis !== -1 && axis !== rank - 1) throw c.fail(`must have the last dimension as axis here, got ${axis}`);
      return m.forward(x);
    },
  };
};

const relu: Maker = (c) => {
  c.oneOf('negative_slope', 0);
  c.oneOf('threshold', 0);
  const most = c.get('max_value') === undefined ? null : c.number('max_value', 0);
  return plain((x) => (most === null ? x.relu() : x.clamp(0, most)));
};

const reshape: Maker = (c) => {
  const shape = c.integers('target_shape', null, undefined, -1);
  return plain((x) => x.reshape([x.dims[0] as number, ...shape]));
};

const permute: Maker = (c) => {
  const dims = c.integers('dims', null);
  return plain((x) => x.permute([0, ...dims]));
};

const dropout =
  (module: (p: number) => object, run: TfjsLayer['run']): Maker =>
  (c) => ({
    module: module(rateOf(c)),
    run,
  });

function rateOf(c: LayerConfig): number {
  const rate = c.number('rate', 0);
  if (rate >= 0 && rate < 1) return rate;
  throw c.fail(`must have a rate of at least 0 and below 1, got ${rate}`);
}

const forward: TfjsLayer['run'] = (m, [x]) => m.forward(x);

const gaussianNoise: Maker = (c) => {
  const deviation = c.number('stddev', 1);
  return {
    run: (_, [x], training) => (training ? (x as Tensor).add(randnLike(x as Tensor).mul(deviation)) : (x as Tensor)),
  };
};

const gaussianDropout: Maker = (c) => {
  const rate = rateOf(c);
  const deviation = Math.sqrt(rate / (1 - rate));
  const factors = (x: Tensor) => randnLike(x).mul(deviation).add(1);
  return { run: (_, [x], training) => (training ? (x as Tensor).mul(factors(x as Tensor)) : (x as Tensor)) };
};

const merged =
  (merge: (a: Tensor, b: Tensor) => Tensor, end: (y: Tensor, n: number) => Tensor = (y) => y): Maker =>
  () => ({
    run: (_, xs) =>
      end(
        xs.reduce((a, b) => merge(a, b)),
        xs.length,
      ),
  });

const concatenate: Maker = (c) => {
  const axis = c.integer('axis', -1, -8);
  return { run: (_, xs) => cat(xs, axis) };
};

const repeatVector: Maker = (c) => {
  const n = c.integer('n');
  return plain((x) => x.unsqueeze(1).expand([x.dims[0] as number, n, x.dims[1] as number]));
};

// The steps of all sequences are one batch for the layer inside.
const timeDistributed: Maker = (c) => {
  const { module, run } = c.inner('layer');
  return {
    ...(module === undefined ? {} : { module }),
    run: (m, [given], training) => {
      const x = given as Tensor;
      const [batch, time, ...rest] = x.dims as [number, number, ...number[]];
      const y = run(m, [x.reshape([batch * time, ...rest])], training) as Tensor;
      return y.reshape([batch, time, ...y.dims.slice(1)]);
    },
  };
};

const softmax: Maker = (c) => {
  const axis = c.integer('axis', -1, -8);
  return plain((x) => x.softmax(axis));
};

const scaled =
  (f: (x: Tensor, alpha: number) => Tensor, alpha: number): Maker =>
  (c) => {
    const given = c.number('alpha', alpha);
    return plain((x) => f(x, given));
  };

const layers: Readonly<Record<string, Maker>> = {
  ...windowLayers,
  ...recurrentLayers,
  InputLayer: () => plain((x) => x),
  Dense: dense,
  Embedding: embedding,
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
  Activation: (c) => plain(activationOf(c)),
  ReLU: relu,
  LeakyReLU: scaled((x, alpha) => x.leakyRelu(alpha), 0.3),
  ELU: scaled((x, alpha) => x.elu(alpha), 1),
  Softmax: softmax,
  Dropout: dropout((p) => new Dropout(p), forward),
  AlphaDropout: dropout((p) => new AlphaDropout(p), forward),
  SpatialDropout1D: dropout(
    (p) => new Dropout1d(p),
    (m, [x]) => m.forward((x as Tensor).transpose(1, 2)).transpose(1, 2),
  ),
  GaussianNoise: gaussianNoise,
  GaussianDropout: gaussianDropout,
  Flatten: () => plain((x) => x.flatten(1)),
  Reshape: reshape,
  Permute: permute,
  RepeatVector: repeatVector,
  Concatenate: concatenate,
  Add: merged((a, b) => a.add(b)),
  Multiply: merged((a, b) => a.mul(b)),
  Average: merged(
    (a, b) => a.add(b),
    (y, n) => y.div(n),
  ),
  Maximum: merged(maximum),
  Minimum: merged(minimum),
  TimeDistributed: timeDistributed,
};

/** @internal Classes of layers that are networks. */
export const isNetwork = (kind: unknown): boolean => kind === 'Sequential' || kind === 'Model' || kind === 'Functional';

/** @internal */
export const isKnown = (kind: unknown): boolean => typeof kind === 'string' && Object.hasOwn(layers, kind);

/** @internal */
export function makeLayer(c: LayerConfig): TfjsLayer {
  const make = isKnown(c.kind) ? layers[c.kind] : undefined;
  if (make === undefined) throw c.fail(`must be a layer of those that are known here, got ${describe(c.kind)}`);
  return make(c);
}
