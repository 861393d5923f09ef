// Allows one set-up at a time in a clone.
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';

const oldestMs = 3_600_000;

/** Whether the process that wrote the lock file is gone (or the file so old that its number means another process). */
function isStale(file, owner) {
  if (Date.now() - statSync(file).mtimeMs > oldestMs) return true;
  if (!(owner > 0)) return false; // the number is written a moment after the file is made
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code !== 'EPERM';
  }
}

/** Waits until the lock file can be made, takes over one whose process has died, and returns the release function. */
export function takeLock(file) {
  for (let told = false; ; ) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    try {
      const owner = Number(readFileSync(file, 'utf8'));
      if (isStale(file, owner)) {
        // Only one of several waiting processes succeeds in renaming.
        renameSync(file, `${file}.${process.pid}`);
        rmSync(`${file}.${process.pid}`);
        continue;
      }
      if (!told) console.log(`setup: waiting for another set-up (process ${owner}; if there is none, delete ${file})`);
      told = true;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error; // released meanwhile
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}
