// The networks of W4 to W7: one of each family, in this library as its users write them; bench/peers/torch_families.py
// states the same in PyTorch. Parameters come in the same order there, by which test/train/families.test.ts fills both alike.
import { add, arange, nn, optim, relu, reshape, slice, tensor } from 'adjoint';
import { fillClasses, normalNumbers } from './peers/peer.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('adjoint').nn.Module} Model */

const kVocabulary = 65;
const kContext = 128;

/** LeNet on 1×28×28. */
function leNet() {
  return nn.sequential(
    new nn.Conv2d(1, 6, 5, { padding: 2 }),
    relu,
    new nn.MaxPool2d(2),
    new nn.Conv2d(6, 16, 5),
    relu,
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(400, 120),
    relu,
    new nn.Linear(120, 84),
    relu,
    new nn.Linear(84, 10),
  );
}

/** @param {number} inputs @param {number} outputs @param {number} [stride] */
const convolution = (inputs, outputs, stride = 1) =>
  new nn.Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false });

class ResidualBlock extends nn.Module {
  /** @param {number} channels */
  constructor(channels) {
    super();
    this.c1 = convolution(channels, channels);
    this.b1 = new nn.BatchNorm2d(channels);
    this.c2 = convolution(channels, channels);
    this.b2 = new nn.BatchNorm2d(channels);
  }

  /** @param {Tensor} x */
  forward(x) {
    const inner = relu(this.b1.forward(this.c1.forward(x)));
    return relu(add(x, this.b2.forward(this.c2.forward(inner))));
  }
}

/** A small ResNet on 3×32×32. */
function resNet() {
  /** @param {number} inputs @param {number} outputs @param {number} stride */
  const unit = (inputs, outputs, stride) => [
    convolution(inputs, outputs, stride),
    new nn.BatchNorm2d(outputs),
    new nn.ReLU(),
  ];
  return nn.sequential(
    ...unit(3, 32, 1),
    ...unit(32, 64, 2),
    new ResidualBlock(64),
    ...unit(64, 128, 2),
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Linear(128, 10),
  );
}

/** A class for a sequence, from the output of the last step. */
class SequenceClassifier extends nn.Module {
  /** @param {typeof nn.LSTM | typeof nn.GRU} kind */
  constructor(kind) {
    super();
    this.r = new kind(64, 128, { batchFirst: true });
    this.fc = new nn.Linear(128, 10);
  }

  /** @param {Tensor} x [batch, steps, 64] */
  forward(x) {
    const [output] = this.r.forward(x);
    return this.fc.forward(reshape(slice(output, { dim: 1, start: -1 }), [x.shape[0], 128]));
  }
}

class Block extends nn.Module {
  /** @param {number} width @param {number} heads */
  constructor(width, heads) {
    super();
    this.l1 = new nn.LayerNorm(width);
    this.l2 = new nn.LayerNorm(width);
    this.attention = new nn.MultiheadAttention(width, heads, { batchFirst: true });
    this.f1 = new nn.Linear(width, 4 * width);
    this.f2 = new nn.Linear(4 * width, width);
  }

  /** @param {Tensor} x */
  forward(x) {
    const normal = this.l1.forward(x);
    const y = add(x, this.attention.forward(normal, normal, normal, { isCausal: true })[0]);
    return add(y, this.f2.forward(nn.functional.gelu(this.f1.forward(this.l2.forward(y)))));
  }
}

/** A character GPT: 4 layers, 4 heads, width 128, pre-norm, learned positions. */
class GPT extends nn.Module {
  constructor() {
    super();
    this.te = new nn.Embedding(kVocabulary, 128);
    this.pe = new nn.Embedding(kContext, 128);
    this.b = Array.from({ length: 4 }, () => new Block(128, 4));
    this.ln = new nn.LayerNorm(128);
    this.head = new nn.Linear(128, kVocabulary, { bias: false });
    for (const parameter of this.parameters()) {
      if (parameter.rank > 1) nn.init.normal_(parameter, 0, 0.02);
    }
  }

  /** @param {Tensor} index [batch, steps] */
  forward(index) {
    const positions = this.pe.forward(arange(0, index.shape[1], { dtype: 'int32' }));
    const embedded = add(this.te.forward(index), positions);
    return this.head.forward(this.ln.forward(this.b.reduce((x, block) => block.forward(x), embedded)));
  }
}

