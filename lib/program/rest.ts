import { native } from '../native.js';

let rests = 0;

/** Runs `fn` while all compiled steps of this thread stand between two steps. */
export function atRest<T>(fn: () => T): T {
  native.pausePrograms();
  rests++;
  try {
    return fn();
  } finally {
    native.resumePrograms();
  }
}

/** How often steps have been made to rest: whether somebody may have looked at what queued steps write. */
export function restsSoFar(): number {
  return rests;
}
