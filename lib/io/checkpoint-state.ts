// What is saved in checkpoints, and loading it: all of it or nothing.
import { noGrad } from '../autograd/tape.js';
import type { TypedArray } from '../dtype.js';
import { ArgumentError, describe, isPlain, StateError } from '../errors.js';
import { clone } from '../ops/copy.js';
import { Generator } from '../ops/generator.js';
import { Tensor } from '../tensor.js';

/** Models, optimizers, schedules, averages, loaders: what can be saved and goes on from what was saved. */
export interface Stateful {
  stateDict(): unknown;
  loadStateDict(state: never): unknown;
  /** What this process has of a state that is divided among many, where `stateDict` is not to be had at any time. */
  localStateDict?(): unknown;
  /** Gathers such a state in rank 0; `train.fit` calls it in all processes before it saves. */
  consolidateStateDict?(): Promise<void>;
}

/** What a checkpoint keeps as it is: JSON in which there may be tensors, typed arrays and Maps of names. */
export type CheckpointValue =
  | null
  | undefined
  | boolean
  | number
  | string
  | Tensor
  | TypedArray
  | readonly CheckpointValue[]
  | ReadonlyMap<string, unknown>
  | { readonly [key: string]: unknown };

/** What is saved, by name. */
export type CheckpointState = Readonly<Record<string, Stateful | Generator | CheckpointValue>>;

/** What a checkpoint is loaded into, by the names under which it was saved. */
export type CheckpointTargets = Readonly<Record<string, Stateful | Generator>>;

/** Whether a value saves a state and loads one. */
export function isStateful(value: unknown): value is Stateful {
  const { stateDict, loadStateDict } = Object(value) as Partial<Stateful>;
  return typeof stateDict === 'function' && typeof loadStateDict === 'function';
}

/** What is saved of a value. */
export const stateOf = (value: unknown): unknown =>
  value instanceof Generator ? value.getState() : isStateful(value) ? value.stateDict() : value;

/** What must be kept of a value to go back to it. */
export const ownStateOf = (value: Stateful | Generator): unknown =>
  value instanceof Generator ? value.getState() : (value.localStateDict?.() ?? value.stateDict());

/** Checks that each can be loaded. */
export function checkTargets(name: string, state: unknown): void {
  if (!isPlain(state)) {
    const hint = 'pass { model, optimizer }, say';
    throw new ArgumentError(`${name}: state must be an object, got ${describe(state)}; ${hint}`);
  }
  for (const [key, value] of Object.entries(state)) {
    if (value instanceof Generator || isStateful(value)) continue;
    const rule = 'must have stateDict and loadStateDict, or be a Generator';
    throw new ArgumentError(`${name}: ${key} ${rule}, got ${describe(value)}; values are returned`);
  }
}

/**
 * Loads the states into their objects: all of them or none.
 *
 * @param file where they come from, for errors
 */
export function restore(name: string, file: string, saved: Record<string, unknown>, targets: CheckpointTargets): void {
  const missing = Object.keys(targets).filter((key) => !Object.hasOwn(saved, key));
  if (missing.length > 0) {
    const got = Object.keys(saved).join(', ') || 'nothing';
    const hint = 'use the names under which they were saved';
    throw new StateError(`${name}: ${file} must hold ${missing.join(', ')}, got ${got}; ${hint}`);
  }
  const undo: (() => void)[] = [];
  try {
    for (const [key, target] of Object.entries(targets)) {
      const before = copied(ownStateOf(target));
      undo.push(() => put(target, before));
      try {
        put(target, saved[key]);
      } catch (cause) {
        const hint = `make ${key} as it was when its state was saved`;
        const text = cause instanceof Error ? cause.message : String(cause);
        throw new StateError(`${name}: ${key} in ${file} must fit the ${key} given (${text}); ${hint}`, { cause });
      }
    }
  } catch (error) {
    for (const putBack of undo.reverse()) {
      try {
        putBack();
      } catch {
        // It does not even take its own state: the first error tells more.
      }
    }
    throw error;
  }
}

function put(target: Stateful | Generator, state: unknown): void {
  if (target instanceof Generator) target.setState(state as Int32Array);
  else target.loadStateDict(state as never);
}

/** A state with tensors and arrays of its own. */
function copied(state: unknown): unknown {
  if (state instanceof Tensor) return noGrad(() => clone(state));
  if (ArrayBuffer.isView(state)) return structuredClone(state);
  if (Array.isArray(state)) return state.map(copied);
  if (state instanceof Map) return new Map([...state].map(([key, value]) => [key, copied(value)]));
  if (!isPlain(state)) return state;
  return Object.fromEntries(Object.entries(state).map(([key, value]) => [key, copied(value)]));
}
