// Sizes up to 2^53 of images, sequences and parts of tensors: an immediate result or an error of ours.
import { afterAll, describe, expect, it } from 'vitest';
import * as A from '../../lib/index.js';
import type { Tensor } from '../../lib/tensor.js';

const before = A.memoryStats().limitBytes;
A.setMemoryLimit(2 ** 27);
afterAll(() => A.setMemoryLimit(before));

const sequence = () => A.ones([1, 1, 4]);
const image = () => A.ones([1, 1, 4, 4]);
const volume = () => A.ones([1, 1, 4, 4, 4]);
const kernel = (taps: number, dims: number) => A.ones([1, 1, ...Array.from({ length: dims }, () => taps)]);
const { conv1d, conv2d, convTranspose1d, convTranspose2d, interpolate, maxPool1d, maxPool2d } = A;
const { fold, unfold } = A.nn.functional;

const calls: Record<string, (n: number) => unknown> = {
  'interpolate size': (n) => interpolate(sequence(), { size: n }),
  'interpolate scaleFactor': (n) => interpolate(sequence(), { scaleFactor: n }),
  'interpolate linear': (n) => interpolate(sequence(), { size: n, mode: 'linear' }),
  'interpolate of images': (n) => interpolate(image(), { size: [1, n], mode: 'bilinear' }),
  'interpolate of nothing': (n) => interpolate(A.zeros([0, 1, 4]), { size: n }),
  Upsample: (n) => new A.nn.Upsample({ scaleFactor: n }).forward(image()),
  adaptiveAvgPool1d: (n) => A.adaptiveAvgPool1d(sequence(), n),
  adaptiveAvgPool2d: (n) => A.adaptiveAvgPool2d(image(), [1, n]),
  adaptiveMaxPool1d: (n) => A.adaptiveMaxPool1d(sequence(), n),
  adaptiveMaxPool2d: (n) => A.adaptiveMaxPool2d(image(), n),
  'adaptiveMaxPool2d of nothing': (n) => A.adaptiveMaxPool2d(A.zeros([0, 1, 4, 4]), n),
  AdaptiveAvgPool2d: (n) => new A.nn.AdaptiveAvgPool2d(n).forward(image()),
  'maxPool2d kernel': (n) => maxPool2d(image(), n),
  'maxPool2d kernel, padding': (n) => maxPool2d(image(), n, { padding: Math.floor(n / 2) }),
  'maxPool1d kernel, ceilMode': (n) => maxPool1d(sequence(), n, { ceilMode: true }),
  'maxPool2d stride': (n) => maxPool2d(image(), 2, { stride: n, ceilMode: true }),
  'maxPool2d dilation': (n) => maxPool2d(image(), 2, { dilation: n - 1, stride: n, ceilMode: true }),
  'avgPool1d kernel, padding': (n) => A.avgPool1d(sequence(), n, { padding: Math.floor(n / 2), ceilMode: true }),
  'avgPool2d divisor': (n) => A.avgPool2d(image(), 2, { divisorOverride: n }),
  'conv2d stride, padding': (n) => conv2d(image(), kernel(3, 2), null, { stride: n, padding: n }),
  'conv2d dilation, padding': (n) => conv2d(image(), kernel(3, 2), null, { dilation: n, padding: n }),
  'conv2d dilation of one tap': (n) => conv2d(image(), kernel(1, 2), null, { dilation: n }),
  'conv1d padding': (n) => conv1d(sequence(), kernel(3, 1), null, { padding: n }),
  'conv1d padding same': (n) => conv1d(sequence(), kernel(2, 1), null, { dilation: n, padding: 'same' }),
  'conv1d replicate': (n) => conv1d(sequence(), kernel(3, 1), null, { padding: n, paddingMode: 'replicate' }),
  'conv1d groups': (n) => conv1d(sequence(), kernel(3, 1), null, { groups: n }),
  'convTranspose1d stride': (n) => convTranspose1d(sequence(), kernel(3, 1), null, { stride: n }),
  'convTranspose2d stride, padding': (n) => convTranspose2d(image(), kernel(3, 2), null, { stride: n, padding: n }),
  'convTranspose1d padding': (n) => convTranspose1d(sequence(), kernel(3, 1), null, { padding: n }),
  'convTranspose1d dilation': (n) =>
    convTranspose1d(sequence(), kernel(3, 1), null, { dilation: n, outputPadding: n - 1 }),
  Conv1d: (n) => new A.nn.Conv1d(n, n, n),
  ConvTranspose2d: (n) => new A.nn.ConvTranspose2d(1, 1, n),
  'conv3d depth': (n) => A.conv3d(volume(), kernel(1, 3), null, { padding: [n, 0, 0] }),
  'conv3d depth, stride': (n) => A.conv3d(volume(), kernel(3, 3), null, { padding: n, stride: n }),
  'conv3d of nothing': (n) => A.conv3d(A.zeros([0, 1, 4, 4, 4]), kernel(1, 3), null, { padding: [n, 0, 0] }),
  'convTranspose3d stride': (n) => A.convTranspose3d(volume(), kernel(3, 3), null, { stride: [n, 1, 1] }),
  'convTranspose3d padding': (n) => A.convTranspose3d(volume(), kernel(2, 3), null, { stride: n, padding: n }),
  'maxPool3d kernel, padding': (n) => A.maxPool3d(volume(), n, { padding: Math.floor(n / 2) }),
  'avgPool3d stride': (n) => A.avgPool3d(volume(), 2, { stride: n, ceilMode: true }),
  adaptiveMaxPool3d: (n) => A.adaptiveMaxPool3d(volume(), [n, 1, 1]),
  'adaptiveAvgPool3d of nothing': (n) => A.adaptiveAvgPool3d(A.zeros([0, 1, 4, 4, 4]), n),
  'unfold padding': (n) => unfold(image(), 2, { padding: n }),
  'unfold kernel': (n) => unfold(image(), n, { padding: n }),
  'unfold stride': (n) => unfold(image(), 2, { stride: n }),
  'fold outputSize': (n) => fold(A.ones([1, 1, 1]), n, 1),
  'fold padding': (n) => fold(A.ones([1, 4, 9]), 4, 2, 1, n),
  'unfold dilation': (n) => unfold(image(), 2, { dilation: n, padding: [n, 0] }),
  'unfold of nothing': (n) => unfold(A.zeros([0, 1, 4, 4]), [1, 2], { padding: [0, n], stride: [1, n] }),
  pixelShuffle: (n) => A.pixelShuffle(image(), n),
  'pixelShuffle of nothing': (n) => A.pixelShuffle(A.zeros([0, 0, 4, 4]), n),
  pad: (n) => A.pad(sequence(), [n, n]),
  'pad of nothing': (n) => A.pad(A.zeros([0, 4]), [n, n]),
  'pad negative': (n) => A.pad(sequence(), [-n, n]),
  slice: (n) => A.slice(sequence(), { dim: 2, start: -n, end: n, step: n }),
  split: (n) => A.split(sequence(), n, { dim: 2 }),
  'split into sizes': (n) => A.split(sequence(), [n, 4 - n], { dim: 2 }),
  'split of nothing': (n) => A.split(A.zeros([n, 0]), 1),
  chunk: (n) => A.chunk(sequence(), n, { dim: 2 }),
  'chunk of nothing': (n) => A.chunk(A.zeros([0]), n),
  zeros: (n) => A.zeros([n, 4]),
  expand: (n) => A.expand(A.ones([1, 1]), [n, n]),
};

