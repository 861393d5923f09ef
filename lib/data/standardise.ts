import { checkNumber, DTypeError } from '../errors.js';
import { scope } from '../memory.js';
import { copy_, to } from '../ops/copy.js';
import { div, sub } from '../ops/elementwise.js';
import { checkOptions } from '../options.js';
import { checkTensor, empty, type Tensor, view } from '../tensor.js';

/** Elements processed at a time: their intermediate results stay in the cache. */
const piece = 65_536;

/**
 * Turns bytes of images into numbers around zero: y = (x / 255 - mean) / deviation, float32, of the shape of x.
 *
 * @param images uint8, of any shape
 * @param options.mean of the training images between 0 and 1, default 0.1307: MNIST's
 * @param options.deviation their standard deviation, default 0.3081: MNIST's
 * @throws DTypeError for other dtypes, ArgumentError for a deviation that is not above 0
 */
export function standardise(images: Tensor, options: { mean?: number; deviation?: number } = {}): Tensor {
  checkTensor('standardise', 'images', images);
  checkOptions('standardise', options, ['mean', 'deviation']);
  const mean = checkNumber('standardise', 'mean', options.mean ?? 0.1307);
  const deviation = checkNumber('standardise', 'deviation', options.deviation ?? 0.3081, { min: 0, open: true });
  if (images.dtype !== 'uint8') throw new DTypeError(`standardise: images must be uint8, got ${images.dtype}`);
  const y = empty(images.shape, 'float32');
  for (let from = 0; from < images.size; from += piece) {
    const shape = [Math.min(piece, images.size - from)];
    scope(() => {
      const x = to(view(images, from, shape), 'float32');
      copy_(view(y, from, shape), div(sub(div(x, 255), mean), deviation));
    });
  }
  return y;
}
