// Models that must be alike in all processes of a group, and begin with the values of one.
import { createHash } from 'node:crypto';
import { noGrad } from '../autograd/tape.js';
import { isFloat } from '../dtype.js';
import { DistributedError } from '../errors.js';
import { zerosLike } from '../ops/creation.js';
import { cat } from '../ops/shape-slice.js';
import type { Tensor } from '../tensor.js';
import type { ProcessGroup } from './process-group.js';
import { gatherNumbers, sumOver } from './reduce.js';

/** @internal Throws in all processes of the group when one has tensors of other names, dtypes or shapes. */
export function checkSame(operation: string, group: ProcessGroup, tensors: readonly [string, Tensor][]): void {
  const text = tensors.map(([path, { shape, dtype }]) => `${path} ${dtype} ${shape.join('x')}`).join('\n');
  const hash = createHash('sha256').update(text).digest().readUIntBE(0, 6);
  const all = gatherNumbers(operation, group, [hash, tensors.length]);
  const other = all.findIndex(([h]) => h !== hash);
  if (other < 0) return;
  const got = all[other]?.[1];
  throw new DistributedError(
    `${operation}: all processes must have the same model, but rank ${group.ranks[other]}'s has other parameters or buffers (${got} of them) than this one's (${tensors.length})`,
  );
}

/** @internal Takes rank 0's values, of all tensors at once. */
export function takeFirst(operation: string, group: ProcessGroup, tensors: readonly Tensor[]): void {
  takeFrom(operation, group, 0, tensors);
}

/** @internal Takes the values of one member, of all tensors at once: the sum of them and of zeros. */
export function takeFrom(operation: string, group: ProcessGroup, rank: number, tensors: readonly Tensor[]): void {
  const [first] = tensors;
  if (first === undefined) return;
  const isPlain = isFloat(first.dtype) && tensors.every(({ dtype }) => dtype === first.dtype);
  const dtype = isPlain ? first.dtype : 'float64'; // which holds what any of them does
  noGrad(() => {
    const flat = cat(tensors.map((t) => t.detach().reshape(-1).to(dtype)));
    const all = sumOver(operation, group, group.rank === rank ? flat : zerosLike(flat));
    const parts = all.split(tensors.map(({ size }) => size));
    tensors.forEach((t, i) => {
      t.copy_((parts[i] as Tensor).reshape(t.shape).to(t.dtype));
    });
  });
}
