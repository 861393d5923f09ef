// Shared by the tests of calls that change all or nothing.
import { expect } from 'vitest';
import { AllocationError, freeMemory, memoryStats, type optim, setMemoryLimit, type Tensor } from '../../lib/index.js';
import { errorOf } from './refusals.js';

export type AnyOptimizer = optim.Optimizer<{ lr: number }>;

/** Dtype, shape and bits. */
export const imageOf = (t: Tensor | null | undefined): string | null =>
  t ? `${t.dtype} [${t.shape}] ${Buffer.from(t.toTypedArray().buffer).toString('hex')}` : null;

/** All that a failed call must leave as it was. */
export function everything(tensors: readonly Tensor[], optimizer?: Pick<AnyOptimizer, 'stateDict'>): unknown {
  const saved = optimizer?.stateDict();
  return {
    tensors: tensors.map((t) => [imageOf(t), imageOf(t._grad), t._base?.version ?? 0, t.requiresGrad]),
    state:
      saved && Object.entries(saved.state).map(([i, s]) => [i, Object.entries(s).map(([k, t]) => [k, imageOf(t)])]),
    groups: saved?.param_groups,
  };
}

const { limitBytes } = memoryStats();

// Bytes of a small tensor: the smallest block, or, in checked builds, its elements.
const small = process.env.ADJOINT_CHECK ? 4 : 64;

/**
 * Calls `run` with room for ever more small tensors, until it succeeds; `check` follows each failure. One more each time at
 * first, later an eighth more. Returns how many small tensors there was room for in the end.
 */
export function withLittleMemory(run: () => void, check: () => void): number {
  for (let blocks = 0; blocks < 1000; blocks += 1 + Math.floor(blocks / 8)) {
    freeMemory();
    setMemoryLimit(memoryStats().liveBytes + small * blocks);
    const error = errorOf(run);
    setMemoryLimit(limitBytes);
    if (error === undefined) return blocks;
    expect(error).toBeInstanceOf(AllocationError);
    check();
  }
  throw new Error('never enough memory');
}
