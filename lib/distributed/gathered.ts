// A state that is divided among the processes of a group, put together in one of them.
import { currentRecording, onFailure } from '../context.js';
import type { DType } from '../dtype.js';
import { StateError } from '../errors.js';
import { clone } from '../ops/copy.js';
import { empty } from '../ops/creation-spaced.js';
import type { Tensor } from '../tensor.js';
import { allGatherObject, recv, send } from './collectives.js';
import type { ProcessGroup } from './process-group.js';

/** Tensors by two names. */
export type NamedTensors = Record<string, Record<string, Tensor>>;

/** What a process tells about one of its tensors. */
type Described = readonly [outer: string, inner: string, dtype: DType, shape: readonly number[]];

/** @internal The tensors of all processes in that of rank `to`; null in the others. */
export async function gatherTensors(group: ProcessGroup, own: NamedTensors, to: number): Promise<NamedTensors | null> {
  const list = Object.entries(own).flatMap(([outer, tensors]) =>
    Object.entries(tensors).map(([inner, t]) => ({ described: [outer, inner, t.dtype, t.shape] as Described, t })),
  );
  const all = (await allGatherObject(
    list.map(({ described }) => described),
    { group },
  )) as Described[][];
  if (group.rank !== to) {
    for (const { t } of list) await send(t, to, { group });
    return null;
  }
  const gathered: NamedTensors = {};
  const place = (outer: string, inner: string, t: Tensor): void => {
    gathered[outer] ??= {};
    gathered[outer][inner] = t;
  };
  for (const { described, t } of list) place(described[0], described[1], clone(t));
  for (const [rank, theirs] of all.entries()) {
    if (rank === to) continue;
    for (const [outer, inner, dtype, shape] of theirs) {
      place(outer, inner, await recv(empty([...shape], { dtype }), rank, { group }));
    }
  }
  return gathered;
}

/** @internal What has been gathered, until a step changes what it was gathered of. */
class Gathered<T> {
  #value: T | null = null;

  /** @throws StateError where it has not been gathered since the last step */
  get(): T {
    if (this.#value !== null) return this.#value;
    throw new StateError(
      'stateDict: the state of all processes must have been gathered in this one since the last step; await consolidateStateDict(to) in all of them first',
    );
  }

  set(value: T | null): void {
    this.#value = value;
  }

  /** It is no longer the state, nor will it be after a replay of the step that is being recorded. */
  passed(): void {
    const forget = (): (() => void) => {
      const value = this.#value;
      this.#value = null;
      return () => {
        this.#value = value;
      };
    };
    onFailure(forget());
    currentRecording()?.follow({ isDue: () => this.#value !== null, advance: forget });
  }
}

/** @internal A place for what the processes have gathered: a function, so that who may need one does not load this at once. */
export function gathered<T>(): Gathered<T> {
  return new Gathered();
}
