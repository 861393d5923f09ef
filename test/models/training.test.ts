// Models in use: a new head on frozen layers, dropped blocks, a U-Net that learns, a variational autoencoder that learns.
import { describe, expect, it } from 'vitest';
import {
  compile,
  manualSeed,
  models,
  nn,
  noGrad,
  optim,
  rand,
  randn,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { fill } from '../support/formula.js';

describe('a new head on frozen layers', () => {
  const images = () => randn([4, 3, 32, 32]);
  const labels = tensor([0, 1, 0, 1], { dtype: 'int32' });
  const rows: [string, () => nn.Module, (model: never) => nn.Linear][] = [
    [
      'ResNet',
      () => new models.ResNet('BasicBlock', [1, 1, 1, 1]),
      (model: models.ResNet) => {
        model.fc = new nn.Linear(512, 2);
        return model.fc as nn.Linear;
      },
    ],
    [
      'MobileNet V3',
      () => models.mobilenetV3Small({ widthMult: 0.35 }),
      (model: models.ImageClassifier) => {
        const head = new nn.Linear(model.getParameter('classifier.3.weight').shape[1] as number, 2);
        model.setSubmodule('classifier.3', head);
        return head;
      },
    ],
    [
      'vision transformer',
      () => new models.VisionTransformer(32, 16, 1, 2, 8, 16),
      (model: models.VisionTransformer) => {
        model.heads = new nn.Linear(8, 2);
        return model.heads as nn.Linear;
      },
    ],
  ];
  it.each(rows)('%s: the head alone learns', (_, make, replace) => {
    manualSeed(1);
    const model = fill(make()).eval();
    model.requiresGrad_(false);
    const head = replace(model as never);
    const trained = model.parameters().filter((p) => p.requiresGrad);
    expect(new Set(trained)).toEqual(new Set([head.weight, head.bias]));
    const before = new Map([...model.stateDict()].map(([name, t]) => [name, t.toTypedArray()]));
    const optimizer = new optim.Adam(trained, { lr: 1e-4 });
    const x = images();
    const losses = [0, 1, 2].map(() => {
      const loss = nn.functional.crossEntropy(model.forward(x), labels);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.item();
    });
    expect(losses[2]).toBeLessThan(losses[0] as number);
    const moved = [...model.stateDict()].filter(([name, t]) => {
      const old = before.get(name);
      return old === undefined || t.toTypedArray().some((v, i) => v !== old[i]);
    });
    expect(new Set(moved.map(([, t]) => t))).toEqual(new Set([head.weight, head.bias]));
  });
});

it('EfficientNet drops whole blocks of samples in training, and more of the later ones', () => {
  const model = models.efficientnetB0({ numClasses: 2 });
  const chances = model.modules().flatMap((layer) => (layer instanceof nn.StochasticDepth ? [layer.p] : []));
  expect(chances).toEqual(Array.from({ length: 15 }, (_, i) => (0.2 * (i + 1)) / 16));
});

it("torchvision's initialisation: He by outputs, small heads, zero norms of residual blocks on request", () => {
  manualSeed(2);
  const model = new models.ResNet('Bottleneck', [1, 1, 1, 1], { numClasses: 4, zeroInitResidual: true });
  const deviation = (t: Tensor) => t.std().item();
  expect(deviation(model.getParameter('layer3.0.conv2.weight')) / Math.sqrt(2 / (256 * 9))).toBeCloseTo(1, 1);
  expect(model.getParameter('layer3.0.bn3.weight').abs().sum().item()).toBe(0);
  expect(model.getParameter('layer3.0.bn2.weight').mean().item()).toBe(1);
  const mobile = models.mobilenetV2({ numClasses: 100, widthMult: 0.35 });
  expect(deviation(mobile.getParameter('classifier.1.weight')) / 0.01).toBeCloseTo(1, 1);
  expect(new models.VisionTransformer(32, 16, 1, 2, 8, 16).getParameter('heads.head.weight').abs().sum().item()).toBe(
    0,
  );
});

// Squares of stripes in noise of the same mean and deviation: brightness says nothing, the neighbourhood everything.
function squares(count: number): [images: Tensor, masks: Tensor] {
  const size = 16;
  const [images, masks] = [randn([count, 1, size, size]).toArray(), zeros([count, size, size]).toArray()] as [
    number[][][][],
    number[][][],
  ];
  const places = rand([count, 3]).toArray() as number[][];
  places.forEach(([a, b, c], n) => {
    const side = 6 + Math.floor((c as number) * 4);
    const [top, left] = [a, b].map((v) => Math.floor((v as number) * (size - side))) as [number, number];
    for (let i = top; i < top + side; i++) {
      for (let j = left; j < left + side; j++) {
        (images[n]?.[0]?.[i] as number[])[j] = j % 2 === 0 ? 1 : -1;
        (masks[n]?.[i] as number[])[j] = 1;
      }
    }
  });
  return [tensor(images), tensor(masks, { dtype: 'int32' })];
}

const iou = (found: Tensor, mask: Tensor): number => {
  const both = found.logicalAnd(mask).to('float32').sum().item();
  return both / found.logicalOr(mask).to('float32').sum().item();
};

it('a U-Net finds what no threshold finds: IoU above 0.85, the best threshold below 0.4', () => {
  manualSeed(3);
  const model = new models.UNet(1, 2, { features: 6, depth: 2 });
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = nn.functional.crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  for (let i = 0; i < 60; i++) step.sync(...squares(16));
  const [x, y] = squares(64);
  const found = noGrad(() => model.eval().forward(x).argmax(1));
  const flat = x.reshape(64, 16, 16);
  const thresholds = Array.from({ length: 21 }, (_, i) => i / 5 - 2).flatMap((t) => [
    iou(flat.gt(t), y),
    iou(flat.lt(t), y),
  ]);
  expect(iou(found, y)).toBeGreaterThan(0.85);
  expect(Math.max(...thresholds)).toBeLessThan(0.4);
});

it('a variational autoencoder learns two patterns, and draws like them', () => {
  manualSeed(4);
  const model = new models.VAE(8, 16, 2);
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
  const patterns = tensor([
    [1, 1, 1, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, 1, 1, 1, 1],
  ]);
  const x = patterns.tile([16, 1]);
  const step = compile(() => {
    const loss = model.loss(x);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses = Array.from({ length: 200 }, () => (step.sync() as Tensor).item());
  expect(losses.at(-1)).toBeLessThan(2); // the entropy of the two is log 2; at first 8 · log 2
  const drawn = noGrad(() => model.sample(50).gt(0.5).to('float32'));
  const fits = drawn.matmul(patterns.transpose(0, 1)).max(1).values.sub(drawn.sum(1)).eq(0).to('float32').mean().item();
  expect(fits).toBeGreaterThan(0.8);
});