/** @type {Record<string, { model: () => Model, optimizer: (parameters: Tensor[]) => optim.Optimizer<any>, batch: number }>} */
const families = {
  W4: { model: leNet, optimizer: (parameters) => new optim.Adam(parameters, { lr: 1e-3 }), batch: 64 },
  W5: { model: resNet, optimizer: (parameters) => new optim.SGD(parameters, { lr: 0.05, momentum: 0.9 }), batch: 32 },
  W6: {
    model: () => new SequenceClassifier(nn.LSTM),
    optimizer: (parameters) => new optim.Adam(parameters, { lr: 1e-3 }),
    batch: 32,
  },
  W6g: {
    model: () => new SequenceClassifier(nn.GRU),
    optimizer: (parameters) => new optim.Adam(parameters, { lr: 1e-3 }),
    batch: 32,
  },
  W7: { model: () => new GPT(), optimizer: (parameters) => new optim.AdamW(parameters, { lr: 1e-3 }), batch: 16 },
};

/** @param {string} workload */
export const isFamily = (workload) => workload in families;

/**
 * A network and its training step, which returns the loss.
 * @param {string} workload
 * @param {(model: Model) => Model} [wrap] what is trained in its place, with its parameters
 */
export function familyTraining(workload, wrap = (model) => model) {
  const family = families[workload];
  const model = wrap(family.model());
  const optimizer = family.optimizer(model.parameters());
  /** @param {Tensor} x @param {Tensor} y */
  const step = (x, y) => {
    const output = model.forward(x);
    const loss =
      workload === 'W7'
        ? nn.functional.crossEntropy(reshape(output, [-1, kVocabulary]), reshape(y, [-1]))
        : nn.functional.crossEntropy(output, y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  return { model, step };
}

/** The shape of a sample, how many there are, and how strong its class's pattern is in the noise of deviation 1. @type {Record<string, { shape: number[], samples: number, strength: number }>} */
const classData = {
  W4: { shape: [1, 28, 28], samples: 4096, strength: 0.5 },
  W5: { shape: [3, 32, 32], samples: 1024, strength: 0.5 },
  W6: { shape: [64, 64], samples: 1024, strength: 0.3 },
  W6g: { shape: [64, 64], samples: 1024, strength: 0.3 },
};

/** The batches that a workload goes through in turn. @param {string} workload @returns {[Tensor, Tensor][]} */
export function familyBatches(workload) {
  const { batch } = families[workload];
  if (workload === 'W7') return textBatches(batch);
  const { shape, samples, strength } = classData[workload];
  const features = shape.reduce((a, b) => a * b);
  const x = new Float32Array(samples * features);
  // A sequence has the pattern of its class at each step.
  const period = workload.startsWith('W6') ? 64 : features;
  const labels = fillClasses(x, { features, period, strength, noise: 1 });
  return Array.from({ length: samples / batch }, (_, b) => [
    tensor(x.subarray(b * batch * features, (b + 1) * batch * features), { shape: [batch, ...shape] }),
    tensor(labels.subarray(b * batch, (b + 1) * batch)),
  ]);
}

/** The sums of a softmax of random scores up to each token: how likely each follows. @param {() => number} normal */
function nextTokens(normal) {
  const odds = Array.from({ length: kVocabulary }, () => Math.exp(3 * normal()));
  const total = odds.reduce((a, b) => a + b);
  let sum = 0;
  return odds.map((odd) => {
    sum += odd / total;
    return sum;
  });
}

/** Windows into 60,000 tokens of a chain in which each depends on the one before. @param {number} batch @returns {[Tensor, Tensor][]} */
function textBatches(batch) {
  const { uniform, normal } = normalNumbers();
  const chain = Array.from({ length: kVocabulary }, () => nextTokens(normal));
  const text = new Int32Array(60001);
  for (let i = 1; i < text.length; i++) {
    const chance = uniform();
    const next = chain[text[i - 1]].findIndex((sum) => chance <= sum);
    text[i] = next < 0 ? kVocabulary - 1 : next;
  }
  return Array.from({ length: 64 }, () => {
    const x = new Int32Array(batch * kContext);
    const y = new Int32Array(batch * kContext);
    for (let row = 0; row < batch; row++) {
      const start = Math.floor(uniform() * (text.length - kContext - 1));
      x.set(text.subarray(start, start + kContext), row * kContext);
      y.set(text.subarray(start + 1, start + 1 + kContext), row * kContext);
    }
    return [tensor(x, { shape: [batch, kContext] }), tensor(y, { shape: [batch, kContext] })];
  });
}
