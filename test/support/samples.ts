// Whether numbers are drawn from a distribution.
import { erf } from './special.js';

/** √n times the largest distance between the sample's distribution function and `cdf`; above 1.95 once in 1,000 times. */
export function kolmogorovSmirnov(sample: number[], cdf: (x: number) => number): number {
  const sorted = Float64Array.from(sample).sort();
  let most = 0;
  sorted.forEach((x, i) => {
    const f = cdf(x);
    most = Math.max(most, f - i / sorted.length, (i + 1) / sorted.length - f);
  });
  return most * Math.sqrt(sorted.length);
}

export const normalCdf = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;