const sizes = [2 ** 29 - 2, 2 ** 29, 2 ** 31 - 1, 2 ** 31, 2 ** 40, 2 ** 53 - 1];

function check(name: string, call: (n: number) => unknown): void {
  for (const n of sizes) {
    try {
      A.scope(() => void call(n));
    } catch (error) {
      expect(error, `${name} of ${n}`).toBeInstanceOf(A.AdjointError);
      expect((error as Error).message, `${name} of ${n}`).not.toContain('internal');
    }
  }
}

describe('sizes up to 2^53', () => {
  it.each(Object.entries(calls))('%s', check, 5000);

  it('errors of JavaScript and internal ones are found', () => {
    expect(() => check('planted', (n) => new Array(n))).toThrow(/^planted of 1099511627776/);
    const internal = (n: number) => {
      if (n > 2 ** 40) throw new A.ArgumentError('internal: no such size');
    };
    expect(() => check('planted', internal)).toThrow(/^planted of 9007199254740991/);
  });

  it('those that fit give their result', () => {
    const x = A.tensor([[1, 3, 2, 5]]);
    expect((maxPool1d(x, 2 ** 28, { ceilMode: true, stride: 2 ** 28 }) as Tensor).toArray()).toEqual([[5]]);
    expect(A.avgPool1d(x, 1, { stride: 2 ** 53 - 1 }).toArray()).toEqual([[1]]);
    expect(A.slice(x, { dim: 1, start: 1, step: 2 ** 53 - 1 }).toArray()).toEqual([[3]]);
    expect(conv1d(x, A.ones([1, 1, 1]), null, { dilation: 2 ** 53 - 1 }).toArray()).toEqual([[1, 3, 2, 5]]);
    expect(A.pad(A.zeros([0, 4]), [0, 2 ** 40]).shape).toEqual([0, 2 ** 40 + 4]);
  });
});
