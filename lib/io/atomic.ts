import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { constants as systemConstants } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { AdjointError, FileError } from '../errors.js';
import { native } from '../native.js';
import { maxBytesACall, systemError } from './files.js';

/** A file that becomes another one when it is whole; locked, so that no other save takes it for left behind. */
interface Temporary {
  path: string;
  descriptor: number;
}

/**
 * Writes a file so that a crash or a full disk leaves either the old file or the whole new one: the parts go, in order,
 * to a temporary file beside it, which is synced and then renamed. The new file has the permissions of the old one. A
 * symbolic link at `path` is replaced, not followed. What a save of this path left behind when its process was killed is
 * removed first.
 * @throws FileError when the file cannot be written; nothing is left behind and an older file stays as it was.
 */
export function writeFileAtomic(operation: string, path: string, parts: Iterable<Uint8Array>): void {
  const folder = dirname(path);
  // The name itself may be as long as the system allows.
  const prefix = `.adjoint-${createHash('sha256').update(basename(path)).digest('hex').slice(0, 16)}-`;
  let temporary: Temporary | undefined;
  try {
    const old = replaced(operation, path);
    removeAbandoned(folder, prefix);
    temporary = create(join(folder, prefix), old === undefined ? 0o666 : 0o600);
    for (const part of parts) writeAll(temporary.descriptor, part);
    if (old !== undefined) takePermissions(temporary.descriptor, old);
    fsyncSync(temporary.descriptor);
    renameSync(temporary.path, path);
  } catch (cause) {
    if (temporary !== undefined) remove(temporary.path);
    if (cause instanceof AdjointError) throw cause; // from the parts
    throw systemError(operation, 'write', path, cause);
  } finally {
    // Not before it has its name, as this ends the lock. What closing might report was reported by fsync.
    if (temporary !== undefined) close(temporary.descriptor);
  }
  syncFolder(folder);
}

/** For what nothing depends on, such as cleaning up: it may fail, and must not hide an earlier failure. */
function tryTo(action: () => void): void {
  try {
    action();
  } catch {
    // as said above
  }
}

const remove = (path: string) => tryTo(() => rmSync(path, { force: true }));
const close = (descriptor: number) => tryTo(() => closeSync(descriptor));

/** The regular file whose permissions the new one gets, if there is one. */
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
  // Some file systems know one mode only, and refuse every call.
  if ((own.mode & 0o777) !== mode) fchmodSync(descriptor, mode);
}

/** A new file and its lock, which the system ends with the process, however that dies. */
function create(prefix: string, mode: number): Temporary {
  for (;;) {
    const path = `${prefix}${randomBytes(6).toString('hex')}.tmp`;
    const descriptor = openSync(path, 'wx', mode);
    const isHeld = native.lockFile(descriptor) === systemConstants.errno.EWOULDBLOCK;
    if (!isHeld && existsSync(path)) return { path, descriptor };
    closeSync(descriptor); // another save took it for left behind, between the last two calls
  }
}

/** Removes the temporary files that nobody holds a lock on. Where the system knows no locks they stay. */
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

/** Makes a rename durable; some systems cannot sync a folder, and the file itself is safe without it. */
function syncFolder(folder: string): void {
  tryTo(() => {
    const descriptor = openSync(folder, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
}
