// Files: weights as safetensors, checkpoints of whole trainings, pictures as PNG.
import { types } from 'node:util';
import { type DType, dtypeTraits } from '../dtype.js';
import { AllocationError, ArgumentError, describe, isPlain } from '../errors.js';
import { native } from '../native.js';
import { checkOptions } from '../options.js';
import type { Shape } from '../shape.js';
import { checkTensor, empty, type Tensor } from '../tensor.js';
import { checkPath, noMemory } from './files.js';
import { firstAboveOne, visitSafetensors, writeParts } from './safetensors.js';
import type { FileDType } from './safetensors-header.js';
import type { TensorPart } from './safetensors-write.js';

export {
  type LoadCheckpointOptions,
  latestCheckpoint,
  loadCheckpoint,
  type SaveCheckpointOptions,
  saveCheckpoint,
} from './checkpoint.js';
export type { CheckpointState, CheckpointTargets, CheckpointValue, Stateful } from './checkpoint-state.js';
export * as onnx from './onnx/index.js';
export { encodePng, type Image, writePng } from './png.js';

/** Tensors by name: a module's `stateDict()`, or an object. */
export type StateDict = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/** The type that a tensor had in the file, where `load` converted it, so that `save` writes it back. */
const fileDTypes = new WeakMap<Tensor, FileDType>();

/**
 * Writes tensors to a safetensors file, which PyTorch and others can read. A crash leaves the old file or the whole new
 * one. The new file has the permissions of the old one. Tensors that `load` converted from int64 or bool are written as
 * such again.
 *
 * @param options.metadata texts to keep with the tensors: an epoch, a configuration as JSON
 * @throws FileError when the file cannot be written, ArgumentError for what is not a tensor or a text
 * @example
 * io.save('digits.safetensors', model.stateDict(), { metadata: { epoch: '5' } });
 */
export function save(path: string, stateDict: StateDict, options?: { metadata?: Record<string, string> }): void {
  checkPath('save', path);
  checkOptions('save', options, ['metadata']);
  if (!isRecord(stateDict)) {
    const hint = 'save({ name: tensor }) or model.stateDict()';
    throw new ArgumentError(
      `save: stateDict must be a Map or an object of tensors, got ${describe(stateDict)}; ${hint}`,
    );
  }
  const entries = types.isMap(stateDict) ? [...stateDict] : Object.entries(stateDict);
  const parts = entries.map(([name, value]): TensorPart => {
    if (typeof name !== 'string') throw new ArgumentError(`save: names must be strings, got ${describe(name)}`);
    const t = checkTensor('save', describe(name), value);
    return { name, fileDType: fileDTypeOf(t), shape: t.shape, count: t.size, data: () => t.toTypedArray() };
  });
  writeParts('save', path, parts, options?.metadata);
}

/**
 * Reads the tensors of a safetensors file, in the order of its header. int64 becomes int32 and bool uint8, with a check
 * that each value fits. A hostile file costs little time and memory: files that the reference implementation rejects are
 * rejected, and so are more than 100,000 tensors or texts and more than 64 dimensions.
 *
 * @throws FileError that names the file and the tensor when anything is damaged, missing or of another type
 * @example
 * model.loadStateDict(io.load('digits.safetensors'));
 */
export function load(path: string): Map<string, Tensor> {
  checkPath('load', path);
  const tensors = new Map<string, Tensor>();
  try {
    visitSafetensors(path, (name, { dtype, shape, fileDType }, read) => {
      const t = allocate(path, shape, dtype); // first: without memory for it, its elements need not be read
      tensors.set(name, t);
      native.write(t.handle, read());
      if (fileDType !== undefined && fileDType !== dtypeTraits[dtype].safetensors) fileDTypes.set(t, fileDType);
    });
  } catch (error) {
    for (const t of tensors.values()) t.dispose();
    throw error;
  }
  return tensors;
}

function allocate(path: string, shape: Shape, dtype: DType): Tensor {
  try {
    return empty(shape, dtype);
  } catch (cause) {
    if (cause instanceof AllocationError) throw noMemory('load', path, cause);
    throw cause;
  }
}

/** The texts that `save` kept with the tensors of a safetensors file (an object without a prototype). */
export function loadMetadata(path: string): Record<string, string> {
  checkPath('loadMetadata', path);
  return visitSafetensors(path);
}

/** A mask that now has values other than 0 and 1 is written as uint8. */
function fileDTypeOf(t: Tensor): FileDType {
  const noted = fileDTypes.get(t) ?? dtypeTraits[t.dtype].safetensors;
  const broken = noted === 'BOOL' && firstAboveOne(t.toTypedArray()) >= 0;
  return broken ? 'U8' : noted;
}

/** A Map or a plain object: instances of classes, promises and arrays have no names of tensors. */
function isRecord(value: unknown): boolean {
  return types.isMap(value) || isPlain(value);
}
