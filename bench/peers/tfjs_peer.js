// TensorFlow.js without its native addon: `node tfjs_peer.js cpu` (plain JavaScript) or `wasm`.
import { classes, serve, unavailable, workloads } from './peer.js';

const backend = process.argv[2] === 'wasm' ? 'wasm' : 'cpu';

/** @type {any} */
let tf;
try {
  tf = await import('@tensorflow/tfjs'); // registers the plain backend and the gradients
  if (backend === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
  await tf.setBackend(backend);
  await tf.ready();
} catch (error) {
  unavailable(error);
}

/** @param {number[]} sizes */
function layers(sizes) {
  return sizes.slice(1).map((outputs, l) => ({
    weight: tf.variable(tf.randomUniform([sizes[l], outputs], -1 / Math.sqrt(sizes[l]), 1 / Math.sqrt(sizes[l]))),
    bias: tf.variable(tf.zeros([outputs])),
  }));
}

/** @param {string} workload */
function build(workload) {
  if (!(workload in workloads) || workload === 'epoch') return 'not written for tfjs';
  const { sizes, batch } = workloads[workload];
  const network = layers(sizes);
  /** @param {any} x */
  const forward = (x) =>
    network.reduce((h, { weight, bias }, l) => {
      const z = tf.add(tf.matMul(h, weight), bias);
      return l === network.length - 1 ? z : workload === 'W1' ? tf.tanh(z) : tf.relu(z);
    }, x);
  if (workload === 'W8') {
    const x = tf.tensor2d(classes(1).x, [1, 784]);
    return { step: () => tf.tidy(() => forward(x).dataSync()) };
  }

  const batches = workload === 'W1' ? xorBatches() : classBatches(batch);
  const optimizer =
    workload === 'W1' ? tf.train.sgd(0.5) : workload === 'W2' ? tf.train.momentum(0.01, 0.9) : tf.train.adam(1e-3);
  const lossFunction = workload === 'W1' ? tf.losses.sigmoidCrossEntropy : tf.losses.softmaxCrossEntropy;
  /** @type {any} */
  let newest;
  let i = 0;
  return {
    step() {
      const { x, y } = batches[i++ % batches.length];
      newest?.dispose();
      newest = optimizer.minimize(() => lossFunction(y, forward(x)), true);
      newest.dataSync();
    },
    loss: () => newest.dataSync()[0],
  };
}

function xorBatches() {
  const x = tf.tensor2d([0, 0, 0, 1, 1, 0, 1, 1], [4, 2]);
  return [{ x, y: tf.tensor2d([0, 1, 1, 0], [4, 1]) }];
}

/** @param {number} batch */
function classBatches(batch) {
  const { x, labels } = classes(4096);
  return Array.from({ length: 4096 / batch }, (_, b) => ({
    x: tf.tensor2d(x.slice(b * batch * 784, (b + 1) * batch * 784), [batch, 784]),
    y: tf.cast(tf.oneHot(tf.tensor1d(labels.slice(b * batch, (b + 1) * batch), 'int32'), 10), 'float32'),
  }));
}

await serve({ engine: `tfjs ${tf.version.tfjs} ${backend}`, build });
