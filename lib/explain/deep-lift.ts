// Explanations that compare what each activation does for an input with what it does for a baseline.
import { noGrad } from '../autograd/tape.js';
import { grad } from '../backward/engine.js';
import { StateError } from '../errors.js';
import * as activations from '../nn/activation.js';
import * as composed from '../nn/activation-composed.js';
import { Module } from '../nn/module.js';
import { detach } from '../ops/copy.js';
import { zerosLike } from '../ops/creation.js';
import { abs, add, div, mul, sub } from '../ops/elementwise.js';
import { lt, where } from '../ops/elementwise-compare.js';
import { sum } from '../ops/reduce.js';
import { cat, slice } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import { Tensor } from '../tensor.js';
import { baselineOf, type Explained, gradientOf, question, scoresOf, sumsOf, type TargetOptions } from './model.js';

/** Options of {@link deepLift}. */
export interface DeepLiftOptions extends TargetOptions {
  /** An input that says nothing: a number (default 0), or a tensor like x or like one sample. */
  baseline?: number | Tensor;
}

const { ReLU, LeakyReLU, ELU, SELU, GELU, SiLU, Softplus, Hardtanh, Mish, Sigmoid, Tanh } = activations;
const { ReLU6, CELU, Hardsigmoid, Hardswish, Hardshrink, Softshrink, Tanhshrink, LogSigmoid, Softsign, Threshold } =
  composed;
/** Functions of each number by itself. */
const elementwise = new Set<unknown>([
  ...[ReLU, LeakyReLU, ELU, SELU, GELU, SiLU, Softplus, Hardtanh, Mish, Sigmoid, Tanh, ReLU6, CELU, Hardsigmoid],
  ...[Hardswish, Hardshrink, Softshrink, Tanhshrink, LogSigmoid, Softsign, Threshold],
]);

type Activation = Module & { forward(x: Tensor): Tensor };

const halves = (both: Tensor, n: number): [Tensor, Tensor] => [slice(both, { end: n }), slice(both, { start: n })];

/**
 * An activation's output whose gradient is the slope of the line between what it gives for x and for the baseline; where both
 * get the same, its own gradient.
 */
function straightened(layer: Activation, x: Tensor, y: Tensor, n: number): Tensor {
  const inner = detach(x);
  inner.requiresGrad = true;
  const [own] = grad([sum(layer.forward(inner))], [inner]) as [Tensor];
  const slope = noGrad(() => {
    const [before, after] = [halves(detach(x), n), halves(detach(y), n)];
    const change = sub(before[0], before[1]);
    const secant = div(sub(after[0], after[1]), change);
    const chosen = where(lt(abs(change), 1e-6), halves(own, n)[0], secant);
    return cat([chosen, chosen]);
  });
  return add(detach(y), mul(sub(x, detach(x)), slope));
}

const doubled = (target: TargetOptions['target']): TargetOptions['target'] => {
  if (target instanceof Tensor && target.ndim === 1) return cat([target, target]);
  return Array.isArray(target) ? [...Array.from(target), ...Array.from(target)] : target;
};

/**
 * Shares the difference between the scores of x and of a baseline among the numbers of the input, in one pass: each activation counts
 * with the slope between its two inputs (the rescale rule), where gradients would be 0 because it is saturated. The shares sum to that
 * difference.
 *
 * Shrikumar, Greenside and Kundaje, "Learning important features through propagating activation differences", 2017,
 * https://arxiv.org/abs/1704.02685
 *
 * @param model in eval mode, from x [n, …] to [n, classes], whose only non-linear parts are modules of activations that take each number by
 *   itself, such as `nn.ReLU`
 * @param x float32 or float64
 * @returns like x
 * @throws as {@link saliency}; StateError when the shares do not sum to the difference, because the model is non-linear in other parts,
 *   such as `nn.functional.relu` or max pooling
 * @example
 * const net = nn.sequential(new nn.Linear(3, 8), new nn.ReLU(), new nn.Linear(8, 2)).eval();
 * explain.deepLift(net, randn([5, 3]), { target: 1 }); // [5, 3]
 */
export function deepLift(model: Explained, x: Tensor, options: DeepLiftOptions = {}): Tensor {
  const operation = 'deepLift';
  checkOptions(operation, options, ['target', 'baseline']);
  const { x: given } = question(operation, model, x, options.target);
  const n = given.dims[0] as number;
  const start = noGrad(() => add(zerosLike(given), baselineOf(operation, options.baseline, given)));
  const both = noGrad(() => cat([given, start]));
  const asked = question(operation, model, both, doubled(options.target));
  const layers = model instanceof Module ? model.modules().filter((layer) => elementwise.has(layer.constructor)) : [];
  let isInside = false; // `straightened` calls the layer, too
  const handles = layers.map((layer) =>
    layer.registerForwardHook((_, [input], output) => {
      if (isInside) return undefined;
      isInside = true;
      try {
        return straightened(layer as Activation, input, output, n);
      } finally {
        isInside = false;
      }
    }),
  );
  let gradient: Tensor;
  try {
    gradient = gradientOf(operation, asked, both);
  } finally {
    for (const handle of handles) handle.remove();
  }
  const attributions = noGrad(() => mul(halves(gradient, n)[0], sub(given, start)));
  const sums = sumsOf(attributions);
  const scores = scoresOf(asked, both);
  const wrong = Array.from(sums).findIndex((value, i) => {
    const [end, begin] = [scores[i] as number, scores[n + i] as number];
    return Math.abs(value - (end - begin)) > 1e-3 * Math.max(1, Math.abs(end), Math.abs(begin));
  });
  if (wrong < 0) return attributions;
  throw new StateError(
    `${operation}: the shares of sample ${wrong} sum to ${sums[wrong]?.toPrecision(4)}, and its score differs by ${((scores[wrong] as number) - (scores[n + wrong] as number)).toPrecision(4)}: the model must be non-linear in modules such as nn.ReLU alone; replace functions and max pooling, or take integratedGradients`,
  );
}
