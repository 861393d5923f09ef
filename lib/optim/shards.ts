// Parameters and their state, divided among the processes of a group.

import type { ProcessGroup } from '../distributed/process-group.js';
import { type DType, floatTypes } from '../dtype.js';
import { full } from '../ops/creation.js';
import { beginReduce, endReduce } from '../ops/distributed.js';
import { changed, type Tensor, view } from '../tensor.js';

/** @internal Whose each parameter is: the largest first, each to the process with the least so far. */
export function partition(
  groups: readonly { readonly params: readonly Tensor[] }[],
  size: number,
): Map<Tensor, number> {
  const owners = new Map<Tensor, number>();
  const loads: number[] = new Array(size).fill(0);
  for (const { params } of groups) {
    for (const p of [...params].sort((a, b) => b.size - a.size)) {
      const least = loads.indexOf(Math.min(...loads));
      loads[least] = (loads[least] as number) + p.size;
      owners.set(p, least);
    }
  }
  return owners;
}

/** How many values travel at once. */
const most = 2 ** 20;

/** Parameters of one dtype, of up to `most` values. */
function* pieces(params: readonly Tensor[]): Generator<Tensor[]> {
  for (const dtype of floatTypes) {
    let piece: Tensor[] = [];
    let size = 0;
    for (const p of params) {
      if (p.dtype !== dtype) continue;
      piece.push(p);
      size += p.size;
      if (size < most) continue;
      yield piece;
      [piece, size] = [[], 0];
    }
    if (piece.length > 0) yield piece;
  }
}

/**
 * @internal Gives all processes each parameter as its owner has it: the sum of that and of -0 from the others, which is it, bit for
 * bit. Works in compiled steps.
 */
export function shareParameters(operation: string, group: ProcessGroup, owners: ReadonlyMap<Tensor, number>): void {
  const params = [...owners.keys()];
  const nothing = new Map<DType, Tensor>();
  const partOf = (p: Tensor): Tensor => {
    if (owners.get(p) === group.rank) return p;
    const largest = params.reduce((most, { size }) => Math.max(most, size), 0);
    const whole = nothing.get(p.dtype) ?? full([largest], -0, { dtype: p.dtype });
    nothing.set(p.dtype, whole);
    return view(whole, 0, p.shape);
  };
  const end = ({ piece, ticket }: { piece: readonly Tensor[]; ticket: Tensor }): void => {
    endReduce(group._number, piece, ticket, () => group._failure(operation));
    for (const p of piece) changed(p);
  };
  let before: { piece: readonly Tensor[]; ticket: Tensor } | null = null;
  for (const piece of pieces(params)) {
    const ticket = beginReduce(group._number, piece.map(partOf), false, 'float32');
    if (before !== null) end(before); // while the next one travels
    before = { piece, ticket };
  }
  if (before !== null) end(before);
}
