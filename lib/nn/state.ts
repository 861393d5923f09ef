import { types } from 'node:util';
import { noGrad } from '../autograd/tape.js';
import { isFloat } from '../dtype.js';
import { ArgumentError, describe, formatShape, isPlain, StateError } from '../errors.js';
import { native } from '../native.js';
import { clone, copy_ } from '../ops/copy.js';
import { sameShape } from '../shape.js';
import { fileDTypes, Tensor } from '../tensor.js';
import { isModule } from './places.js';

/** What `loadStateDict` accepts: names and tensors. */
export type StateDict = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/** `Module.loadStateDict`: copies `state` into the tensors of the same names, all or none. */
export function loadState(
  state: StateDict,
  own: ReadonlyMap<string, Tensor>,
  strict: boolean,
): { missingKeys: string[]; unexpectedKeys: string[] } {
  if (state === null || typeof state !== 'object' || !(types.isMap(state) || isPlain(state))) {
    const hint = isModule(Object(state)) ? '; pass its stateDict()' : '';
    throw new ArgumentError(
      `loadStateDict: state must be a Map or an object of tensors, got ${describe(state)}${hint}`,
    );
  }
  const given = new Map(types.isMap(state) ? state : Object.entries(state)) as Map<string, Tensor>;
  // One name is enough for a tensor that has several.
  const covered = new Set([...own].flatMap(([name, t]) => (given.has(name) ? [t] : [])));
  const missing = [...own].flatMap(([name, t]) => (covered.has(t) ? [] : [name]));
  const unexpected = [...given.keys()].filter((name) => !own.has(name));
  const problems = [...own].flatMap(([name, t]) => (given.has(name) ? mismatch(name, given.get(name), t) : []));
  if (strict) {
    if (missing.length > 0) problems.unshift(`missing ${missing.join(', ')}`);
    if (unexpected.length > 0) problems.push(`unexpected ${unexpected.join(', ')}`);
    problems.push(...alike(missing, unexpected, (key, name) => fits(given.get(key), own.get(name) as Tensor)));
  }
  if (problems.length > 0) throw new StateError(`loadStateDict: state must fit the module: ${problems.join('; ')}`);
  const pairs = [...own].flatMap(([name, t]) => (given.has(name) ? [[t, given.get(name) as Tensor] as const] : []));
  copyAll('loadStateDict', pairs);
  for (const [to, from] of pairs) {
    const noted = fileDTypes.get(from);
    if (noted !== undefined && from.dtype === to.dtype) fileDTypes.set(to, noted);
  }
  return { missingKeys: missing, unexpectedKeys: unexpected };
}

const shown = 3;

/** `perhaps 0.weight is weight`: what of the unexpected is called most like something that is missing. */
function alike(
  missing: readonly string[],
  unexpected: readonly string[],
  canBe: (key: string, name: string) => boolean,
): string[] {
  const guesses: string[] = [];
  for (const name of missing) {
    let best: string | undefined;
    let most = 0.4;
    for (const key of unexpected) {
      const share = likeness(key, name);
      if (share > most && canBe(key, name)) [best, most] = [key, share];
    }
    if (best !== undefined) guesses.push(`${best} is ${name}`);
    if (guesses.length === shown) break;
  }
  return guesses.length === 0 ? [] : [`perhaps ${guesses.join(', ')}`];
}

/** The share of letters that two names have in common at their ends. */
function likeness(a: string, b: string): number {
  const [short, long] = [Math.min(a.length, b.length), Math.max(a.length, b.length)];
  let first = 0;
  while (first < short && a[first] === b[first]) first++;
  let last = 0;
  while (last < short - first && a.at(-1 - last) === b.at(-1 - last)) last++;
  return (first + last) / long;
}

const fits = (given: unknown, own: Tensor): boolean => given instanceof Tensor && sameShape(given.dims, own.dims);

// Copies sources into tensors of the same shapes: all of them or, when one cannot be read or written, none.
function copyAll(operation: string, pairs: readonly (readonly [to: Tensor, from: Tensor])[]): void {
  const written = new Set(pairs.flatMap(([to]) => (to._base === null ? [to] : [to, to._base])));
  for (const [to] of pairs) native.checkFree(to.handle, true, operation);
  noGrad(() => {
    const sources = pairs.map(([to, from]) => {
      native.checkFree(from.handle, false, operation);
      const isWritten = from !== to && (written.has(from) || (from._base !== null && written.has(from._base)));
      return isWritten ? clone(from) : from;
    });
    pairs.forEach(([to], i) => {
      copy_(to, sources[i] as Tensor);
    });
  });
}

function mismatch(name: string, given: unknown, own: Tensor): string[] {
  if (!(given instanceof Tensor)) return [`${name} must be a tensor, got ${describe(given)}`];
  if (given.disposed) return [`${name} must be a live tensor, got a disposed one`];
  if (!sameShape(given.dims, own.dims)) {
    return [`${name} must be ${formatShape(own.dims)}, got ${formatShape(given.dims)}`];
  }
  return isFloat(given.dtype) === isFloat(own.dtype) ? [] : [`${name} must be ${own.dtype}, got ${given.dtype}`];
}
