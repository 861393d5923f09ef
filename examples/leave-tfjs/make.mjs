// The model that leaves TensorFlow.js: a small convolutional network for handwritten digits, trained there on 1,000 images for four
// epochs, and no longer because its CPU backend is slow. It leaves what `model.save` does, and TensorFlow.js's predictions of test
// digits, in the folder `digits`. To make it again:
//   mkdir tfjs && cd tfjs && npm init -y && npm install @tensorflow/tfjs@4.22.0
//   TFJS=$PWD/node_modules/@tensorflow/tfjs/dist/tf.node.js node …/examples/leave-tfjs/make.mjs
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { data } from 'adjoint';

const tf = createRequire(import.meta.url)(process.env.TFJS ?? '@tensorflow/tfjs');
const folder = new URL('digits/', import.meta.url);
const [learned, predicted] = [1000, 20];

/**
 * The first images of a part as TensorFlow.js takes them, [n, 28, 28, 1] from 0 to 1, and their labels.
 *
 * @param {{ images: import('adjoint').Tensor, labels: import('adjoint').Tensor }} part
 * @param {number} n
 */
function firstOf({ images, labels }, n) {
  const pixels = Float32Array.from(images.slice({ end: n }).toTypedArray(), (ink) => ink / 255);
  const digits = Int32Array.from(labels.slice({ end: n }).toTypedArray());
  return { x: tf.tensor4d(pixels, [n, 28, 28, 1]), y: tf.oneHot(tf.tensor1d(digits, 'int32'), 10) };
}

let seed = 0;
const start = () => ({ kernelInitializer: tf.initializers.glorotUniform({ seed: ++seed }) });
const model = tf.sequential({
  layers: [
    tf.layers.conv2d({
      ...{ filters: 8, kernelSize: 5, strides: 2, activation: 'relu', inputShape: [28, 28, 1] },
      ...start(),
    }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu', ...start() }),
    tf.layers.flatten(),
    tf.layers.dense({ units: 10, activation: 'softmax', ...start() }),
  ],
});
model.compile({ optimizer: tf.train.adam(2e-3), loss: 'categoricalCrossentropy' });

const { train, test } = data.mnist();
const { x, y } = firstOf(train, learned);
await model.fit(x, y, { epochs: 4, batchSize: 50, shuffle: false, verbose: 0 });

mkdirSync(folder, { recursive: true });
const handler = tf.io.withSaveHandler(async (/** @type {any} */ saved) => {
  const weightsManifest = [{ paths: ['group1-shard1of1.bin'], weights: saved.weightSpecs }];
  const { modelTopology, generatedBy } = saved;
  const json = { format: 'layers-model', generatedBy, convertedBy: null, modelTopology, weightsManifest };
  writeFileSync(new URL('model.json', folder), `${JSON.stringify(json)}\n`);
  writeFileSync(new URL('group1-shard1of1.bin', folder), Buffer.from(saved.weightData));
  return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
});
await model.save(handler);
const predictions = model.predict(firstOf(test, predicted).x).arraySync();
writeFileSync(new URL('predictions.json', folder), `${JSON.stringify(predictions)}\n`);
