// The server of bench/http.js: trains W3 without pause by a compiled step and answers predictions of the same weights.
// Started by it with an IPC channel: says where it listens, and answers each message with the steps done so far.
import { compile, manualSeed, nn, noGrad, optim, setNumThreads, tensor } from 'adjoint';
import { fastify } from 'fastify';
import { classes, workloads } from './peers/peer.js';

/** @typedef {import('adjoint').Tensor} Tensor */

setNumThreads(1);
manualSeed(1);
const { sizes, batch } = workloads.W3;
const layers = sizes.slice(1).map((outputs, l) => new nn.Linear(sizes[l], outputs));
const model = nn.sequential(...layers.flatMap((layer, l) => (l === 0 ? [layer] : [new nn.ReLU(), layer])));
const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
const step = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
  const loss = nn.functional.crossEntropy(model.forward(x), y);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});
const infer = compile((/** @type {Tensor} */ x) => noGrad(() => model.forward(x).softmax({ dim: 1 })));

const { x, labels } = classes(4096);
const batches = Array.from({ length: 4096 / batch }, (_, b) => [
  tensor(x.slice(b * batch * 784, (b + 1) * batch * 784), { shape: [batch, 784] }),
  tensor(labels.slice(b * batch, (b + 1) * batch)),
]);

function* endless() {
  for (;;) yield* batches;
}

const app = fastify();
const pixels = { type: 'array', minItems: 784, maxItems: 784, items: { type: 'integer', minimum: 0, maximum: 255 } };
const body = { type: 'object', additionalProperties: false, required: ['pixels'], properties: { pixels } };
app.post('/predict', { schema: { body } }, (request, reply) => {
  const { pixels } = /** @type {{ pixels: number[] }} */ (request.body);
  const row = new Float32Array(784); // filled by a loop: Float32Array.from takes as long as the prediction
  for (let i = 0; i < 784; i++) row[i] = (pixels[i] - 128) / 40;
  reply.send({ probabilities: Array.from(infer.sync(tensor(row, { shape: [1, 784] })).toTypedArray()) });
});

infer.sync(tensor(x.slice(0, 784), { shape: [1, 784] })); // recorded before the first request
let steps = 0;
let loss = Number.NaN;
step
  .run(endless(), {
    onStep: (newest) => {
      steps++;
      loss = newest.item();
    },
  })
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
const url = await app.listen({ port: 0, host: '127.0.0.1' });
process.on('message', () => process.send?.({ steps, at: performance.now(), loss, cpu: process.cpuUsage() }));
process.on('disconnect', () => process.exit(0));
process.send?.({ url });
