// Pictures with several handwritten digits, put together of MNIST's.
import { data, nn, rand, tensor } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */

/** @typedef {{ images: Uint8Array, labels: Uint8Array }} Digits */

/** MNIST as bytes. @returns {{ train: Digits, test: Digits }} */
export function digits() {
  const bytes = (/** @type {{ images: Tensor, labels: Tensor }} */ { images, labels }) => ({
    images: /** @type {Uint8Array} */ (images.toTypedArray()),
    labels: Uint8Array.from(labels.toTypedArray()),
  });
  const { train, test } = data.mnist();
  return { train: bytes(train), test: bytes(test) };
}

/** Numbers from 0 to 1, one after the other. @param {number} count */
export function chances(count) {
  const all = rand([count]).toTypedArray();
  let next = 0;
  return () => all[next++ % count];
}

/**
 * Draws a digit into a picture; where there is ink already, the darker stays.
 *
 * @param {Float32Array} picture of size · size values, from 0 to 1
 * @param {number} size
 * @param {Digits} source
 * @param {number} which
 * @param {{ left: number, top: number }} place
 */
export function draw(picture, size, { images }, which, { left, top }) {
  for (let y = 0; y < 28; y++) {
    for (let x = 0; x < 28; x++) {
      const [column, row] = [left + x, top + y];
      if (column < 0 || row < 0 || column >= size || row >= size) continue;
      const at = row * size + column;
      picture[at] = Math.max(picture[at], images[which * 784 + y * 28 + x] / 255);
    }
  }
}

/** Convolutions whose features several heads can share: [n, 1, size, size] to [n, 128]. @param {number} size */
export function trunk(size) {
  const side = Math.floor((Math.floor((size - 4) / 2) - 4) / 2);
  return nn.sequential(
    new nn.Conv2d(1, 8, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(8, 16, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(16 * side * side, 128),
    new nn.ReLU(),
  );
}

/** @param {Float32Array[]} pictures @param {number} size @returns {Tensor} [n, 1, size, size] */
export function stacked(pictures, size) {
  const all = new Float32Array(pictures.length * size * size);
  pictures.forEach((picture, i) => {
    all.set(picture, i * size * size);
  });
  return tensor(all, { shape: [pictures.length, 1, size, size] });
}
