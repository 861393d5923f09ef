// Random sequences of calls, each played twice: with compiled functions that fail, are aborted and disposed of in every
// way, and eagerly, with the steps alone that ran. What both leave behind must be equal bit for bit.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  compile,
  freeMemory,
  memoryStats,
  nn,
  noGrad,
  StateError,
  scope,
  setMemoryLimit,
  type Tensor,
  tensor,
} from '../../lib/index.js';
import { print } from './compiled.js';
import { type Batch, Chance, Player } from './player.js';

type Call = (p: Player, chance: Chance, index: number) => void | Promise<void>;
const limit = (bytes: number): void => setMemoryLimit(bytes);

/** The ways in which a compiled step is called; each may make any number of steps, in the order of the batches. */
const ways: ((p: Player, batches: Batch[], chance: Chance) => unknown)[] = [
  (p, batches) => {
    for (const [i, batch] of batches.entries()) p.sync(i, batch);
  },
  async (p, batches) => {
    for (const [i, batch] of batches.entries()) await p.call(i, batch);
  },
  (p, batches) => Promise.all(batches.map((batch, i) => p.call(i, batch))),
  (p, batches) => p.step.run(batches),
  (p, batches) => p.step.run(batches, { onStep: () => {} }),
  // Aborted at some moment, by its signal or by onStep.
  async (p, batches, chance) => {
    const stop = new AbortController();
    const reason = new StateError('stopped');
    const moment = chance.below(4);
    const at = chance.below(batches.length);
    const onStep = (_: Tensor, step: number): void => {
      if (moment === 3 && step === at) throw reason;
    };
    const run = p.step.run(batches, { signal: stop.signal, ...(moment === 3 ? { onStep } : {}) });
    if (moment === 0) stop.abort(reason);
    if (moment === 1) setImmediate(() => stop.abort(reason));
    if (moment === 2) setTimeout(() => stop.abort(reason), chance.below(3));
    await run;
  },
  // Disposed of, and made anew.
  async (p, batches, chance) => {
    const queued = batches.map((batch, i) => p.call(i, batch));
    if (chance.below(2) === 0) await Promise.all(queued.slice(0, chance.below(batches.length)));
    p.step.dispose();
    await Promise.all(queued);
    p.step = compile(p.train, { verify: chance.below(3) === 0, maxPrograms: 1 + chance.below(2) });
  },
  // Arguments that go while their steps wait.
  async (p, batches, chance) => {
    const queued = batches.map((batch, i) => p.call(i, batch));
    const at = chance.below(batches.length);
    for (const [x] of batches.slice(at)) x.dispose();
    await Promise.all(queued);
  },
  // The recording fails at its end.
  (p, batches) => {
    p.step.dispose();
    p.step = compile(p.train);
    p.trap = new StateError('trap');
    try {
      p.sync(0, batches[0] as Batch);
    } finally {
      p.trap = null;
    }
  },
  // Memory fails.
  async (p, batches, chance) => {
    await p.joinWorkers();
    freeMemory();
    limit(memoryStats().liveBytes + chance.below(6000));
    try {
      p.sync(0, batches[0] as Batch);
    } finally {
      limit(Number.MAX_SAFE_INTEGER);
    }
  },
  // Others predict, read and are refused meanwhile.
  async (p, batches, chance) => {
    const run = p.tolerate(() => p.step.run(batches));
    for (let i = chance.below(3); i > 0; i--) {
      const [x] = p.batch(chance);
      if (!p.kind.model.training) p.predict.sync(x);
      p.step.pause(() => p.kind.model.stateDict().forEach(print));
      await sleep(0);
    }
    await run;
  },
];

const operations: ((a: Tensor, b: Tensor) => Tensor)[] = [
  (a) => a.relu(),
  (a) => a.tanh().mul(2).sub(a),
  (a) => a.softmax({ dim: -1 }),
  (a) => a.transpose(0, 1).reshape([-1, 2]).clone(), // a step's result is never a view, as this would be in places
  (a, b) => a.add(b),
  (a, b) => a.matmul(b),
  (a, b) => a.mul(b.sum()),
  (a) => a.cumsum({ dim: 0 }),
  (a, b) => noGrad(() => b.add_(0.5)).add(a.mean()),
];

