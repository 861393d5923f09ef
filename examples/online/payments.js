// What the service learns from: card payments, some of them fraud. Here are their features with their bounds, how the
// network sees them, and a seeded world that makes them up. The world drifts: what fraud looks like changes with time.

/** @typedef {{ amount: number, hour: number, kilometres: number, minutes: number, accountDays: number,
 *   merchantRisk: number, online: boolean, foreign: boolean }} Payment */

/** The features as JSON Schema: what is outside of these bounds is answered with 400. */
export const properties = {
  amount: { type: 'number', minimum: 0, maximum: 1e7, description: 'euros' },
  hour: { type: 'number', minimum: 0, maximum: 24, description: 'of the day, where the card was issued' },
  kilometres: { type: 'number', minimum: 0, maximum: 20_100, description: 'from home' },
  minutes: { type: 'number', minimum: 0, maximum: 1e7, description: 'since the last payment' },
  accountDays: { type: 'number', minimum: 0, maximum: 50_000, description: 'age of the account' },
  merchantRisk: { type: 'number', minimum: 0, maximum: 1, description: 'share of disputed payments, scaled' },
  online: { type: 'boolean' },
  foreign: { type: 'boolean' },
};

/** Numbers that the network sees of a payment. */
export const inputs = 9;

/**
 * Writes what the network sees of a payment: numbers of about deviation 1, the hour as a point on a circle.
 * @param {Payment} payment @param {Float32Array} into @param {number} [at]
 */
export function encode(payment, into, at = 0) {
  const angle = (payment.hour / 12) * Math.PI;
  into[at] = (Math.log1p(payment.amount) - 3.5) / 1.2;
  into[at + 1] = Math.sin(angle);
  into[at + 2] = Math.cos(angle);
  into[at + 3] = (Math.log1p(payment.kilometres) - 2) / 1.2;
  into[at + 4] = (Math.log1p(payment.minutes) - 5) / 1.5;
  into[at + 5] = (Math.log1p(payment.accountDays) - 6) / 1.2;
  into[at + 6] = 4 * payment.merchantRisk - 1;
  into[at + 7] = payment.online ? 1 : -1;
  into[at + 8] = payment.foreign ? 1 : -1;
}

/** Uniform numbers from 0 to 1 (mulberry32), the same for the same seed. @param {number} seed */
export function uniformNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Endless payments with what became of them. At first fraud is a stolen card: large amounts at night, far from home. It
 * turns into tested card numbers: small amounts online, minutes after the last, at risky merchants; and back.
 *
 * @param {{ seed?: number, turn?: number }} [options] turn: payments from the one pattern to the other
 * @returns {Generator<{ payment: Payment, fraud: boolean, probability: number }, never>}
 */
export function* payments({ seed = 1, turn = 60_000 } = {}) {
  const uniform = uniformNumbers(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const logNormal = (/** @type {number} */ mean, /** @type {number} */ deviation) =>
    Math.expm1(Math.max(0, mean + deviation * normal()));
  const x = new Float32Array(inputs);
  const at = (/** @type {number} */ i) => x[i] ?? 0;
  for (let count = 0; ; count++) {
    const payment = {
      amount: logNormal(3.5, 1.2),
      hour: 24 * uniform(),
      kilometres: Math.min(20_000, logNormal(2, 1.2)),
      minutes: logNormal(5, 1.5),
      accountDays: Math.min(50_000, logNormal(6, 1.2)),
      merchantRisk: uniform() ** 2,
      online: uniform() < 0.5,
      foreign: uniform() < 0.2,
    };
    encode(payment, x);
    const stolen = at(0) + at(2) + at(3) + 0.5 * at(8) + at(0) * at(3);
    const tested = -at(0) - at(4) + 1.5 * at(6) + at(7) - at(5) * at(6);
    const turned = 0.5 - 0.5 * Math.cos((Math.PI * count) / turn);
    const probability = 1 / (1 + Math.exp(-2 * ((1 - turned) * stolen + turned * tested - 1)));
    yield { payment, fraud: uniform() < probability, probability };
  }
}
