import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { AdjointError, AllocationError, ArgumentError, describe, FileError, reword } from '../errors.js';

/** Linux reads and writes at most 2 GiB in one call. */
export const maxBytesACall = 2 ** 30;

/** Characters of a file's name that another file says: systems open no longer ones, and errors would repeat them. */
export const longestName = 1024;

/** A system error (`ENOENT: no such file or directory, …`) as a FileError that names the operation and the file. */
export function systemError(operation: string, action: string, path: string, cause: unknown): FileError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FileError(`${operation}: cannot ${action} ${JSON.stringify(path)} (${reason})`, { cause });
}

/** There is no memory for what a file holds. */
export function noMemory(operation: string, path: string, cause: Error): AllocationError {
  return new AllocationError(`${operation}: no memory to read ${JSON.stringify(path)} (${cause.message})`, { cause });
}

/** Checks that it is a path. */
export function checkPath(operation: string, path: unknown, name = 'path'): string {
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return path;
  const rule = typeof path === 'string' && path !== '' ? 'a string without NUL' : 'a string';
  throw new ArgumentError(`${operation}: ${name} must be ${rule}, got ${describe(path)}`);
}

/** @internal Errors of what reads files are those of `load`; here they get the name of another operation. */
export function rename(operation: string, error: unknown): unknown {
  if (error instanceof AdjointError)
    reword(
      error,
      error.message.replace(/^load:/, () => `${operation}:`),
    );
  return error;
}

/** A regular file that is open for reading. */
export interface OpenFile {
  /** The size in bytes when it was opened. */
  readonly size: number;
  /** Fills `target` with the bytes from `begin` on. */
  read(begin: number, target: Uint8Array): void;
  close(): void;
}

/**
 * Opens a file. Regular files only: a pipe would wait for a writer, and a device may have no end.
 * @throws FileError when it is not one or cannot be read.
 */
export function openFile(operation: string, path: string): OpenFile {
  let descriptor: number | undefined;
  try {
    checkRegular(operation, path, statSync(path)); // opening a device may already have an effect
    const file = openSync(path, flags);
    descriptor = file;
    const { size } = checkRegular(operation, path, fstatSync(file));
    return {
      size,
      read: (begin, target) => readAll(operation, path, file, begin, target),
      close: () => closeSync(file),
    };
  } catch (cause) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw readError(operation, path, cause);
  }
}

const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0); // no wait if it became a pipe meanwhile

function checkRegular(operation: string, path: string, stats: Stats): Stats {
  if (stats.isFile()) return stats;
  const kind = stats.isDirectory() ? 'a folder' : stats.isFIFO() ? 'a pipe' : 'a device or socket';
  throw new FileError(`${operation}: ${JSON.stringify(path)} must be a regular file, got ${kind}`);
}

function readError(operation: string, path: string, cause: unknown): unknown {
  if (cause instanceof AdjointError) return cause;
  return cause instanceof RangeError ? noMemory(operation, path, cause) : systemError(operation, 'read', path, cause);
}

/**
 * Opens a file, hands it to `use` and closes it.
 * @throws FileError when it is no regular file or cannot be read, AllocationError when there is no memory for its content.
 */
export function withFile<T>(operation: string, path: string, use: (file: OpenFile) => T): T {
  const file = openFile(operation, path);
  try {
    return use(file);
  } catch (cause) {
    throw readError(operation, path, cause);
  } finally {
    file.close();
  }
}

function readAll(operation: string, path: string, file: number, begin: number, target: Uint8Array): void {
  for (let done = 0; done < target.length; ) {
    let count: number;
    try {
      count = readSync(file, target, done, Math.min(target.length - done, maxBytesACall), begin + done);
    } catch (cause) {
      throw readError(operation, path, cause);
    }
    if (count === 0) throw shrunk(operation, path, begin + done);
    done += count;
  }
}

function shrunk(operation: string, path: string, end: number): FileError {
  return new FileError(
    `${operation}: ${JSON.stringify(path)} must not shrink while it is read, got its end at byte ${end}`,
  );
}

/** @internal A regular file that is open for reading without holding up the event loop. */
export interface AsyncFile {
  readonly size: number;
  read(begin: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** @internal Like {@link openFile}. */
export async function openFileAsync(operation: string, path: string): Promise<AsyncFile> {
  let file: FileHandle | undefined;
  try {
    checkRegular(operation, path, await stat(path));
    file = await open(path, flags);
    const { size } = checkRegular(operation, path, await file.stat());
    return asyncFile(operation, path, file, size);
  } catch (cause) {
    await file?.close();
    throw readError(operation, path, cause);
  }
}

function asyncFile(operation: string, path: string, file: FileHandle, size: number): AsyncFile {
  return {
    size,
    async read(begin, target) {
      for (let done = 0; done < target.length; ) {
        const length = Math.min(target.length - done, maxBytesACall);
        const { bytesRead } = await file.read(target, done, length, begin + done).catch((cause: unknown) => {
          throw readError(operation, path, cause);
        });
        if (bytesRead === 0) throw shrunk(operation, path, begin + done);
        done += bytesRead;
      }
    },
    close: () => file.close(),
  };
}
