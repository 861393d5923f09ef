// Trainings that tests of `fit` run in several ways, and compare bit by bit.
import { createHash } from 'node:crypto';
import { data, defaultGenerator, manualSeed, nn, noGrad, optim, randint, randn, type train } from '../../lib/index.js';
import type { Tensor } from '../../lib/tensor.js';

/** What is trained, made anew for each run. */
export interface Trained {
  model: nn.Module;
  options: train.FitOptions;
}

const { crossEntropy, mseLoss } = nn.functional;

/** LeNet with augmented pictures, the last batch smaller. */
function lenet(): Trained {
  const model = nn.sequential(
    ...[
      new nn.Conv2d(1, 4, 5, { padding: 2 }),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Conv2d(4, 8, 5),
      new nn.ReLU(),
    ],
    ...[new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(8 * 25, 32), new nn.ReLU(), new nn.Linear(32, 10)],
  );
  const dataset = new data.TensorDataset(randn([70, 1, 28, 28]), randint(0, 10, [70]));
  const change = data.augment({ flip: 0.5, shift: 2, rotate: 10 });
  const transform = ([x, y]: readonly Tensor[]) => [change(x as Tensor), y];
  const loader = new data.DataLoader(dataset, { batchSize: 16, shuffle: true, transform });
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
  return { model, options: { data: loader, loss: crossEntropy, optimizer } };
}

class Recurrent extends nn.Module {
  gru = new nn.GRU(6, 12, { batchFirst: true });
  dropout = new nn.Dropout(0.3);
  head = new nn.Linear(12, 1);

  forward(x: Tensor): Tensor {
    const [output] = this.gru.forward(x);
    return this.head.forward(this.dropout.forward(output.mean(1)));
  }
}

/** A GRU with dropout and a schedule that counts steps. */
function gru(): Trained {
  const model = new Recurrent();
  const dataset = new data.TensorDataset(randn([50, 7, 6]), randn([50, 1]));
  const loader = new data.DataLoader(dataset, { batchSize: 8, shuffle: true, seed: 5 });
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const schedule = new optim.lrScheduler.OneCycleLR(optimizer, 0.1, { totalSteps: 100 });
  return { model, options: { data: loader, loss: mseLoss, optimizer, schedule, clipGradNorm: 1 } };
}

/** A network for a table, with weights of samples, an average, accumulated gradients and a schedule that counts epochs. */
function tabular(): Trained {
  const layers = [
    new nn.Linear(9, 16),
    new nn.BatchNorm1d(16),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(16, 3),
  ];
  const model = nn.sequential(...layers);
  const dataset = new data.TensorDataset(randn([90, 9]), randint(0, 3, [90]), randn([90]).abs());
  const loader = new data.DataLoader(dataset, { batchSize: 8, shuffle: true });
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-2 });
  const schedule = new optim.lrScheduler.CosineAnnealingLR(optimizer, 10);
  const validate = new data.DataLoader(new data.TensorDataset(randn([20, 9]), randint(0, 3, [20])), { batchSize: 8 });
  return {
    model,
    options: { data: loader, loss: crossEntropy, optimizer, schedule, validate, ema: 0.9, accumulate: 2 },
  };
}

/** The kinds of networks that are resumed. */
export const trainings: Record<string, () => Trained> = { lenet, gru, tabular };

/** A training that begins with a seed. */
export function make(name: string): Trained {
  manualSeed(1);
  return (trainings[name] as () => Trained)();
}

/** The same of another process: the same data, but other weights and random numbers. */
export function makeElsewhere(name: string): Trained {
  const trained = make(name);
  manualSeed(77);
  noGrad(() => {
    for (const p of trained.model.parameters()) p.copy_(randn(p.shape));
  });
  return trained;
}

/** Weights, optimizer, schedule and generator, as bits. */
export function bitsOf({ model, options }: Trained): unknown {
  const tensors = (state: Iterable<[string, Tensor]>) => [...state].map(([key, t]) => [key, hex(t)]);
  const { state, param_groups } = options.optimizer.stateDict();
  const optimizer = Object.entries(state).map(([i, own]) => [
    i,
    tensors(Object.entries(own as Record<string, Tensor>)),
  ]);
  const { schedule } = options as { schedule?: { stateDict(): unknown } };
  return {
    model: tensors(model.stateDict()),
    optimizer,
    groups: param_groups.map(({ params: _, ...rest }) => rest),
    schedule: schedule?.stateDict(),
    generator: [...defaultGenerator().getState()],
  };
}

// Short, for the sake of failures' texts.
function hex(t: Tensor): string {
  const { buffer, byteOffset, byteLength } = t.toTypedArray();
  const bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** What a training gave, without times. */
export function valuesOf(result: train.TrainResult): unknown {
  return result.history.map(({ epoch, step, values }) => ({ epoch, step, values }));
}
