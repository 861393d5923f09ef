// Single tensors out of large files.
import type { DType } from '../dtype.js';
import { ArgumentError, checkInteger, checkText, describe, StateError } from '../errors.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { fileTypes } from './element-types.js';
import { checkPath } from './files.js';
import { listFile } from './formats.js';
import { Files } from './reading.js';
import { type Listing, readStored, type Stored } from './stored.js';

/** A file of tensors that is open: what `safeOpen` gives. */
export class TensorFile {
  #files: Files | undefined;
  readonly #listing: Listing;

  /** @internal */
  constructor(readonly path: string) {
    const files = new Files('safeOpen');
    try {
      this.#listing = files.run(listFile(path));
    } catch (error) {
      files.close();
      throw error;
    }
    this.#files = files;
  }

  /** The names of the tensors, in the order of the file. */
  keys(): string[] {
    return [...this.#listing.tensors.keys()];
  }

  /** The texts that were kept with the tensors (an object without a prototype). */
  get metadata(): Readonly<Record<string, string>> {
    return this.#listing.metadata;
  }

  /** The shape of a tensor. */
  shape(name: string): Shape {
    return Object.freeze([...this.#stored('shape', name).shape]);
  }

  /** The dtype that a tensor has once it is read. */
  dtype(name: string): DType {
    return fileTypes[this.#stored('dtype', name).fileDType].dtype;
  }

  /**
   * Reads a tensor; nothing else of the file is read.
   * @throws ArgumentError when there is none of this name, FileError when it is damaged
   */
  get(name: string): Tensor {
    return this.#run('get', name, this.#stored('get', name));
  }

  /**
   * Reads the rows `start` to `end` (exclusive) of a tensor: the part along its first dimension. Nothing else is read.
   * @throws ArgumentError when they are not rows of the tensor
   */
  getSlice(name: string, start: number, end: number): Tensor {
    const operation = 'TensorFile.getSlice';
    const stored = this.#stored('getSlice', name);
    const [rows, ...rest] = stored.shape;
    if (rows === undefined)
      throw new ArgumentError(`${operation}: ${describe(name)} must have rows, got a scalar; use get`);
    checkInteger(operation, 'start', start, 0, rows);
    checkInteger(operation, 'end', end, start, rows);
    const step = stored.strides?.[0] ?? rest.reduce((product, n) => product * n, 1);
    const begin = stored.begin + start * step * fileTypes[stored.fileDType].size;
    const count = rest.reduce((product, n) => product * n, end - start);
    return this.#run('getSlice', name, { ...stored, shape: [end - start, ...rest], count, begin });
  }

  /** Closes the file. Tensors that were read stay. */
  close(): void {
    this.#files?.close();
    this.#files = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #run(method: string, name: string, stored: Stored): Tensor {
    if (this.#files !== undefined) return this.#files.run(readStored(name, stored));
    throw new StateError(`TensorFile.${method}: ${JSON.stringify(this.path)} must be open, got a closed file`);
  }

  #stored(method: string, name: string): Stored {
    checkText(`TensorFile.${method}`, 'name', name);
    const stored = this.#listing.tensors.get(name);
    if (stored !== undefined) return stored;
    const file = JSON.stringify(this.path);
    throw new ArgumentError(
      `TensorFile.${method}: name must be one of a tensor in ${file}, got ${describe(name)}; see keys()`,
    );
  }
}

/**
 * Opens a file of tensors, or an index of several (`model.safetensors.index.json`), to read single tensors. Memory grows by
 * what is asked for. Like Python's `safetensors.safe_open`; the formats are those of `load`.
 *
 * @throws FileError like `load`
 * @example
 * const file = io.safeOpen('digits.safetensors');
 * const weight = file.get('0.weight');
 * const rows = file.getSlice('0.weight', 0, 10);
 * file.close();
 */
export function safeOpen(path: string): TensorFile {
  return new TensorFile(checkPath('safeOpen', path));
}
