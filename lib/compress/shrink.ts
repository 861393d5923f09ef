// Outputs that are zero, taken away with what they go to.
import { allOrNothing, onUndo } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import { layersChanged } from '../context.js';
import { ArgumentError, describe } from '../errors.js';
import { matching, type NamePattern } from '../nn/freeze.js';
import { Linear } from '../nn/linear.js';
import { checkPart } from '../nn/lookup.js';
import type { Module } from '../nn/module.js';
import { BatchNorm } from '../nn/norm-batch.js';
import { listAt, storedAt } from '../nn/parametrize-list.js';
import { Buffer, Parameter, roleOf } from '../nn/roles.js';
import { detach } from '../ops/copy.js';
import { tensor, zeros } from '../ops/creation.js';
import { add } from '../ops/elementwise.js';
import { where } from '../ops/elementwise-compare.js';
import { indexSelect } from '../ops/indexing.js';
import { matmul } from '../ops/matmul.js';
import { sum } from '../ops/reduce.js';
import { reshape } from '../ops/shape.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { makePermanent } from './prune.js';
import { type Cuttable, chainsOf, isCuttable, Outputs, type Step } from './shrink-follow.js';
import { checkOrder, checkOwn, Inserted, ownWeights, partsOf } from './weights.js';

/** Options of {@link shrink}. */
export interface ShrinkOptions {
  /** Whose outputs are taken away: weights of linear and convolutional layers, by parts of their names or expressions. Default all. */
  names?: NamePattern;
}

/**
 * Takes outputs away that are zero, such as {@link prune} with `dim: 0` leaves them: the layer becomes smaller, the batch norms behind it, and
 * the inputs of the layer that they go to. In eval mode the model computes the same as before, faster. What an output without
 * weights still says, its bias or a batch norm's, becomes part of the next layer's bias. Masks are made permanent.
 *
 * Followed are outputs of `Linear`, `Conv1d`, `Conv2d` and `Conv3d` (without groups) through a `Sequential`, also nested, with activations,
 * pooling, dropout, batch norms and `Flatten` between, for inputs with a batch; and the hidden features of transformer layers. Make
 * optimizers afterwards: the parameters are new.
 *
 * The idea of a dependency graph: Fang et al., "DepGraph: towards any structural pruning", 2023, https://arxiv.org/abs/2301.12900
 *
 * @returns the model
 * @throws ArgumentError that names the layers whose zero outputs cannot be followed, and why; for names that match nothing. StateError for
 *   weights that are clustered, prepared or quantised already, or pruned and computed by weight norm and the like
 * @example
 * const model = nn.sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 2)).eval();
 * compress.prune(model, { amount: 0.5, dim: 0, names: '0' });
 * compress.shrink(model).getParameter('2.weight'); // [2, 8]
 */
export function shrink<M extends Module>(model: M, options: ShrinkOptions = {}): M {
  checkPart('shrink', model);
  checkOptions('shrink', options, ['names']);
  const isMeant = meaning(model, options.names);
  allOrNothing(() =>
    noGrad(() => {
      for (const weight of ownWeights(model)) {
        checkOrder('shrink', weight);
        if (partsOf(weight).some((part) => part instanceof Inserted)) checkOwn('shrink', weight);
      }
      makePermanent(model);
      const left = new Map<string, string>();
      const chains = chainsOf(model);
      const shared = sharedIn(model, chains);
      for (const chain of chains) shrinkChain(chain, shared, isMeant, left);
      const followed = new Set(chains.flatMap((chain) => chain.map(({ layer }) => layer)));
      for (const [path, layer] of model.namedModules()) {
        if (followed.has(layer) || !isCuttable(layer) || !isMeant(weightOf(path))) continue;
        if (keptOf(layer).includes(false)) left.set(path, 'it is in no Sequential');
      }
      if (left.size === 0) return;
      const reasons = [...left].map(([path, reason]) => `those of ${path === '' ? 'the model' : path} (${reason})`);
      throw new ArgumentError(
        `shrink: outputs that are zero must lead to a layer that can do without them, got ${reasons.join('; ')}; leave these out: names`,
      );
    }),
  );
  layersChanged();
  return model;
}

// Whether a weight is meant.
function meaning(model: Module, names: NamePattern | undefined): (path: string) => boolean {
  if (names === undefined) return () => true;
  const isMeant = matching('shrink', 'names', names);
  const all = model.namedModules().flatMap(([path, layer]) => (isCuttable(layer) ? [weightOf(path)] : []));
  if (all.some(isMeant)) return isMeant;
  const rule = 'names must match the weight of a linear or convolutional layer';
  const hint = all.length > 0 ? `; names are ${all.slice(0, 5).join(', ')}` : '';
  throw new ArgumentError(`shrink: ${rule}, got ${describe(names)}${hint}`);
}

const weightOf = (path: string): string => (path === '' ? 'weight' : `${path}.weight`);

