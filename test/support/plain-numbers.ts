// Tensors and states of modules as plain numbers.
import type { nn, Tensor } from '../../lib/index.js';

export const numbersOf = (t: Tensor): number[] => Array.from(t.detach().toTypedArray());

export const rowsOf = (t: Tensor): number[][] => t.detach().toArray() as number[][];

export const stateOf = (model: nn.Module): [name: string, shape: readonly number[], values: number[]][] =>
  [...model.stateDict()].map(([name, t]) => [name, t.shape, numbersOf(t)]);
