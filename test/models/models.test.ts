// Keys, shapes, outputs, gradients and running statistics of torchvision's models and of the others that
// test/golden/make_models.py has, with weights by a formula.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { compile, models, nn, type Tensor, tensor } from '../../lib/index.js';
import { fill, probe, shaped } from '../support/formula.js';
import { readGolden } from '../support/golden.js';

interface State {
  keys: number;
  parameters: number;
  sha256: string;
}
interface Run {
  eval: number[];
  train?: number[];
  gradients?: (number | null)[];
  buffers?: number[];
}

const golden = readGolden<Record<string, Run> & { state: Record<string, State>; vaeLoss: number }>('models');

describe('keys and shapes, in order', () => {
  const made: Record<string, () => nn.Module> = {
    resnet18: models.resnet18,
    resnet34: models.resnet34,
    resnet50: models.resnet50,
    mobilenetV2: models.mobilenetV2,
    mobilenetV3Small: models.mobilenetV3Small,
    mobilenetV3Large: models.mobilenetV3Large,
    efficientnetB0: models.efficientnetB0,
    vitB16: () => new models.VisionTransformer(224, 16, 12, 12, 24, 96), // vitB16 is 32 times as wide
    UNet: () => new models.UNet(3, 2),
    FTTransformer: () => new models.FTTransformer({ nContFeatures: 4, catCardinalities: [3, 5], dOut: 2 }),
  };
  it.each(Object.entries(golden.state))('%s', (name, state) => {
    const model = (made[name] as () => nn.Module)();
    const lines = [...model.stateDict()].map(([key, t]) => `${key} [${t.shape.join(', ')}]`);
    expect(lines.length).toBe(state.keys);
    expect(model.parameters().reduce((sum, p) => sum + p.size, 0)).toBe(state.parameters);
    expect(createHash('sha256').update(lines.join('\n')).digest('hex'), lines.join('\n')).toBe(state.sha256);
    for (const p of model.parameters()) p.dispose();
  });
});

const image = (size: number) => () => [shaped('input', 2, 3, size, size)];
const ints = (values: number[][]) => tensor(values, { dtype: 'int32' });
const numClasses = 5;
const table = { nContFeatures: 4, dOut: 2, nBlocks: 2, dBlock: 16, ffnDHidden: 12, attentionDropout: 0, ffnDropout: 0 };
const dilated = { groups: 2, widthPerGroup: 16, replaceStrideWithDilation: [false, true, true] };
const mobile = { numClasses, dropout: 0 };

const rows: Record<string, [make: () => nn.Module, inputs: () => (Tensor | null)[]]> = {
  resnet18: [() => models.resnet18({ numClasses }), image(40)],
  bottlenecks: [() => new models.ResNet('Bottleneck', [1, 2, 1, 2], { numClasses, ...dilated }), image(32)],
  mobilenetV2: [() => models.mobilenetV2({ ...mobile, widthMult: 0.35 }), image(64)],
  mobilenetV3Small: [() => models.mobilenetV3Small(mobile), image(64)],
  mobilenetV3Large: [
    () => models.mobilenetV3Large({ ...mobile, widthMult: 0.5, reducedTail: true, dilated: true }),
    image(64),
  ],
  efficientnetB0: [() => models.efficientnetB0({ ...mobile, stochasticDepthProb: 0 }), image(64)],
  VisionTransformer: [() => new models.VisionTransformer(32, 8, 2, 4, 32, 64, { numClasses }), image(32)],
  representation: [
    () => new models.VisionTransformer(16, 8, 1, 2, 8, 16, { numClasses, representationSize: 12 }),
    image(16),
  ],
  MLP: [
    () => new models.MLP(6, [8, 8, 3], { normLayer: nn.LayerNorm, activationLayer: nn.GELU }),
    () => [shaped('input', 4, 6)],
  ],
  UNet: [() => new models.UNet(1, 3, { features: 4, depth: 2 }), () => [shaped('input', 2, 1, 13, 18)]],
  FTTransformer: [
    () => new models.FTTransformer({ ...table, catCardinalities: [3, 5], attentionNHeads: 4 }),
    () => [
      shaped('input', 3, 4),
      ints([
        [0, 4],
        [2, 1],
        [1, 0],
      ]),
    ],
  ],
  numbers: [() => new models.FTTransformer({ ...table, attentionNHeads: 1 }), () => [shaped('input', 3, 4), null]],
  TCN: [() => new models.TCN(2, 3, [4, 4, 6], { kernelSize: 3, dropout: 0 }), () => [shaped('input', 3, 2, 20)]],
  LSTMClassifier: [() => new models.LSTMClassifier(5, 6, 3, { numLayers: 2 }), () => [shaped('input', 3, 7, 5)]],
  tokens: [
    () => new models.LSTMClassifier(5, 6, 3, { numEmbeddings: 6, bidirectional: true }),
    () => [
      ints([
        [1, 4, 2, 0],
        [3, 3, 0, 0],
        [5, 0, 0, 0],
      ]),
      tensor([4, 2, 1], { dtype: 'int32' }),
    ],
  ],
  VAE: [() => new models.VAE(10, 8, 2), () => [shaped('input', 3, 10).add(1).div(2)]],
};

