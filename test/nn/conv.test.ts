// Layers of convolution and pooling against PyTorch, and eager against compiled.
import { describe, expect, it } from 'vitest';
import { backward } from '../../lib/backward/engine.js';
import { setNumThreads } from '../../lib/memory.js';
import '../../lib/methods.js';
import * as nn from '../../lib/nn/index.js';
import { convWeight } from '../../lib/ops/conv-passes.js';
import { tensor } from '../../lib/ops/creation.js';
import { manualSeed } from '../../lib/ops/generator.js';
import { randint, randn } from '../../lib/ops/random.js';
import { SGD } from '../../lib/optim/index.js';
import { compile } from '../../lib/program/compile.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Layer {
  name: string;
  args: unknown[];
  options: Record<string, unknown>;
  state: Record<string, Golden>;
  input: Golden;
  output: Golden;
  inputGradient: Golden;
  gradients: Record<string, Golden>;
}
const golden = readGolden<{
  layers: Layer[];
  defaults: { name: string; args: unknown[]; options: object; bound: number; shapes: Record<string, number[]> }[];
}>('conv');

const layers = nn as unknown as Record<string, new (...args: unknown[]) => nn.Module>;

function make(name: string, args: readonly unknown[], options: object): nn.Module {
  const Layer = layers[name] as (typeof layers)[string];
  return new Layer(...args, ...(Object.keys(options).length > 0 ? [options] : []));
}

const sines = (y: Tensor): Tensor =>
  tensor(
    Float64Array.from({ length: y.size }, (_, i) => Math.sin(i)),
    { shape: y.shape, dtype: y.dtype },
  );

describe('convolution and pooling against PyTorch', () => {
  it.each([...golden.layers, ...readGolden<{ layers: Layer[] }>('volumes').layers])(
    '$name($args) $options of $input.shape $input.dtype',
    (c) => {
      const dtype = Object.keys(c.state).length > 0 ? { dtype: c.input.dtype } : {};
      const layer = make(c.name, c.args, { ...c.options, ...dtype });
      layer.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([key, value]) => [key, fromGolden(value)])));
      const x = fromGolden(c.input, { requiresGrad: true });
      const y = layer.forward(x) as Tensor;
      expect(y.shape).toEqual(c.output.shape);
      expectNear(y, c.output.data);
      backward(y, sines(y));
      expectNear(x.grad as Tensor, c.inputGradient.data);
      for (const [key, p] of layer.namedParameters()) expectNear(p.grad as Tensor, (c.gradients[key] as Golden).data);
    },
  );

  it.each(golden.defaults)('a new $name has its parameters', (c) => {
    manualSeed(1);
    const state = make(c.name, c.args, c.options).stateDict() as Map<string, Tensor>;
    expect(Object.fromEntries([...state].map(([key, t]) => [key, [...t.shape]]))).toEqual(c.shapes);
    for (const t of state.values()) {
      const largest = Math.max(...Array.from(t.toTypedArray(), Math.abs));
      expect(largest).toBeGreaterThan(0.9 * c.bound);
      expect(largest).toBeLessThanOrEqual(c.bound * (1 + 1e-6));
    }
  });

  it('layers tell what they are', () => {
    const options = { stride: 2, padding: 1, groups: 2, bias: false };
    expect(String(new nn.Conv2d(4, 8, 3, options))).toBe(
      'Conv2d(4, 8, kernelSize [3, 3], stride [2, 2], padding [1, 1], groups 2, no bias)',
    );
    expect(String(new nn.MaxPool2d(2, { stride: [2, 1] }))).toBe('MaxPool2d(2, stride [2, 1])');
    expect(String(new nn.AdaptiveAvgPool2d(1))).toBe('AdaptiveAvgPool2d(1)');
  });

  it('layers name themselves in errors', () => {
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(
      'Conv2d: groups must divide inChannels, got 2 groups and 3 inChannels',
    );
    expect(() => new nn.Conv2d(3, 4, 3).forward(randn([1, 2, 5, 5]))).toThrow(
      'Conv2d: x must have inChannels 3, got x [1, 2, 5, 5] (2 ≠ 3)',
    );
    expect(() => new nn.Conv1d(3, 4, 3).forward(randn([1, 3, 2]))).toThrow(
      'Conv1d: the kernel must fit into the padded input, got x [1, 3, 2] and weight [4, 3, 3] (length 3 > 2)',
    );
    expect(() => new nn.MaxPool2d(0)).toThrow('MaxPool2d: kernelSize must be an integer of at least 1, got 0');
    expect(() => new nn.AdaptiveAvgPool2d(-1)).toThrow(
      'AdaptiveAvgPool2d: outputSize must be an integer of at least 0',
    );
    expect(() => new nn.Conv2d(1, 1, 1, { strides: 1 } as never)).toThrow('Conv2d: unknown option "strides"');
  });
});

