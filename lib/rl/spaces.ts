// What an environment shows, and what may be done in it.
import { ArgumentError, checkEach, checkInteger, checkNumber, describe, formatShape, isPlain } from '../errors.js';
import { checkOptions } from '../options.js';

/** One of `n` things: 0 to n − 1. */
export interface DiscreteSpace {
  readonly kind: 'discrete';
  readonly n: number;
}

/** Numbers of a shape, each between its own bounds, in row-major order. */
export interface BoxSpace {
  readonly kind: 'box';
  readonly shape: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** What an action is: one of a few, or numbers. */
export type Space = DiscreteSpace | BoxSpace;

/** @internal How many numbers an element of a space is. */
export const sizeOf = (space: Space): number => (space.kind === 'discrete' ? 1 : space.low.length);

/** @internal A box whose numbers lie between −limit and limit. */
export const boxOf = (...limits: readonly number[]): BoxSpace =>
  checkBox('box', 'box', { kind: 'box', shape: [limits.length], low: limits.map((limit) => -limit), high: limits });

/** @internal */
export function checkSpace(operation: string, name: string, given: unknown): Space {
  if (!isPlain(given) || (given as Partial<Space>).kind !== 'discrete') return checkBox(operation, name, given);
  checkOptions(operation, given, ['kind', 'n']);
  const { n } = given as DiscreteSpace;
  return Object.freeze({ kind: 'discrete', n: checkInteger(operation, `${name}.n`, n, 1, 2 ** 31 - 1) });
}

/** @internal */
export function checkBox(operation: string, name: string, given: unknown): BoxSpace {
  const { kind, shape, low, high } = (isPlain(given) ? given : {}) as Partial<BoxSpace>;
  if (kind !== 'box') {
    const rule = `${name} must be a space, such as { kind: 'discrete', n: 2 }`;
    throw new ArgumentError(`${operation}: ${rule}, got ${describe(given)}`);
  }
  checkOptions(operation, given, ['kind', 'shape', 'low', 'high']);
  const sizes = checkEach(operation, `${name}.shape`, 'must be sizes', shape, (size) =>
    checkInteger(operation, `${name}.shape`, size, 1, 2 ** 24),
  );
  const count = sizes.reduce((product, size) => product * size, 1);
  const bounds = (bound: string, list: unknown): readonly number[] => {
    const numbers = checkEach(operation, `${name}.${bound}`, 'must be numbers', list, (value) => {
      if (typeof value === 'number' && !Number.isNaN(value)) return value;
      throw new ArgumentError(`${operation}: ${name}.${bound} must be numbers, got ${describe(value)}`);
    });
    if (numbers.length === count) return Object.freeze(numbers);
    const rule = `${name}.${bound} must have ${count} numbers, one for each of shape ${formatShape(sizes)}`;
    throw new ArgumentError(`${operation}: ${rule}, got ${numbers.length}`);
  };
  return Object.freeze({
    kind: 'box',
    shape: Object.freeze(sizes),
    low: bounds('low', low),
    high: bounds('high', high),
  });
}

/**
 * @internal An action as an environment takes it: an integer, or numbers, which are cut to the bounds, as Gymnasium's
 * environments do.
 */
export function checkAction(operation: string, space: Space, given: unknown): number | number[] {
  if (space.kind === 'discrete') {
    if (typeof given === 'number' && Number.isInteger(given) && given >= 0 && given < space.n) return given;
    throw new ArgumentError(`${operation}: action must be an integer from 0 to ${space.n - 1}, got ${describe(given)}`);
  }
  const count = space.low.length;
  const list = count === 1 && typeof given === 'number' ? [given] : given;
  const numbers = checkEach(operation, 'action', `must be ${count} numbers`, list, (value, i) => {
    const number = checkNumber(operation, 'action', value);
    return Math.min(Math.max(number, space.low[i] as number), space.high[i] as number);
  });
  if (numbers.length === count) return numbers;
  throw new ArgumentError(`${operation}: action must be ${count} numbers, got ${numbers.length}`);
}
