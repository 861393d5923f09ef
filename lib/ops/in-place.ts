// Operations that write their result into their first argument: the methods with an underscore, as in PyTorch. None of them
// is recorded for gradients, and all read their operands before they write.
import { withGradEnabled } from '../context.js';
import { formatShape, ShapeError } from '../errors.js';
import { sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { checkInPlace, copy_ } from './copy.js';

/** @internal Replaces x by the result of `run`, which must have its shape; x keeps its dtype. */
export function inPlace<A extends readonly unknown[]>(
  operation: string,
  x: Tensor,
  run: (x: Tensor, ...args: A) => Tensor,
  ...args: A
): Tensor {
  checkInPlace(operation, x);
  for (const other of args) if (other instanceof Tensor) checkInPlace(operation, x, other);
  const y = withGradEnabled(false, () => run(x, ...args));
  if (!sameShape(y.dims, x.dims)) {
    throw new ShapeError(
      `${operation}: the result must have x's shape, got x ${formatShape(x.dims)} and a result ${formatShape(y.dims)}; use the operation without _`,
    );
  }
  return withGradEnabled(false, () => copy_(x, y));
}

/**
 * Operations in place: `abs_` of `abs`, with its arguments. The type asks for no operation of a tensor: TypeScript would
 * need that of Tensor, whose methods these are.
 */
export function inPlaceOf<F extends object>(operations: F): { [N in keyof F & string as `${N}_`]: F[N] } {
  const derived = Object.entries(operations).map(([name, run]) => [
    `${name}_`,
    (x: Tensor, ...args: unknown[]) => inPlace(`${name}_`, x, run, ...args),
  ]);
  return Object.fromEntries(derived);
}
