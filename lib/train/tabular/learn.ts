// Training of one network.
import * as functional from '../../nn/functional.js';
import { tensor } from '../../ops/creation.js';
import { Generator } from '../../ops/generator.js';
import { randperm } from '../../ops/random.js';
import { AdamW } from '../../optim/adam.js';
import { LambdaLR } from '../../optim/lambda-lr.js';
import { compile } from '../../program/compile.js';
import type { Tensor } from '../../tensor.js';
import { drawParameters, type TabularArchitecture, type TabularInputs, TabularNetwork } from './network.js';
import { outputsOf } from './outputs.js';
import type { TabularSettings } from './settings.js';

/** Encoded rows with their targets: float32 [rows, 1], or classes int32 [rows]. */
export interface Examples extends TabularInputs {
  readonly targets: Tensor;
}

/** What is told of each epoch. */
export interface EpochReport {
  /** From 1. */
  readonly epoch: number;
  /** The loss of the last batch. */
  readonly loss: number;
  /** The loss on the validation part: cross entropy, or the root mean square of the error in deviations of the target. */
  readonly validation: number;
}

/** One training. */
export interface Lesson {
  readonly architecture: TabularArchitecture;
  readonly settings: TabularSettings;
  readonly train: Examples;
  readonly validation: Examples;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEpoch: (report: EpochReport) => void;
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

/**
 * Trains a network along half a cosine of the learning rate until the epochs are over or patience is, and returns it with the
 * weights of its best epoch. When the signal aborts, it returns the best so far, if there is any.
 */
export async function learn(
  lesson: Lesson,
): Promise<{ network: TabularNetwork; epochs: number; best: number; loss: number }> {
  const { architecture, settings, train, validation, seed, signal } = lesson;
  const generator = new Generator(seed);
  const network = new TabularNetwork(architecture, drawParameters(architecture, generator));
  const optimizer = new AdamW(groupsOf(network, settings), { betas: [0.9, 0.95] });
  const batchSize = Math.min(settings.batchSize, train.length);
  const steps = Math.floor(train.length / batchSize);
  const total = settings.epochs * steps;
  const schedule = new LambdaLR(optimizer, (step) => 0.5 * (1 + Math.cos(Math.PI * Math.min(1, step / total))));
  const step = compile((rows: Tensor) => {
    const { targets, ...inputs } = rowsOf(train, rows);
    const loss = lossOf(network.forward(inputs, generator), targets, settings.labelSmoothing);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    schedule.step();
    return loss;
  });
  const best = { epoch: 0, loss: Number.POSITIVE_INFINITY, weights: new Map<string, Tensor>() };
  let epoch = 0;
  try {
    while (epoch < settings.epochs && epoch - best.epoch < settings.patience) {
      const order = randperm(train.length, { generator }).toTypedArray() as Int32Array;
      const batch = (_: unknown, b: number) => [tensor(order.slice(b * batchSize, (b + 1) * batchSize))];
      const { result } = await step.run(Array.from({ length: steps }, batch), signal === undefined ? {} : { signal });
      const reached = validationLoss(await outputsOf(network, validation), validation.targets);
      epoch++;
      lesson.onEpoch({ epoch, loss: (result as Tensor).item(), validation: reached });
      if (reached < best.loss || best.weights.size === 0) {
        best.epoch = epoch;
        best.loss = reached;
        best.weights = new Map([...network.stateDict()].map(([name, t]) => [name, t.detach().clone()]));
      }
    }
  } catch (error) {
    if (signal?.aborted !== true || best.weights.size === 0) throw error;
  } finally {
    step.dispose();
  }
  network.loadStateDict(best.weights);
  return { network, epochs: epoch, best: best.epoch, loss: best.loss };
}

function rowsOf({ length, numbers, codes, targets }: Examples, rows: Tensor): Examples {
  const take = (t: Tensor): Tensor => t.indexSelect(0, rows);
  return {
    length,
    numbers: numbers === null ? null : take(numbers),
    codes: codes === null ? null : take(codes),
    targets: take(targets),
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
