// Which parameters are trained, by name.
import { ArgumentError, checkEach, describe } from '../errors.js';
import { checkPart } from './lookup.js';
import type { Module } from './module.js';

/**
 * Names of parameters or modules: a text is the name or a part of it between dots (`encoder`, `query`, `layer.0.output`); an
 * expression may match anywhere; of a list, one is enough.
 */
export type NamePattern = string | RegExp | readonly (string | RegExp)[];

/** @internal Whether a name is meant. */
export function matching(operation: string, what: string, pattern: unknown): (name: string) => boolean {
  const rule = 'must be texts or regular expressions';
  const list = typeof pattern === 'string' || pattern instanceof RegExp ? [pattern] : pattern;
  const tests = checkEach(operation, what, rule, list, (one): ((name: string) => boolean) => {
    if (one instanceof RegExp) return (name) => new RegExp(one.source, one.flags.replace(/[gy]/g, '')).test(name);
    if (typeof one === 'string' && one !== '') return (name) => `.${name}.`.includes(`.${one}.`);
    throw new ArgumentError(`${operation}: ${what} ${rule}, got ${describe(one)}`);
  });
  return (name) => tests.some((test) => test(name));
}

function setTrained(operation: string, module: Module, pattern: NamePattern | undefined, value: boolean): string[] {
  checkPart(operation, module);
  const isMeant = pattern === undefined ? () => true : matching(operation, 'pattern', pattern);
  const all = module.namedParameters();
  const chosen = all.filter(([name]) => isMeant(name));
  if (chosen.length === 0 && pattern !== undefined) {
    const some = all.slice(0, 5).map(([name]) => name);
    const hint = `; names are ${some.join(', ')}${all.length > some.length ? ', …' : ''}`;
    throw new ArgumentError(`${operation}: pattern must match a parameter's name, got ${describe(pattern)}${hint}`);
  }
  for (const [, p] of chosen) p.requiresGrad = value;
  return chosen.map(([name]) => name);
}

/**
 * Excludes parameters from training, by name: they get no gradients, and layers save nothing for them. Optimizers pass over
 * them.
 *
 * @param pattern which; default all
 * @returns their names
 * @throws ArgumentError when no name matches
 * @example
 * const model = nn.sequential(new nn.Linear(8, 16), new nn.Tanh(), new nn.Linear(16, 2));
 * nn.utils.freeze(model, /^0/); // ['0.weight', '0.bias']
 */
export function freeze(module: Module, pattern?: NamePattern): string[] {
  return setTrained('freeze', module, pattern, false);
}

/**
 * Includes parameters in training again; see {@link freeze}.
 *
 * @param pattern which; default all
 * @returns their names
 * @throws ArgumentError when no name matches
 * @example
 * const model = nn.sequential(new nn.Linear(8, 16), new nn.Tanh(), new nn.Linear(16, 2));
 * nn.utils.freeze(model);
 * nn.utils.unfreeze(model, '2.bias'); // ['2.bias']
 */
export function unfreeze(module: Module, pattern?: NamePattern): string[] {
  return setTrained('unfreeze', module, pattern, true);
}
