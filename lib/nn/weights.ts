import { allOrNothing } from '../all-or-nothing.js';
import type { DType } from '../dtype.js';
import { type Shape, sizeOf } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { kaimingUniform_, uniform_ } from './init.js';
import { Parameter } from './roles.js';

/** @internal Weight [out, in, …kernel] and bias [outputs] of a layer, both from U(-1/√fanIn, 1/√fanIn) as in PyTorch. */
export function drawWeightAndBias(
  shape: Shape,
  outputs: number,
  hasBias: boolean,
  dtype: DType,
): [weight: Tensor, bias: Tensor | null] {
  return allOrNothing(() => {
    const weight = new Parameter(kaimingUniform_(empty(shape, dtype), Math.sqrt(5)));
    const bound = 1 / Math.sqrt(sizeOf(shape.slice(1)));
    return [weight, hasBias ? new Parameter(uniform_(empty([outputs], dtype), -bound, bound)) : null];
  });
}
