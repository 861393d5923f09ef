import { nn } from 'adjoint';

/** @typedef {import('adjoint').Tensor} Tensor */

/**
 * A block of a residual network: y = relu(bn(conv(relu(bn(conv(x))))) + x), where x passes a convolution of 1 × 1 if the
 * size changes.
 */
export class Block extends nn.Module {
  /**
   * @param {number} inChannels
   * @param {number} channels
   * @param {number} stride 2 halves height and width
   */
  constructor(inChannels, channels, stride) {
    super();
    this.conv1 = new nn.Conv2d(inChannels, channels, 3, { stride, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(channels);
    this.conv2 = new nn.Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(channels);
    this.shortcut =
      stride === 1 && inChannels === channels
        ? new nn.Identity()
        : nn.sequential(new nn.Conv2d(inChannels, channels, 1, { stride, bias: false }), new nn.BatchNorm2d(channels));
  }

  /** @param {Tensor} x [batch, inChannels, height, width] */
  forward(x) {
    const y = nn.functional.relu(this.bn1.forward(this.conv1.forward(x)));
    return nn.functional.relu(this.bn2.forward(this.conv2.forward(y)).add(this.shortcut.forward(x)));
  }
}

/**
 * A small residual network (He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2015,
 * https://arxiv.org/abs/1512.03385) with one block for each of three sizes.
 *
 * | x | scores |
 * |---|---|
 * | [batch, 1, 28, 28] | [batch, 10] |
 *
 * @param {number} [channels] of the first block; the next ones have twice and four times as many
 */
export function smallResNet(channels = 16) {
  return nn.sequential(
    new nn.Conv2d(1, channels, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(channels),
    new nn.ReLU(),
    new Block(channels, channels, 1), // 28 × 28
    new Block(channels, 2 * channels, 2), // 14 × 14
    new Block(2 * channels, 4 * channels, 2), // 7 × 7
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Linear(4 * channels, 10),
  );
}
