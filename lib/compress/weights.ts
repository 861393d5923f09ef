// Which weights of a module are pruned, clustered or quantised.
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, describe } from '../errors.js';
import { Embedding, EmbeddingBag } from '../nn/embedding.js';
import { matching, type NamePattern } from '../nn/freeze.js';
import { checkPart } from '../nn/lookup.js';
import type { Module } from '../nn/module.js';
import { listAt, type Parametrization, ParametrizationList, storedAt } from '../nn/parametrize-list.js';
import type { Tensor } from '../tensor.js';

/** @internal Whether a module looks rows up in a table, which it does not multiply. */
export const isTable = (module: Module): boolean => module instanceof Embedding || module instanceof EmbeddingBag;

/** @internal A weight: the module that has it, its name there, and its name in the whole model. */
export interface Weight {
  module: Module;
  name: string;
  path: string;
}

/** @internal What a weight is now: the tensor, or what its parametrizations make of it. */
export const weightValue = ({ module, name }: Weight): Tensor =>
  (module as unknown as Record<string, Tensor>)[name] as Tensor;

/**
 * @internal Parameters of two dimensions and more, such as the weights of linear, convolutional and recurrent layers, except
 * tensors that several modules share and, unless they are wanted, embeddings; or those of them that are named.
 */
export function weightsOf(
  operation: string,
  model: Module,
  names: NamePattern | undefined,
  { embeddings = false } = {},
): Weight[] {
  checkPart(operation, model);
  const isMeant = names === undefined ? null : matching(operation, 'names', names);
  const owners = new Map<Tensor, number>();
  const all = ownWeights(model);
  for (const { module, name } of all) {
    const stored = storedAt(module, name);
    owners.set(stored, (owners.get(stored) ?? 0) + 1);
  }
  const chosen = all.filter((weight) => {
    const { module, name, path } = weight;
    const isOrdinary = owners.get(storedAt(module, name)) === 1 && (embeddings || !isTable(module));
    return (isMeant === null ? isOrdinary : isMeant(path)) && noGrad(() => weightValue(weight)).ndim >= 2;
  });
  if (chosen.length > 0) return chosen;
  const known = all.slice(0, 5).map(({ path }) => path);
  const rule = `${isMeant === null ? 'model must have' : 'names must match'} a weight of two dimensions`;
  const got = isMeant === null ? model.constructor.name : describe(names);
  throw new ArgumentError(
    `${operation}: ${rule}, got ${got}${known.length > 0 ? `; names are ${known.join(', ')}` : ''}`,
  );
}

/** @internal What a weight is computed by; nothing for a plain parameter. */
export const partsOf = ({ module, name }: Weight): Parametrization[] => [...(listAt(module, name) ?? [])];

/** @internal Each module's own parameters, those with parametrizations included; not the tensors that these start from. */
export function ownWeights(model: Module): Weight[] {
  const within = new Set<Module>();
  for (const list of model.modules()) {
    if (list instanceof ParametrizationList) for (const part of list.modules()) within.add(part);
  }
  return model.namedModules().flatMap(([prefix, module]) => {
    if (within.has(module)) return [];
    const { parametrizations } = module as { parametrizations?: { keys(): Iterable<string> } };
    const own = module.namedParameters({ recurse: false }).map(([name]) => name);
    const computed = [...(parametrizations?.keys() ?? [])].filter((name) => listAt(module, name) !== null);
    return [...own, ...computed].map((name) => ({ module, name, path: prefix === '' ? name : `${prefix}.${name}` }));
  });
}
