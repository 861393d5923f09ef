// Who plays a random sequence of calls (sequences.ts): a model in training, with all that is moved, saved and compared.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import {
  AdjointError,
  type CompiledStep,
  compile,
  defaultGenerator,
  io,
  manualSeed,
  nn,
  optim,
  type Tensor,
  tensor,
} from '../../lib/index.js';
import { print } from './compiled.js';

/** Numbers in [0, 1) that follow from a seed (mulberry32), and what is chosen by them. */
export class Chance {
  constructor(private seed: number) {}

  next(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** One of those that stand beside their weights. */
  weighted<T>(list: readonly (readonly [number, T])[]): T {
    let at = this.next() * list.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, item] of list) {
      at -= weight;
      if (at < 0) return item;
    }
    return (list[0] as readonly [number, T])[1];
  }

  matrix(rows: number, columns: number): Tensor {
    const values = Float32Array.from({ length: rows * columns }, () => this.next() * 2 - 1);
    return tensor(values, { shape: [rows, columns] });
  }
}

const features = 6;
const classes = 3;
const words = 10;

interface Kind {
  model: nn.Sequential;
  optimizer: optim.SGD | optim.Adam | optim.RMSprop;
  words?: boolean;
}

/** Batch norm and dropout, two groups, embeddings, convolution. */
const kinds: (() => Kind)[] = [
  () => {
    const body = [new nn.Linear(features, 8), new nn.BatchNorm1d(8), nn.functional.relu, new nn.Dropout()] as const;
    const model = nn.sequential(...body, new nn.Linear(8, classes));
    return { model, optimizer: new optim.Adam(model.parameters(), { lr: 0.01 }) };
  },
  () => {
    const [first, last] = [new nn.Linear(features, 8), new nn.Linear(8, classes)];
    const groups = [{ params: first.parameters() }, { params: last.parameters(), lr: 0.05 }];
    return {
      model: nn.sequential(first, nn.functional.tanh, last),
      optimizer: new optim.SGD(groups, { lr: 0.1, momentum: 0.9 }),
    };
  },
  () => {
    const model = nn.sequential(new nn.Embedding(words, 4), new nn.Flatten(), new nn.Linear(4 * features, classes));
    return { model, optimizer: new optim.RMSprop(model.parameters(), { lr: 0.01 }), words: true };
  },
  () => {
    const asImages = (x: Tensor): Tensor => x.reshape([x.shape[0] as number, 1, 2, 3]);
    const body = [new nn.Conv2d(1, 4, 2), new nn.BatchNorm2d(4), nn.functional.relu, new nn.Flatten()] as const;
    const model = nn.sequential(asImages, ...body, new nn.Linear(8, classes));
    return { model, optimizer: new optim.AdamW(model.parameters(), { lr: 0.01 }) };
  },
];

export type Batch = [Tensor, Tensor];
type Step = CompiledStep<Batch, Tensor>;

/** One of the two, with all that a sequence works on. */
export class Player {
  readonly trace: string[] = [];
  readonly pool: Tensor[] = [];
  readonly kind: Kind;
  readonly schedule: optim.lrScheduler.StepLR;
  readonly predict: CompiledStep<[Tensor], Tensor>;
  readonly file: string;
  step: Step;
  saved: { schedule: optim.lrScheduler.SchedulerState; groups: unknown[] } | null = null;
  /** Thrown at the end of the step. */
  trap: Error | null = null;
  private readonly folder = mkdtempSync(join(tmpdir(), 'adjoint-sequence-'));
  private ran: number[] = [];
  private readonly jobs: Promise<string>[] = [];
  private readonly learned: string[] = []; // by workers

  constructor(
    readonly compiled: boolean,
    seed: number,
    /** The batches that each call trained with: found by the compiled player, and used by the eager one. */
    readonly made: Map<number, number[]>,
  ) {
    manualSeed(seed);
    this.file = join(this.folder, 'model.safetensors');
    this.kind = (kinds[seed % kinds.length] as () => Kind)();
    this.schedule = new optim.lrScheduler.StepLR(this.kind.optimizer, 3, 0.9);
    this.step = compile(this.train);
    this.predict = compile((x: Tensor) => this.kind.model.forward(x));
  }

  readonly train = (x: Tensor, y: Tensor): Tensor => {
    const { model, optimizer } = this.kind;
    const loss = nn.functional.crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    nn.utils.clipGradNorm_(model.parameters(), 1);
    optimizer.step();
    this.schedule.step();
    if (this.trap !== null) throw this.trap;
    return loss;
  };

