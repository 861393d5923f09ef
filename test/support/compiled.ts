// What the tests of compiled steps share: comparison bit by bit, and runs of one training program, eager and compiled.
import { expect } from 'vitest';
import {
  type CompiledStep,
  compile,
  defaultGenerator,
  manualSeed,
  nn,
  type optim,
  randint,
  randn,
  type Tensor,
} from '../../lib/index.js';

export const bits = (t: Tensor): string => Buffer.from(t.toTypedArray().slice().buffer).toString('hex');

/** A short form of `bits` for large tensors. */
export function print(t: Tensor): string {
  const bytes = new Uint8Array(t.toTypedArray().slice().buffer);
  let hash = 0xcbf29ce484222325n;
  const words = new BigUint64Array(Math.ceil(bytes.length / 8));
  new Uint8Array(words.buffer).set(bytes);
  for (const word of words) hash = ((hash ^ word) * 0x100000001b3n) & 0xffffffffffffffffn;
  return `${t.dtype} [${t.shape}] ${hash.toString(16)}`;
}

/** The text of what `fn` throws. */
export function message(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return (error as Error).message;
  }
  return 'nothing was thrown';
}

/** Throws unless both have the same shape and dtype and the same bits. */
export function expectBits(got: Tensor, want: Tensor, what: string): void {
  expect([got.dtype, ...got.shape], what).toEqual([want.dtype, ...want.shape]);
  const a = got.toTypedArray();
  const b = want.toTypedArray();
  const same = Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  );
  if (same) return;
  const i = a.findIndex((v, k) => !Object.is(v, b[k]));
  throw new Error(`${what}: element ${i} is ${a[i]} compiled, ${b[i]} eager`);
}

/** One training program, made anew for each run. */
export interface Training {
  step: (...args: Tensor[]) => Tensor | Tensor[];
  batches: Tensor[][];
  /** Everything that the steps change. */
  state: () => Tensor[];
  /** What JavaScript does before step i: other learning rates, say. */
  before?: (i: number) => void;
}

export const ways = ['sync', 'await', 'run', 'run with onStep'] as const;
export type Way = 'eager' | (typeof ways)[number];

type Step = CompiledStep<Tensor[], Tensor | Tensor[]>;

function* ahead({ batches, before }: Training): Generator<Tensor[]> {
  for (let i = 0; i < batches.length; i++) {
    before?.(i);
    yield batches[i] as Tensor[];
  }
}

async function runSteps(way: Way, training: Training, step: Step, note: (result: Tensor | Tensor[]) => void) {
  if (way === 'run') {
    const { result } = await step.run(ahead(training));
    note(result as Tensor | Tensor[]);
    return;
  }
  if (way === 'run with onStep') {
    await step.run(ahead(training), { onStep: note });
    return;
  }
  for (const batch of ahead(training)) {
    if (way === 'eager') note(training.step(...batch));
    else note(way === 'sync' ? step.sync(...batch) : await step(...batch));
  }
}

/** Runs the program and tells what came out: each result, then the state and the default generator. */
export async function outcome(way: Way, build: () => Training): Promise<{ results: string[]; state: string[] }> {
  manualSeed(42);
  const training = build();
  const step = compile(training.step);
  const results: string[] = [];
  await runSteps(way, training, step, (result) => {
    for (const t of [result].flat()) results.push(print(t));
  });
  const state = training.state().map(print);
  state.push(`generator ${defaultGenerator().getState()}`);
  step.dispose();
  return { results, state };
}

/** Eager and compiled must end the same, in each way of calling. */
export async function expectSameOutcome(build: () => Training): Promise<void> {
  const eager = await outcome('eager', build);
  for (const way of ways) {
    const compiled = await outcome(way, build);
    const count = way === 'run' ? compiled.results.length : eager.results.length;
    expect(compiled.results, `${way}: results`).toEqual(eager.results.slice(-count));
    expect(compiled.state, `${way}: state`).toEqual(eager.state);
  }
}

export type Make = (batch: Tensor[]) => Tensor;
export type Optimizer = optim.SGD | optim.Adam;

/** A step of the usual form. `after` runs between backward and the optimizer's step. */
export function training(
  model: nn.Module,
  optimizer: Optimizer,
  loss: Make,
  batches: Tensor[][],
  after: () => Tensor[] = () => [],
): Training {
  return {
    step: (...batch) => {
      const l = loss(batch);
      optimizer.zeroGrad();
      l.backward();
      const more = after();
      optimizer.step();
      return [l, ...more];
    },
    batches,
    state: () => stateOf(model, optimizer),
  };
}

export function stateOf(model: nn.Module, ...optimizers: Optimizer[]): Tensor[] {
  const moments = optimizers.flatMap((o) => Object.values(o.stateDict().state).flatMap((s) => Object.values(s)));
  return [...model.stateDict().values(), ...moments];
}

export const many = (make: () => Tensor[], count = 7): Tensor[][] => Array.from({ length: count }, make);
export const classes = () => [randn([8, 6]), randint(0, 4, [8])];
export const net = (): nn.Sequential => nn.sequential(new nn.Linear(6, 16), nn.functional.relu, new nn.Linear(16, 4));
export const entropy =
  (model: nn.Module): Make =>
  ([x, y]) =>
    nn.functional.crossEntropy(model.forward(x), y as Tensor);
