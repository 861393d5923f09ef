// Argument checks of attention, and the names of its parts in error texts.
import type { DType } from '../dtype.js';
import { ArgumentError, DTypeError, describe, formatShape, ShapeError } from '../errors.js';
import { type Shape, sameShape } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { KeyValueCache } from './key-value-cache.js';

/** @internal Names of the module, its inputs and options in error texts: an enclosing layer uses its own. */
export interface AttentionLabels {
  name: string;
  inputs: readonly [string, string, string];
  attnMask: string;
  keyPaddingMask: string;
  isCausal: string;
}

/** @internal */
export const ownLabels: AttentionLabels = {
  name: 'MultiheadAttention',
  inputs: ['query', 'key', 'value'],
  ...{ attnMask: 'attnMask', keyPaddingMask: 'keyPaddingMask', isCausal: 'isCausal' },
};

/** @internal */
export function checkMask(
  name: string,
  label: string,
  mask: Tensor | null | undefined,
  shapes: readonly Shape[],
  dtype: DType,
): void {
  if (mask === undefined || mask === null) return;
  checkTensor(name, label, mask);
  if (!shapes.some((s) => sameShape(s, mask.dims))) {
    const rule = `${label} must be ${shapes.map(formatShape).join(' or ')}`;
    throw new ShapeError(`${name}: ${rule}, got ${formatShape(mask.dims)}`);
  }
  if (mask.dtype !== 'uint8' && mask.dtype !== dtype) {
    throw new DTypeError(`${name}: ${label} must be uint8 or ${dtype}, got ${mask.dtype}; convert it by to(dtype)`);
  }
}

/** @internal The number of rows in a cache, which must be of the same batch: `row` is [batch, embedDim] or [embedDim]. */
export function checkCache(name: string, row: Shape, dtype: DType, cache: KeyValueCache | undefined): number {
  if (cache === undefined) return 0;
  if (!(cache instanceof KeyValueCache)) {
    throw new ArgumentError(`${name}: cache must be a KeyValueCache, got ${describe(cache)}`);
  }
  const held = cache._row;
  if (held !== null && (!sameShape(held.shape, row) || held.dtype !== dtype)) {
    const rule = `cache must hold rows of ${formatShape(row)} ${dtype}`;
    throw new ShapeError(`${name}: ${rule}, got rows of ${formatShape(held.shape)} ${held.dtype}; use another cache`);
  }
  return cache.length;
}
