// Rényi differential privacy of sums with Gaussian noise over random samples.

/** log erfc(x), also where erfc is too small for a float64. */
function logErfc(x: number): number {
  if (x < 0) return Math.log(2 - Math.exp(logErfc(-x)));
  if (x < 2) {
    // erf by its series, whose terms are below 1e-17 after 40.
    let [term, sum] = [x, x];
    for (let n = 1; n < 60; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return Math.log(1 - (2 / Math.sqrt(Math.PI)) * sum);
  }
  // erfc(x) = exp(-x²) / √π · 1 / (x + ½ / (x + 1 / (x + 3⁄2 / …))), from the inside.
  let tail = x;
  for (let n = Math.ceil(8 + 240 / (x * x)); n >= 1; n--) tail = x + n / 2 / tail;
  return -x * x - 0.5 * Math.log(Math.PI) - Math.log(tail);
}

const logAdd = (a: number, b: number): number => {
  const [low, high] = a < b ? [a, b] : [b, a];
  return low === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(low - high));
};

const tailTerms = 24;

// log Σ (−1)^k exp(log[k]), whose terms are moments of a density, from the first 24 within 1e-18: Cohen, Rodriguez Villegas and Zagier,
// "Convergence acceleration of alternating series", 2000, https://doi.org/10.1080/10586458.2000.10504632, algorithm 1.
function logAlternating(logs: readonly number[]): number {
  const first = logs[0] as number;
  if (first === Number.NEGATIVE_INFINITY) return first;
  const power = (3 + Math.sqrt(8)) ** tailTerms;
  const whole = (power + 1 / power) / 2;
  let [b, c, sum] = [-1, -whole, 0];
  for (const [k, log] of logs.entries()) {
    c = b - c;
    sum += c * Math.exp(log - first);
    b *= ((k + tailTerms) * (k - tailTerms)) / ((k + 0.5) * (k + 1));
  }
  return first + Math.log(sum / whole);
}

/**
 * @internal The Rényi divergence of order α that one step costs: a sum over a sample in which each record is with probability q, with
 * Gaussian noise of σ times what a record can change. Mironov, Talwar and Zhang, "Rényi differential privacy of the sampled Gaussian mechanism",
 * 2019, https://arxiv.org/abs/1908.10530, section 3.3.
 */
export function divergence(q: number, sigma: number, alpha: number): number {
  if (q === 0) return 0;
  // Beyond, squares overflow.
  if (sigma < 1e-150) return Number.POSITIVE_INFINITY;
  if (q === 1) return alpha / (2 * sigma * sigma);
  return (Number.isInteger(alpha) ? wholeOrder(q, sigma, alpha) : anyOrder(q, sigma, alpha)) / (alpha - 1);
}

// log Σ (α over i) (1 − q)^(α − i) q^i exp((i² − i) / 2σ²), i = 0 … α. Without the exponential the sum is 1, so that what is above 1
// has only positive terms, and keeps its digits where it is small.
function wholeOrder(q: number, sigma: number, alpha: number): number {
  let [above, logBinomial] = [Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i <= alpha; i++) {
    const weight = logBinomial + i * Math.log(q) + (alpha - i) * Math.log1p(-q);
    const power = (i * i - i) / (2 * sigma * sigma);
    above = logAdd(above, weight + (power > 40 ? power : Math.log(Math.expm1(power))));
    logBinomial += Math.log((alpha - i) / (i + 1));
  }
  return logAdd(0, above);
}

function anyOrder(q: number, sigma: number, alpha: number): number {
  const log = bySeries(q, sigma, alpha);
  // The series are near 1 and have lost the digits of what is above it, if not all of them: then they may give NaN.
  return log > 0.01 ? log : Math.log1p(aboveOne(q, sigma, alpha));
}

// What E (1 + u)^α, u = q (exp((2x − 1) / 2σ²) − 1), is above 1, for x from N(0, σ²): as E u = 0, it is E ((1 + u)^α − 1 − α u), of which nothing
// is negative. By the trapezoidal rule, whose error falls exponentially, as the integrand is analytic for imaginary parts of x up to πσ²:
// Trefethen and Weideman, "The exponentially convergent trapezoidal rule", 2014, https://doi.org/10.1137/130932132
function aboveOne(q: number, sigma: number, alpha: number): number {
  const logQ = Math.log(q);
  const height = (z: number): number => {
    const t = (z - 0.5 / sigma) / sigma;
    const u = t > 1 ? Math.exp(logQ + t) - q : q * Math.expm1(t);
    const half = (z * z) / 2;
    if (Math.abs(u) > 0.01) {
      const log = u < 1e300 ? Math.log1p(u) : logQ + t;
      return Math.exp(alpha * log - half) - Math.exp(-half) * (1 - alpha * q) - alpha * Math.exp(logQ + t - half);
    }
    let [term, sum] = [alpha * u, 0];
    for (let k = 2; k < 12; k++) {
      term *= ((alpha - k + 1) / k) * u;
      sum += term;
    }
    return sum * Math.exp(-half);
  };
  const step = Math.min(0.5, sigma / 3);
  let sum = 0;
  for (let i = Math.floor(-12 / step); i * step < alpha / sigma + 12; i++) sum += height(i * step);
  return (sum * step) / Math.sqrt(2 * Math.PI);
}

// The sum of wholeOrder as two series, one for each side of the point where both densities are equal. Beyond α the signs alternate, and
// the terms shrink so slowly that a direct sum would take 100,000 of them.
function bySeries(q: number, sigma: number, alpha: number): number {
  const [logQ, logRest] = [Math.log(q), Math.log1p(-q)];
  const middle = sigma * sigma * Math.log(1 / q - 1) + 0.5;
  const width = Math.SQRT2 * sigma;
  const power = (i: number): number => i * logQ + (alpha - i) * logRest + (i * i - i) / (2 * sigma * sigma);
  let [sum, logBinomial] = [Number.NEGATIVE_INFINITY, 0];
  const [below, above]: [number[], number[]] = [[], []];
  const alternating = Math.ceil(alpha);
  for (let i = 0; i < alternating + tailTerms; i++) {
    const j = alpha - i;
    const first = logBinomial + power(i) + logErfc((i - middle) / width);
    const second = logBinomial + power(j) + logErfc((middle - j) / width);
    if (i < alternating) sum = logAdd(sum, logAdd(first, second));
    else {
      below.push(first);
      above.push(second);
    }
    logBinomial += Math.log(Math.abs(j) / (i + 1));
  }
  // Each of them is below its first term. With little noise these are differences of huge numbers, of which only that they are small is right.
  const isRest = logAdd(below[0] as number, above[0] as number) < sum - 40;
  const rest = isRest ? Number.NEGATIVE_INFINITY : logAdd(logAlternating(below), logAlternating(above));
  return logAdd(sum, rest) - Math.LN2;
}
