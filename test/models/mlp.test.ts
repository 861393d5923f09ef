// The layers of torchvision.ops.MLP; its numbers are in models.test.ts.
import { expect, it } from 'vitest';
import { models, nn, zeros } from '../../lib/index.js';

it('has dropouts after each activation and at the end, and keys that count them', () => {
  const plain = new models.MLP(3, [4, 2]);
  expect([...plain].map((layer) => layer.constructor.name)).toEqual(['Linear', 'ReLU', 'Dropout', 'Linear', 'Dropout']);
  const normed = new models.MLP(3, [4, 2], { normLayer: nn.LayerNorm, activationLayer: () => new nn.LeakyReLU(0.2) });
  expect([...normed.stateDict().keys()]).toEqual(['0', '1', '4'].flatMap((i) => [`${i}.weight`, `${i}.bias`]));
  expect(normed.forward(zeros([5, 3])).shape).toEqual([5, 2]);
});

it('says which width is wrong, and what a maker must give', () => {
  expect(() => new models.MLP(3, [4, 0])).toThrow('MLP: hiddenChannels[1] must be an integer of at least 1, got 0');
  expect(() => new models.MLP(3, [])).toThrow('MLP: hiddenChannels must have at least the width of the output, got []');
  expect(() => new models.MLP(3, [4, 2], { activationLayer: (() => 1) as never })).toThrow(
    'MLP: activationLayer must give a module, got 1',
  );
});
