// Lets an exporter see what a forward pass computes: each kernel, each view, each tensor whose memory a kernel gets. At the
// bottom, because the addon's front and tensors tell it what they do.
import type { Tensor } from './tensor.js';

/** Told of what runs, before it runs. */
export interface Tracer {
  /** A kernel with its arguments, handles and numbers. */
  kernel(name: string, args: readonly number[]): void;
  /** A tensor's handle is read, which the next kernel will get. */
  uses(t: Tensor): void;
  /** y shares x's memory from element `offset` on. */
  views(y: Tensor, x: Tensor, offset: number): void;
  /** JavaScript is about to read values, or to write them; throws. */
  touches(operation: string, remedy: string): void;
  /** Several kernels that are one operation; returns their result. */
  whole(name: string, inputs: readonly (Tensor | null)[], numbers: Numbers, run: () => Tensor): Tensor;
}

/** The options of an operation that is traced as a whole. */
export type Numbers = Readonly<Record<string, number | readonly number[]>>;

/** @internal The tracer of this thread; null but for the time of an export. */
export const tracing: { current: Tracer | null } = { current: null };

/** @internal Runs kernels that a tracer sees as one operation of that name. */
export function asWhole(name: string, inputs: readonly (Tensor | null)[], numbers: Numbers, run: () => Tensor): Tensor {
  return tracing.current === null ? run() : tracing.current.whole(name, inputs, numbers, run);
}

/** @internal Runs kernels that a tracer does not see. */
export function untraced<T>(run: () => T): T {
  const before = tracing.current;
  tracing.current = null;
  try {
    return run();
  } finally {
    tracing.current = before;
  }
}
