// How gradients of a bucket become means over a group: whole, or the largest of them alone.
import { noGrad } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { full, zeros } from '../ops/creation.js';
import { beginReduce, endReduce, type Wire } from '../ops/distributed.js';
import { gathered, scatterAdd } from '../ops/indexing.js';
import { indexFill } from '../ops/indexing-write.js';
import { cat } from '../ops/shape-slice.js';
import { topk } from '../ops/sort.js';
import type { Tensor } from '../tensor.js';
import type { ProcessGroup } from './process-group.js';
import { vectorOf, writeVector } from './vector.js';

/** @internal Begins to average gradients of one dtype over the group; what it returns waits, and writes the means into them. */
export type Exchange = (gradients: readonly Tensor[]) => () => void;

/** @internal */
export function whole(operation: string, group: ProcessGroup, wire: Wire): Exchange {
  return (gradients) => {
    const ticket = beginReduce(group._number, gradients, true, wire);
    return () => endReduce(group._number, gradients, ticket, () => group._failure(operation));
  };
}

/**
 * @internal Of each process the part with the largest magnitudes. The rest, in a vector that is given, is added to the gradients of the
 * next step, so that nothing is lost. What travels is a list of values and places for each process, put together as a sum: works in compiled steps.
 */
export function largest(
  operation: string,
  group: ProcessGroup,
  part: number,
  restOf: (dtype: DType) => Tensor,
): Exchange {
  return (gradients) => {
    const { dtype } = gradients[0] as Tensor;
    const { padded, size } = noGrad(() => {
      const rest = restOf(dtype);
      const sum = vectorOf(gradients, dtype).add(rest);
      const { indices } = topk(sum.abs(), Math.ceil(part * sum.size));
      rest.copy_(indexFill(sum, 0, indices, 0));
      const exact = sum.size > 2 ** 24 ? 'float64' : dtype; // holds all places
      const lists = [gathered(sum, indices, 0), indices].map((t) => inPlaceOf(group, t.to(exact)));
      return { padded: lists as [Tensor, Tensor], size: sum.size };
    });
    const ticket = beginReduce(group._number, padded, false, 'float32');
    return () => {
      endReduce(group._number, padded, ticket, () => group._failure(operation));
      noGrad(() => {
        const [values, places] = padded;
        const sum = scatterAdd(zeros([size], { dtype }), 0, places.to('int32'), values.to(dtype));
        writeVector(gradients, sum.div(group.size));
      });
    };
  };
}

/** A list for each process, of which only this one's is there: the others are -0, which changes nothing in a sum. */
function inPlaceOf(group: ProcessGroup, own: Tensor): Tensor {
  const nothing = (lists: number): Tensor => full([lists * own.size], -0, { dtype: own.dtype });
  return cat([nothing(group.rank), own, nothing(group.size - 1 - group.rank)], 0);
}
