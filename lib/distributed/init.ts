// Entering and leaving a run.
import { setTimeout as delay } from 'node:timers/promises';
import { ArgumentError, checkInteger, describe, StateError } from '../errors.js';
import { addonFile } from '../load.js';
import type { Place } from './environment.js';
import { claim, storeBeside, storeOf } from './held-store.js';
import { type InitOptions, type Plan, planOf, unavailable } from './plan.js';
import { ProcessGroup, type Seat } from './process-group.js';
import { addressTo } from './reachable.js';
import { regroupingOf, takeSeat } from './seats.js';
import { prefixed, type Store } from './store.js';
import type { StoreHost } from './store-host.js';
import { TCPStore } from './tcp-store.js';

interface Run {
  readonly place: Place;
  readonly world: ProcessGroup;
  readonly store: Store;
  readonly seat: Seat;
  readonly server: StoreHost | null;
  readonly groups: ProcessGroup[];
  /** What is closed at the end: the store that init made. */
  readonly base: Store | null;
  readonly timeout: number;
}

/** How often a process that is alone asks whether others have come, in milliseconds. */
const period = 200;

let current: Run | 'starting' | null = null;
let generation = '0'; // of the launcher: it forms a new group when a process is lost
let times = 0; // how often this process has entered a run of this generation
let isOver = false; // whether its group has failed

/**
 * Whether several processes can train together here: on Linux, with the prebuilt binaries. A run of one process works
 * everywhere.
 *
 * @example
 * if (!distributed.isAvailable()) console.log('one process only');
 */
export function isAvailable(): boolean {
  return unavailable() === null;
}

/** Whether {@link init} has been called, and {@link destroy} has not. */
export function isInitialized(): boolean {
  return current !== null && current !== 'starting';
}

/**
 * Enters a run: finds the other processes and connects to all of them. What started the process says which one it is:
 * torchrun (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT), Slurm, Open MPI, PMI, or a Kubernetes indexed
 * job; without any of them it is a run of one process.
 *
 * @throws ArgumentError for a rank outside of the world, or variables that are no numbers
 * @throws DistributedError that names who did not come in time
 * @throws StateError when it has been called before
 * @example
 * await distributed.init();
 * console.log(distributed.getRank(), distributed.getWorldSize());
 * await distributed.destroy();
 */
export async function init(options: InitOptions = {}): Promise<void> {
  if (current !== null) {
    const which = current === 'starting' ? 'a call of it is going on' : 'it has been called before';
    throw new StateError(`distributed.init: ${which}; call distributed.destroy first`);
  }
  const plan = planOf(options);
  current = 'starting';
  try {
    if (isOver && process.env.ADJOINT_AGENT !== undefined) await moveOn(plan);
    isOver = false;
    const now = process.env.ADJOINT_GENERATION ?? process.env.TORCHELASTIC_RESTART_COUNT ?? '0';
    times = now === generation ? times + 1 : 1;
    generation = now;
    current = await enter(planOf(options));
  } catch (error) {
    current = null;
    isOver = true;
    throw error;
  }
}

/** Takes the place that the launcher has for this process in the next generation. */
async function moveOn(plan: Plan): Promise<void> {
  const store = plan.store ?? (await storeOf(plan, generation)).store;
  try {
    await takeSeat(store, process.env, plan.timeout);
  } finally {
    if (plan.store === undefined) await store.close?.();
  }
}

/** The launcher ends a generation when a process of it is lost, or others have come. */
function followLauncher(store: Store, world: ProcessGroup): void {
  if (process.env.ADJOINT_AGENT === undefined) return;
  const key = regroupingOf(generation);
  if (world.size > 1) store._abortOn?.(key, world._number);
  else void askLauncher(store, key, world).catch(() => {}); // a launcher that is gone ends this process
}

/** A group of one has nothing that the launcher could end. */
async function askLauncher(store: Store, key: string, world: ProcessGroup): Promise<void> {
  let reason: string | undefined;
  do {
    await delay(period, undefined, { ref: false });
    reason = await store.get(key);
  } while (reason === undefined);
  world._abort(reason);
}

