import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { checkInteger } from '../errors.js';
import { BatchNorm2d, Conv2d, ConvTranspose2d, MaxPool2d, Module, ReLU, Sequential } from '../nn/index.js';
import { cat } from '../ops/shape-slice.js';
import type { Tensor } from '../tensor.js';

/** Arguments of `UNet`, by name. */
export interface UNetOptions {
  /** Channels of the images, such as 3. */
  inChannels: number;
  /** Channels of the result: a score for each class. */
  numClasses: number;
  /** Channels at full size; each level below has twice as many. Default 64, as in the paper. */
  features?: number;
  /** How often the size is halved; default 4, as in the paper. */
  depth?: number;
}

class DoubleConv extends Module {
  readonly double_conv: Sequential;

  constructor(inChannels: number, outChannels: number) {
    super();
    const conv = (from: number): Conv2d => new Conv2d(from, outChannels, { kernelSize: 3, padding: 1, bias: false });
    const norm = (): BatchNorm2d => new BatchNorm2d(outChannels);
    this.double_conv = new Sequential(conv(inChannels), norm(), new ReLU(), conv(outChannels), norm(), new ReLU());
  }

  forward(x: Tensor): Tensor {
    return this.double_conv.forward(x);
  }
}

class Down extends Module {
  readonly maxpool_conv: Sequential;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.maxpool_conv = new Sequential(new MaxPool2d(2), new DoubleConv(inChannels, outChannels));
  }

  forward(x: Tensor): Tensor {
    return this.maxpool_conv.forward(x);
  }
}

class Up extends Module {
  readonly up: ConvTranspose2d;
  readonly conv: DoubleConv;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.up = new ConvTranspose2d(inChannels, outChannels, 2, { stride: 2 });
    this.conv = new DoubleConv(2 * outChannels, outChannels);
  }

  forward(x: Tensor, shortcut: Tensor): Tensor {
    let y = this.up.forward(x);
    const [rows, columns] = [2, 3].map((d) => (shortcut.dims[d] as number) - (y.dims[d] as number)) as [number, number];
    if (rows > 0 || columns > 0) {
      const [top, left] = [Math.floor(rows / 2), Math.floor(columns / 2)];
      y = y.pad([left, columns - left, top, rows - top]); // an odd size was rounded down on the way
    }
    return this.conv.forward(cat([shortcut, y], 1));
  }
}

class OutConv extends Module {
  readonly conv: Conv2d;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.conv = new Conv2d(inChannels, outChannels, 1);
  }

  forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

/**
 * U-Net for segmentation: each level of a contracting path halves the size and doubles the channels, each of an expanding path
 * does the reverse and sees what the other path had at its size.
 * Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation", 2015,
 * https://arxiv.org/abs/1505.04597
 *
 * Images [batch, inChannels, height, width] of any size give scores [batch, numClasses, height, width]. As is usual today,
 * convolutions are padded, with batch norm after them. Keys are those of the best-known PyTorch version, milesial's
 * Pytorch-UNet: `inc`, `down1` … `down4`, `up1` … `up4`, `outc`. With the defaults, 31 million parameters.
 *
 * @throws ArgumentError for a wrong option, ShapeError for images smaller than 2^depth
 * @example
 * const model = new models.UNet(1, 2, { features: 8, depth: 3 });
 * model.forward(zeros([1, 1, 36, 40])); // [1, 2, 36, 40]
 */
export class UNet extends Module {
  readonly depth: number;
  readonly inc: Module;
  /** The last layer; assign another for other classes. */
  declare outc: Module; // set last, for PyTorch's order of keys

  /** @param args inChannels, numClasses; options: features (64), depth (4) */
  constructor(...args: Positional<UNetOptions, [inChannels: 'inChannels', numClasses: 'numClasses']>) {
    super();
    const options = optionsOf<UNetOptions>('UNet', args, ['inChannels', 'numClasses'], ['features', 'depth']);
    const inChannels = checkInteger('UNet', 'inChannels', options.inChannels, 1);
    const numClasses = checkInteger('UNet', 'numClasses', options.numClasses, 1);
    const features = checkInteger('UNet', 'features', options.features ?? 64, 1, 2 ** 20);
    this.depth = checkInteger('UNet', 'depth', options.depth ?? 4, 1, 10);
    const levels = Array.from({ length: this.depth }, (_, i) => i + 1);
    const made = allOrNothing(() => ({
      inc: new DoubleConv(inChannels, features),
      downs: levels.map((level) => new Down(features * 2 ** (level - 1), features * 2 ** level)),
      ups: levels.toReversed().map((level) => new Up(features * 2 ** level, features * 2 ** (level - 1))),
      outc: new OutConv(features, numClasses),
    }));
    this.inc = made.inc;
    for (const level of levels) this.registerModule(`down${level}`, made.downs[level - 1] as Module);
    for (const level of levels) this.registerModule(`up${level}`, made.ups[level - 1] as Module);
    this.outc = made.outc;
  }

  forward(x: Tensor): Tensor {
    const levels = Array.from({ length: this.depth }, (_, i) => i + 1);
    const shortcuts: Tensor[] = [];
    let y: Tensor = this.inc.forward(x);
    for (const level of levels) {
      shortcuts.push(y);
      y = this.getSubmodule(`down${level}`).forward(y);
    }
    for (const level of levels) y = this.getSubmodule(`up${level}`).forward(y, shortcuts.pop());
    return this.outc.forward(y);
  }
}