  batch(chance: Chance, wrong = false): Batch {
    const rows = chance.pick([4, 4, 4, 5]);
    const integers = (count: number, below: number): Int32Array =>
      Int32Array.from({ length: count }, () => chance.below(below));
    const labels = integers(rows, classes);
    if (wrong) labels[rows - 1] = 99;
    if (!this.kind.words) return [chance.matrix(rows, features), tensor(labels)];
    return [tensor(integers(rows * features, words), { shape: [rows, features] }), tensor(labels)];
  }

  get steps(): number {
    return this.kind.optimizer.stateDict().state[0]?.step?.item() ?? 0;
  }

  /** Trains by `how`, which may fail, or eagerly with the batches of the steps that it made. */
  async training(index: number, batches: readonly Batch[], how: () => unknown): Promise<void> {
    if (this.compiled) {
      const before = this.steps;
      this.ran = [];
      await this.tolerate(how);
      const steps = this.steps - before;
      const ran = this.ran.length > 0 ? this.ran : batches.map((_, i) => i).slice(0, steps);
      if (ran.length !== steps) throw new Error(`${ran.length} calls succeeded, but ${steps} steps were made`);
      this.made.set(index, ran);
      return;
    }
    for (const i of this.made.get(index) as number[]) {
      this.train(...(batches[i] as Batch));
      this.kind.optimizer.zeroGrad();
    }
  }

  /** Typed errors are what may happen. */
  async tolerate(fn: () => unknown): Promise<void> {
    try {
      await fn();
    } catch (error) {
      if (!(error instanceof AdjointError)) throw error;
    }
  }

  /** One step; notes whether it ran. */
  call(i: number, batch: Batch): Promise<void> {
    return this.tolerate(async () => {
      await this.step(...batch);
      this.ran.push(i);
    });
  }

  sync(i: number, batch: Batch): void {
    this.step.sync(...batch);
    this.ran.push(i);
  }

  /** Starts a worker that trains beside this thread, and may be ended in its midst. */
  startWorker(seed: number, steps: number, endAfter: number | null): void {
    const worker = new Worker(new URL('../fixtures/sequence-worker.mjs', import.meta.url), {
      workerData: { seed, steps, compiled: this.compiled },
    });
    const result = new Promise<string>((resolve, reject) => {
      worker.once('message', (learned) => resolve(endAfter === null ? JSON.stringify(learned) : 'ended'));
      worker.once('error', reject);
      worker.once('exit', () => resolve('ended'));
    });
    if (endAfter !== null) void sleep(endAfter).then(() => worker.terminate());
    this.jobs.push(result);
  }

  async joinWorkers(): Promise<void> {
    this.learned.push(...(await Promise.all(this.jobs.splice(0))));
  }

  /** Everything that training moves. */
  note(): void {
    const { model, optimizer } = this.kind;
    const { state, param_groups } = optimizer.stateDict();
    for (const [name, t] of model.stateDict()) this.trace.push(`${name} ${print(t)}`);
    for (const own of Object.values(state)) this.trace.push(...Object.values(own).map(print));
    for (const p of model.parameters()) this.trace.push(p.grad === null ? 'no gradient' : print(p.grad));
    this.trace.push(JSON.stringify([param_groups, this.schedule.stateDict()]), `${defaultGenerator().getState()}`);
    this.trace.push(...this.pool.map(print));
  }

  save(): void {
    const { model, optimizer } = this.kind;
    const { state, param_groups } = optimizer.stateDict();
    const all = new Map<string, Tensor>(model.stateDict());
    for (const [i, own] of Object.entries(state)) for (const [k, t] of Object.entries(own)) all.set(`${i} ${k}`, t);
    io.save(this.file, all);
    this.saved = { schedule: this.schedule.stateDict(), groups: JSON.parse(JSON.stringify(param_groups)) };
  }

  load(): void {
    if (this.saved === null) return;
    const { model, optimizer } = this.kind;
    const all = io.load(this.file);
    const state: Record<string, Record<string, Tensor>> = {};
    for (const [name, t] of all) {
      const [, i, key] = /^(\d+) (.*)$/.exec(name) ?? [];
      if (i === undefined) continue;
      state[i] = { ...state[i], [key as string]: t };
      all.delete(name);
    }
    model.loadStateDict(all);
    optimizer.loadStateDict({ state, param_groups: this.saved.groups } as never);
    this.schedule.loadStateDict(this.saved.schedule);
  }

  async end(): Promise<void> {
    await this.joinWorkers();
    this.trace.push(...this.learned);
    this.note();
    this.step.dispose();
    this.predict.dispose();
    rmSync(this.folder, { recursive: true });
  }
}
