import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { AdjointError, AllocationError, ArgumentError, describe, FileError } from '../errors.js';

/** Linux reads and writes at most 2 GiB in one call. */
export const maxBytesACall = 2 ** 30;

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

/** A regular file that is open for reading. */
export interface OpenFile {
  /** The size in bytes when it was opened. */
  readonly size: number;
  /** Fills `target` with the bytes from `begin` on. */
  read(begin: number, target: Uint8Array): void;
}

/**
 * Opens a file, hands it to `use` and closes it. Regular files only: a pipe would wait for a writer, and a device may
 * have no end.
 * @throws FileError when it is not one or cannot be read, AllocationError when there is no memory for its content.
 */
export function withFile<T>(operation: string, path: string, use: (file: OpenFile) => T): T {
  const check = (stats: Stats) => {
    if (stats.isFile()) return stats;
    const kind = stats.isDirectory() ? 'a folder' : stats.isFIFO() ? 'a pipe' : 'a device or socket';
    throw new FileError(`${operation}: ${JSON.stringify(path)} must be a regular file, got ${kind}`);
  };
  let descriptor: number | undefined;
  try {
    check(statSync(path)); // opening a device may already have an effect
    const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)); // no wait if it became a pipe meanwhile
    descriptor = file;
    const { size } = check(fstatSync(file));
    return use({ size, read: (begin, target) => readAll(operation, path, file, begin, target) });
  } catch (cause) {
    if (cause instanceof AdjointError) throw cause;
    if (cause instanceof RangeError) throw noMemory(operation, path, cause);
    throw systemError(operation, 'read', path, cause);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function readAll(operation: string, path: string, file: number, begin: number, target: Uint8Array): void {
  for (let done = 0; done < target.length; ) {
    const count = readSync(file, target, done, Math.min(target.length - done, maxBytesACall), begin + done);
    if (count === 0) {
      const rule = `must not shrink while it is read, got its end at byte ${begin + done}`;
      throw new FileError(`${operation}: ${JSON.stringify(path)} ${rule}`);
    }
    done += count;
  }
}
