// The network and its training: events go into a bounded buffer, a compiled step learns from it on a thread of its own,
// and predictions read the weights of its newest whole step.
import { existsSync } from 'node:fs';
import { compile, io, manualSeed, nn, noGrad, optim, tensor } from 'adjoint';
import { encode, inputs, uniformNumbers } from './payments.js';

/** @typedef {import('./payments.js').Payment} Payment */
/** @typedef {{ hidden: number[], batch: number, capacity: number, replays: number, lr: number }} Settings */

/** @type {Settings} */
export const defaults = {
  hidden: [256, 256],
  batch: 256,
  /** Events that are kept; a new one takes the place of the oldest. */
  capacity: 8192,
  /** How often an event is trained on, about. Then training rests until there are new ones: more would learn by heart. */
  replays: 16,
  lr: 5e-4,
};

export class Learner {
  /** Events taken in, by earlier runs as well. */
  events = 0;
  /** Loss of the newest step, and its running mean. */
  loss = Number.NaN;
  meanLoss = Number.NaN;
  /** Why training ended, if it did by itself. @type {unknown} */
  failure;
  #steps = 0;
  #filled = 0; // events put into the buffer since the start
  #owed = 0; // samples to train on before the next rest
  #queued = 0; // steps whose batch is made and that are not done
  #stopped = false;
  #wake = () => {};

  /** @param {Partial<Settings>} [settings] */
  constructor(settings) {
    this.settings = { ...defaults, ...settings };
    const { hidden, capacity, lr } = this.settings;
    manualSeed(1);
    const sizes = [inputs, ...hidden, 1];
    const layers = sizes.slice(1).map((size, i) => new nn.Linear(sizes[i] ?? 0, size));
    this.model = nn.sequential(...layers.flatMap((layer, i) => (i === 0 ? [layer] : [new nn.ReLU(), layer])));
    this.optimizer = new optim.AdamW(this.model.parameters(), { lr });
    this.rows = new Float32Array(capacity * inputs);
    this.labels = new Float32Array(capacity);
    this.uniform = uniformNumbers(2);
    this.step = compile((/** @type {import('adjoint').Tensor} */ x, /** @type {import('adjoint').Tensor} */ y) => {
      const loss = nn.functional.binaryCrossEntropyWithLogits(this.model.forward(x), y);
      this.optimizer.zeroGrad();
      loss.backward();
      nn.utils.clipGradNorm_(this.model.parameters(), 1);
      this.optimizer.step();
      return loss;
    });
    this.infer = compile((/** @type {import('adjoint').Tensor} */ x) => noGrad(() => this.model.forward(x).sigmoid()));
    this.infer.sync(tensor(new Float32Array(inputs), { shape: [1, inputs] })); // recorded before the first request
  }

  get steps() {
    return this.#steps;
  }

  get isTraining() {
    return !this.#stopped && this.failure === undefined && (this.#queued > 0 || this.#owed >= this.settings.batch);
  }

  /** Takes an event in. Never waits. @param {Payment} payment @param {boolean} fraud */
  add(payment, fraud) {
    const { capacity, replays } = this.settings;
    const slot = this.#filled++ % capacity;
    this.events++;
    encode(payment, this.rows, slot * inputs);
    this.labels[slot] = fraud ? 1 : 0;
    this.#owed = Math.min(this.#owed + replays, capacity * replays);
    this.#wake();
  }

  /** The probability of fraud, from the weights of a whole step. @param {Payment} payment */
  predict(payment) {
    const row = new Float32Array(inputs);
    encode(payment, row);
    return this.infer.sync(tensor(row, { shape: [1, inputs] })).item();
  }

  /**
   * Trains until `stop` is called, on the program's own thread.
   * @param {AbortSignal} signal ends it within a step
   */
  async train(signal) {
    signal.addEventListener('abort', () => this.stop(), { once: true });
    try {
      await this.step.run(this.#batches(), { signal, onStep: (loss) => this.#note(loss) });
    } catch (error) {
      if (error !== signal.reason) this.failure = error;
    }
  }

  /** Lets the steps that are queued end, and `train` with them. */
  stop() {
    this.#stopped = true;
    this.#wake();
  }

  /** @param {import('adjoint').Tensor} loss */
  #note(loss) {
    this.#steps++;
    this.#queued--;
    this.loss = loss.item();
    this.meanLoss = Number.isNaN(this.meanLoss) ? this.loss : 0.98 * this.meanLoss + 0.02 * this.loss;
    loss.dispose();
    if (Number.isNaN(this.loss)) throw new Error(`step ${this.#steps}: the loss must be a number, got NaN; lower lr`);
  }

  // Random events from the buffer; waits where nothing is new.
  async *#batches() {
    const { batch, capacity } = this.settings;
    while (!this.#stopped) {
      if (this.#owed < batch) {
        await new Promise((resolve) => {
          this.#wake = () => resolve(undefined);
        });
        continue;
      }
      this.#owed -= batch;
      this.#queued++;
      const x = new Float32Array(batch * inputs);
      const y = new Float32Array(batch);
      for (let i = 0; i < batch; i++) {
        const slot = Math.floor(this.uniform() * Math.min(this.#filled, capacity));
        x.set(this.rows.subarray(slot * inputs, (slot + 1) * inputs), i * inputs);
        y[i] = this.labels[slot] ?? 0;
      }
      yield [tensor(x, { shape: [batch, inputs] }), tensor(y, { shape: [batch, 1] })];
    }
  }

  /** Weights and optimizer state under one name each: what is saved. */
  #state() {
    const all = new Map([...this.model.stateDict()].map(([name, t]) => [`model.${name}`, t]));
    for (const [number, tensors] of Object.entries(this.optimizer.stateDict().state)) {
      for (const [name, t] of Object.entries(tensors)) all.set(`optimizer.${number}.${name}`, t);
    }
    return all;
  }

  /** Writes a checkpoint while training goes on: it stands still only while the tensors are copied. @param {string} path */
  save(path) {
    if (this.failure !== undefined)
      throw new Error(`checkpoint: training failed (${this.failure}); the last one stays`);
    const copies = this.step.pause(
      () => new Map([...this.#state()].map(([name, t]) => [name, noGrad(() => t.clone())])),
    );
    // Steps run ahead of onStep; the optimizer's own count belongs to these very weights.
    const steps = copies.get('optimizer.0.step')?.item() ?? 0;
    io.save(path, copies, { metadata: { steps: `${steps}`, events: `${this.events}` } });
    for (const copy of copies.values()) copy.dispose();
    return steps;
  }

  /** Goes on from a checkpoint, if there is one. @param {string} path */
  load(path) {
    if (!existsSync(path)) return false;
    const tensors = io.load(path);
    const of = (/** @type {string} */ prefix) =>
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, t]) => ({ name: name.slice(prefix.length), t }));
    this.model.loadStateDict(new Map(of('model.').map(({ name, t }) => [name, t])));
    /** @type {Record<string, Record<string, import('adjoint').Tensor>>} */
    const state = {};
    for (const { name, t } of of('optimizer.')) {
      const [number = '', key = ''] = name.split('.');
      state[number] = { ...state[number], [key]: t };
    }
    this.optimizer.loadStateDict({ ...this.optimizer.stateDict(), state });
    const { steps, events } = io.loadMetadata(path);
    this.#steps = Number(steps);
    this.events = Number(events);
    return true;
  }
}
