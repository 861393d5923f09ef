// What `detectAnomaly` observes. Here at the bottom, because the tape, backward passes and modules tell it what they do.
import type { Tensor } from '../tensor.js';
import type { Node } from './tape.js';

/** Told of each operation, and of each backward function that has run. */
export interface Watch {
  made(name: string, y: Tensor, inputs: readonly Tensor[]): void;
  returned(node: Node, dy: Tensor, gradients: readonly (Tensor | null)[]): void;
}

let watch: Watch | null = null;

/** @internal Null, unless a function runs under `detectAnomaly`. */
export function currentWatch(): Watch | null {
  return watch;
}

/** @internal Runs `fn` with the given watch. */
export function watched<T>(inner: Watch | null, fn: () => T): T {
  const outer = watch;
  watch = inner;
  try {
    return fn();
  } finally {
    watch = outer;
  }
}

/** @internal The modules whose `forward` is running, outermost first, while there is a watch. */
export const running: object[] = [];
