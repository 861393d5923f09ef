import { ArgumentError, checkNumber, checkOptions, describe } from '../errors.js';
import { callWithLists, kernel } from '../native.js';
import { recordedGradient } from '../program/recording.js';
import { changed, checkTensor, empty, type Tensor } from '../tensor.js';
import { handles } from './optimizer.js';
import { listOf } from './parameters.js';

const clipByValueKernel = kernel('clipByValue');
const gradientNormKernel = kernel('gradientNorm');
const scaleByNormKernel = kernel('scaleByNorm');

function gradientsOf(operation: string, parameters: Iterable<Tensor>): Tensor[] {
  const list = listOf(operation, 'parameters', parameters, 'must be tensors');
  const gradients = list.flatMap((p) => recordedGradient(operation, checkTensor(operation, 'a parameter', p)) ?? []);
  if (new Set(gradients.map((g) => g.dtype)).size > 1) {
    throw new ArgumentError(
      `${operation}: parameters must have one dtype, got ${[...new Set(gradients.map((g) => g.dtype))].join(' and ')}`,
    );
  }
  return gradients;
}

/**
 * Scales all gradients together so that their norm (Σ |g|^p)^(1/p) is at most `maxNorm`: g · min(1, maxNorm / (norm + 1e-6)).
 *
 * @param options `normType`: p, default 2; Infinity for the largest |g|
 * @returns the norm before, a scalar tensor
 */
export function clipGradNorm_(
  parameters: Iterable<Tensor>,
  maxNorm: number,
  options: { normType?: number } = {},
): Tensor {
  checkOptions('clipGradNorm_', options, ['normType']);
  checkNumber('clipGradNorm_', 'maxNorm', maxNorm, { least: 0 });
  const p = options.normType ?? 2;
  if (typeof p !== 'number' || !(p > 0))
    throw new ArgumentError(`clipGradNorm_: normType must be a number above 0, got ${describe(p)}`);
  const gradients = gradientsOf('clipGradNorm_', parameters);
  const norm = empty([], gradients[0]?.dtype ?? 'float32');
  const list = handles(gradients);
  callWithLists(gradientNormKernel, [norm.handle, ...list, p]);
  callWithLists(scaleByNormKernel, [...list, norm.handle, maxNorm]);
  gradients.forEach(changed);
  return norm;
}

/** Limits every element of every gradient to [-limit, limit]. */
export function clipGradValue_(parameters: Iterable<Tensor>, limit: number): void {
  checkNumber('clipGradValue_', 'limit', limit, { least: 0 });
  const gradients = gradientsOf('clipGradValue_', parameters);
  callWithLists(clipByValueKernel, [...handles(gradients), limit]);
  gradients.forEach(changed);
}
