// Models of TensorFlow.js with their weights and predictions: tfjs.json. To make it again:
//   mkdir tfjs && cd tfjs && npm init -y && npm install @tensorflow/tfjs@4.22.0
//   TFJS=$PWD/node_modules/@tensorflow/tfjs/dist/tf.node.js node …/test/golden/make_tfjs.mjs
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const tf = createRequire(import.meta.url)(process.env.TFJS ?? '@tensorflow/tfjs');
const { layers: l } = tf;

/** Numbers that look random, from -1 to 1, on a grid that few decimals hold. */
let place = 0;
const numbers = (/** @type {number} */ n) =>
  Array.from({ length: n }, () => Math.round(Math.sin(++place * 12.9898) * 1000) / 1000);
const count = (/** @type {(number | null)[]} */ shape) => shape.reduce((a, b) => (a ?? 1) * (b ?? 1), 1) ?? 1;

const seq = (/** @type {unknown[]} */ list) => tf.sequential({ layers: list });
const same = { padding: 'same' };

/** Models by what they show. */
const makers = {
  dense: () =>
    seq([
      l.dense({ units: 5, activation: 'relu', inputShape: [4] }),
      l.dropout({ rate: 0.5 }),
      l.gaussianNoise({ stddev: 1 }),
      l.gaussianDropout({ rate: 0.3 }),
      l.alphaDropout({ rate: 0.3 }),
      l.dense({ units: 6, useBias: false }),
      l.leakyReLU({ alpha: 0.2 }),
      l.dense({ units: 4, activation: 'elu' }),
      l.elu(),
      l.reLU({ maxValue: 0.5 }),
      l.repeatVector({ n: 2 }),
      l.permute({ dims: [2, 1] }),
      l.reshape({ targetShape: [2, 4] }),
      l.dense({ units: 3 }),
      l.softmax({ axis: -1 }),
    ]),
  images: () =>
    seq([
      l.conv2d({ filters: 4, kernelSize: 3, strides: 2, ...same, activation: 'relu', inputShape: [9, 8, 2] }),
      l.batchNormalization(),
      l.depthwiseConv2d({ kernelSize: [3, 2], depthMultiplier: 2, ...same }),
      l.separableConv2d({ filters: 3, kernelSize: 2, depthMultiplier: 2, activation: 'tanh', ...same }),
      l.upSampling2d({ size: [2, 3] }),
      l.zeroPadding2d({
        padding: [
          [1, 0],
          [2, 1],
        ],
      }),
      l.averagePooling2d({ poolSize: 3, strides: 2, ...same }),
      l.maxPooling2d({ poolSize: 2, strides: 1, ...same }),
      l.layerNormalization(),
      l.maxPooling2d({ poolSize: [2, 3] }),
      l.flatten(),
      l.dense({ units: 3, activation: 'softmax' }),
    ]),
  transposed: () =>
    seq([
      l.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, ...same, inputShape: [3, 4, 2] }),
      l.conv2dTranspose({ filters: 2, kernelSize: 2, strides: 3, activation: 'sigmoid' }),
      l.conv2dTranspose({ filters: 2, kernelSize: 4, strides: 3 }),
      l.conv2d({ filters: 2, kernelSize: 3, dilationRate: 2, ...same }),
      l.globalMaxPooling2d({}),
    ]),
  globalImages: () =>
    seq([
      l.conv2d({ filters: 3, kernelSize: 2, inputShape: [4, 5, 1], useBias: false }),
      l.batchNormalization({ scale: false, momentum: 0.9, epsilon: 0.01 }),
      l.averagePooling2d({ poolSize: 2, strides: 1 }),
      l.globalAveragePooling2d({}),
    ]),
  sequences: () =>
    seq([
      l.conv1d({ filters: 4, kernelSize: 3, strides: 2, ...same, inputShape: [9, 2] }),
      l.conv1d({ filters: 4, kernelSize: 2, dilationRate: 2 }),
      l.batchNormalization(),
      l.maxPooling1d({ poolSize: 2, strides: 1, ...same }),
      l.averagePooling1d({ poolSize: 2, strides: 1, ...same }),
      l.spatialDropout1d({ rate: 0.2 }),
      l.globalAveragePooling1d(),
      l.activation({ activation: 'softplus' }),
    ]),
  words: () =>
    seq([
      l.embedding({ inputDim: 7, outputDim: 3, inputLength: 5 }),
      l.bidirectional({ layer: l.lstm({ units: 2, returnSequences: true }), mergeMode: 'concat' }),
      l.bidirectional({ layer: l.gru({ units: 3, returnSequences: true }), mergeMode: 'sum' }),
      l.timeDistributed({ layer: l.dense({ units: 3, activation: 'tanh' }) }),
      l.simpleRNN({ units: 3, returnSequences: true, goBackwards: true }),
      l.gru({ units: 2, recurrentActivation: 'sigmoid', useBias: false, returnSequences: true }),
      l.lstm({ units: 2, recurrentActivation: 'sigmoid' }),
    ]),
  bidirectional: () =>
    seq([
      l.bidirectional({ layer: l.simpleRNN({ units: 2 }), mergeMode: 'concat', inputShape: [4, 2] }),
      l.dense({ units: 1, activation: 'hardSigmoid' }),
    ]),
  branches: () => {
    const a = tf.input({ shape: [4, 3] });
    const b = tf.input({ shape: [4, 3] });
    const shared = l.dense({ units: 3, activation: 'swish' });
    const [x, y] = [shared.apply(a), shared.apply(b)];
    const joined = l.concatenate({ axis: 1 }).apply([x, y]);
    const sum = l.add().apply([x, y]);
    const product = l.multiply().apply([x, sum]);
    const mean = l.average().apply([x, y, product]);
    const most = l.maximum().apply([mean, y]);
    const least = l.minimum().apply([most, x]);
    const inner = seq([l.dense({ units: 2, activation: 'selu', inputShape: [4, 3] }), l.globalMaxPooling1d({})]);
    return tf.model({ inputs: [a, b], outputs: [joined, inner.apply(least)] });
  },
};

