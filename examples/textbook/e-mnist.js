// (e) Handwritten digits: a 784-128-10 network on MNIST with cross entropy and momentum, the classic first real task.
//
// The weights come from a formula instead of a list of 101,770 numbers: the generator of Park and Miller (1988), which
// every language computes exactly, spread over ±1/√inputs as PyTorch spreads its own. examples/mnist is the program to
// use for more than learning: shuffled batches, a progress bar, saved weights.
import { data, nn, noGrad, optim, relu } from 'adjoint';

const pixels = 28 * 28;

/** @typedef {import('adjoint').Tensor} Tensor */

/** @param {number} seed @returns a function that gives numbers in (−1, 1) */
function parkMiller(seed) {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 1073741823.5 - 1;
  };
}

export function build() {
  const next = parkMiller(1);
  const hidden = new nn.Linear(pixels, 128);
  const output = new nn.Linear(128, 10);
  noGrad(() => {
    for (const [layer, inputs] of /** @type {[nn.Linear, number][]} */ ([
      [hidden, pixels],
      [output, 128],
    ])) {
      for (const parameter of layer.parameters()) {
        parameter.copy_(Float32Array.from({ length: parameter.size }, () => next() / Math.sqrt(inputs)));
      }
    }
  });
  return nn.sequential(hidden, relu, output);
}

/**
 * The share of images whose largest logit is at their digit.
 * @param {nn.Module} model
 * @param {Tensor} x [images, 784]
 * @param {Tensor} labels [images]
 */
function accuracyOn(model, x, labels) {
  const guesses = noGrad(() => model.forward(x)).argmax({ dim: 1 });
  return guesses.eq(labels).to('float32').mean().item();
}

/** Trains it on the first images in their order. */
export function run({ quiet = false, images = 60000, batch = 32 } = {}) {
  const print = quiet ? () => {} : console.log;
  const { train, test } = data.mnist();
  // Bytes from 0 to 255 become numbers about zero, (ink / 255 − 0.1307) / 0.3081: mean and deviation of all the images.
  const x = data.standardise(train.images.slice({ end: images }).reshape([images, pixels]));
  const labels = train.labels.slice({ end: images });
  const model = build();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });

  const losses = [];
  for (let start = 0; start < images; start += batch) {
    const range = { start, end: start + batch };
    const loss = nn.functional.crossEntropy(model.forward(x.slice(range)), labels.slice(range));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
    if (losses.length % 200 === 1) print(`${String(start).padStart(5)} images seen  loss ${losses.at(-1)?.toFixed(4)}`);
  }

  const accuracy = accuracyOn(model, x, labels);
  const testAccuracy = accuracyOn(model, data.standardise(test.images.reshape([-1, pixels])), test.labels);
  const predictions = Array.from(noGrad(() => model.forward(x.slice({ end: 4 }))).toTypedArray());
  print(`\nright: ${percent(accuracy)} of the training images, ${percent(testAccuracy)} of 10,000 it has never seen`);
  return { losses, accuracy, testAccuracy, predictions };
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(2)} %`;

if (import.meta.filename === process.argv[1]) run();
