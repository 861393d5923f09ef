// What the tables of losses share.
import { irregular, type Plain } from './harness.js';

export type Reduction = 'mean' | 'sum' | 'none';
export const reductions: Reduction[] = ['mean', 'sum', 'none'];

/** The reference's reduction of the elements' losses. */
export function reduced(losses: number[], shape: number[], reduction: Reduction, divisor: number): Plain {
  const magnitudes = losses.map((v) => Math.abs(v) + 0.1);
  if (reduction === 'none') return { shape, data: losses, magnitude: magnitudes };
  const scale = reduction === 'mean' ? 1 / divisor : 1;
  const add = (values: number[]): number => values.reduce((s, v) => s + v, 0) * scale;
  return { shape: [], data: [add(losses)], magnitude: [add(magnitudes)] };
}

export const scores = (i: number): number => irregular(i) * 3;