const golden = [];
for (const [name, make] of Object.entries(makers)) {
  const model = make();
  model.setWeights(
    model.weights.map((/** @type {any} */ w) => {
      const values = numbers(count(w.shape));
      return tf.tensor(w.name.includes('variance') ? values.map((v) => Math.abs(v) + 0.5) : values, w.shape);
    }),
  );
  const inputs = model.inputs.map((/** @type {any} */ { shape }) => {
    const sizes = [2, ...shape.slice(1)];
    const values = numbers(count(sizes));
    return { shape: sizes, data: name === 'words' ? values.map((v) => Math.abs(Math.round(v * 6))) : values };
  });
  const given = inputs.map((/** @type {any} */ { shape, data }) => tf.tensor(data, shape));
  const outputs = [model.predict(given.length === 1 ? given[0] : given)].flat();
  let saved = /** @type {any} */ (undefined);
  await model.save(
    tf.io.withSaveHandler(async (/** @type {any} */ artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  const json = {
    ...{ format: 'layers-model', generatedBy: saved.generatedBy, convertedBy: null },
    modelTopology: saved.modelTopology,
    weightsManifest: [{ paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'], weights: saved.weightSpecs }],
  };
  const rounded = (/** @type {any} */ t) => ({
    shape: t.shape,
    data: Array.from(t.dataSync(), (v) => Number(v.toFixed(7))),
  });
  golden.push({
    ...{ name, json, weights: Buffer.from(saved.weightData).toString('base64') },
    ...{ inputs, outputs: outputs.map(rounded) },
  });
}
writeFileSync(new URL('tfjs.json', import.meta.url), `${JSON.stringify(golden)}\n`);
