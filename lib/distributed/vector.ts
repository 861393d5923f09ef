// Many tensors as one vector, so that they travel as one message.
import { noGrad } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { cat } from '../ops/shape-slice.js';
import type { Tensor } from '../tensor.js';

/** @internal Their values, one after the other. */
export function vectorOf(tensors: readonly Tensor[], dtype: DType): Tensor {
  return noGrad(() =>
    cat(
      tensors.map((t) => t.detach().reshape(-1).to(dtype)),
      0,
    ),
  );
}

/** @internal Writes what `vectorOf` gave back into tensors of the same sizes. */
export function writeVector(tensors: readonly Tensor[], vector: Tensor): void {
  noGrad(() => {
    let place = 0;
    for (const t of tensors) {
      t.copy_(vector.narrow(0, place, t.size).reshape(t.shape));
      place += t.size;
    }
  });
}
