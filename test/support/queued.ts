// Tensors that compiled steps are using during a test.
import { type CompiledStep, compile, noGrad, ones, type Tensor, tensor } from '../../lib/index.js';

/** The argument of a `slowStep`. */
export const square = ones([128, 128]);

/** A step that takes some milliseconds and adds 1 to `w`. */
export function slowStep(w: Tensor): CompiledStep<[Tensor], Tensor> {
  const step = compile((x: Tensor) => {
    let y = x;
    for (let i = 0; i < 40; i++) y = y.matmul(x).mul(1 / 128);
    noGrad(() => w.add_(y.mean()));
    return y;
  });
  step.sync(square);
  return step;
}

/** Queues calls of a `slowStep` that take a tenth of a second and more: a caller that is held up still finds some queued. */
export const queueCalls = (step: CompiledStep<[Tensor], Tensor>, x = square): Promise<Tensor[]> =>
  Promise.all(Array.from({ length: 60 }, () => step(x)));

const table = ones([1]);
const [inRange, outOfRange] = [tensor(Int32Array.of(0)), tensor(Int32Array.of(1))];

/**
 * Queues a step that does `use`, and fails: what has failed is released when the event loop turns, so that until then its
 * tensors are in use, whichever thread is faster. `use` runs once here, to be recorded. Resolves when they are free again.
 */
export async function holdUntilTurn(use: (one: Tensor) => void): Promise<void> {
  const step = compile((i: Tensor) => noGrad(() => void use(table.indexSelect(0, i).sum())));
  step.sync(inRange);
  await step(outOfRange).catch(() => {});
  step.dispose();
}
