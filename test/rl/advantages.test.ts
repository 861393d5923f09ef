import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../lib/errors.js';
import { rl, type Tensor, tensor } from '../../lib/index.js';
import { readGolden } from '../support/golden.js';

type Rows = number[][];
interface Estimate extends Record<'rewards' | 'values' | 'nextValues' | 'terminated' | 'truncated' | 'gae', Rows> {
  returns: Record<string, Rows>;
  gamma: number;
  lambda: number;
}

const { estimates } = readGolden<{ estimates: Estimate[] }>('rl');
const farthest = (got: Tensor, want: Rows) => {
  const numbers = want.flat();
  return Math.max(...Array.from(got.toTypedArray(), (value, i) => Math.abs(value - (numbers[i] as number))));
};

describe.each(estimates.map((estimate, i) => [i, estimate] as const))('trajectory %i', (_, estimate) => {
  const { gae, returns, gamma, lambda, ...rows } = estimate;
  const trajectory = (dtype: 'float32' | 'float64') => ({
    rewards: tensor(rows.rewards, { dtype }),
    values: tensor(rows.values, { dtype }),
    nextValues: tensor(rows.nextValues, { dtype }),
    terminated: tensor(rows.terminated),
    truncated: tensor(rows.truncated),
    gamma,
  });

  it('advantages are the sums that define them', () => {
    const { advantages, returns } = rl.generalizedAdvantageEstimate({ ...trajectory('float64'), lambda });
    expect(farthest(advantages, gae)).toBeLessThan(1e-12);
    const values = gae.map((row, t) => row.map((value, j) => value + ((rows.values[t] as number[])[j] as number)));
    expect(farthest(returns, values)).toBeLessThan(1e-12);
    const single = rl.generalizedAdvantageEstimate({ ...trajectory('float32'), lambda });
    expect(single.advantages.dtype).toBe('float32');
    expect(farthest(single.advantages, gae)).toBeLessThan(1e-5);
  });

  it.each(Object.entries(returns))('returns of %s steps, too', (n, want) => {
    expect(farthest(rl.nStepReturns({ ...trajectory('float64'), n: Number(n) }), want)).toBeLessThan(1e-12);
    if (n !== '100') return; // more than there are
    expect(farthest(rl.nStepReturns(trajectory('float64')), want)).toBeLessThan(1e-12);
  });
});

it('wrong trajectories are refused', () => {
  const [a, b] = [tensor([1, 2]), tensor([1, 2, 3])];
  const given = { rewards: a, values: a, nextValues: a, terminated: a };
  expect(() => rl.generalizedAdvantageEstimate({ ...given, values: b })).toThrow(ShapeError);
  expect(() => rl.generalizedAdvantageEstimate({ ...given, values: b })).toThrow(
    'generalizedAdvantageEstimate: values must have the shape of rewards [2], got [3]',
  );
  expect(() => rl.nStepReturns({ ...given, rewards: tensor(1) })).toThrow(/rewards must be \[steps\]/);
  expect(() => rl.nStepReturns({ ...given, n: 0 })).toThrow(/n must be an integer of at least 1, got 0/);
  expect(() => rl.generalizedAdvantageEstimate({ ...given, lambda: 2 })).toThrow(/lambda must be/);
});
