// Scores whose probabilities are as sure as they are right.
import { ArgumentError, formatShape, ShapeError } from '../errors.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';

/** The negative log-likelihood's first and second derivative by β = 1 / T, summed over samples. */
function derivatives(scores: ArrayLike<number>, labels: ArrayLike<number>, classes: number, beta: number) {
  let [first, second] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const at = i * classes;
    let largest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) largest = Math.max(largest, scores[at + c] as number);
    let [total, mean, square] = [0, 0, 0];
    for (let c = 0; c < classes; c++) {
      const above = (scores[at + c] as number) - largest; // at most 0
      const weight = Math.exp(beta * above);
      total += weight;
      mean += weight * above;
      square += weight * above * above;
    }
    mean /= total;
    first += mean - ((scores[at + (labels[i] as number)] as number) - largest);
    second += square / total - mean * mean;
  }
  return { first, second };
}

/**
 * The temperature by which a classifier's scores are divided so that its probabilities are neither too sure nor not sure enough: the T with the
 * least negative log-likelihood −log softmax(scores / T) of the labels. The classes that it predicts stay the same.
 *
 * Guo et al., "On calibration of modern neural networks", 2017, https://arxiv.org/abs/1706.04599
 *
 * @param scores float [n, classes], of samples that the model has not learned from
 * @param labels int32 [n]
 * @returns T, from 0.001 to 1000: above 1 for a model that is too sure; 1 where the scores of each sample are all the same, which no T changes
 * @throws ShapeError, ArgumentError for labels that do not fit, or scores that are not finite
 * @example
 * const temperature = robust.fitTemperature(model.forward(x), labels);
 * const probabilities = model.forward(x).div(temperature).softmax(1); // [64, 10]
 */
export function fitTemperature(scores: Tensor, labels: Tensor): number {
  const operation = 'fitTemperature';
  checkFloat(operation, 'scores', checkTensor(operation, 'scores', scores));
  const [n, classes] = scores.dims as [number, number];
  if (scores.rank !== 2 || scores.size === 0) {
    throw new ShapeError(`${operation}: scores must be [n, classes], got ${formatShape(scores.dims)}`);
  }
  const { dims, dtype } = checkTensor(operation, 'labels', labels);
  if (dims.length !== 1 || dims[0] !== n || dtype !== 'int32') {
    throw new ShapeError(`${operation}: labels must be int32 [${n}], got ${dtype} ${formatShape(dims)}`);
  }
  const [values, wanted] = [scores.toTypedArray(), labels.toTypedArray()];
  const wrong = wanted.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0) {
    throw new ArgumentError(`${operation}: labels must be from 0 to ${classes - 1}, got ${wanted[wrong]} at ${wrong}`);
  }
  if (!values.every(Number.isFinite)) throw new ArgumentError(`${operation}: scores must be finite`);
  if (values.every((value, i) => value === values[i - (i % classes)])) return 1;
  // The slope rises with β: Newton's steps, and halves of what is left where they would leave it.
  let [low, high] = [1e-3, 1e3];
  let beta = 1;
  for (let i = 0; i < 100 && high - low > 1e-9 * low; i++) {
    const { first, second } = derivatives(values, wanted, classes, beta);
    if (first > 0) high = beta;
    else low = beta;
    const next = beta - first / second;
    const isWithin = next > low && next < high;
    if (isWithin && Math.abs(next - beta) < 1e-12 * beta) break;
    beta = isWithin ? next : Math.sqrt(low * high);
  }
  return 1 / beta;
}
