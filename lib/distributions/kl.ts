// Kullback-Leibler divergences, and the register of their formulas.
import { ArgumentError, checkFunction, describe, StateError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { Distribution, distributionOf } from './distribution.js';

type Class<D extends Distribution> = abstract new (...args: never) => D;
type Formula = (p: never, q: never) => Tensor;

const formulas = new Map<unknown, Map<unknown, Formula>>();

function checkClass(name: string, value: unknown): void {
  if (value === Distribution || (typeof value === 'function' && value.prototype instanceof Distribution)) return;
  throw new ArgumentError(`distributions.registerKl: ${name} must be a class of distributions, got ${describe(value)}`);
}

/**
 * Registers a formula for `klDivergence` of two classes and what extends them. A later one replaces it.
 *
 * @example
 * distributions.registerKl(distributions.Normal, distributions.StudentT, (p, q) => p.entropy().neg().sub(q.logProb(p.mean)));
 */
export function registerKl<P extends Distribution, Q extends Distribution>(
  P: Class<P>,
  Q: Class<Q>,
  formula: (p: P, q: Q) => Tensor,
): void {
  checkClass('P', P);
  checkClass('Q', Q);
  checkFunction('distributions.registerKl', 'formula', formula);
  const row = formulas.get(P) ?? new Map<unknown, Formula>();
  formulas.set(P, row.set(Q, formula as Formula));
}

// A distribution's class and those that it extends, itself first.
function lineage(d: Distribution): unknown[] {
  const classes: unknown[] = [];
  for (let at = Object.getPrototypeOf(d); at !== null; at = Object.getPrototypeOf(at)) classes.push(at.constructor);
  return classes;
}

/**
 * The Kullback-Leibler divergence ∫ p(x) log(p(x) / q(x)) dx, differentiable in the parameters of both.
 *
 * @returns one number for each distribution of the batch
 * @throws StateError when there is no formula for the two classes; `registerKl` adds one. ArgumentError for a Binomial q with more
 * trials than p
 * @example
 * const loss = distributions.klDivergence(new distributions.Normal(1, 2), new distributions.Normal(0, 1));
 */
export function klDivergence(p: Distribution, q: Distribution): Tensor {
  distributionOf('distributions.klDivergence', 'p', p);
  distributionOf('distributions.klDivergence', 'q', q);
  for (const P of lineage(p)) {
    for (const Q of lineage(q)) {
      const formula = formulas.get(P)?.get(Q);
      if (formula !== undefined) return formula(p as never, q as never);
    }
  }
  throw noFormula(p, q);
}

/** @internal */
export function noFormula(p: Distribution, q: Distribution): StateError {
  const pair = `${p.constructor.name} and ${q.constructor.name}`;
  return new StateError(`distributions.klDivergence: there is no formula for ${pair}; add one by registerKl`);
}
