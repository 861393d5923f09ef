// Explanations by gradients.
import { allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import { checkFlag, checkInteger, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import type { Module } from '../nn/module.js';
import { relu } from '../ops/activation.js';
import { detach } from '../ops/copy.js';
import { eye, zerosLike } from '../ops/creation.js';
import { abs, add, mul, sub } from '../ops/elementwise.js';
import type { Generator } from '../ops/generator.js';
import { checkGenerator } from '../ops/random.js';
import { randnLike } from '../ops/random-like.js';
import { mean, sum } from '../ops/reduce.js';
import { amax, amin } from '../ops/reduce-composed.js';
import { reshape } from '../ops/shape.js';
import { interpolate } from '../ops/upsample.js';
import { checkOptions } from '../options.js';
import { sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import {
  baselineOf,
  type Explained,
  gradientOf,
  question,
  scoresOf,
  sumsOf,
  type TargetOptions,
  watching,
} from './model.js';

/** Options of {@link saliency}. */
export interface SaliencyOptions extends TargetOptions {
  /** Whether only the size counts; default true. With false, the gradient has its sign. */
  absolute?: boolean;
}

/**
 * How much the score would change with each number of the input: |∂ score / ∂x|.
 *
 * Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2013, https://arxiv.org/abs/1312.6034
 *
 * @param model in eval mode, from x [n, …] to [n, classes]
 * @param x float32 or float64
 * @returns like x
 * @throws ArgumentError for a target that there is not; StateError in training mode; AutogradError for a model without gradients
 * @example
 * explain.saliency(model.eval(), x, { target: 3 }); // [64, 784]
 */
export function saliency(model: Explained, x: Tensor, options: SaliencyOptions = {}): Tensor {
  checkOptions('saliency', options, ['target', 'absolute']);
  const absolute = checkFlag('saliency', 'absolute', options.absolute, true);
  const asked = question('saliency', model, x, options.target);
  const gradient = gradientOf('saliency', asked, asked.x);
  return absolute ? noGrad(() => abs(gradient)) : gradient;
}

/** Options of {@link integratedGradients}. */
export interface IntegratedGradientsOptions extends TargetOptions {
  /** An input that says nothing: a number (default 0), or a tensor like x or like one sample. */
  baseline?: number | Tensor;
  /**
   * At how many points the gradient is taken; default 50, and three times as many, up to 1350, until the shares miss no sample's difference
   * by more than 0.001, or by more than 0.001 of the largest difference if that is below 1.
   */
  steps?: number;
}

const [fewest, most] = [50, 1350];

/** What {@link integratedGradients} gives. */
export interface IntegratedGradients {
  /** What each number of the input adds to the score, like x. */
  attributions: Tensor;
  /** By how much their sums miss score(x) − score(baseline), one number a sample: the more steps, the less, above all with kinks as of ReLU. */
  delta: Float64Array;
}

/**
 * Shares the difference between the scores of x and of a baseline among the numbers of the input: (x − baseline) · ∫₀¹ ∂ score(baseline +
 * α (x − baseline)) / ∂x dα, by the middles of `steps` equal stretches. The shares sum to that difference (completeness).
 *
 * Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017, https://arxiv.org/abs/1703.01365
 *
 * @param model in eval mode, from x [n, …] to [n, classes]
 * @param x float32 or float64
 * @throws as {@link saliency}; ShapeError for a baseline that does not fit
 * @example
 * const { attributions, delta } = explain.integratedGradients(model.eval(), x, { target: 3 }); // [64, 784]
 */
export function integratedGradients(
  model: Explained,
  x: Tensor,
  options: IntegratedGradientsOptions = {},
): IntegratedGradients {
  const operation = 'integratedGradients';
  checkOptions(operation, options, ['target', 'baseline', 'steps']);
  const wanted = options.steps === undefined ? undefined : checkInteger(operation, 'steps', options.steps, 1, 1e6);
  const asked = question(operation, model, x, options.target);
  const baseline = baselineOf(operation, options.baseline, asked.x);
  const start = add(zerosLike(asked.x), baseline);
  const difference = sub(asked.x, start);
  const [end, begin] = [scoresOf(asked, asked.x), scoresOf(asked, start)];
  const differences = Float64Array.from(end, (value, i) => value - (begin[i] as number));
  const allowed =
    1e-3 *
    Math.min(
      1,
      differences.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
    );
  let total = zerosLike(asked.x);
  let steps = wanted ?? fewest;
  for (let isFirst = true; ; isFirst = false, steps *= 3) {
    for (let step = 0; step < steps; step++) {
      if (!isFirst && step % 3 === 1) continue; // the middle of three stretches was the middle of one
      total = add(total, gradientOf(operation, asked, add(start, mul(difference, (step + 0.5) / steps))));
    }
    const attributions = mul(mul(total, 1 / steps), difference);
    const sums = sumsOf(attributions);
    const delta = differences.map((value, i) => (sums[i] as number) - value);
    if (wanted !== undefined || steps >= most || delta.every((miss) => Math.abs(miss) <= allowed))
      return { attributions, delta };
  }
}

/** Options of {@link smoothGrad}. */
export interface SmoothGradOptions extends SaliencyOptions {
  /** How many noisy inputs; default 25. */
  samples?: number;
  /** The noise's standard deviation, as a share of the range of x; default 0.15. */
  noise?: number;
  generator?: Generator;
}

/**
 * The mean of {@link saliency} over inputs with Gaussian noise: what counts only by chance at one input goes.
 *
 * Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, https://arxiv.org/abs/1706.03825
 *
 * @param model in eval mode, from x [n, …] to [n, classes]
 * @param x float32 or float64
 * @returns like x
 * @throws as {@link saliency}
 * @example
 * explain.smoothGrad(model.eval(), x, { target: 3, samples: 10 }); // [64, 784]
 */
export function smoothGrad(model: Explained, x: Tensor, options: SmoothGradOptions = {}): Tensor {
  const operation = 'smoothGrad';
  checkOptions(operation, options, ['target', 'absolute', 'samples', 'noise', 'generator']);
  const samples = checkInteger(operation, 'samples', options.samples ?? 25, 1, 1e6);
  const noise = checkNumber(operation, 'noise', options.noise ?? 0.15, { min: 0 });
  const absolute = checkFlag(operation, 'absolute', options.absolute, true);
  const generator = options.generator === undefined ? undefined : checkGenerator(operation, options.generator);
  const asked = question(operation, model, x, options.target);
  if (asked.x.size === 0) return asked.x; // which has no range
  const deviation = mul(sub(amax(asked.x), amin(asked.x)), noise);
  return allOrNothing(() => {
    let total: Tensor | null = null;
    for (let i = 0; i < samples; i++) {
      const moved = add(asked.x, mul(randnLike(asked.x, generator && { generator }), deviation));
      const gradient = gradientOf(operation, asked, moved);
      const part = absolute ? abs(gradient) : gradient;
      total = total === null ? part : add(total, part);
    }
    return mul(total as Tensor, 1 / samples);
  });
}

/**
 * Where on a picture a layer of convolutions sees what speaks for a class: relu(Σ wₖ Aₖ), with the layer's channels A and the means w of
 * their gradients over the picture, stretched to the picture's size.
 *
 * Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization", 2016,
 * https://arxiv.org/abs/1610.02391
 *
 * @param model in eval mode, from x [n, channels, height, width] to [n, classes]
 * @param layer a module in it whose output A is [n, channels, height, width]: usually the activation behind the last convolution. Of the convolution
 *   itself, channels below zero with gradients below zero would count, too, and mark what is empty
 * @param x float32 or float64
 * @returns [n, height, width]
 * @throws as {@link saliency}; ShapeError for a layer without pictures; ArgumentError for one that the model does not use
 * @example
 * const activation = new nn.ReLU();
 * const net = nn.sequential(new nn.Conv2d(1, 4, 3), activation, new nn.Flatten(), new nn.Linear(4 * 6 * 6, 10)).eval();
 * explain.gradCam(net, activation, rand([2, 1, 8, 8]), { target: 1 }); // [2, 8, 8]
 */
export function gradCam(model: Explained, layer: Module, x: Tensor, options: TargetOptions = {}): Tensor {
  const operation = 'gradCam';
  checkOptions(operation, options, ['target']);
  const asked = question(operation, model, x, options.target);
  return watching(operation, model, layer, (output) => {
    const gradient = gradientOf(operation, asked, asked.x, output);
    const activations = detach(output());
    if (activations.ndim !== 4 || asked.x.ndim !== 4) {
      const got = `layer's output ${formatShape(activations.dims)} of x ${formatShape(asked.x.dims)}`;
      throw new ShapeError(`${operation}: x and the layer's output must be [n, channels, height, width], got ${got}`);
    }
    return noGrad(() => {
      const weights = mean(gradient, { dim: [2, 3], keepDim: true });
      const map = relu(sum(mul(weights, activations), { dim: 1, keepDim: true }));
      const [n, , height, width] = asked.x.dims as [number, number, number, number];
      return reshape(interpolate(map, { size: [height, width], mode: 'bilinear' }), [n, height, width]);
    });
  });
}

/**
 * How attention flows through a transformer: the product over its layers of A / 2 + I / 2, with the attention A averaged over heads and I
 * for what passes by it.
 *
 * Abnar and Zuidema, "Quantifying attention flow in transformers", 2020, https://arxiv.org/abs/2005.00928
 *
 * @param attentions of each layer, the first one first: [n, heads, tokens, tokens], rows that sum to 1
 * @returns [n, tokens, tokens], where row i says how much of each token of the input is in token i of the output
 * @throws ShapeError when they are of other shapes
 * @example
 * const attention = randn([2, 4, 5, 5]).softmax({ dim: -1 });
 * explain.attentionRollout([attention, attention]); // [2, 5, 5]
 */
export function attentionRollout(attentions: readonly Tensor[]): Tensor {
  const operation = 'attentionRollout';
  const list: readonly unknown[] = Array.isArray(attentions) ? attentions : [];
  const [first] = list as readonly Tensor[];
  const isLike = (a: unknown): a is Tensor =>
    a instanceof Tensor &&
    a.ndim === 4 &&
    a.dims[2] === a.dims[3] &&
    sameShape(a.dims, (first as Tensor).dims) &&
    a.dtype === (first as Tensor).dtype;
  const wrong = list.find((a) => !isLike(a));
  if (first === undefined || wrong !== undefined) {
    const got = wrong instanceof Tensor ? formatShape(wrong.dims) : describe(wrong ?? attentions);
    throw new ShapeError(
      `${operation}: attentions must be a list of tensors [n, heads, tokens, tokens], all alike, got ${got}`,
    );
  }
  return noGrad(() => {
    const same = mul(eye(first.dims[2] as number, { dtype: first.dtype }), 0.5);
    const layers = attentions.map((a) => add(mul(mean(detach(a), { dim: 1 }), 0.5), same));
    return layers.reduce((below, layer) => layer.matmul(below));
  });
}
