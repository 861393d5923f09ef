// Products of integers of eight bits.
import { kernel } from '../native.js';
import { empty, type Tensor } from '../tensor.js';
import { last, rowsOf } from './matmul.js';

const linearInt8Kernel = kernel('linearInt8', 'y x weight scale bias low high rows inFeatures outFeatures');

/**
 * @internal y = r(x) · wᵀ + bias, where r rounds x to 256 values and w = (weight − 128) · scale. Sums are of integers, and exact. Not
 * differentiated.
 *
 * @param x float32 […, inFeatures]
 * @param weight uint8 [outFeatures, inFeatures]
 * @param scale float32, outFeatures elements
 * @param bias float32 [outFeatures]
 * @param range the least and the largest of the 256 values, scalars; null: of x, with 0 between them
 * @returns […, outFeatures]
 */
export function linearInt8(
  x: Tensor,
  weight: Tensor,
  scale: Tensor,
  bias: Tensor | null,
  range: { low: Tensor; high: Tensor } | null,
): Tensor {
  const [outFeatures, inFeatures] = [last(weight, 2), last(weight, 1)];
  const y = empty([...x.dims.slice(0, -1), outFeatures], x.dtype);
  const [low, high] = range === null ? [0, 0] : [range.low.handle, range.high.handle];
  const b = bias === null ? 0 : bias.handle;
  linearInt8Kernel(y.handle, x.handle, weight.handle, scale.handle, b, low, high, rowsOf(x), inFeatures, outFeatures);
  return y;
}
