// Long loops that leave the event loop its turns.
import { setImmediate } from 'node:timers/promises';

/** How long a loop may keep the event loop waiting, in milliseconds. */
const longest = 8;

/** @internal The turns of the event loop during a loop, which promises of what is at hand do not give it. */
export class Turns {
  #last = performance.now();

  /** Whether the event loop has waited long enough. */
  get isDue(): boolean {
    return performance.now() - this.#last > longest;
  }

  /** Lets the event loop have its turn. */
  async give(): Promise<void> {
    await setImmediate();
    this.#last = performance.now();
  }
}
