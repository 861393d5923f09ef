// The finest steps and least numbers of the float dtypes, and what they bound.
import type { DType } from '../dtype.js';
import type { Tensor } from '../tensor.js';

/** @internal The distance of 1 from the next number. */
export const epsilonOf = ({ dtype }: { dtype: DType }): number => (dtype === 'float64' ? 2 ** -52 : 2 ** -23);

/** @internal The least positive number that is not denormal. */
export const tinyOf = ({ dtype }: { dtype: DType }): number => (dtype === 'float64' ? 2 ** -1022 : 2 ** -126);

/** @internal */
export const atLeastTiny = (x: Tensor): Tensor => x.clamp({ min: tinyOf(x) });

/** @internal Probabilities moved inside of (0, 1), so that their logits are finite. */
export const inner = (p: Tensor): Tensor => p.clamp(epsilonOf(p), 1 - epsilonOf(p));
