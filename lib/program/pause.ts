import { native } from '../native.js';

let pauses = 0;

/** Runs `fn` while all compiled steps of this thread are paused between two steps. */
export function whilePaused<T>(fn: () => T): T {
  native.pausePrograms();
  pauses++;
  try {
    return fn();
  } finally {
    native.resumePrograms();
  }
}

/** How often steps have been paused, which tells whether anyone may have read what queued steps write. */
export function pauseCount(): number {
  return pauses;
}
