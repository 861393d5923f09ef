import { existsSync } from 'node:fs';
import { data } from 'adjoint';

/** Where Debian's package puts the files. */
export const packageFolder = '/usr/share/datasets/fashion-mnist';

/** What the labels 0 … 9 mean. */
export const names = [
  ...['T-shirt', 'trousers', 'pullover', 'dress', 'coat'],
  ...['sandal', 'shirt', 'sneaker', 'bag', 'ankle boot'],
];

/**
 * Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017, https://arxiv.org/abs/1708.07747): 60,000 pictures of clothes to train on and
 * 10,000 to test on, of the size and in the file format of MNIST.
 *
 * @param {string} [folder] holds the four files; default $FASHION_MNIST, else where Debian's package puts them
 */
export function fashionMnist(folder = process.env.FASHION_MNIST || packageFolder) {
  if (!existsSync(folder)) {
    throw new Error(`fashion-mnist: no folder ${folder}; on Debian and Ubuntu: apt-get install dataset-fashion-mnist;
elsewhere fetch the four files from https://github.com/zalandoresearch/fashion-mnist and name their folder in FASHION_MNIST`);
  }
  return data.mnist({ root: folder });
}

/** @param {import('adjoint').Tensor} images uint8; their mean and deviation are those of the training images */
export const standardise = (images) => data.standardise(images, { mean: 0.286, deviation: 0.353 });
