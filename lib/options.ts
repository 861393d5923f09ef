// What an options object may hold, and what to write in place of what it may not.
import { ArgumentError, describe, isPlain } from './errors.js';

// `options must be an object such as { dim: 1 }, got 1`
function notOptions(operation: string, options: unknown, known: readonly string[]): ArgumentError {
  const isWhole =
    options === null || typeof options === 'object' ? !Array.isArray(options) : typeof options === 'function';
  const like = known.length === 0 ? '' : ` such as { ${known[0]}: ${isWhole ? '…' : describe(options)} }`;
  return new ArgumentError(`${operation}: options must be an object${like}, got ${describe(options)}`);
}

// What other libraries call an option, and what PyTorch calls it.
const synonyms: Readonly<Record<string, string>> = {
  activation: 'nonlinearity',
  axes: 'dim',
  axis: 'dim',
  batchsize: 'batchSize',
  datatype: 'dtype',
  collate: 'collateFn',
  decay: 'weightDecay',
  dims: 'dim',
  epsilon: 'eps',
  filters: 'outChannels',
  inputdim: 'numEmbeddings',
  keepdims: 'keepDim',
  kernel: 'kernelSize',
  learningrate: 'lr',
  mask: 'attnMask',
  outputdim: 'embeddingDim',
  paddingindex: 'paddingIdx',
  padvalue: 'value',
  poolsize: 'kernelSize',
  probability: 'p',
  rate: 'p',
  reduce: 'reduction',
  sizeaverage: 'reduction',
  strides: 'stride',
  units: 'outFeatures',
  usebias: 'bias',
};

// Options of PyTorch's that nothing here has, and why.
const needless: Readonly<Record<string, string>> = {
  capturable: 'leave it out: every optimizer can be compiled',
  device: 'leave it out: tensors are in the memory of the CPU',
  differentiable: 'leave it out: steps of an optimizer are not recorded for gradients',
  enablenestedtensor: 'leave it out: there are no nested tensors',
  foreach: 'leave it out: one call updates all parameters',
  fused: 'leave it out: one call updates all parameters',
  inplace: 'leave it out: the result is a new tensor',
  lastepoch: 'leave it out: a scheduler resumes by loadStateDict',
  layout: 'leave it out: tensors are dense',
  maplocation: 'leave it out: tensors are in the memory of the CPU',
  memoryformat: 'leave it out: tensors are contiguous',
  nonblocking: 'leave it out: tensors are in the memory of the CPU',
  numworkers: 'leave it out: a dataset may be asynchronous, and prefetchFactor reads ahead',
  outint32: 'leave it out: positions are int32',
  persistentworkers: 'leave it out: samples are read in this process',
  pinmemory: 'leave it out: tensors are in the memory of the CPU',
  sparse: 'leave it out: gradients are dense',
  weightsonly: 'leave it out: no file runs code',
};

// `use keepDim`, for `keepdim`, `keep_dim` and `keepdims`; else what there is.
function remedy(key: string, known: readonly string[]): string {
  const letters = (name: string): string => name.replaceAll('_', '').toLowerCase();
  const wanted = letters(key);
  const name = known.find((k) => letters(k) === wanted) ?? known.find((k) => k === synonyms[wanted]);
  if (name !== undefined) return `use ${name}`;
  if (Object.hasOwn(needless, wanted)) return needless[wanted] as string;
  return known.length === 0 ? 'it has no options' : `known are ${known.join(', ')}`;
}

/**
 * Throws for options that the operation does not know, by name, and for null except in those that are `nullable`: it is
 * neither a value nor left out.
 */
export function checkOptions(
  operation: string,
  options: unknown,
  known: readonly string[],
  nullable: readonly string[] = [],
): void {
  if (options === undefined) return;
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw notOptions(operation, options, known);
  }
  let isEmpty = true;
  for (const key in options) {
    isEmpty = false;
    if (!known.includes(key)) {
      if (!isPlain(options)) throw notOptions(operation, options, known); // a tensor, a module
      throw new ArgumentError(`${operation}: unknown option ${JSON.stringify(key)}; ${remedy(key, known)}`);
    }
    if ((options as Record<string, unknown>)[key] === null && !nullable.includes(key)) {
      throw new ArgumentError(`${operation}: ${key} must have a value or be left out, got null`);
    }
  }
  if (isEmpty && !isPlain(options)) throw notOptions(operation, options, known); // a promise, a Map
}
