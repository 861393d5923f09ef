// Batches of samples that are mixed in pairs.
import { allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import { Beta } from '../distributions/beta.js';
import { checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { add, mul } from '../ops/elementwise.js';
import { where } from '../ops/elementwise-compare.js';
import { oneHotOf } from '../ops/indexing.js';
import { rand } from '../ops/random.js';
import { roll } from '../ops/shape-parts.js';
import { checkOptions } from '../options.js';
import { checkFloat, checkInt32, checkTensor, type Tensor } from '../tensor.js';

/** Options of {@link mixUp} and {@link cutMix}. */
export interface MixOptions {
  numClasses: number;
  /** α of the Beta distribution from which the shares are drawn; default 1, all shares alike. Towards 0 few samples are mixed. */
  alpha?: number;
}

/** A mixed batch. */
export interface Mixed {
  /** Like x. */
  x: Tensor;
  /** The shares of the classes, [n, numClasses], as `nn.functional.crossEntropy` takes them. */
  targets: Tensor;
}

function mixed(
  operation: string,
  x: Tensor,
  labels: Tensor,
  options: MixOptions,
  mix: (share: number) => [Tensor, number],
): Mixed {
  checkOptions(operation, options, ['numClasses', 'alpha']);
  checkFloat(operation, 'x', checkTensor(operation, 'x', x));
  const classes = checkInteger(operation, 'numClasses', options?.numClasses, 1);
  const alpha = checkNumber(operation, 'alpha', options.alpha ?? 1, { min: 0, open: true });
  const { dims } = checkInt32(operation, 'labels', labels);
  if (dims.length !== 1 || dims[0] !== x.dims[0]) {
    throw new ShapeError(
      `${operation}: labels must be [${x.dims[0] ?? ''}], one for each sample of x, got ${formatShape(dims)}`,
    );
  }
  return allOrNothing(() =>
    noGrad(() => {
      const own = oneHotOf(operation, 'labels', labels, classes, x.dtype);
      const [mixture, share] = mix(new Beta(alpha, alpha).sample().item());
      return { x: mixture, targets: add(mul(own, share), mul(roll(own, 1, 0), 1 - share)) };
    }),
  );
}

/**
 * Mixes each sample of a batch with the one before it: λ x + (1 − λ) x′, and their classes in the same shares, with one λ from Beta(α, α) for the
 * batch. A network that learns from such batches is less sure of itself, and of wrong labels.
 *
 * Zhang et al., "mixup: beyond empirical risk minimization", 2018, https://arxiv.org/abs/1710.09412
 *
 * @param x float [n, …]
 * @param labels int32 [n], from 0 to numClasses − 1
 * @throws ShapeError for labels that do not fit
 * @example
 * const { x: inputs, targets } = robust.mixUp(rand([8, 3, 32, 32]), randint(0, 10, [8]), { numClasses: 10, alpha: 0.2 });
 * targets; // [8, 10]
 */
export function mixUp(x: Tensor, labels: Tensor, options: MixOptions): Mixed {
  return mixed('mixUp', x, labels, options, (share) => [add(mul(x, share), mul(roll(x, 1, 0), 1 - share)), share]);
}

/**
 * Puts a rectangle of the picture before it into each picture of a batch, at the same place in all; classes have the shares of the areas. 1 − λ of
 * the picture is covered, with λ from Beta(α, α), or less where the rectangle leaves the picture.
 *
 * Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features", 2019,
 * https://arxiv.org/abs/1905.04899
 *
 * @param x float [n, …, height, width]
 * @param labels int32 [n], from 0 to numClasses − 1
 * @throws ShapeError for labels that do not fit, or pictures without height and width
 * @example
 * const { x: inputs, targets } = robust.cutMix(rand([8, 3, 32, 32]), randint(0, 10, [8]), { numClasses: 10 });
 * targets; // [8, 10]
 */
export function cutMix(x: Tensor, labels: Tensor, options: MixOptions): Mixed {
  const operation = 'cutMix';
  return mixed(operation, x, labels, options, (share) => {
    const [height, width] = x.dims.slice(-2) as [number, number];
    if (x.rank < 3 || height * width === 0) {
      const rule = 'x must be [n, …, height, width], each at least 1';
      throw new ShapeError(`${operation}: ${rule}, got ${formatShape(x.dims)}`);
    }
    const side = Math.sqrt(1 - share) / 2;
    const at = rand([2]).toTypedArray();
    const span = (size: number, middle: number): [number, number] => [
      Math.max(0, Math.floor(middle * size) - Math.floor(side * size)),
      Math.min(size, Math.floor(middle * size) + Math.floor(side * size)),
    ];
    const [top, bottom] = span(height, at[0] as number);
    const [left, right] = span(width, at[1] as number);
    const isCut = Uint8Array.from({ length: height * width }, (_, i) => {
      const [row, column] = [Math.floor(i / width), i % width];
      return Number(row >= top && row < bottom && column >= left && column < right);
    });
    const kept = 1 - ((bottom - top) * (right - left)) / (height * width);
    return [where(tensor(isCut, { shape: [height, width] }), roll(x, 1, 0), x), kept];
  });
}
