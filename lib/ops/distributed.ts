// Sums and means over a group of processes as kernels, which eager code and recorded steps call alike.
import { checkFault } from '../context.js';
import { callWithLists, kernel, native } from '../native.js';
import { empty, type Tensor } from '../tensor.js';

const allReduceBegin = kernel('allReduceBegin', 'parts ticket group mean wire');
const allReduceEnd = kernel('allReduceEnd', 'parts ticket group');

/** What float32 values are while they travel. */
export type Wire = 'float32' | 'bfloat16';

const listed = (parts: readonly Tensor[]): number[] => [parts.length, ...parts.map(({ handle }) => handle)];

/**
 * @internal Begins to add tensors of one float dtype over a group, or to take their mean; {@link endReduce} waits.
 *
 * @param group its number
 * @returns what names it
 */
export function beginReduce(group: number, parts: readonly Tensor[], mean: boolean, wire: Wire): Tensor {
  const ticket = empty([1], 'float64');
  const code = native.codes.wire[wire === 'bfloat16' ? 'bfloat16' : 'full'];
  callWithLists(allReduceBegin, [...listed(parts), ticket.handle, group, Number(mean), code]);
  return ticket;
}

/**
 * @internal Waits on this thread, and writes the result into tensors like those that `beginReduce` was given.
 *
 * @param failed makes the error for a group that has failed
 */
export function endReduce(group: number, parts: readonly Tensor[], ticket: Tensor, failed: () => Error): void {
  checkFault(callWithLists(allReduceEnd, [...listed(parts), ticket.handle, group]), failed);
}
