// (e) Handwritten digits: a 784-128-10 network on MNIST with cross entropy and momentum, the classic first real task.
//
// The weights come from a formula instead of a list of 101,770 numbers: the generator of Park and Miller (1988), which
// every language computes exactly, spread over ±1/√inputs as PyTorch spreads its own. examples/mnist is the program to
// use for more than learning: shuffled batches, a progress bar, saved weights.
import { data, nn, noGrad, optim, relu, tensor } from 'adjoint';

const pixels = 28 * 28;
const mean = 0.1307; // of all pixels of the training images, as a share of full ink
const deviation = 0.3081;

/** @param {number} seed @returns a function that gives numbers in (−1, 1) */
function parkMiller(seed) {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 1073741823.5 - 1;
  };
}

function build() {
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
 * `count` images from number `start` on, as rows of standardised numbers, and their digits.
 * @param {{ images: Uint8Array, labels: Uint8Array }} part
 * @param {number} start
 * @param {number} count
 */
function batchOf(part, start, count) {
  const bytes = part.images.subarray(start * pixels, (start + count) * pixels);
  const x = Float32Array.from(bytes, (ink) => (ink / 255 - mean) / deviation);
  const labels = Int32Array.from(part.labels.subarray(start, start + count));
  return { x: tensor(x, { shape: [labels.length, pixels] }), labels: tensor(labels) };
}

/**
 * The share of images whose largest logit is at their digit.
 * @param {nn.Module} model
 * @param {{ images: Uint8Array, labels: Uint8Array }} part
 * @param {number} images
 */
function accuracyOn(model, part, images) {
  let right = 0;
  for (let i = 0; i < images; i += 1000) {
    const { x, labels } = batchOf(part, i, Math.min(1000, images - i));
    const guesses = noGrad(() => model.forward(x)).argmax({ dim: 1 });
    right += guesses.eq(labels).sum().item();
  }
  return right / images;
}

/** Trains it on the first images in their order. */
export function run({ quiet = false, images = 60000, testImages = 10000, batch = 32 } = {}) {
  const print = quiet ? () => {} : console.log;
  const { train, test } = data.mnist();
  const model = build();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });

  const losses = [];
  for (let i = 0; i < images; i += batch) {
    const { x, labels } = batchOf(train, i, Math.min(batch, images - i));
    const loss = nn.crossEntropy(model.forward(x), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
    if (losses.length % 200 === 1) print(`${String(i).padStart(5)} images seen  loss ${losses.at(-1)?.toFixed(4)}`);
  }

  const accuracy = accuracyOn(model, train, Math.min(images, 1000));
  const testAccuracy = testImages > 0 ? accuracyOn(model, test, testImages) : Number.NaN;
  const predictions = Array.from(noGrad(() => model.forward(batchOf(train, 0, 4).x)).toTypedArray());
  print(`\n${(100 * testAccuracy).toFixed(2)} % of ${testImages} images that it has never seen are right`);
  return { losses, accuracy, testAccuracy, predictions };
}

if (import.meta.filename === process.argv[1]) run();
