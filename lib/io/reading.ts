// Reading written once for two ways: at once, and piece by piece while the event loop goes on. A reader is a generator that
// asks for bytes of files and knows nothing of how they come.
import { type AsyncFile, noMemory, type OpenFile, openFile, openFileAsync, rename } from './files.js';

/** @internal The bytes of a file that a reader needs next, and where to put them. */
export interface Want {
  path: string;
  begin: number;
  target: Uint8Array;
}

/** @internal A reader; each answer is the size of the file. */
export type Reading<T> = Generator<Want, T, number>;

const nothing = new Uint8Array(0);

/** What is shorter and follows the last bytes is read together with what comes next: small tensors take few calls then. */
const shortRead = 4096;
const windowLength = 65_536;

/** The bytes of a file from the last short read on. */
class Window {
  #begin = 0;
  #bytes: Uint8Array = nothing;
  /** Where the last want ended. */
  #end = 0;

  /** What is to be read for a want: its target, more than that, or nothing where the bytes are here. */
  missing({ begin, target }: Want, size: number): Uint8Array {
    if (target.length === 0 || target.length > shortRead) return target;
    const first = begin - this.#begin;
    if (first >= 0 && first + target.length <= this.#bytes.length) return nothing;
    const isNext = begin >= this.#end && begin <= this.#end + shortRead;
    return isNext ? Buffer.allocUnsafeSlow(Math.max(target.length, Math.min(size - begin, windowLength))) : target;
  }

  /** Puts what was read where it is wanted. */
  take({ begin, target }: Want, bytes: Uint8Array): void {
    this.#end = begin + target.length;
    if (bytes === target) return;
    if (bytes !== nothing) [this.#begin, this.#bytes] = [begin, bytes];
    const first = begin - this.#begin;
    target.set(this.#bytes.subarray(first, first + target.length));
  }
}

/** @internal The size of a file. */
export function* sizeOf(path: string): Reading<number> {
  return yield { path, begin: 0, target: nothing };
}

let pool = new ArrayBuffer(0);
let used = 0;

/** Few bytes share their memory with others, as those of Buffer's pool do, whose offsets fit no numbers. */
function pooled(length: number): Buffer {
  if (used + length > pool.byteLength) [pool, used] = [new ArrayBuffer(windowLength), 0];
  const bytes = Buffer.from(pool, used, length);
  used += Math.ceil(length / 8) * 8;
  return bytes;
}

/** @internal Memory for bytes of a file. */
export function memoryFor(path: string, length: number): Buffer {
  try {
    return length <= shortRead ? pooled(length) : Buffer.from(new ArrayBuffer(length));
  } catch (cause) {
    throw cause instanceof RangeError ? noMemory('load', path, cause) : cause;
  }
}

/** @internal Bytes of a file that are there, in memory of their own or in `target`. */
export function* bytesAt(
  path: string,
  begin: number,
  length: number,
  target: Buffer = memoryFor(path, length),
): Reading<Buffer> {
  yield { path, begin, target };
  return target;
}

/** @internal Runs a reader with what answers it at once. */
export function answered<T>(reading: Reading<T>, answer: (want: Want) => number): T {
  let step = reading.next();
  while (!step.done) {
    let size: number;
    try {
      size = answer(step.value);
    } catch (error) {
      step = reading.throw(error); // the reader frees what it has
      continue;
    }
    step = reading.next(size);
  }
  return step.value;
}

/** @internal Files that stay open from one reading to the next. */
export class Files {
  readonly #files = new Map<string, { file: OpenFile; window: Window }>();

  constructor(private readonly operation: string) {}

  /** @throws the errors of the reader, in the name of the operation. */
  run<T>(reading: Reading<T>): T {
    try {
      return answered(reading, (want) => this.#answer(want));
    } catch (error) {
      throw rename(this.operation, error);
    }
  }

  #answer(want: Want): number {
    const { path, begin } = want;
    const open = this.#files.get(path) ?? { file: openFile(this.operation, path), window: new Window() };
    this.#files.set(path, open);
    const { file, window } = open;
    const bytes = window.missing(want, file.size);
    file.read(begin, bytes);
    window.take(want, bytes);
    return file.size;
  }

  close(): void {
    for (const { file } of this.#files.values()) file.close();
    this.#files.clear();
  }
}

/** @internal Runs a reader at once. */
export function readNow<T>(operation: string, reading: Reading<T>): T {
  const files = new Files(operation);
  try {
    return files.run(reading);
  } finally {
    files.close();
  }
}

/** @internal Runs a reader piece by piece. */
export async function readAsync<T>(operation: string, reading: Reading<T>): Promise<T> {
  const files = new Map<string, { file: AsyncFile; window: Window }>();
  const answer = async (want: Want): Promise<number> => {
    const { path, begin } = want;
    const open = files.get(path) ?? { file: await openFileAsync(operation, path), window: new Window() };
    files.set(path, open);
    const { file, window } = open;
    const bytes = window.missing(want, file.size);
    if (bytes !== nothing) await file.read(begin, bytes);
    window.take(want, bytes);
    return file.size;
  };
  try {
    let step = reading.next();
    while (!step.done) {
      let size: number;
      try {
        size = await answer(step.value);
      } catch (error) {
        step = reading.throw(error);
        continue;
      }
      step = reading.next(size);
    }
    return step.value;
  } catch (error) {
    throw rename(operation, error);
  } finally {
    for (const { file } of files.values()) await file.close();
  }
}
