// Contrastive learning (Chen, Kornblith, Norouzi, Hinton, "A simple framework for contrastive learning of visual
// representations", 2020, https://arxiv.org/abs/2002.05709): two views of one image are to be more alike than those of others.
import { cat, data, nn, rand } from 'adjoint';
import { standardise } from '../fashion-mnist/data.js';
import { planes } from '../shared/classifier.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** How many numbers the encoder makes of an image. */
export const width = 64;

/**
 * Four convolutions, and the means over what they leave of the image.
 *
 * | x | features |
 * |---|---|
 * | [batch, 1, 28, 28] | [batch, 64] |
 */
export function convolutions() {
  const block = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ stride) => [
    new nn.Conv2d(from, to, 3, { stride, padding: 1, bias: false }),
    new nn.BatchNorm2d(to),
    new nn.ReLU(),
  ];
  return nn.sequential(
    ...block(1, 16, 2), // 14 × 14
    ...block(16, 32, 2), // 7 × 7
    ...block(32, 64, 1),
    ...block(64, width, 2), // 4 × 4
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
  );
}

/** The encoder, and behind it the small network whose output is compared. Only the encoder is kept. */
export class Contrast extends nn.Module {
  constructor() {
    super();
    this.encoder = convolutions();
    this.projection = nn.sequential(new nn.Linear(width, width), new nn.ReLU(), new nn.Linear(width, 32));
  }

  /**
   * The loss of two views of the same images.
   *
   * @param {Tensor} one [batch, 1, 28, 28]
   * @param {Tensor} other of its shape
   */
  forward(one, other) {
    const [a, b] = this.projection.forward(this.encoder.forward(cat([one, other]))).chunk(2);
    return nn.functional.ntXentLoss(a, b, { temperature: 0.2 });
  }
}

const changes = [16, 19, 22, 25].map((size) => data.augment({ flip: 0.5, crop: { size }, rotate: 10, cutout: 5 }));

/**
 * A view of each image: a part at a random place, enlarged to the size of the whole, mirrored or not, turned a little, a square of
 * it covered, paler or stronger. How large the part is differs from batch to batch.
 *
 * @param {Tensor} images uint8 [batch, 28, 28]
 * @returns {Tensor} [batch, 1, 28, 28]
 */
export function view(images) {
  const change = changes[Math.floor(rand([]).item() * changes.length)];
  const part = planes(standardise, change(images));
  const strength = rand([images.shape[0], 1, 1, 1]).mul(0.8).add(0.6);
  return nn.functional.interpolate(part, 28, { mode: 'bilinear' }).add(0.81).mul(strength).sub(0.81); // 0 is paper
}
