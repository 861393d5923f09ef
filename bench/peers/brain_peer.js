// brain.js 1.6, plain JavaScript. It trains sample by sample with its own squared-error loss, whatever the batch: a step
// is as many samples as the other engines' batch, the network has the same sizes.
import { createRequire } from 'node:module';
import { classes, serve, unavailable, workloads } from './peer.js';

const require = createRequire(import.meta.url);
/** @type {any} */
let brain;
try {
  brain = require('brain.js');
} catch (error) {
  unavailable(error);
}

/** @param {string} workload */
function build(workload) {
  if (!['W1', 'W2', 'W8'].includes(workload)) return 'not written for brain.js';
  const { sizes, batch } = workloads[workload];
  const tiny = workload === 'W1';
  const net = new brain.NeuralNetwork({ activation: tiny ? 'sigmoid' : 'leaky-relu' });
  net.sizes = sizes;
  net.initialize();
  net.updateTrainingOptions({ learningRate: tiny ? 0.5 : 1e-4, momentum: tiny ? 0.1 : 0.9 });
  net.setActivation();
  const samples = tiny ? xorSamples() : classSamples(workload === 'W8' ? 1 : 4096);
  if (workload === 'W8') return { step: () => net.runInput(samples[0].input) };

  let i = 0;
  let loss = 0;
  return {
    step() {
      loss = 0;
      for (let n = 0; n < batch; n++) loss += net.trainPattern(samples[i++ % samples.length], true) / batch;
    },
    loss: () => loss,
  };
}

function xorSamples() {
  return [0, 1, 2, 3].map((n) => ({
    input: Float32Array.of(n >> 1, n & 1),
    output: Float32Array.of((n >> 1) ^ (n & 1)),
  }));
}

/** @param {number} count */
function classSamples(count) {
  const { x, labels } = classes(count);
  return Array.from(labels, (label, n) => ({
    input: x.slice(n * 784, (n + 1) * 784),
    output: Float32Array.from({ length: 10 }, (_, k) => (k === label ? 1 : 0)),
  }));
}

await serve({ engine: 'brain.js 1.6', build });
