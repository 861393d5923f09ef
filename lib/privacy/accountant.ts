// How much a training has told of its records.
import { ArgumentError, checkEach, checkInteger, checkNumber } from '../errors.js';
import { checkOptions } from '../options.js';
import { divergence } from './gaussian.js';

/** Steps of a training with noise. */
export interface PrivateSteps {
  /** σ: the noise's standard deviation over the norm to which each record's gradient is cut. */
  noiseMultiplier: number;
  /** The probability with which a record is in a step: the expected batch size over the number of records. */
  sampleRate: number;
  /** How many; default 1. */
  steps?: number;
}

/** @internal Orders between 1 and 64, as Opacus has them; which is best depends on the noise. */
export const lowOrders = [
  ...Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10),
  ...Array.from({ length: 52 }, (_, i) => i + 12),
];

// Those that TensorFlow Privacy adds for much noise: with 63 as the highest, ε stays above 0.1 at a δ of 1e-5, however little is told.
const orders = [...lowOrders, 128, 256, 512, 1024];

const checkDelta = (operation: string, name: string, value: unknown): number => {
  const delta = checkNumber(operation, name, value, { min: 0, max: 1, open: true });
  if (delta < 1) return delta;
  throw new ArgumentError(
    `${operation}: ${name} must be below 1, got 1; take less than one over the number of records`,
  );
};

function checkSteps(operation: string, given: PrivateSteps): Required<PrivateSteps> {
  checkOptions(operation, given, ['noiseMultiplier', 'sampleRate', 'steps']);
  return {
    noiseMultiplier: checkNumber(operation, 'noiseMultiplier', given?.noiseMultiplier, { min: 0 }),
    sampleRate: checkNumber(operation, 'sampleRate', given.sampleRate, { min: 0, max: 1 }),
    steps: checkInteger(operation, 'steps', given.steps ?? 1, 0),
  };
}

/**
 * @internal ε for the sum of the divergences, of the best order: Balle et al., "Hypothesis testing interpretations and Rényi differential
 * privacy", 2019, https://arxiv.org/abs/1905.09982, theorem 21.
 */
export function epsilonOf(history: readonly Required<PrivateSteps>[], delta: number, among = orders): number {
  const telling = history.filter(({ steps, sampleRate }) => steps > 0 && sampleRate > 0);
  if (telling.length === 0) return 0;
  const found = among.map((alpha) => {
    const spent = telling.reduce(
      (sum, one) => sum + one.steps * divergence(one.sampleRate, one.noiseMultiplier, alpha),
      0,
    );
    return spent - (Math.log(delta) + Math.log(alpha)) / (alpha - 1) + Math.log((alpha - 1) / alpha);
  });
  return Math.max(0, Math.min(...found));
}

/**
 * Keeps account of what a differentially private training may tell of a single record: after all steps, the training is
 * (ε, δ)-differentially private. Counts by Rényi differential privacy; the numbers are those of Opacus' `RDPAccountant`, or below
 * them where one of TensorFlow Privacy's higher orders (128, 256, 512, 1024) says that less was told.
 *
 * Mironov, Talwar and Zhang, "Rényi differential privacy of the sampled Gaussian mechanism", 2019, https://arxiv.org/abs/1908.10530
 *
 * @example
 * const accountant = new privacy.RDPAccountant();
 * accountant.step({ noiseMultiplier: 1.1, sampleRate: 256 / 60000, steps: 2340 });
 * accountant.getEpsilon(1e-5).toFixed(2); // "1.10"
 */
export class RDPAccountant {
  #history: Required<PrivateSteps>[] = [];

  /** Counts steps. @throws ArgumentError for a rate outside of 0 to 1, or noise below 0 */
  step(given: PrivateSteps): void {
    const steps = checkSteps('RDPAccountant.step', given);
    const last = this.#history.at(-1);
    if (last?.noiseMultiplier === steps.noiseMultiplier && last.sampleRate === steps.sampleRate)
      last.steps += steps.steps;
    else this.#history.push(steps);
  }

  /**
   * ε after all steps: with a probability of at least 1 − δ, nothing that is seen of the training is e^ε times as probable with a record
   * as without it.
   *
   * @param delta δ, between 0 and 1; less than one over the number of records
   * @throws ArgumentError for a δ outside of these
   */
  getEpsilon(delta: number): number {
    return epsilonOf(this.#history, checkDelta('RDPAccountant.getEpsilon', 'delta', delta));
  }

  /** What has been counted, for checkpoints. */
  stateDict(): { history: Required<PrivateSteps>[] } {
    return { history: this.#history.map((one) => ({ ...one })) };
  }

  /** Goes on from what {@link stateDict} gave. */
  loadStateDict(state: { history: readonly PrivateSteps[] }): void {
    const operation = 'RDPAccountant.loadStateDict';
    this.#history = checkEach(operation, 'history', 'must be a list of steps', state?.history, (one) =>
      checkSteps(operation, one as PrivateSteps),
    );
  }
}

/** Options of {@link getNoiseMultiplier}. */
export interface NoiseMultiplierOptions {
  targetEpsilon: number;
  targetDelta: number;
  /** See {@link PrivateSteps}. */
  sampleRate: number;
  steps: number;
}

/**
 * The least noise, within 0.1 %, with which a training stays within a budget.
 *
 * @returns σ, the noise multiplier
 * @throws ArgumentError for a budget that no noise up to a million meets, or a targetEpsilon below what the accountant's orders can tell at this
 *   targetDelta, 0.0035 at 1e-5
 * @example
 * privacy.getNoiseMultiplier({ targetEpsilon: 1, targetDelta: 1e-5, sampleRate: 0.01, steps: 1000 }).toFixed(1); // "1.5"
 */
export function getNoiseMultiplier(options: NoiseMultiplierOptions): number {
  const operation = 'getNoiseMultiplier';
  checkOptions(operation, options, ['targetEpsilon', 'targetDelta', 'sampleRate', 'steps']);
  const target = checkNumber(operation, 'targetEpsilon', options?.targetEpsilon, { min: 0, open: true });
  const delta = checkDelta(operation, 'targetDelta', options.targetDelta);
  const { sampleRate, steps } = checkSteps(operation, { noiseMultiplier: 1, sampleRate: options.sampleRate, steps: options.steps }); // biome-ignore format: one line
  const costs = (noiseMultiplier: number) => epsilonOf([{ noiseMultiplier, sampleRate, steps }], delta);
  if (costs(0) <= target) return 0;
  let [low, high] = [0, 1];
  while (costs(high) > target) {
    [low, high] = [high, 2 * high];
    if (high > 1e6) throw outOfReach(target, delta, costs(Number.POSITIVE_INFINITY));
  }
  while (high - low > 1e-3 * high) {
    const middle = (low + high) / 2;
    if (costs(middle) > target) low = middle;
    else high = middle;
  }
  return high;
}

function outOfReach(target: number, delta: number, least: number): ArgumentError {
  if (target > least) {
    const hint = 'take a larger targetEpsilon or targetDelta, fewer steps or a lower sampleRate';
    return new ArgumentError(
      `getNoiseMultiplier: targetEpsilon ${target} is out of reach with noise up to 1000000 times the norm; ${hint}`,
    );
  }
  const above = (least * 1.0005).toPrecision(4); // rounded up
  const rule = `targetEpsilon must be at least ${above} at a targetDelta of ${delta}`;
  const reason = 'with any noise, the accountant can tell no less of its orders, which end at 1024';
  return new ArgumentError(
    `getNoiseMultiplier: ${rule}, got ${target}; ${reason}; take a larger targetEpsilon or targetDelta`,
  );
}
