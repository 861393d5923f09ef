// Which weights of a module are pruned, clustered or quantised, and in which order they can be.
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, describe, StateError } from '../errors.js';
import { Embedding, EmbeddingBag } from '../nn/embedding.js';
import { matching, type NamePattern } from '../nn/freeze.js';
import { checkPart } from '../nn/lookup.js';
import { Module } from '../nn/module.js';
import { listAt, type Parametrization, ParametrizationList, storedAt } from '../nn/parametrize-list.js';
import { detach } from '../ops/copy.js';
import type { Tensor } from '../tensor.js';

/** @internal Whether a module looks rows up in a table, which it does not multiply. */
export const isTable = (module: Module): boolean => module instanceof Embedding || module instanceof EmbeddingBag;

// What becomes of a weight, in the only order that loses nothing: each of these goes on from what those before have left.
const stages = ['pruned', 'clustered', 'prepared', 'quantised'] as const;
type Stage = (typeof stages)[number];

// The last of them after which each operation still can come.
const latest = {
  prune: 'pruned',
  shrink: 'pruned',
  cluster: 'clustered',
  makePermanent: 'clustered',
  prepare: 'clustered',
  prepareQat: 'clustered',
  quantizeDynamic: 'clustered',
  convert: 'prepared',
} as const satisfies Record<string, Stage>;

/** @internal An operation that has a place in that order. */
export type Operation = keyof typeof latest;

const verbs = { prune: 'prune', shrink: 'shrink', cluster: 'cluster', makePermanent: 'make it permanent' };
const verbOf = { pruned: 'prune', clustered: 'cluster', prepared: 'prepare', quantised: 'quantise' };

/** @internal A module that one of these operations puts into a layer. */
export abstract class Inserted extends Module {
  /** What the layer's weight is with it. */
  abstract get stage(): Stage;
}

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

/** @internal What a weight is now, without a gradient; an error where it has a number that is none. */
export function finiteValue(operation: string, weight: Weight): Tensor {
  const value = detach(noGrad(() => weightValue(weight)));
  checkFinite(operation, weight.path, value);
  return value;
}

/** @internal */
export function checkFinite(operation: string, path: string, value: Tensor): void {
  const values = value.toTypedArray();
  const at = values.findIndex((x) => !Number.isFinite(x));
  if (at < 0) return;
  throw new ArgumentError(
    `${operation}: ${path} must be finite, got ${values[at]} (element ${at}); load values from before that`,
  );
}

/**
 * @internal Throws if an operation comes too late for a weight: it would not find what it needs, or take away what is there.
 *
 * @param parts what may have been put into its layer
 */
export function checkOrder(
  operation: Operation,
  weight: Weight,
  parts: readonly unknown[] = insertedFor(weight),
): void {
  const last = stages.indexOf(latest[operation]);
  for (const part of parts) {
    if (!(part instanceof Inserted) || stages.indexOf(part.stage) <= last) continue;
    const { stage } = part;
    const verb = (verbs as Partial<Record<Operation, string>>)[operation];
    const once =
      stage === 'prepared'
        ? 'compress.convert quantises what is prepared'
        : 'begin with floats, or leave it out: names';
    const hint = verb === undefined ? once : `${verb} first, then ${verbOf[stage]}`;
    throw new StateError(`${operation}: ${weight.path} must not be ${stage} yet; ${hint}`);
  }
}

const insertedFor = (weight: Weight): unknown[] => [
  ...partsOf(weight),
  (weight.module as { inputQuantizer?: unknown }).inputQuantizer,
];

/** @internal Throws if a weight is computed by what others have registered, such as weight norm, which the operation would take away. */
export function checkOwn(operation: Operation, weight: Weight): void {
  const other = partsOf(weight).find((part) => !(part instanceof Inserted));
  if (other === undefined) return;
  const { path, name } = weight;
  const hint = `make it a parameter first: nn.utils.parametrize.removeParametrizations(layer, '${name}')`;
  throw new StateError(
    `${operation}: ${path} must not be computed by ${other.constructor.name}, which would be lost; ${hint}`,
  );
}

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
    return [...computed, ...own].map((name) => ({ module, name, path: prefix === '' ? name : `${prefix}.${name}` }));
  });
}
