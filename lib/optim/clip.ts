import { checkFault, recordedGradient } from '../context.js';
import { ArgumentError, checkFlag, checkNumber, checkOptions, describe, StateError } from '../errors.js';
import { callWithLists, kernel } from '../native.js';
import { changed, checkTensor, empty, type Tensor } from '../tensor.js';
import { listOf } from './parameters.js';
import { handles } from './update.js';

const clipByValueKernel = kernel('clipByValue', 'gradients limit');
const gradientNormKernel = kernel('gradientNorm', 'norm gradients p');
const scaleByNormKernel = kernel('scaleByNorm', 'gradients norm maxNorm onlyFinite');

function gradientsOf(operation: string, parameters: Iterable<Tensor>): Tensor[] {
  const list = listOf(operation, 'parameters', parameters, 'must be tensors', (p) =>
    checkTensor(operation, 'a parameter', p),
  );
  const gradients = list.flatMap((p) => recordedGradient(operation, p) ?? []);
  if (new Set(gradients.map((g) => g.dtype)).size > 1) {
    throw new ArgumentError(
      `${operation}: parameters must have one dtype, got ${[...new Set(gradients.map((g) => g.dtype))].join(' and ')}`,
    );
  }
  return gradients;
}

/** Options of `clipGradNorm_`. */
export interface ClipGradNormOptions {
  /** p, above 0; default 2. Infinity for the largest |g|. */
  normType?: number;
  /** Whether a norm that is NaN or infinite is an error, in which case no gradient is changed; default false. */
  errorIfNonfinite?: boolean;
}

/**
 * Scales all gradients together so that their norm (Σ |g|^p)^(1/p) is at most `maxNorm`: g · min(1, maxNorm / (norm + 1e-6)).
 *
 * One NaN among the gradients makes the norm NaN and, scaled by it, all of them; one infinity makes the others 0. With
 * `errorIfNonfinite` that is an error instead; that of a compiled step comes when the step runs, before its optimizer does.
 *
 * @param options `normType`: default 2; `errorIfNonfinite`: default false
 * @returns the norm of all gradients before scaling, a scalar tensor of their dtype; 0 when there are none
 * @throws StateError with `errorIfNonfinite` when the norm is NaN or infinite
 */
export function clipGradNorm_(
  parameters: Iterable<Tensor>,
  maxNorm: number,
  options: ClipGradNormOptions = {},
): Tensor {
  checkOptions('clipGradNorm_', options, ['normType', 'errorIfNonfinite']);
  checkNumber('clipGradNorm_', 'maxNorm', maxNorm, { min: 0 });
  const p = options.normType ?? 2;
  if (typeof p !== 'number' || !(p > 0))
    throw new ArgumentError(`clipGradNorm_: normType must be a number above 0, got ${describe(p)}`);
  const onlyFinite = checkFlag('clipGradNorm_', 'errorIfNonfinite', options.errorIfNonfinite, false);
  const gradients = gradientsOf('clipGradNorm_', parameters);
  const norm = empty([], gradients[0]?.dtype ?? 'float32');
  const list = handles(gradients);
  callWithLists(gradientNormKernel, [norm.handle, ...list, p]);
  const fault = callWithLists(scaleByNormKernel, [...list, norm.handle, maxNorm, onlyFinite ? 1 : 0]);
  if (onlyFinite) checkFault(fault, ({ value }) => nonfinite(value));
  gradients.forEach(changed);
  return norm;
}

function nonfinite(norm: number): StateError {
  const hint = 'skip the step, lower the learning rate or look for the first NaN in the loss';
  return new StateError(`clipGradNorm_: the norm of the gradients must be finite, got ${norm}; ${hint}`);
}

/** Limits every element of every gradient to [-limit, limit]. */
export function clipGradValue_(parameters: Iterable<Tensor>, limit: number): void {
  checkNumber('clipGradValue_', 'limit', limit, { min: 0 });
  const gradients = gradientsOf('clipGradValue_', parameters);
  callWithLists(clipByValueKernel, [...handles(gradients), limit]);
  gradients.forEach(changed);
}
