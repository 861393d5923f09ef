// A training program with all state that a failed call might change, and snapshots of that state.
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import {
  type CompiledStep,
  compile,
  defaultGenerator,
  freeMemory,
  manualSeed,
  memoryStats,
  nn,
  ones,
  optim,
  randn,
  setMemoryLimit,
  type Tensor,
  tensor,
} from '../../lib/index.js';
import { print } from './compiled.js';

/** How often a call fails that must leave no memory behind; `npm run soak -- failures` asks for more. */
export const rounds = Number(process.env.ADJOINT_ROUNDS ?? 10);

export const labels = (...values: number[]): Tensor => tensor(Int32Array.from(values));

/** Bytes in use when everything lost has been freed. */
export async function liveBytes(): Promise<number> {
  // Until no turn of the event loop frees more: promises and finalizers hold on for some.
  for (let before = -1, same = 0; same < 3; ) {
    freeMemory();
    await turn();
    const now = memoryStats().liveBytes;
    same = now === before ? same + 1 : 0;
    before = now;
  }
  return memoryStats().liveBytes;
}

/** Batch norm and dropout in the model, two groups of parameters, two schedules, hooks in options and schedules. */
export class World {
  readonly model: nn.Sequential;
  readonly weight: Tensor;
  readonly optimizer: optim.Adam;
  readonly schedules: optim.lrScheduler.LambdaLR[];
  x: Tensor;
  readonly y = labels(0, 1, 2, 3, 0, 1);
  /** Of the loss; no step changes it. */
  readonly scale = ones([]);
  /** Called when the option `lr` of the second group is read. */
  onOption: (() => void) | null = null;
  /** Called when the second schedule is computed. */
  onSchedule: (() => void) | null = null;

  constructor() {
    manualSeed(5);
    const first = new nn.Linear(5, 8);
    this.model = nn.sequential(first, new nn.BatchNorm1d(8), nn.functional.relu, new nn.Dropout(), new nn.Linear(8, 4));
    this.weight = first.weight;
    const others = [...this.model.parameters()].filter((p) => p !== this.weight);
    this.optimizer = new optim.Adam([{ params: [this.weight] }, { params: others, lr: 0.02 }], { lr: 0.01 });
    const decay = (base: number) => new optim.lrScheduler.LambdaLR(this.optimizer, (step) => base ** step);
    const calling = (step: number): number => {
      this.onSchedule?.();
      return 0.8 ** step;
    };
    this.schedules = [decay(0.9), new optim.lrScheduler.LambdaLR(this.optimizer, calling)];
    this.x = randn([6, 5]);
    this.watchOption();
  }

  private watchOption(): void {
    const group = this.optimizer.paramGroups[1] as { lr: number };
    let { lr } = group;
    Object.defineProperty(group, 'lr', {
      enumerable: true,
      get: () => {
        this.onOption?.();
        return lr;
      },
      set: (value: number) => {
        lr = value;
      },
    });
  }

  readonly step = (x: Tensor, y: Tensor): Tensor => {
    const loss = nn.functional.crossEntropy(this.model.forward(x), y).mul(this.scale);
    this.optimizer.zeroGrad();
    loss.backward();
    this.optimizer.step();
    for (const schedule of this.schedules) schedule.step();
    return loss;
  };

  /** Leaves gradients, one of which somebody has seen. */
  leaveGradients(): void {
    nn.functional.crossEntropy(this.model.forward(this.x), this.y).backward();
    expect(this.weight.grad).not.toBeNull();
  }

