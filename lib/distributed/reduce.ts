// Sums over a group that are waited for on this thread.
import { record } from '../autograd/tape.js';
import { clone } from '../ops/copy.js';
import { tensor } from '../ops/creation.js';
import { beginReduce, endReduce } from '../ops/distributed.js';
import type { Tensor } from '../tensor.js';
import type { ProcessGroup } from './process-group.js';

/** @internal Σ x over the group; its gradient is the sum of the gradients. */
export function sumOver(operation: string, group: ProcessGroup, x: Tensor): Tensor {
  if (group.size === 1) return x;
  const y = clone(x.detach());
  const ticket = beginReduce(group._number, [y], false, 'float32');
  endReduce(group._number, [y], ticket, () => group._failure(operation));
  return record('allReduce', y, [x], (dy) => [sumOver(operation, group, dy)]);
}

/** @internal A few numbers of each process, by rank. */
export function gatherNumbers(operation: string, group: ProcessGroup, mine: readonly number[]): number[][] {
  const all = new Float64Array(group.size * mine.length);
  all.set(mine, group.rank * mine.length);
  const sum = sumOver(operation, group, tensor(all)).toTypedArray() as Float64Array;
  const width = mine.length;
  return Array.from({ length: group.size }, (_, r) => Array.from(sum.subarray(r * width, (r + 1) * width)));
}
