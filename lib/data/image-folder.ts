import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { ArgumentError, checkEach, checkInteger, describe, FileError } from '../errors.js';
import { checkPath, systemError } from '../io/files.js';
import { tensor } from '../ops/creation.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import type { Dataset } from './dataset.js';
import { optionalPackage } from './optional-package.js';

/** Options of {@link imageFolder}. */
export interface ImageFolderOptions {
  /** Height and width, or one number for both: the image is scaled to cover it, and what hangs over is cut off. Default: as it is. */
  size?: number | readonly [height: number, width: number];
  /** 3 for colours (default), 1 for greys. */
  channels?: 1 | 3;
}

/** Pictures in folders, one for each class. */
export interface ImageFolder extends Dataset<Promise<[image: Tensor, label: Tensor]>> {
  /** The names of the folders, in the order of their numbers. */
  readonly classes: readonly string[];
  /** The files, in the order of the samples. */
  readonly paths: readonly string[];
}

const extensions = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.avif', '.tif', '.tiff'];

/** What is used of sharp. */
interface Sharp {
  resize(width: number, height: number): Sharp;
  rotate(): Sharp;
  flatten(): Sharp;
  toColourspace(space: string): Sharp;
  raw(): Sharp;
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Uint8Array;
    info: { width: number; height: number; channels: number };
  }>;
}

/**
 * Pictures in folders that name their classes, `root/cat/1.jpg`, decoded by the package `sharp`, which you install. Samples are
 * promises, for a loader in `for await`: uint8 [channels, height, width] and the number of the class, int32.
 *
 * @throws StateError when `sharp` is not installed, FileError for a folder without pictures; its samples reject with FileError for
 *   a damaged picture
 * @example
 * async function* batches(root: string) {
 *   const pictures = await data.imageFolder(root, { size: 224 });
 *   yield* new data.DataLoader(pictures, { batchSize: 32, shuffle: true, prefetchFactor: 2 });
 * }
 */
export async function imageFolder(root: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  checkPath('imageFolder', root, 'root');
  checkOptions('imageFolder', options, ['size', 'channels']);
  const { size, channels = 3 } = options;
  if (channels !== 1 && channels !== 3) {
    throw new ArgumentError(`imageFolder: channels must be 1 or 3, got ${describe(channels)}`);
  }
  const sides = size === undefined ? undefined : sidesOf(size);
  const { classes, files } = filesOf(root);
  const { default: sharp } = (await optionalPackage('imageFolder', 'sharp')) as { default: (path: string) => Sharp };
  const get = async (index: number): Promise<[Tensor, Tensor]> => {
    const [path, label] = files[checkInteger('imageFolder', 'index', index, 0, files.length - 1)] as [string, number];
    try {
      const turned = sharp(path).rotate(); // as its EXIF data says
      const sized = sides === undefined ? turned : turned.resize(sides[1], sides[0]);
      const space = channels === 1 ? 'b-w' : 'srgb';
      const { data, info } = await sized.flatten().toColourspace(space).raw().toBuffer({ resolveWithObject: true });
      return [planes(data, info, channels), tensor(label, { dtype: 'int32' })];
    } catch (cause) {
      throw systemError('imageFolder', 'read', path, cause);
    }
  };
  return { length: files.length, get, classes, paths: files.map(([path]) => path) };
}

function sidesOf(size: number | readonly [number, number]): [number, number] {
  const given = typeof size === 'number' ? [size, size] : size;
  const sides = checkEach('imageFolder', 'size', 'must be numbers', given, (side) =>
    checkInteger('imageFolder', 'size', side, 1, 65_536),
  );
  if (sides.length === 2) return sides as [number, number];
  throw new ArgumentError(`imageFolder: size must be a number, or height and width, got ${describe(size)}`);
}

function filesOf(root: string): { classes: string[]; files: [path: string, label: number][] } {
  try {
    const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const classes = folders.map(({ name }) => name).sort();
    const files = classes.flatMap((name, label) =>
      readdirSync(join(root, name))
        .filter((file) => extensions.includes(extname(file).toLowerCase()))
        .sort()
        .map((file): [string, number] => [join(root, name, file), label]),
    );
    if (files.length > 0) return { classes, files };
  } catch (cause) {
    throw systemError('imageFolder', 'read', root, cause);
  }
  const rule = 'must have folders of classes with pictures in them';
  throw new FileError(`imageFolder: ${describe(root)} ${rule}, got none (${extensions.join(' ')})`);
}

/** Pixel after pixel, as it comes, becomes channel after channel. */
function planes(data: Uint8Array, info: { width: number; height: number; channels: number }, channels: number): Tensor {
  const pixels = info.width * info.height;
  const out = new Uint8Array(channels * pixels);
  for (let c = 0; c < channels; c++) {
    const from = Math.min(c, info.channels - 1); // greys have one
    for (let i = 0; i < pixels; i++) out[c * pixels + i] = data[i * info.channels + from] as number;
  }
  return tensor(out, { shape: [channels, info.height, info.width] });
}
