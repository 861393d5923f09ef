// The recogniser of PP-OCRv4 with a new head, and digits as it reads them.
import { cat, io, nn, noGrad, randperm } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */

/** The value before the last layer of the file, which tells 6,625 characters apart: [batch, places in the line, 120]. */
export const beforeLast = 'transpose_51.tmp_0';

/** Features of an ONNX model, their mean over the places in a line of text, and ten classes. */
export class Recogniser extends nn.Module {
  /**
   * @param {string} path of the ONNX model
   * @param {string} output the name of the features in it
   * @param {number} width how many there are
   */
  constructor(path, output, width) {
    super();
    this.features = io.onnx.load(path, { outputs: [output] });
    this.head = nn.sequential(new nn.BatchNorm1d(width), new nn.Linear(width, 10));
  }

  /** @param {Tensor} x [batch, 3, height, width] */
  featuresOf(x) {
    return this.features.forward(x).mean({ dim: 1 });
  }

  /** @param {Tensor} x */
  forward(x) {
    return this.head.forward(this.featuresOf(x));
  }

  /** Puts the values of each weight into a random order: they stay as large as they were, and what was learned is gone. */
  forget() {
    noGrad(() => {
      for (const p of this.features.parameters()) {
        p.copy_(p.flatten().indexSelect(0, randperm(p.size)).reshape(p.shape));
      }
    });
  }
}

/**
 * Digits as lines of text: 48 pixels high, dark on light, from -1 to 1 in three channels, without the empty margins at the
 * sides.
 *
 * @param {Tensor} images uint8 [n, 28, 28], 0 paper to 255 ink
 */
export function linesOf(images) {
  const gray = images.slice({ dim: 2, start: 4, end: 24 }).to('float32').div(-127.5).add(1).unsqueeze(1);
  const line = nn.functional.interpolate(gray, { size: [48, 32], mode: 'bilinear' });
  return cat([line, line, line], { dim: 1 });
}
