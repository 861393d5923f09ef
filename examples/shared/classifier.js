// Training and testing of a network that says what is on a picture, whatever it is made of.
import { argmax, cat, compile, nn, noGrad, optim, train } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ images: Tensor, labels: Tensor }} Part images uint8 [n, height, width], labels int32 [n] */
/** @typedef {import('adjoint').nn.Module & { forward(x: Tensor): Tensor }} Classifier */
/**
 * @typedef {object} Result
 * @property {number[]} losses one a step
 * @property {number} accuracy on the test images, in percent
 * @property {Int32Array} predictions for each test image
 * @property {number} seconds that training and testing took
 */

/**
 * Trains for some epochs and tests after each. The learning rate follows one cycle: up for the first part, then down to
 * nothing.
 *
 * @param {Classifier} model
 * @param {object} options
 * @param {import('adjoint').data.DataLoader<any, any, readonly Tensor[]>} options.loader of images and labels, ready for the model
 * @param {{ images: Tensor, labels: Tensor }} options.test images ready for the model
 * @param {import('adjoint').optim.SGD | import('adjoint').optim.Adam} options.optimizer
 * @param {number} options.maxLr the highest learning rate
 * @param {number} options.epochs
 * @param {import('adjoint').train.ProgressStream} options.stream
 * @returns {Promise<Result>}
 */
export async function learn(model, { loader, test, optimizer, maxLr, epochs, stream }) {
  const scheduler = new optim.lrScheduler.OneCycleLR(optimizer, maxLr, { epochs, stepsPerEpoch: loader.length });
  const step = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const loss = nn.functional.crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    scheduler.step();
    return loss;
  });
  const predict = compile((/** @type {Tensor} */ x) => noGrad(() => argmax(model.forward(x), { dim: 1 })));
  const progress = new train.Progress({ steps: loader.length, epochs, stream });
  const started = performance.now();
  /** @type {number[]} */
  const losses = [];
  let [accuracy, predictions] = [0, new Int32Array(0)];
  for (let epoch = 0; epoch < epochs; epoch++) {
    model.train();
    await step.run(loader, {
      onStep: (loss) => {
        losses.push(loss.item());
        progress.step(loader.batchSize ?? 1, losses.at(-1));
      },
    });
    model.eval();
    predictions = predictAll(predict.sync, test.images);
    accuracy = percentRight(predictions, test.labels.toTypedArray());
    progress.endEpoch(`test accuracy ${accuracy.toFixed(2)} %`);
  }
  return { losses, accuracy, predictions, seconds: (performance.now() - started) / 1000 };
}

/**
 * In batches: the activations of all images at once would need gigabytes.
 *
 * @param {(x: Tensor) => Tensor} predict
 * @param {Tensor} images
 */
export function predictAll(predict, images) {
  const [count = 0] = images.shape;
  const all = new Int32Array(count);
  for (let start = 0; start < count; start += 250) {
    const end = Math.min(count, start + 250);
    all.set(/** @type {Int32Array} */ (predict(images.slice({ start, end })).toTypedArray()), start);
  }
  return all;
}

/**
 * What a network says of all images, in batches and without gradients: [n, …].
 *
 * @param {(x: Tensor) => Tensor} forward
 * @param {Tensor} images
 */
export function outputsOf(forward, images) {
  const [count = 0] = images.shape;
  const starts = Array.from({ length: Math.ceil(count / 250) }, (_, i) => 250 * i);
  return noGrad(() => cat(starts.map((start) => forward(images.slice({ start, end: Math.min(count, start + 250) })))));
}

/**
 * @param {ArrayLike<number>} predictions
 * @param {ArrayLike<number>} labels
 */
export function percentRight(predictions, labels) {
  let right = 0;
  for (let i = 0; i < labels.length; i++) right += Number(predictions[i] === labels[i]);
  return (100 * right) / labels.length;
}

/**
 * Images as networks with convolutions take them: float32 [n, 1, height, width], about zero.
 *
 * @param {(images: Tensor) => Tensor} standardise
 * @param {Tensor} images uint8 [n, height, width]
 */
export function planes(standardise, images) {
  return standardise(images).reshape([-1, 1, ...images.shape.slice(1)]);
}

/**
 * The first of a part's images and their labels.
 *
 * @param {Part} part
 * @param {number} count
 * @returns {Part}
 */
export function first({ images, labels }, count) {
  return { images: images.slice({ end: count }), labels: labels.slice({ end: count }) };
}
