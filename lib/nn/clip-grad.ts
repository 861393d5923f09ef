// Clipping gradients, all of them together or each element.
import { optionsOf, type Positional } from '../arguments.js';
import { checkFault, recordedGradient } from '../context.js';
import { ArgumentError, checkFlag, checkNumber, describe, StateError } from '../errors.js';
import { handles, listOf } from '../lists.js';
import { callWithLists, kernel } from '../native.js';
import { to } from '../ops/copy.js';
import { changed, checkFloat, checkTensor, empty, type Tensor } from '../tensor.js';

const clipByValueKernel = kernel('clipByValue', 'gradients limit');
const gradientNormKernel = kernel('gradientNorm', 'norm gradients p');
const scaleByNormKernel = kernel('scaleByNorm', 'gradients norm maxNorm onlyFinite');

function tensorsOf(operation: string, name: string, tensors: Iterable<Tensor> | Tensor): Tensor[] {
  const one = name === 'parameters' ? 'a parameter' : 'a tensor';
  return listOf(operation, name, tensors, 'must be tensors', (t) => checkTensor(operation, one, t));
}

function checkOneDType(operation: string, name: string, tensors: readonly Tensor[]): void {
  const dtypes = new Set(tensors.map((t) => t.dtype));
  if (dtypes.size > 1) {
    throw new ArgumentError(`${operation}: ${name} must have one dtype, got ${[...dtypes].join(' and ')}`);
  }
}

function gradientsOf(operation: string, parameters: Iterable<Tensor> | Tensor): Tensor[] {
  const list = tensorsOf(operation, 'parameters', parameters);
  const gradients = list.flatMap((p) => recordedGradient(operation, p) ?? []);
  checkOneDType(operation, 'parameters', gradients);
  return gradients;
}

/** Options of `getTotalNorm`. */
export interface TotalNormOptions {
  /** p, above 0; default 2. Infinity for the largest |g|. */
  normType?: number;
  /** Whether a norm that is NaN or infinite is an error, in which case no gradient is changed; default false. */
  errorIfNonfinite?: boolean;
}

/** Options of `clipGradNorm_`. */
export interface ClipGradNormOptions extends TotalNormOptions {
  /** The largest norm, at least 0. */
  maxNorm: number;
}

function checkNormOptions(operation: string, options: TotalNormOptions): Required<TotalNormOptions> {
  const { normType = 2 } = options;
  if (typeof normType !== 'number' || !(normType > 0)) {
    throw new ArgumentError(`${operation}: normType must be a number above 0, got ${describe(normType)}`);
  }
  return { normType, errorIfNonfinite: checkFlag(operation, 'errorIfNonfinite', options.errorIfNonfinite, false) };
}

function normOf(tensors: readonly Tensor[], normType: number): Tensor {
  const norm = empty([], tensors[0]?.dtype ?? 'float32');
  callWithLists(gradientNormKernel, [norm.handle, ...handles(tensors), normType]);
  return norm;
}

// Scales gradients; if the norm must be finite and is not, it is an error and nothing is changed.
function scale(
  operation: string,
  gradients: readonly Tensor[],
  norm: Tensor,
  maxNorm: number,
  mustBeFinite: boolean,
): void {
  const fault = callWithLists(scaleByNormKernel, [...handles(gradients), norm.handle, maxNorm, mustBeFinite ? 1 : 0]);
  if (mustBeFinite) checkFault(fault, ({ value }) => nonfinite(operation, value));
  gradients.forEach(changed);
}

function nonfinite(operation: string, norm: number): StateError {
  const hint = 'skip the step, lower the learning rate or look for the first NaN in the loss';
  return new StateError(`${operation}: the norm of the gradients must be finite, got ${norm}; ${hint}`);
}

/**
 * The norm of all tensors together, as if they were one vector: (Σ |x|^p)^(1/p). Not differentiable.
 *
 * @param tensors float tensors of one dtype, gradients say
 * @param args `normType`: p, default 2; `errorIfNonfinite`: default false
 * @returns a scalar tensor of their dtype; 0 when there are none
 * @throws StateError with `errorIfNonfinite` when the norm is NaN or infinite
 * @example
 * nn.utils.getTotalNorm([tensor([3]), tensor([4])]).item(); // 5
 */