const flat = (outputs: Tensor | Tensor[]): number[] =>
  [outputs].flat().flatMap((y) => Array.from(y.toTypedArray() as Float64Array));

// The largest difference, relative to the largest number.
function expectClose(got: readonly number[], want: readonly number[], limit: number): void {
  expect(got.length).toBe(want.length);
  const size = Math.max(...want.map(Math.abs));
  const error = Math.max(...got.map((g, i) => Math.abs(g - (want[i] as number))));
  expect(error / size).toBeLessThan(limit);
}

function expectGradients(model: nn.Module, wanted: readonly (number | null)[]): void {
  const named = model.namedParameters();
  expect(named.length).toBe(wanted.length);
  named.forEach(([name, p], i) => {
    const want = wanted[i] as number | null;
    if (want === null) {
      expect(p.grad, name).toBe(null);
      return;
    }
    const norm = Math.sqrt((p.grad as Tensor).square().sum().item()); // the size of the product with numbers of ±1
    expect(Math.abs(probe(name, p.grad as Tensor) - want), name).toBeLessThan(1e-7 * (norm + 1e-3));
  });
}

describe.each(Object.keys(rows))('%s', (name) => {
  const [make, inputs] = rows[name] as (typeof rows)[string];
  const expected = golden[name] as Run;

  it('outputs in float64 and float32, eager and compiled', () => {
    const model = fill(make().double()).eval();
    expectClose(flat(model.forward(...inputs())), expected.eval, 1e-11);
    const single = inputs().map((x) => (x?.dtype === 'float64' ? x.to('float32') : x));
    const eager = flat(model.float().forward(...single));
    expectClose(eager, expected.eval, 1e-5);
    const given = single.filter((x) => x !== null);
    const step = compile((...xs: Tensor[]) => model.forward(...xs));
    step.sync(...given);
    expect(flat(step.sync(...given) as Tensor | Tensor[])).toEqual(eager);
  });

  it.skipIf(expected.train === undefined)('outputs, gradients and buffers in training', () => {
    const model = fill(make().double()).train();
    const outputs = [model.forward(...inputs())].flat() as Tensor[];
    expectClose(flat(outputs), expected.train as number[], 1e-10);
    const total = outputs.map((y, i) => y.mul(shaped(`probe/output${i}`, ...y.shape)).sum());
    (total[0] as Tensor).backward();
    expectGradients(model, expected.gradients as number[]);
    const buffers = model.namedBuffers().map(([key, b]) => probe(key, b));
    if (buffers.length > 0) expectClose(buffers, expected.buffers as number[], 1e-10);
  });
});

it('a wrong weight, gradient or buffer is noticed', () => {
  const [make, inputs] = rows.UNet as (typeof rows)[string];
  const model = fill(make().double());
  model
    .forward(...inputs())
    .mul(shaped('probe/output0', 2, 3, 13, 18))
    .sum()
    .backward();
  const wanted = golden.UNet as Run;
  expectGradients(model, wanted.gradients as number[]);
  const [, p] = model.namedParameters()[3] as [string, Tensor];
  p.grad = (p.grad as Tensor).mul(1.000001);
  expect(() => expectGradients(model, wanted.gradients as number[])).toThrow();
  expect(() => expectClose(flat(model.eval().forward(...inputs())), wanted.eval, 1e-5)).toThrow(); // its statistics have moved
});

it('the loss of the variational autoencoder', () => {
  const x = shaped('input', 3, 10).add(1).div(2);
  const model = fill(new models.VAE(10, 8, 2).double()).eval();
  expect(model.loss(x).item()).toBeCloseTo(golden.vaeLoss, 10);
});
