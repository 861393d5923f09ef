// Shades written out by hand.
import { describe, expect, it } from 'vitest';
import { explain, nn, noGrad, ones, rand, tensor, zeros } from '../../lib/index.js';

const { activationPictures, filterPictures, mapPictures } = explain;
const shades = (pictures: ReturnType<typeof mapPictures>) => pictures.map(({ image }) => Array.from(image.data));

describe('maps as pictures', () => {
  it('go from white, the least, to black, the largest, each by itself', () => {
    const maps = tensor([
      [[-1, 0, 4]], // in fifths
      [[7, 7, 7]],
      [[0, 2, 1]],
    ]);
    const pictures = mapPictures(maps);
    expect(pictures.map(({ image }) => [image.width, image.height])).toEqual([[3, 1], [3, 1], [3, 1]]); // biome-ignore format: one line
    expect(shades(pictures)).toEqual([
      [255, 204, 0],
      [255, 255, 255],
      [255, 0, 128],
    ]);
    expect(mapPictures(maps.unsqueeze(1))).toEqual(pictures);
    expect(mapPictures(zeros([0, 2, 2]))).toEqual([]);
  });

  it('by magnitudes white is 0', () => {
    const maps = tensor([[[-2, 0, 1]], [[0, 0, 0]], [[3, -3, 3]]]); // biome-ignore format: one line
    expect(shades(mapPictures(maps, { magnitudes: true }))).toEqual([
      [0, 255, 128],
      [255, 255, 255],
      [0, 0, 0],
    ]);
  });
});

describe('a convolution', () => {
  const layer = () => {
    const convolution = new nn.Conv2d(2, 2, [1, 2]);
    noGrad(() => convolution.weight.copy_(tensor([0, 1, 2, 4, -1, -1, 0, 1], { shape: [2, 2, 1, 2] })));
    noGrad(() => convolution.bias?.copy_(zeros([2])));
    return convolution;
  };

  it('has a picture of each filter, its channels below each other', () => {
    const pictures = filterPictures(layer());
    expect(pictures.map(({ image }) => [image.width, image.height])).toEqual([[2, 2], [2, 2]]); // biome-ignore format: one line
    expect(shades(pictures)).toEqual([
      [255, 191, 128, 0],
      [255, 255, 128, 0],
    ]);
  });

  it('has a picture of what each channel makes of a sample', () => {
    const convolution = layer();
    const model = nn.sequential(convolution, new nn.Flatten()).eval();
    // Of (0, 1, 3) and (1, 0, 0): 0·0 + 1·1 + 2·1 + 4·0 = 3 and 0·1 + 1·3 + 0 + 0 = 3; 0·(-1) - 1 + 0·1 + 1·0 = -1 and -1 - 3 = -4.
    const x = tensor([0, 1, 3, 1, 0, 0], { shape: [1, 2, 1, 3] });
    expect(shades(activationPictures(model, convolution, x))).toEqual([
      [255, 255],
      [0, 255],
    ]);
    model.forward(x); // the hook is gone
  });
});

describe('what makes no picture', () => {
  const convolution = new nn.Conv2d(1, 1, 2);
  const other = new nn.Linear(4, 2);
  const model = nn.sequential(convolution, new nn.Flatten(), other).eval();
  const x = rand([1, 1, 3, 3]);
  it.each([
    [() => mapPictures(ones([3, 3])), 'mapPictures: maps must be [n, height, width] or [n, 1, height, width], with at least one pixel, got [3, 3]'], // biome-ignore format: one line
    [() => mapPictures(ones([2, 3, 3, 3])), 'with at least one pixel, got [2, 3, 3, 3]'],
    [() => mapPictures(ones([2, 0, 3])), 'with at least one pixel, got [2, 0, 3]'],
    [() => mapPictures(tensor([[[1, Number.NaN]]])), 'mapPictures: maps must be finite, got NaN'],
    [() => filterPictures(other), 'filterPictures: layer must have a weight [outputs, channels, height, width], as nn.Conv2d, got one with a weight [2, 4]'], // biome-ignore format: one line
    [() => filterPictures(new nn.ReLU()), 'as nn.Conv2d, got '],
    [() => activationPictures(model, new nn.Conv2d(1, 1, 2), x), 'activationPictures: layer must be a module in the model, got Conv2d(1, 1, kernelSize [2, 2]), which is no part of it'], // biome-ignore format: one line
    [() => activationPictures(model, other, x), "activationPictures: the layer's output must be [1, channels, height, width], got [1, 2]"], // biome-ignore format: one line
    [() => activationPictures(model, convolution, rand([2, 1, 3, 3])), 'got [2, 1, 2, 2]'],
    [() => activationPictures(model.clone().train(), convolution, x), 'activationPictures: model must be in eval mode'],
  ])('is refused: %#', (call, message) => {
    expect(call).toThrow(message);
  });
});