  /** Everything that a step moves. */
  state(): Record<string, unknown> {
    const { onOption } = this;
    this.onOption = null;
    const { state, param_groups } = this.optimizer.stateDict();
    const all = {
      model: [...this.model.stateDict()].map(([name, t]) => `${name} ${print(t)} version ${t._base?.version ?? 0}`),
      optimizer: Object.entries(state).map(([i, s]) => Object.entries(s).map(([key, t]) => `${i} ${key} ${print(t)}`)),
      groups: param_groups.map((group) => JSON.stringify(group)),
      schedules: this.schedules.map((schedule) => JSON.stringify(schedule.stateDict())),
      gradients: [...this.model.parameters()].map(({ _grad: g, _gradSeen }) =>
        g === null ? null : `${g._id} ${print(g)} ${_gradSeen}`,
      ),
      modes: [...this.model.modules()].map((m) => m.training),
      trained: [...this.model.parameters()].map((p) => p.requiresGrad),
      generator: [...defaultGenerator().getState()],
    };
    this.onOption = onOption;
    return all;
  }
}

/** Expects the world to be as another one, made anew, after one more eager step. The generator is that one's then. */
export function expectOneStep(w: World, make: () => World): void {
  const state = w.state();
  const twin = make();
  twin.step(twin.x, twin.y);
  twin.optimizer.zeroGrad();
  expect(state).toEqual(twin.state());
}

// Of the memory that a call gets more each time.
const granule = process.env.ADJOINT_ROUNDS === undefined ? 320 : 64;

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Lets `call` have ever more memory until it succeeds; each failure must change nothing. */
export async function failingMemory(w: World, call: () => unknown): Promise<number> {
  // What earlier tests have lost would be freed during a call, and give it memory that the limit does not.
  for (let i = 0; i < 3; i++) {
    gc();
    freeMemory();
    await turn();
  }
  for (let bytes = 0, failed = 0; ; bytes += granule) {
    const before = w.state();
    freeMemory();
    setMemoryLimit(memoryStats().liveBytes + bytes);
    try {
      await call();
      return failed;
    } catch (error) {
      expect(error).toMatchObject({ code: 'ADJOINT_MEMORY' });
      failed++;
    } finally {
      setMemoryLimit(Number.MAX_SAFE_INTEGER);
    }
    expect(w.state(), `with ${bytes} bytes`).toEqual(before);
  }
}

/** Expects `call` to fail with such a text and everything to be as it was, also for a graph made before. */
export async function expectFailure(w: World, call: () => unknown, text: RegExp): Promise<void> {
  const before = w.state();
  const graph = w.weight.mul(w.weight).sum();
  let error: unknown = null;
  try {
    await call();
  } catch (caught) {
    error = caught;
  }
  expect(error, 'the call must fail').toBeInstanceOf(Error);
  expect((error as Error).message.replace(/^step\.run: batch \d+: /, '')).toMatch(text);
  expect(w.state()).toEqual(before);
  const { _grad, _gradSeen } = w.weight;
  w.weight._grad = null;
  graph.backward(); // accumulates into the weight
  w.weight.grad?.dispose();
  Object.assign(w.weight, { _grad, _gradSeen });
}

export type Step = CompiledStep<[Tensor, Tensor], unknown>;

/** A world after two steps, with gradients from outside. */
export function trained(stepOf: (w: World) => (x: Tensor, y: Tensor) => unknown = (w) => w.step): World {
  const w = new World();
  const step = stepOf(w);
  for (let i = 0; i < 2; i++) step(w.x, w.y);
  w.leaveGradients();
  return w;
}

/** The same by a step that is recorded and replayed. */
export function recorded(): { w: World; step: Step } {
  let step: Step | null = null;
  const w = trained((w) => {
    step = compile(w.step);
    return step.sync;
  });
  return { w, step: step as unknown as Step };
}

/** The ways of calling a step. */
export const ways: Record<string, (step: Step, x: Tensor, y: Tensor) => unknown> = {
  sync: (step, x, y) => step.sync(x, y),
  await: (step, x, y) => step(x, y),
  run: (step, x, y) => step.run([[x, y]]),
  'run with onStep': (step, x, y) => step.run([[x, y]], { onStep: () => {} }),
};
