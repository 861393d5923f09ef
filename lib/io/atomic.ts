import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  write,
  writeSync,
} from 'node:fs';
import { constants as systemConstants } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AdjointError, FileError } from '../errors.js';
import { native } from '../native.js';
import { maxBytesACall, systemError } from './files.js';

/** A temporary file that replaces another one once it is complete; locked, so that no other save takes it for a leftover. */
interface Temporary {
  path: string;
  descriptor: number;
}

/**
 * Writes a file so that a crash or a full disk leaves either the old file or the whole new one: the parts go, in order,
 * to a temporary file beside it, which is synced and then renamed. The new file has the permissions of the old one. A
 * symbolic link at `path` is replaced, not followed. Leftovers of killed processes that were saving to this path are removed
 * first.
 * @throws FileError when the file cannot be written; nothing is left behind and an older file stays as it was.
 */
export function writeFileAtomic(operation: string, path: string, parts: Iterable<Uint8Array>): void {
  const next = new Replacement(operation, path);
  try {
    next.open();
    for (const part of parts) writeAll(next.descriptor, part);
    next.complete();
    fsyncSync(next.descriptor);
    for (let tries = 0; !next.replace(tries); tries++) Atomics.wait(clock, 0, 0, pause(tries));
  } catch (cause) {
    throw next.failure(cause);
  } finally {
    next.close();
  }
  syncFolder(dirname(path));
}

/** @internal Like {@link writeFileAtomic}, but the event loop goes on between parts. */
export async function writeFileAtomicAsync(
  operation: string,
  path: string,
  parts: Iterable<Uint8Array>,
): Promise<void> {
  const next = new Replacement(operation, path);
  try {
    next.open();
    for (const part of parts) {
      for (let done = 0; done < part.length; ) {
        const length = Math.min(part.length - done, maxBytesACall);
        done += (await writeLater(next.descriptor, part, done, length)).bytesWritten;
      }
    }
    next.complete();
    await syncLater(next.descriptor);
    for (let tries = 0; !next.replace(tries); tries++) await sleep(pause(tries));
  } catch (cause) {
    throw next.failure(cause);
  } finally {
    next.close();
  }
  syncFolder(dirname(path));
}

const writeLater = promisify(write) as (
  descriptor: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
) => Promise<{ bytesWritten: number }>;
const syncLater = promisify(fsync);

const clock = new Int32Array(new SharedArrayBuffer(4));
/** Milliseconds until the next try to replace a file that is in use. */
const pause = (tries: number) => Math.min(2 ** tries, 100);
/** Two seconds in all. */
const mostTries = 26;
/** What Windows says of a file that another process reads, or a virus scanner: it cannot be replaced meanwhile. */
const inUse = new Set(['EPERM', 'EACCES', 'EBUSY']);

/** A file that is being written beside the one that it replaces. */
class Replacement {
  #temporary: Temporary | undefined;
  #old: Stats | undefined;

  constructor(
    private readonly operation: string,
    private readonly path: string,
  ) {}

  open(): void {
    // The name itself may be as long as the system allows.
    const prefix = `.adjoint-${createHash('sha256').update(basename(this.path)).digest('hex').slice(0, 16)}-`;
    const folder = dirname(this.path);
    this.#old = replaced(this.operation, this.path);
    removeAbandoned(folder, prefix);
    this.#temporary = create(join(folder, prefix), this.#old === undefined ? 0o666 : 0o600);
  }

  get descriptor(): number {
    return (this.#temporary as Temporary).descriptor;
  }

  complete(): void {
    if (this.#old !== undefined) takePermissions(this.descriptor, this.#old);
  }

  /** False if the old file is in use, so that another try may succeed. */
  replace(tries: number): boolean {
    try {
      renameSync((this.#temporary as Temporary).path, this.path);
      return true;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (process.platform === 'win32' && inUse.has(code) && tries < mostTries) return false;
      throw error;
    }
  }

  /** Removes what was written; the error to throw. */
  failure(cause: unknown): unknown {
    if (this.#temporary !== undefined) remove(this.#temporary.path);
    if (cause instanceof AdjointError) return cause; // from the parts
    return systemError(this.operation, 'write', this.path, cause);
  }

  /** Not before the rename, because closing ends the lock. fsync has reported what closing could report. */
  close(): void {
    if (this.#temporary !== undefined) close(this.#temporary.descriptor);
  }
}

/** Ignores failures of calls that nothing depends on, such as cleaning up: they must not hide an earlier failure. */
function tryTo(action: () => void): void {
  try {
    action();
  } catch {
    // ignored
  }
}

const remove = (path: string) => tryTo(() => rmSync(path, { force: true }));
const close = (descriptor: number) => tryTo(() => closeSync(descriptor));

/** The regular file, if any, whose permissions the new one gets. */
function replaced(operation: string, path: string): Stats | undefined {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile() && !there.isSymbolicLink()) {
    const kind = there.isDirectory() ? 'a folder' : 'a pipe, device or socket';
    throw new FileError(`${operation}: ${JSON.stringify(path)} must be a regular file or none, got ${kind}`);
  }
  const file = there?.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : there;
  return file?.isFile() ? file : undefined;
}

function takePermissions(descriptor: number, old: Stats): void {
  const own = fstatSync(descriptor);
  let mode = old.mode & 0o777;
  if (own.uid !== old.uid || own.gid !== old.gid) {
    try {
      fchownSync(descriptor, process.getuid?.() === 0 ? old.uid : own.uid, old.gid);
    } catch {
      mode &= 0o707; // these rights were given to another group
    }
  }
  // Some file systems have one mode only, and reject every call.
  if ((own.mode & 0o777) !== mode) fchmodSync(descriptor, mode);
}

/** A new file and its lock, which the system ends with the process, however that dies. */
function create(prefix: string, mode: number): Temporary {
  for (;;) {
    const path = `${prefix}${randomBytes(6).toString('hex')}.tmp`;
    const descriptor = openSync(path, 'wx', mode);
    const isHeld = native.lockFile(descriptor) === systemConstants.errno.EWOULDBLOCK;
    if (!isHeld && existsSync(path)) return { path, descriptor };
    closeSync(descriptor); // another save took it for a leftover, between the last two calls
  }
}

/** Removes temporary files that nobody has locked. On systems without locks they stay. */
function removeAbandoned(folder: string, prefix: string): void {
  tryTo(() => {
    for (const name of readdirSync(folder)) {
      if (name.startsWith(prefix)) tryTo(() => removeUnlocked(join(folder, name)));
    }
  });
}

function removeUnlocked(path: string): void {
  const { O_RDWR, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const descriptor = openSync(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (native.lockFile(descriptor) === 0) rmSync(path);
  } finally {
    closeSync(descriptor);
  }
}

/** Writes all bytes: one `write` call may take fewer than it was given. */
function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, Math.min(bytes.length - done, maxBytesACall));
  }
}

/** Makes a rename durable; some systems cannot sync a folder, but the file's content is safe in any case. */
export function syncFolder(folder: string): void {
  tryTo(() => {
    const descriptor = openSync(folder, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
}
