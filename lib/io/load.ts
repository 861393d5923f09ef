// Reading tensors by name.
import type { Tensor } from '../tensor.js';
import { checkPath } from './files.js';
import { formatOf, listFile, otherFormat, readTorch } from './formats.js';
import { type Reading, readAsync, readNow } from './reading.js';
import { visitSafetensors } from './safetensors.js';
import { readStored, type Stored } from './stored.js';
import { plainOf } from './torch.js';
import type { TensorRef } from './torch-globals.js';

/**
 * Reads the tensors of a file, whose format is recognised by its content: safetensors, or an index of them
 * (`model.safetensors.index.json`); a state dict that `torch.save` wrote, or the weights of a TorchScript or `torch.export`
 * archive; NumPy's `.npy` (named after the file) and `.npz`. Tensors come in the order of the file. Types of floats that are no dtype here become
 * float32, bool becomes uint8 and other integers int32, with a check that each value fits; `save` writes them back as
 * they were. A hostile file costs little time and memory, and nothing in a file is run: files that the reference
 * implementation rejects are rejected, and so are more than 100,000 tensors or texts and more than 64 dimensions.
 *
 * @throws FileError that names the file and the tensor when anything is damaged, missing or of another type
 * @example
 * model.loadStateDict(io.load('digits.safetensors'));
 */
export function load(path: string): Map<string, Tensor> {
  return readNow('load', readAll(checkPath('load', path)));
}

/**
 * Like {@link load}, but reads and converts piece by piece, so that the event loop goes on meanwhile.
 *
 * @throws FileError like `load`
 * @example
 * model.loadStateDict(await io.loadAsync('digits.safetensors'));
 */
export async function loadAsync(path: string): Promise<Map<string, Tensor>> {
  return await readAsync('loadAsync', readAll(checkPath('loadAsync', path)));
}

function* readAll(path: string): Reading<Map<string, Tensor>> {
  const listing = yield* listFile(path);
  const tensors = new Map<string, Tensor>();
  const read = new Map<Stored, Tensor>(); // one tensor may have several names
  try {
    for (const [name, stored] of listing.tensors) {
      const t = read.get(stored) ?? (yield* readStored(name, stored));
      read.set(stored, t);
      tensors.set(name, t);
    }
  } catch (error) {
    for (const t of read.values()) t.dispose();
    throw error;
  }
  return tensors;
}

/**
 * Reads any data that `torch.save` wrote, such as a checkpoint `{ model, optimizer, epoch }`, without running anything: dicts
 * become objects, lists and tuples arrays, tensors tensors, integers beyond 2^53 bigints. A class or function in the file other than
 * those of tensors is refused by name.
 *
 * @throws FileError like `load`; it names what is refused, and why
 * @example
 * const { model: weights, epoch } = io.loadTorch('checkpoint.pt');
 */
export function loadTorch<Value = Record<string, unknown>>(path: string): Value {
  return readNow('loadTorch', readValue(checkPath('loadTorch', path))) as Value;
}

function* readValue(path: string): Reading<unknown> {
  const { value, stored } = yield* readTorch(path);
  const read = new Map<Stored, Tensor>();
  const tensors = new Map<TensorRef, Tensor>();
  try {
    for (const [ref, place] of stored) {
      const t = read.get(place) ?? (yield* readStored(`number ${tensors.size}`, place));
      read.set(place, t);
      tensors.set(ref, t);
    }
    return plainOf(value, (ref) => tensors.get(ref));
  } catch (error) {
    for (const t of read.values()) t.dispose();
    throw error;
  }
}

/** The texts that `save` kept with the tensors of a safetensors file (an object without a prototype). */
export function loadMetadata(path: string): Record<string, string> {
  checkPath('loadMetadata', path);
  const format = readNow('loadMetadata', formatOf(path));
  if (format === 'safetensors') return visitSafetensors(path);
  throw otherFormat(path, 'a safetensors file', format, 'others have no texts');
}