export function getTotalNorm(
  tensors: Iterable<Tensor> | Tensor,
  ...args: Positional<TotalNormOptions, [normType: 'normType', errorIfNonfinite: 'errorIfNonfinite']>
): Tensor {
  const options = optionsOf<TotalNormOptions>('getTotalNorm', args, ['normType', 'errorIfNonfinite']);
  const { normType, errorIfNonfinite } = checkNormOptions('getTotalNorm', options);
  const list = tensorsOf('getTotalNorm', 'tensors', tensors);
  for (const t of list) checkFloat('getTotalNorm', 'a tensor', t);
  checkOneDType('getTotalNorm', 'tensors', list);
  const norm = normOf(list, normType);
  if (errorIfNonfinite) scale('getTotalNorm', [], norm, 1, true);
  return norm;
}

/**
 * Scales all gradients by a norm that is known: g · min(1, maxNorm / (totalNorm + 1e-6)). With the norm of `getTotalNorm`,
 * it does what `clipGradNorm_` does.
 *
 * @param args `maxNorm`: at least 0; `totalNorm`: a tensor with one element
 * @example
 * const norm = nn.utils.getTotalNorm(model.parameters().flatMap((p) => p.grad ?? []));
 * nn.utils.clipGradsWithNorm_(model.parameters(), 1, norm);
 */
export function clipGradsWithNorm_(
  parameters: Iterable<Tensor> | Tensor,
  ...args: Positional<{ maxNorm: number; totalNorm: Tensor }, [maxNorm: 'maxNorm', totalNorm: 'totalNorm']>
): void {
  const name = 'clipGradsWithNorm_';
  const o = optionsOf<{ maxNorm: unknown; totalNorm: unknown }>(name, args, ['maxNorm', 'totalNorm']);
  const maxNorm = checkNumber(name, 'maxNorm', o.maxNorm, { min: 0 });
  const totalNorm = checkTensor(name, 'totalNorm', o.totalNorm);
  if (totalNorm.size !== 1) {
    throw new ArgumentError(`${name}: totalNorm must have one element, got totalNorm [${totalNorm.dims.join(', ')}]`);
  }
  const gradients = gradientsOf(name, parameters);
  const norm = to(totalNorm, gradients[0]?.dtype ?? 'float32');
  scale(name, gradients, norm, maxNorm, false);
}

/**
 * Scales all gradients together so that their norm (Σ |g|^p)^(1/p) is at most `maxNorm`: g · min(1, maxNorm / (norm + 1e-6))
 * (Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013,
 * https://arxiv.org/abs/1211.5063).
 *
 * One NaN among the gradients makes the norm NaN and, scaled by it, all of them; one infinity makes the others 0. With
 * `errorIfNonfinite` that is an error instead; that of a compiled step comes when the step runs, before its optimizer does.
 *
 * @param args `maxNorm`; `normType`: default 2; `errorIfNonfinite`: default false
 * @returns the norm of all gradients before scaling, a scalar tensor of their dtype; 0 when there are none
 * @throws StateError with `errorIfNonfinite` when the norm is NaN or infinite
 * @example
 * loss.backward();
 * nn.utils.clipGradNorm_(model.parameters(), 1);
 */
export function clipGradNorm_(
  parameters: Iterable<Tensor> | Tensor,
  ...args: Positional<
    ClipGradNormOptions,
    [maxNorm: 'maxNorm', normType: 'normType', errorIfNonfinite: 'errorIfNonfinite']
  >
): Tensor {
  const o = optionsOf<ClipGradNormOptions>('clipGradNorm_', args, ['maxNorm', 'normType', 'errorIfNonfinite']);
  const maxNorm = checkNumber('clipGradNorm_', 'maxNorm', o.maxNorm, { min: 0 });
  const { normType, errorIfNonfinite } = checkNormOptions('clipGradNorm_', o);
  const gradients = gradientsOf('clipGradNorm_', parameters);
  const norm = normOf(gradients, normType);
  scale('clipGradNorm_', gradients, norm, maxNorm, errorIfNonfinite);
  return norm;
}

/**
 * Limits every element of every gradient to [-clipValue, clipValue].
 *
 * @example
 * nn.utils.clipGradValue_(model.parameters(), 0.5);
 */
export function clipGradValue_(
  parameters: Iterable<Tensor> | Tensor,
  ...args: Positional<{ clipValue: number }, [clipValue: 'clipValue']>
): void {
  const o = optionsOf<{ clipValue: unknown }>('clipGradValue_', args, ['clipValue']);
  const clipValue = checkNumber('clipGradValue_', 'clipValue', o.clipValue, { min: 0 });
  const gradients = gradientsOf('clipGradValue_', parameters);
  callWithLists(clipByValueKernel, [...handles(gradients), clipValue]);
  gradients.forEach(changed);
}
