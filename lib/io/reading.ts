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

/** @internal The size of a file. */
export function* sizeOf(path: string): Reading<number> {
  return yield { path, begin: 0, target: nothing };
}

/** @internal Memory for bytes of a file. */
export function memoryFor(path: string, length: number): Buffer {
  try {
    return Buffer.from(new ArrayBuffer(length)); // not from the pool, whose offsets are odd
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
  readonly #files = new Map<string, OpenFile>();

  constructor(private readonly operation: string) {}

  /** @throws the errors of the reader, in the name of the operation. */
  run<T>(reading: Reading<T>): T {
    try {
      return answered(reading, (want) => this.#answer(want));
    } catch (error) {
      throw rename(this.operation, error);
    }
  }

  #answer({ path, begin, target }: Want): number {
    const file = this.#files.get(path) ?? openFile(this.operation, path);
    this.#files.set(path, file);
    file.read(begin, target);
    return file.size;
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
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
  const files = new Map<string, AsyncFile>();
  const answer = async ({ path, begin, target }: Want): Promise<number> => {
    const file = files.get(path) ?? (await openFileAsync(operation, path));
    files.set(path, file);
    await file.read(begin, target);
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
    for (const file of files.values()) await file.close();
  }
}
