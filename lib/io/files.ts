import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AdjointError, ArgumentError, describe, FileError } from '../errors.js';

/** A system error (`ENOENT: no such file or directory, …`) as a FileError that names the operation and the file. */
export function systemError(operation: string, action: string, path: string, cause: unknown): FileError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FileError(`${operation}: cannot ${action} ${JSON.stringify(path)} (${reason})`, { cause });
}

/** Refuses what is not a path. */
export function checkPath(operation: string, path: unknown): void {
  if (typeof path !== 'string' || path === '') {
    throw new ArgumentError(`${operation}: path must be a string, got ${describe(path)}`);
  }
}

/** Writes all bytes: one `write` call may take fewer than it was given. */
function writeAll(descriptor: number, bytes: Uint8Array): void {
  const most = 2 ** 30; // Linux takes at most 2 GiB in one call
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, Math.min(bytes.length - done, most));
  }
}

/** Makes a rename durable; some systems cannot sync a folder, and the file itself is safe without it. */
function syncFolder(folder: string): void {
  try {
    const descriptor = openSync(folder, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Windows and some network file systems refuse.
  }
}

/**
 * Writes a file so that a crash or a full disk leaves either the old file or the whole new one: the parts go, in order,
 * to a temporary file beside it, which is synced and then renamed. A symbolic link at `path` is replaced, not followed.
 * @throws FileError when the file cannot be written; nothing is left behind and an older file stays as it was.
 */
export function writeFileAtomic(operation: string, path: string, parts: Iterable<Uint8Array>): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(temporary, 'wx');
    for (const part of parts) writeAll(descriptor, part);
    fsyncSync(descriptor);
    closeSync(descriptor);
    descriptor = undefined;
    renameSync(temporary, path);
  } catch (cause) {
    if (descriptor !== undefined) closeSync(descriptor);
    rmSync(temporary, { force: true });
    if (cause instanceof AdjointError) throw cause; // from the parts
    throw systemError(operation, 'write', path, cause);
  }
  syncFolder(dirname(path));
}
