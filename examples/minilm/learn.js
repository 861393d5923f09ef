// Three ways to make a classifier of a pretrained encoder with few labelled texts, and one without it. Each runs in a process of
// its own, which this file is, so that its peak of memory is its own.
import { fileURLToPath } from 'node:url';
import { manualSeed, models, nn, noGrad, optim, randperm, scope, tensor } from 'adjoint';
import { peakMegabytes } from '../shared/memory.js';
import { batchOf, inOrder, meanOf, readEncoder } from './embed.js';
import { learnFromScratch } from './scratch.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('./embed.js').Batch} Batch */
/** @typedef {{ text: string, spam: boolean }} Labelled */
/**
 * @typedef {object} Settings
 * @property {number} length of texts in tokens
 * @property {number} epochs of the two ways that train the encoder
 * @property {number} batchSize
 * @property {number} rank of LoRA
 * @property {number} loraRate
 * @property {number} fullRate
 * @property {number} seed
 */
/** @typedef {{ way: Way, folder: string, seen: Labelled[], held: Labelled[], adapter?: string } & Settings} Task */
/** @typedef {'scratch' | 'head' | 'lora' | 'full'} Way */
/** @typedef {{ losses: number[], trained: number, accuracy: number, seconds: number, testSeconds: number,
 *   cpuSeconds: number, megabytes: number }} Result */

/** All linear layers of a block, by the ends of their names. */
const targets = ['query', 'key', 'value', 'output.dense', 'intermediate.dense'];

/** How many texts of a batch are computed at a time, for less memory: their gradients are added. */
const atOnce = 2;

/** An encoder and a linear layer over the mean of its vectors: one score, above 0 for spam. */
class Classifier extends nn.Module {
  /** @param {models.BertModel} encoder */
  constructor(encoder) {
    super();
    this.encoder = encoder;
    this.head = new nn.Linear(encoder.config.hiddenSize, 1);
  }

  /** @param {Batch} batch */
  forward(batch) {
    return this.head.forward(meanOf(this.encoder, batch)).reshape([-1]);
  }
}

/**
 * Logistic regression on the vectors that the encoder gives now.
 *
 * @param {nn.Linear} head
 * @param {Tensor} vectors
 * @param {Tensor} labels
 * @param {number} penalty of the weights' squares
 */
function fitHead(head, vectors, labels, penalty) {
  nn.init.zeros_(head.weight);
  nn.init.zeros_(head.bias ?? head.weight);
  const optimizer = new optim.LBFGS(head.parameters(), { lr: 1, maxIter: 100, lineSearchFn: 'strongWolfe' });
  optimizer.step(() => {
    optimizer.zeroGrad();
    const error = nn.functional.binaryCrossEntropyWithLogits(head.forward(vectors).reshape([-1]), labels);
    const loss = error.add(head.weight.square().sum().mul(penalty));
    loss.backward();
    return loss;
  });
}

/**
 * Trains what requires gradients; the rate falls to 0.
 *
 * @param {Classifier} model
 * @param {number[][]} texts
 * @param {Tensor} labels
 * @param {Settings & { lr: number }} settings
 */
function tune(model, texts, labels, { epochs, batchSize, lr }) {
  const parameters = model.parameters().filter((p) => p.requiresGrad);
  const optimizer = new optim.AdamW(parameters, { lr, weightDecay: 0.01 });
  const steps = epochs * Math.ceil(texts.length / batchSize);
  const schedule = new optim.lrScheduler.OneCycleLR(optimizer, lr, { totalSteps: steps, pctStart: 0.1 });
  model.train();
  /** @type {number[]} */
  const losses = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = [...randperm(texts.length).toTypedArray()];
    for (let from = 0; from < order.length; from += batchSize) {
      const chosen = order.slice(from, from + batchSize);
      optimizer.zeroGrad();
      let sum = 0;
      for (let part = 0; part < chosen.length; part += atOnce) {
        // What is computed is freed at once, not when the garbage collector comes by.
        scope(() => {
          const batch = batchOf(texts, chosen.slice(part, part + atOnce));
          const target = labels.indexSelect(0, tensor(batch.order, { dtype: 'int32' }));
          const logits = model.forward(batch);
          const loss = nn.functional.binaryCrossEntropyWithLogits(logits, target, { reduction: 'sum' });
          loss.div(chosen.length).backward();
          sum += loss.item();
        });
      }
      nn.utils.clipGradNorm_(parameters, 1);
      optimizer.step();
      schedule.step();
      losses.push(sum / chosen.length);
    }
  }
  model.eval();
  return losses;
}

/**
 * Learns from `seen`, and tests on `held`. All ways begin with the head that fits the encoder as it is: a random one would
 * first distort what the encoder knows (Kumar et al., 2022, https://arxiv.org/abs/2202.10054). Those that train the encoder fit the head once
 * more at the end, with a stronger penalty: what it learned beside the encoder is surer of the 200 texts than it should be.
 *
 * @param {Task} task
 * @returns {Result}
 */
export function learn({ way, folder, seen, held, adapter, ...settings }) {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  manualSeed(settings.seed);
  const { model: encoder, tokenise } = readEncoder(folder);
  const texts = seen.map(({ text }) => tokenise(text, settings.length));
  const labels = tensor(seen.map(({ spam }) => Number(spam)));
  const model = new Classifier(encoder);
  const refit = (/** @type {number} */ penalty) => {
    const vectors = inOrder(texts, (batch) => meanOf(encoder, batch));
    fitHead(model.head, vectors, labels, penalty);
  };
  refit(1e-3);
  /** @type {number[]} */
  let losses = [];
  let trained = model.head.parameters();
  if (way === 'full') {
    trained = model.parameters();
    losses = tune(model, texts, labels, { ...settings, lr: settings.fullRate });
    refit(1e-2);
  } else if (way === 'lora') {
    const { rank } = settings;
    const lora = nn.LoRA.apply(model, { rank, alpha: 2 * rank, targets, modulesToSave: ['head'] });
    trained = lora.parameters();
    losses = tune(model, texts, labels, { ...settings, lr: settings.loraRate });
    refit(1e-2);
    if (adapter !== undefined) models.saveAdapter(adapter, lora);
    lora.merge();
  }
  const seconds = (performance.now() - start) / 1000;
  const isSpam = noGrad(() =>
    inOrder(
      held.map(({ text }) => tokenise(text, settings.length)),
      (batch) => model.forward(batch),
    ),
  ).toTypedArray();
  const { user, system } = process.cpuUsage(cpu);
  const right = held.filter(({ spam }, i) => spam === (isSpam[i] ?? 0) > 0).length;
  return {
    losses,
    trained: trained.reduce((sum, p) => sum + p.size, 0),
    accuracy: (100 * right) / held.length,
    seconds,
    testSeconds: (performance.now() - start) / 1000 - seconds,
    cpuSeconds: (user + system) / 1e6,
    megabytes: peakMegabytes(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('message', async (/** @type {any} */ task) => {
    process.send?.(task.way === 'scratch' ? await learnFromScratch(task) : learn(task));
  });
}
