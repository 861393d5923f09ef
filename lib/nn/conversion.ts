import { noGrad } from '../autograd/tape.js';
import { isRecording, layersChanged } from '../context.js';
import type { DType } from '../dtype.js';
import { isFloat } from '../dtype.js';
import { StateError } from '../errors.js';
import { native } from '../native.js';
import { to } from '../ops/copy.js';
import type { Tensor } from '../tensor.js';

/** Converts float tensors and their gradients in place: all of the objects get memory of another type, or none does. */
export function convertAll(operation: string, tensors: Iterable<Tensor>, dtype: DType): void {
  if (isRecording()) {
    throw new StateError(
      `${operation}: a module cannot be converted while a step is recorded; convert it outside of the compiled function`,
    );
  }
  const targets = new Set<Tensor>();
  for (const t of tensors) {
    if (t.dtype === dtype || !isFloat(t.dtype)) continue;
    targets.add(t);
    if (t._grad !== null && !t._grad.disposed) targets.add(t._grad);
  }
  for (const t of targets) {
    // Not even while steps are paused: queued ones would go on with the old memory.
    if (!native.isUsed(t.handle)) continue;
    throw new StateError(
      `${operation}: a tensor is in use by a compiled step that is running or queued; await the step`,
    );
  }
  const made: [Tensor, Tensor][] = [];
  try {
    for (const t of targets) made.push([t, noGrad(() => to(t, dtype))]);
  } catch (error) {
    for (const [, fresh] of made) fresh.dispose();
    throw error;
  }
  for (const [t, fresh] of made) t._takeOver(fresh);
  if (made.length > 0) layersChanged();
}
