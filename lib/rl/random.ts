/** Gives numbers uniform in [0, 1), 32 bits each, of a stream that a seed begins. */
export type Random = () => number;

/** @internal A bijective mix of a counter, mulberry32; plain JavaScript, which a thread loads at once. */
export function randomOf(seed: number): Random {
  let state = (seed | 0) ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @internal Uniform in [low, high). */
export const uniform = (random: Random, low: number, high: number): number => low + (high - low) * random();