const calls: Record<string, Call> = {
  async train(p, chance, index) {
    const wrong = chance.below(4) === 0 ? chance.below(6) : -1;
    const batches = Array.from({ length: 1 + chance.below(8) }, (_, i) => p.batch(chance, i === wrong));
    await p.training(index, batches, () => chance.pick(ways)(p, batches, chance));
  },

  /** A result of an operation, compiled or not. */
  async operate(p, chance) {
    while (p.pool.length < 2) p.pool.push(chance.matrix(2, 4));
    const [a, b, run] = [chance.pick(p.pool), chance.pick(p.pool), chance.pick(operations)];
    const way = p.compiled ? chance.below(3) : 0;
    const step = compile(() => run(a, b));
    try {
      p.pool.push(way === 0 ? run(a, b) : way === 1 ? step.sync() : await step());
    } catch (error) {
      p.trace.push((error as Error).message);
    }
    if (p.pool.length > 8) p.pool.shift();
  },

  create(p, chance) {
    p.pool.push(chance.matrix(1 + chance.below(3), 1 + chance.below(4)));
  },

  dispose(p, chance) {
    if (p.pool.length > 0) p.pool.splice(chance.below(p.pool.length), 1)[0]?.dispose();
  },

  /** A graph beside compiled steps. */
  backward(p, chance) {
    const leaf = chance.matrix(3, 4);
    leaf.requiresGrad = true;
    leaf.tanh().mul(leaf).sum().backward();
    p.trace.push(print(leaf.grad as Tensor));
  },

  /** Gradients that the next step has to clear. */
  leaveGradients(p, chance) {
    const [x, y] = p.batch(chance);
    nn.functional.crossEntropy(p.kind.model.forward(x), y).backward();
    if (chance.below(2) === 0) return;
    for (const parameter of p.kind.model.parameters()) p.trace.push(print(parameter.grad as Tensor)); // they are seen
  },

  predict(p, chance) {
    const [x] = p.batch(chance);
    p.trace.push(print(p.compiled ? p.predict.sync(x) : noGrad(() => p.kind.model.forward(x))));
  },

  scope(p) {
    p.trace.push(print(scope(() => p.pool.reduce((sum, t) => sum.add(t.sum()), tensor(0)))));
  },

  switchMode(p) {
    if (p.kind.model.training) p.kind.model.eval();
    else p.kind.model.train();
  },

  setRate(p, chance) {
    (p.kind.optimizer.paramGroups[0] as { lr: number }).lr = 0.001 + 0.1 * chance.next();
  },

  save: (p) => p.save(),
  load: (p) => p.load(),
  free: () => freeMemory(),
  note: (p) => p.note(),

  work(p, chance) {
    p.startWorker(chance.below(100), 20 + chance.below(300), chance.below(2) === 0 ? null : chance.below(80));
  },
};

const weights: Record<keyof typeof calls, number> = {
  ...{ train: 10, operate: 5, create: 2, dispose: 2, backward: 2, leaveGradients: 2, predict: 3, scope: 1 },
  ...{ switchMode: 2, setRate: 2, save: 1, load: 1, free: 1, note: 1, work: 0.3 },
};
const weighted = Object.entries(calls).map(([name, call]) => [weights[name] as number, call] as const);

/** Plays one sequence and returns its trace. */
export async function play(compiled: boolean, seed: number, made: Map<number, number[]>): Promise<string[]> {
  const choice = new Chance(seed);
  const player = new Player(compiled, seed, made);
  const length = 20 + choice.below(20);
  for (let i = 0; i < length; i++) {
    const call = choice.weighted(weighted);
    await call(player, new Chance(1000 * seed + i), i);
  }
  await player.end();
  return player.trace;
}
