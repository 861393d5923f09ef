// Training of one network.
import { TensorDataset } from '../data/dataset.js';
import { DataLoader } from '../data/loader.js';
import * as functional from '../nn/functional.js';
import { Module } from '../nn/module.js';
import { tensor } from '../ops/creation.js';
import { Generator } from '../ops/generator.js';
import { AdamW } from '../optim/adam.js';
import { LambdaLR } from '../optim/lambda-lr.js';
import type { Tensor } from '../tensor.js';
import { EarlyStopping } from './early-stopping.js';
import type { EpochEvent } from './events.js';
import { fit as fitModel } from './fit.js';
import { drawParameters, type TabularArchitecture, type TabularInputs, TabularNetwork } from './tabular-network.js';
import { outputsOf } from './tabular-outputs.js';
import type { TabularSettings } from './tabular-settings.js';

/** Encoded rows with their targets: float32 [rows, 1], or classes int32 [rows]. */
export interface Examples extends TabularInputs {
  readonly targets: Tensor;
}

/** What is told of each epoch. */
export interface EpochReport {
  /** From 1. */
  readonly epoch: number;
  /** The mean loss of the batches. */
  readonly loss: number;
  /** The loss on the validation part: cross entropy, or the root mean square of the error in deviations of the target. */
  readonly validation: number;
}

/** One training. */
export interface Lesson {
  readonly architecture: TabularArchitecture;
  readonly settings: TabularSettings;
  /** All rows. */
  readonly examples: Examples;
  /** The numbers of those that the network is trained on. */
  readonly shown: Int32Array;
  /** The numbers of those that it is validated on. */
  readonly apart: Int32Array;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEpoch: (report: EpochReport) => void;
}

/** What a training reached: the best epoch, and its validation loss, which is infinite where there was none but NaN. */
export interface Learned {
  readonly network: TabularNetwork;
  readonly epochs: number;
  readonly best: number;
  readonly loss: number;
}

/** The network as a function of numbers of rows, so that nothing else is handed to a step. */
class RowNetwork extends Module {
  readonly #inputs: TabularInputs;
  readonly #generator: Generator;

  constructor(
    readonly network: TabularNetwork,
    inputs: TabularInputs,
    generator: Generator,
  ) {
    super();
    this.#inputs = inputs;
    this.#generator = generator;
  }

  forward(rows: Tensor): Tensor {
    return this.network.forward(rowsOf(this.#inputs, rows), this.#generator);
  }
}

/** Rates as if layers computed W x / √inputs with W of deviation 1, so that they suit all widths. */
function groupsOf(network: TabularNetwork, { lr, weightDecay }: TabularSettings) {
  const layers = ([...network.weights] as Tensor[]).map((weight) => {
    const root = Math.sqrt(weight.shape[1] as number);
    return { params: [weight], lr: lr / root, weightDecay: weightDecay * root };
  });
  const groups = [
    ...layers,
    { params: [...network.biases] as Tensor[], lr: 0.1 * lr, weightDecay: 0 },
    { params: [network.scale], lr: 6 * lr, weightDecay: 0 },
    { params: Object.values(network.periodic ?? {}), lr: 0.1 * lr, weightDecay: 0 },
    { params: [...network.embeddings] as Tensor[], lr, weightDecay },
  ];
  return groups.filter(({ params }) => params.length > 0);
}

/** Batches of numbers of rows, each epoch in another order; what does not fill the last one is left out. */
function batchesOf(shown: Int32Array, most: number, generator: Generator) {
  const rows = tensor(shown);
  const batchSize = Math.min(most, shown.length);
  return new DataLoader(new TensorDataset(rows, rows), { batchSize, shuffle: true, dropLast: true, generator });
}

/**
 * Trains a network along half a cosine of the learning rate until the epochs are over or patience is, and returns it with the
 * weights of its best epoch. When the signal aborts, it returns the best so far, if there is any.
 */
export async function learn(lesson: Lesson): Promise<Learned> {
  const { architecture, settings, examples, seed, signal } = lesson;
  const generator = new Generator(seed);
  const network = new TabularNetwork(architecture, drawParameters(architecture, generator));
  const optimizer = new AdamW(groupsOf(network, settings), { betas: [0.9, 0.95] });
  const batches = batchesOf(lesson.shown, settings.batchSize, generator);
  const total = settings.epochs * batches.length;
  const scheduler = new LambdaLR(optimizer, (step) => 0.5 * (1 + Math.cos(Math.PI * Math.min(1, step / total))));
  const apart = tensor(lesson.apart);
  const [inputs, targets] = [rowsOf(examples, apart), examples.targets.indexSelect(0, apart)];
  const stopping = new EarlyStopping({ patience: settings.patience - 1 });
  const listener = {
    onEpoch: ({ epoch, values }: EpochEvent) =>
      lesson.onEpoch({ epoch, loss: values.loss as number, validation: values['validation.loss'] as number }),
    onWarning() {}, // of NaN: no epoch with it is the best
  };
  const { epochs } = await fitModel(new RowNetwork(network, examples, generator), {
    data: batches,
    loss: (outputs: Tensor, rows: Tensor) =>
      lossOf(outputs, examples.targets.indexSelect(0, rows), settings.labelSmoothing),
    optimizer,
    schedule: { scheduler, every: 'step' },
    epochs: settings.epochs,
    validate: async () => ({ 'validation.loss': validationLoss(await outputsOf(network, inputs), targets) }),
    callbacks: [stopping, listener],
    ...(signal !== undefined && { signal }),
    logEvery: batches.length,
    compile: true,
  });
  const { best } = stopping;
  if (best === null) signal?.throwIfAborted();
  return { network, epochs, best: best?.epoch ?? 0, loss: best?.value ?? Number.POSITIVE_INFINITY };
}

function rowsOf({ numbers, codes }: TabularInputs, rows: Tensor): TabularInputs {
  return {
    length: rows.size,
    numbers: numbers?.indexSelect(0, rows) ?? null,
    codes: codes?.indexSelect(0, rows) ?? null,
  };
}

function lossOf(outputs: Tensor, targets: Tensor, labelSmoothing: number): Tensor {
  return targets.dtype === 'int32'
    ? functional.crossEntropy(outputs, targets, { labelSmoothing })
    : functional.mseLoss(outputs, targets);
}

function validationLoss(outputs: Tensor, targets: Tensor): number {
  const loss = lossOf(outputs, targets, 0).item();
  return targets.dtype === 'int32' ? loss : Math.sqrt(loss);
}
