// The state of a training, given to processes that do not have it.
import type { DType } from '../dtype.js';
import { checkNumber, FileError, StateError } from '../errors.js';
import { type CheckpointTargets, checkTargets, restore, stateOf } from '../io/checkpoint-state.js';
import { decode, encode } from '../io/checkpoint-tree.js';
import { tensor } from '../ops/creation.js';
import { empty } from '../ops/creation-spaced.js';
import { checkOptions } from '../options.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { allGather, allGatherObject, broadcast_, broadcastObject, type GroupOptions } from './collectives.js';
import { groupOf } from './init.js';
import type { ProcessGroup } from './process-group.js';

const name = 'broadcastState';

/** A state without the elements of its tensors. */
interface Outline {
  readonly text: string;
  readonly tensors: readonly { readonly name: string; readonly dtype: DType; readonly shape: Shape }[];
}

/**
 * Gives all processes the state of the one that is furthest, the first of them where there are several: when a group is formed
 * anew, newcomers and those that loaded an earlier checkpoint go on from where the others are. Call it after {@link init},
 * before `nn.DistributedDataParallel`.
 *
 * @param state models, optimizers, schedules, averages, loaders and generators by names that are the same in all processes
 * @param progress how far this process is: the number of its steps, say
 * @returns the progress of the process whose state all have now
 * @throws StateError when names differ or the state does not fit, and nothing is changed in that process then;
 *   DistributedError when a process is lost
 * @example
 * let step = 0; // or that of a checkpoint
 * step = await distributed.broadcastState({ model, optimizer }, step);
 */
export async function broadcastState(
  state: CheckpointTargets,
  progress: number,
  options: GroupOptions = {},
): Promise<number> {
  checkTargets(name, state);
  checkNumber(name, 'progress', progress);
  checkOptions(name, options, ['group']);
  const group = groupOf(name, options.group);
  group._checkOpen(name);
  if (group.size === 1) return progress;
  await checkNames(group, Object.keys(state));
  const all = (await allGather(tensor([progress], { dtype: 'float64' }), { group })).map((t) => t.item());
  const furthest = Math.max(...all);
  const root = all.indexOf(furthest);
  if (group.rank === root) {
    await give(group, root, state);
  } else {
    const saved = await take(group, root);
    restore(name, `the state of rank ${group.ranks[root]}`, saved, state);
  }
  return furthest;
}

async function checkNames(group: ProcessGroup, names: readonly string[]): Promise<void> {
  const all = (await allGatherObject(names, { group })) as string[][];
  const other = all.findIndex((list) => [...list].sort().join('\n') !== [...names].sort().join('\n'));
  if (other < 0) return;
  const got = `${names.join(', ')} here and ${all[other]?.join(', ')} in rank ${group.ranks[other]}`;
  throw new StateError(`${name}: state must have the same names in all processes, got ${got}`);
}

async function give(group: ProcessGroup, root: number, state: CheckpointTargets): Promise<void> {
  const { text, parts } = encode(name, Object.fromEntries(Object.entries(state).map(([key, v]) => [key, stateOf(v)])));
  const values = parts.map(({ shape, data }) => tensor(data(), { shape }));
  const outline: Outline = {
    text,
    tensors: parts.map(({ name, shape }, i) => ({ name, shape, dtype: (values[i] as Tensor).dtype })),
  };
  await broadcastObject(outline, root, { group });
  for (const value of values) {
    await broadcast_(value, root, { group });
    value.dispose();
  }
}

async function take(group: ProcessGroup, root: number): Promise<Record<string, unknown>> {
  const { text, tensors } = (await broadcastObject(null, root, { group })) as Outline;
  const values = new Map<string, Tensor>();
  for (const { name, dtype, shape } of tensors) {
    values.set(name, await broadcast_(empty(shape, { dtype }), root, { group }));
  }
  return decode(
    text,
    (key) => values.get(key),
    (rule) => new FileError(`${name}: the state ${rule}`),
  );
}