// A convolution's weight gradient summed as it is defined, for shapes with many channels.
it.each([
  [2, 3, 20, 9, 3, 1, 1],
  [3, 20, 33, 8, 3, 2, 1],
  [2, 1, 8, 17, 5, 1, 2],
  [1, 17, 3, 12, 3, 1, 0],
  [2, 8, 16, 10, 5, 1, 0],
])(
  'weight gradient of %d images, %d to %d channels of %d², kernel %d',
  (images, inChannels, outChannels, n, k, stride, pad) => {
    const out = Math.floor((n + 2 * pad - k) / stride) + 1;
    const axis = { in: n, out, taps: k, stride, pad, dilation: 1 };
    const [xShape, yShape] = [
      [images, inChannels, n, n],
      [images, outChannels, out, out],
    ];
    for (const dtype of ['float32', 'float64'] as const) {
      const [x, dy] = [randn(xShape as number[], { dtype }), randn(yShape as number[], { dtype })];
      const weight = [outChannels, inChannels, k, k];
      const sizes = { images, groups: 1, inChannels, outChannels, h: axis, w: axis, x: x.shape, y: dy.shape, weight };
      const got = convWeight('conv2d', x, dy, sizes).toTypedArray();
      const [xs, ds] = [x.toTypedArray(), dy.toTypedArray()];
      got.forEach((value, at) => {
        const [o, c] = [Math.floor(at / (inChannels * k * k)), Math.floor(at / (k * k)) % inChannels];
        const [r, s] = [Math.floor(at / k) % k, at % k];
        let sum = 0;
        for (let b = 0; b < images; b++)
          for (let i = 0; i < out * out; i++) {
            const [row, column] = [Math.floor(i / out) * stride + r - pad, (i % out) * stride + s - pad];
            if (row < 0 || row >= n || column < 0 || column >= n) continue;
            sum +=
              (xs[((b * inChannels + c) * n + row) * n + column] as number) *
              (ds[(b * outChannels + o) * out * out + i] as number);
          }
        expect(Math.abs(value - sum)).toBeLessThan((dtype === 'float32' ? 1e-5 : 1e-13) * out * out * images);
      });
    }
  },
);

class Net extends nn.Module {
  first = new nn.Conv2d(1, 6, 5, { padding: 2 });
  second = new nn.Conv2d(6, 16, 3, { stride: 2, padding: 1, paddingMode: 'reflect' });
  up = new nn.ConvTranspose2d(16, 4, 2, { stride: 2 });
  fc = new nn.Linear(16, 3);
  forward(x: Tensor): Tensor {
    const y = this.up.forward(this.second.forward(new nn.MaxPool2d(2).forward(this.first.forward(x).relu())).relu());
    return this.fc.forward(y.avgPool2d(2).adaptiveAvgPool2d(2).flatten({ startDim: 1 }));
  }
}

describe.each([1, 2])('with %d threads', (threads) => {
  it('compiled steps equal eager ones bit for bit', () => {
    setNumThreads(threads);
    const train = (compiled: boolean): number[][] => {
      manualSeed(7);
      const model = new Net();
      const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
      const step = (x: Tensor, y: Tensor): Tensor => {
        const loss = nn.functional.crossEntropy(model.forward(x), y);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      };
      const program = compile(step);
      const losses: number[][] = [];
      for (let i = 0; i < 4; i++) {
        const [x, y] = [randn([5, 1, 12, 12]), randint(0, 3, [5], { dtype: 'int32' })];
        losses.push([(compiled ? program.sync(x, y) : step(x, y)).item()]);
      }
      losses.push(...model.parameters().map((p) => Array.from(p.toTypedArray())));
      return losses;
    };
    expect(train(true)).toEqual(train(false));
  });
});