// Layers that run in several places, or whose tensors do.
function sharedIn(model: Module, chains: readonly Step[][]): Set<unknown> {
  const [seen, shared] = [new Set<unknown>(), new Set<unknown>()];
  for (const { layer } of chains.flat()) {
    if (isCuttable(layer) || layer instanceof BatchNorm) (seen.has(layer) ? shared : seen).add(layer);
  }
  const owners = new Map<Tensor, Module>();
  for (const { module, name } of ownWeights(model)) {
    const stored = storedAt(module, name);
    const other = owners.get(stored);
    if (other === undefined) owners.set(stored, module);
    else shared.add(module).add(other);
  }
  return shared;
}

function shrinkChain(
  chain: readonly Step[],
  shared: ReadonlySet<unknown>,
  isMeant: (name: string) => boolean,
  left: Map<string, string>,
): void {
  let open: Outputs | null = null;
  const stop = (reason: string): void => {
    if (open !== null) left.set(open.source.path, reason);
    open = null;
  };
  for (const step of chain) {
    const { layer, path } = step;
    const isWhole = !isCuttable(layer) || listAt(layer, 'weight') === null;
    if (shared.has(layer) || !isWhole) {
      stop(`${path} ${isWhole ? 'is shared' : 'has a parametrization'}`);
      continue;
    }
    if (open !== null && !isCuttable(layer) && (open as Outputs).pass(layer)) continue;
    const obstacle: string | undefined = (open as Outputs | null)?.obstacle(layer);
    if (obstacle !== undefined) stop(obstacle);
    if (!isCuttable(layer)) continue;
    if (open !== null) cut(open, layer);
    const kept = keptOf(layer);
    const isOpen = kept.includes(false) && isMeant(weightOf(path));
    open = isOpen
      ? new Outputs(step, kept, detach(layer.bias ?? zeros([kept.length], { dtype: layer.weight.dtype })))
      : null;
  }
  stop('nothing follows');
}

/** Of each output, whether it depends on an input; the first does if no other. */
function keptOf(layer: Cuttable): boolean[] {
  const { size, dims } = layer.weight;
  const row = size / (dims[0] as number);
  const values = layer.weight.toTypedArray();
  const kept = Array.from({ length: dims[0] as number }, (_, i) =>
    values.subarray(i * row, (i + 1) * row).some((value) => value !== 0),
  );
  if (!kept.includes(true)) kept[0] = true;
  return kept;
}

/** Takes outputs away from the layer that they come from and from those that they go through and to. */
function cut(outputs: Outputs, next: Cuttable): void {
  const source = outputs.source.layer as Cuttable;
  const features = outputs.features;
  if (!outputs.areZero) addConstants(outputs, next);
  const count = (flags: readonly boolean[]): number => flags.filter(Boolean).length;
  for (const name of ['weight', 'bias']) select(source, name, 0, outputs.kept);
  set(source, source instanceof Linear ? 'outFeatures' : 'outChannels', count(outputs.kept));
  for (const norm of outputs.norms) {
    for (const name of ['weight', 'bias', 'running_mean', 'running_var']) {
      select(norm, name, 0, norm.numFeatures === features.length ? features : outputs.kept);
    }
    set(norm, 'numFeatures', count(norm.numFeatures === features.length ? features : outputs.kept));
  }
  select(next, 'weight', 1, features);
  set(next, next instanceof Linear ? 'inFeatures' : 'inChannels', count(features));
}

// bias + Σ W · c over what is taken away, and over the places of a kernel.
function addConstants({ features, constants }: Outputs, next: Cuttable): void {
  const { weight, bias } = next;
  const taken = where(tensor(Uint8Array.from(features, Number)), 0, constants);
  const each = weight.ndim === 2 ? weight : sum(weight, { dim: weight.dims.slice(2).map((_, i) => i + 2) });
  const more = reshape(matmul(each, reshape(taken, [-1, 1])), [-1]);
  set(next, 'bias', new Parameter(bias === null ? more : add(bias, more), bias?.requiresGrad ?? weight.requiresGrad));
}

/** Keeps some slices of a module's tensor, if it has it. */
function select(module: Module, name: string, dim: number, kept: readonly boolean[]): void {
  const value = (module as unknown as Record<string, Tensor | null>)[name] ?? null;
  if (value === null) return;
  const indices = tensor(Int32Array.from([...kept.keys()].filter((i) => kept[i])));
  const chosen = indexSelect(detach(value), dim, indices);
  set(module, name, roleOf(value) === 'buffer' ? new Buffer(chosen) : new Parameter(chosen, value.requiresGrad));
}

function set(module: Module, name: string, value: unknown): void {
  const properties = module as unknown as Record<string, unknown>;
  const before = properties[name];
  properties[name] = value;
  onUndo(() => {
    properties[name] = before;
  });
}
