// Copies of states in memory: the best weights, and what to go back to.
import { noGrad } from '../autograd/tape.js';
import { isPlain } from '../errors.js';
import { ownStateOf, type Stateful } from '../io/checkpoint-state.js';
import { clone } from '../ops/copy.js';
import { Generator } from '../ops/generator.js';
import { Tensor } from '../tensor.js';

/** @internal A copy of a state that shares nothing with it. */
export function copyOf<T>(state: T): T {
  return noGrad(() => copied(state)) as T;
}

function copied(state: unknown): unknown {
  if (state instanceof Tensor) return clone(state);
  if (ArrayBuffer.isView(state)) return structuredClone(state);
  if (Array.isArray(state)) return state.map(copied);
  if (state instanceof Map) return new Map([...state].map(([key, value]) => [key, copied(value)]));
  if (!isPlain(state)) return state;
  return Object.fromEntries(Object.entries(state).map(([key, value]) => [key, copied(value)]));
}

/** @internal The states of all of these now; a function that puts them back. */
export function snapshot(things: readonly (Stateful | Generator)[]): () => void {
  const states = things.map((thing) => copyOf(ownStateOf(thing)));
  return () => {
    things.forEach((thing, i) => {
      if (thing instanceof Generator) thing.setState(states[i] as Int32Array);
      else thing.loadStateDict(copyOf(states[i]) as never);
    });
  };
}

/** @internal Gathers in rank 0 what is divided among processes, for checkpoints. All processes call it. */
export async function gatherStates(things: readonly (Stateful | Generator)[]): Promise<void> {
  for (const thing of things) if (!(thing instanceof Generator)) await thing.consolidateStateDict?.();
}
