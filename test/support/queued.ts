// Tensors that compiled steps are using while a test looks.
import { type CompiledStep, compile, noGrad, ones, type Tensor } from '../../lib/index.js';

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

/**
 * Queues calls of a `slowStep`, and resolves when they are done. They take a tenth of a second and more, so that some are
 * still queued when a caller whose thread was held up for a moment looks.
 */
export const queueCalls = (step: CompiledStep<[Tensor], Tensor>, x = square): Promise<Tensor[]> =>
  Promise.all(Array.from({ length: 60 }, () => step(x)));
