// Steps of a training of which nobody can tell whether a record took part.
import { allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import { isRecording } from '../context.js';
import { ArgumentError, checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { gradientsOfEach } from '../func/per-sample.js';
import type { Module } from '../nn/module.js';
import { detach } from '../ops/copy.js';
import { tensor } from '../ops/creation.js';
import { abs, add, div, maximum, minimum, mul, sqrt, square } from '../ops/elementwise.js';
import { clamp } from '../ops/elementwise-compare.js';
import { matmul } from '../ops/matmul.js';
import { rand, randn } from '../ops/random.js';
import { sum } from '../ops/reduce.js';
import { amax } from '../ops/reduce-composed.js';
import { reshape } from '../ops/shape.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';

/** Options of {@link privateGradients}. */
export interface PrivateGradientsOptions {
  /** C: the norm to which the gradient of each sample is cut, over all parameters together. */
  maxGradNorm: number;
  /** σ: the noise's standard deviation over C; see {@link getNoiseMultiplier}. */
  noiseMultiplier: number;
  /** What the sum is divided by: the expected number of samples, not that of this batch, which would tell something. */
  batchSize: number;
  /**
   * [n], 1 for the samples of the batch and 0 for what only fills it, or between; default all 1. Others are an error; in compiled steps, which
   * cannot look, they are cut to 0 or 1.
   */
  weights?: Tensor;
}

/**
 * Puts noisy gradients into `grad`, in place of `loss.backward()`: the gradient of each sample is cut to a norm, and their sum gets noise,
 * so that no sample can change it by much. Any optimizer may take the step.
 *
 * g = (Σᵢ wᵢ gᵢ · min(1, C / ‖gᵢ‖) + σ C · N(0, 1)) / batchSize
 *
 * What has been there before is replaced. A sample whose gradient is not finite makes all gradients NaN, as with Opacus: `train.NaNGuard` finds
 * where it comes from. The noise comes from the library's generator: its seed must stay secret, and it is not made for
 * cryptography. Takes the memory of n gradients. Abadi et al., "Deep learning with differential privacy", 2016,
 * https://arxiv.org/abs/1607.00133
 *
 * @param model in which samples do not change each other: group norm in place of batch norm; see `func.perSampleGradients`
 * @param loss from the inputs to the loss of each sample: [n]
 * @param inputs tensors [n, …]
 * @returns the mean loss of the batch, which is not private
 * @throws StateError when samples change each other
 * @example
 * const model = new nn.Linear(3, 1);
 * const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
 * const loss = (x: Tensor, y: Tensor) => model.forward(x).flatten().sub(y).square();
 * const options = { maxGradNorm: 1, noiseMultiplier: 1.1, batchSize: 8 };
 * privacy.privateGradients(model, loss, [randn(8, 3), randn(8)], options);
 * optimizer.step();
 */
export function privateGradients(
  model: Module,
  loss: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: PrivateGradientsOptions,
): Tensor {
  const operation = 'privateGradients';
  checkOptions(operation, options, ['maxGradNorm', 'noiseMultiplier', 'batchSize', 'weights']);
  const limit = checkNumber(operation, 'maxGradNorm', options?.maxGradNorm, { min: 0, open: true });
  const noise = checkNumber(operation, 'noiseMultiplier', options.noiseMultiplier, { min: 0 });
  const size = checkNumber(operation, 'batchSize', options.batchSize, { min: 0, open: true });
  const given = options.weights === undefined ? null : checkTensor(operation, 'weights', options.weights);
  return allOrNothing(() => {
    const [gradients, losses] = gradientsOfEach(operation, model, loss, inputs);
    const weights = given === null ? null : weightsOf(given, losses);
    return noGrad(() => setGradients(model, gradients, losses, weights, { limit, noise, size }));
  });
}

function weightsOf(given: Tensor, losses: Tensor): Tensor {
  const fits = given.rank === 1 && given.dims[0] === losses.dims[0] && given.dtype === losses.dtype;
  if (fits) {
    const wrong = isRecording() ? [] : given.toTypedArray().filter((weight) => !(weight >= 0 && weight <= 1));
    if (wrong.length === 0) return detach(clamp(given, 0, 1));
    throw new ArgumentError(`privateGradients: weights must be between 0 and 1, got ${wrong[0]}`);
  }
  const got = `${given.dtype} ${formatShape(given.dims)}`;
  throw new ShapeError(`privateGradients: weights must be ${losses.dtype} ${formatShape(losses.dims)}, got ${got}`);
}

function setGradients(
  model: Module,
  gradients: Record<string, Tensor>,
  losses: Tensor,
  weights: Tensor | null,
  { limit, noise, size }: { limit: number; noise: number; size: number },
): Tensor {
  const n = losses.dims[0] as number;
  const rows = Object.values(gradients).map((gradient) => reshape(gradient, [n, -1]));
  // Over the largest, whose square may be more than there is, or nothing: that 0 is 0, not NaN, needs a least one.
  const largest = rows.map((row) => amax(abs(row), { dim: 1, keepDim: true })).reduce((a, b) => maximum(a, b));
  const least = losses.dtype === 'float64' ? 1e-290 : 1e-30;
  const scale = clamp(largest, { min: least });
  const squares = rows.map((row) => sum(square(div(row, scale)), 1)).reduce((a, b) => add(a, b));
  const cut = minimum(div(div(limit, reshape(scale, [n])), sqrt(squares)), 1);
  const factors = reshape(weights === null ? cut : mul(cut, weights), [1, n]);
  const named = new Map(model.namedParameters());
  const noisy = Object.keys(gradients).map((name, i) => {
    const parameter = named.get(name) as Tensor;
    const { dims, dtype } = parameter;
    const total = reshape(matmul(factors, rows[i] as Tensor), dims);
    const blurred = noise === 0 ? total : add(total, mul(randn(dims, { dtype }), noise * limit));
    return { parameter, gradient: div(blurred, size) };
  });
  const mean = weights === null ? div(sum(losses), n) : div(sum(mul(losses, weights)), maximum(sum(weights), 1));
  for (const { parameter, gradient } of noisy) parameter.grad = gradient;
  return mean;
}

/** A random batch, and which of its places count. */
export interface PoissonSample {
  /** int32 [capacity]: records; those that only fill the batch are record 0. */
  indices: Tensor;
  /** float32 [capacity]: 1 for what was drawn, 0 for what only fills the batch. */
  weights: Tensor;
}

/** Options of {@link poissonSample}. */
export interface PoissonSampleOptions {
  /** How many records there are. */
  size: number;
  /** The probability of each to be in the batch. */
  sampleRate: number;
}

/** As unlikely as a batch of more records than there are places may be. */
const rare = 1e-14;

/** The least number that a draw of this mean exceeds with a smaller probability than `rare`, by Chernoff's bound. */
function placesFor(mean: number): number {
  const exponent = (count: number): number => count * Math.log(count / mean) - count + mean;
  let places = Math.ceil(mean);
  while (exponent(places + 1) <= -Math.log(rare)) places++;
  return places;
}

/**
 * A batch as the accountant takes it to be drawn: each record is in it with the same probability, independently of the others. Its number of
 * records varies; it is filled up to one length, so that a compiled step can take it.
 *
 * @returns of so many places, at most `size`, that a draw of more has a probability below 10⁻¹⁴, and is drawn again: the least k with
 *   (k + 1) ln((k + 1) / m) − (k + 1) + m > 14 ln 10, where m = size · sampleRate (Chernoff, "A measure of asymptotic efficiency for tests of a
 *   hypothesis based on the sum of observations", 1952)
 * @example
 * const { indices, weights } = privacy.poissonSample({ size: 1000, sampleRate: 0.016 });
 * indices; // [57]
 */
export function poissonSample(options: PoissonSampleOptions): PoissonSample {
  const operation = 'poissonSample';
  checkOptions(operation, options, ['size', 'sampleRate']);
  const size = checkInteger(operation, 'size', options?.size, 1, 2 ** 31 - 1);
  const rate = checkNumber(operation, 'sampleRate', options.sampleRate, { min: 0, max: 1 });
  const capacity = Math.min(size, Math.max(1, placesFor(size * rate)));
  return allOrNothing(() => {
    const indices = new Int32Array(capacity);
    let count: number;
    do {
      const draws = rand([size], { dtype: 'float64' }).toTypedArray();
      count = 0;
      for (let i = 0; i < size && count <= capacity; i++) if ((draws[i] as number) < rate) indices[count++] = i;
    } while (count > capacity);
    const weights = Float32Array.from(indices, (_, i) => (i < count ? 1 : 0));
    return { indices: tensor(indices.fill(0, count)), weights: tensor(weights) };
  });
}