async function enter(plan: Plan): Promise<Run> {
  const { place, timeout } = plan;
  const members = Array.from({ length: place.worldSize }, (_, i) => i);
  if (place.worldSize === 1) {
    const seat = { address: '127.0.0.1', ports: plan.ports, timeout, tls: undefined };
    const isAlone = process.env.ADJOINT_AGENT === undefined; // else others may come
    const store = plan.store ?? (isAlone ? ({} as Store) : (await storeOf(plan, generation)).store);
    const world = new ProcessGroup(members, place.rank, store, seat);
    followLauncher(store, world);
    const base = isAlone || plan.store !== undefined ? null : store;
    return { place, world, store, seat, server: null, groups: [world], base, timeout };
  }
  const prefix = `${generation}/${times}`;
  const given = plan.store && prefixed(plan.store, prefix);
  const isOurs = given === undefined || given._abortOn === undefined;
  const { store: base, server } = !isOurs
    ? { store: plan.store as Store, server: null }
    : await (given === undefined ? storeOf(plan, prefix) : storeBeside(given, plan, prefix));
  const store = prefixed(base, prefix);
  const groups: ProcessGroup[] = [];
  try {
    await claim(store, place.rank);
    const seat = { address: plan.address ?? addressTo(base), ports: plan.ports, timeout, tls: plan.tls };
    const world = new ProcessGroup(members, place.rank, prefixed(store, 'world'), seat);
    groups.push(world);
    world._onFailure = (reason) => {
      for (const group of groups) group._abort(reason);
    };
    if (base instanceof TCPStore) {
      await base.join(`${prefix}/world:${place.rank}`, plan.heartbeat, addonFile());
    }
    await world._connect('distributed.init');
    followLauncher(base, world);
    return { place, world, store, seat, server, groups, base: isOurs ? base : null, timeout };
  } catch (error) {
    for (const group of groups) group._close();
    if (isOurs) await base.close?.();
    await server?.close(0);
    throw error;
  }
}

/** @internal */
export function currentRun(operation: string): Run {
  if (current !== null && current !== 'starting') return current;
  throw new StateError(`${operation}: distributed.init must be called first, and awaited`);
}

/** @internal The group of a call: the given one, or the whole run. */
export function groupOf(operation: string, group: unknown): ProcessGroup {
  if (group === undefined) return currentRun(operation).world;
  if (group instanceof ProcessGroup) return group;
  const hint = group === null ? '; this process is no member of it' : '';
  throw new ArgumentError(`${operation}: group must be one of distributed.newGroup, got ${describe(group)}${hint}`);
}

/**
 * The place of this process, from 0.
 *
 * @param group default: the whole run
 * @example
 * if (distributed.getRank() === 0) console.log('only once');
 */
export function getRank(group?: ProcessGroup): number {
  return groupOf('getRank', group).rank;
}

/**
 * How many processes there are.
 *
 * @param group default: the whole run
 */
export function getWorldSize(group?: ProcessGroup): number {
  return groupOf('getWorldSize', group).size;
}

/** The place of this process among those of its machine, from 0. */
export function getLocalRank(): number {
  return currentRun('getLocalRank').place.localRank;
}

/**
 * Makes a group of some of the processes. All processes of the run call it with the same ranks, in the same order as other
 * collectives, members or not.
 *
 * @returns null in processes that are no members
 * @throws ArgumentError for ranks outside of the run, or given twice
 * @example
 * const alone = await distributed.newGroup([0]);
 */
export async function newGroup(ranks: readonly number[]): Promise<ProcessGroup | null> {
  const name = 'newGroup';
  const run = currentRun(name);
  if (!Array.isArray(ranks) || ranks.length === 0) {
    throw new ArgumentError(`${name}: ranks must be an array of at least one rank, got ${describe(ranks)}`);
  }
  for (const rank of ranks) checkInteger(name, 'each of ranks', rank, 0, run.place.worldSize - 1);
  if (new Set(ranks).size !== ranks.length) {
    throw new ArgumentError(`${name}: ranks must be different, got ${describe(ranks)}`);
  }
  const sorted = [...ranks].sort((a, b) => a - b);
  const number = run.groups.length;
  const group = new ProcessGroup(sorted, run.place.rank, prefixed(run.store, `group${number}`), run.seat);
  run.groups.push(group);
  if (group.rank < 0) return null;
  await group._connect(name);
  return group;
}

/**
 * Leaves the run. All processes call it when they are done; rank 0, whose store the others may still need, waits for them.
 * After a failure {@link init} can be called again; under `adjoint run --keep-survivors` it waits for the new group.
 *
 * @throws StateError before {@link init}
 */
export async function destroy(): Promise<void> {
  const run = currentRun('destroy');
  current = null;
  isOver ||= run.world._hasFailed;
  await Promise.all(run.groups.map((group) => group._leave()));
  for (const group of run.groups) group._close();
  await run.base?.close?.();
  await run.server?.close(run.timeout);
}
