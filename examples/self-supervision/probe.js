// What features are worth: how well a linear layer on top of them, all that learns, tells the classes apart.
import { nn, noGrad, optim, tensor } from 'adjoint';
import { percentRight, predictAll } from '../shared/classifier.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ images: Tensor, labels: Tensor }} Part images as the network takes them */

/**
 * The features of all images, in batches.
 *
 * @param {(images: Tensor) => Tensor} encode
 * @param {Tensor} images
 * @returns {Tensor} [images, features]
 */
export function featuresOf(encode, images) {
  const [count = 0] = images.shape;
  /** @type {Float32Array[]} */
  const parts = [];
  for (let start = 0; start < count; start += 250) {
    const features = encode(images.slice({ start, end: Math.min(count, start + 250) }));
    parts.push(/** @type {Float32Array} */ (features.toTypedArray()));
  }
  return tensor(parts.flatMap((part) => Array.from(part))).reshape([count, -1]);
}

/**
 * A linear layer learns from the features of labelled images; returns the share of test images that it gets right, in percent.
 *
 * @param {(images: Tensor) => Tensor} encode
 * @param {Part} labelled
 * @param {Part} test
 */
export function linearProbe(encode, labelled, test) {
  const features = featuresOf(encode, labelled.images);
  const [mean, deviation] = [features.mean({ dim: 0 }), features.std({ dim: 0 }).add(1e-6)];
  const scaled = (/** @type {Tensor} */ x) => x.sub(mean).div(deviation);
  const [x, y] = [scaled(features), labelled.labels];
  const layer = new nn.Linear(x.shape[1] ?? 0, 10);
  const optimizer = new optim.LBFGS(layer.parameters(), { maxIter: 100, lineSearchFn: 'strongWolfe' });
  optimizer.step(() => {
    optimizer.zeroGrad();
    const loss = nn.functional.crossEntropy(layer.forward(x), y).add(layer.weight.square().sum().mul(0.01));
    loss.backward();
    return loss;
  });
  const predict = (/** @type {Tensor} */ images) =>
    noGrad(() => layer.forward(scaled(encode(images))).argmax({ dim: 1 }));
  return percentRight(predictAll(predict, test.images), test.labels.toTypedArray());
}
