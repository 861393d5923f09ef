import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { run as byHand, gradientsByHand } from '../../examples/textbook/a-by-hand.js';
import { run as sigmoidNetwork } from '../../examples/textbook/a-sigmoid-network.js';
import { run as regression } from '../../examples/textbook/b-regression.js';
import { run as adam } from '../../examples/textbook/c-adam.js';
import { run as reluSigmoid } from '../../examples/textbook/d-relu-sigmoid.js';
import { run as mnist } from '../../examples/textbook/e-mnist.js';
import { run as xor } from '../../examples/textbook/f-xor.js';
import { run as vanishing } from '../../examples/textbook/g-vanishing-gradients.js';
import { run as paths } from '../../examples/textbook/h-optimizer-paths.js';
import { run as residual } from '../../examples/textbook/i-residual.js';
import { run as batchNorm } from '../../examples/textbook/j-batch-norm.js';
import { run as initialisers } from '../../examples/textbook/k-initialisers.js';
import { run as clipping } from '../../examples/textbook/l-clipping.js';
import { end } from '../../examples/textbook/lesson.js';
import { run as learningRate } from '../../examples/textbook/m-learning-rate.js';
import { run as optimizers } from '../../examples/textbook/n-optimizers.js';

interface Numbers {
  data: number[];
}

interface Twin {
  name: string;
  every: number;
  losses: number[];
  lastLoss: number;
  predictions: Numbers;
  testLosses?: number[];
  accuracy?: number;
  firstGradients?: Record<string, Numbers>;
}

const golden = JSON.parse(readFileSync(new URL('../golden/textbook.json', import.meta.url), 'utf8'));

function twin(name: string): Twin {
  const found = (golden.programs as Twin[]).find((program) => program.name === name);
  if (found === undefined) throw new Error(`no twin of ${name}`);
  return found;
}

// The twins agree with themselves in float64 within 2e-5; another float32 engine differs from them as little.
const kRelative = 1e-4;

function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>, relative = kRelative, absolute = 1e-5): void {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const [value, target] = [got[i] as number, wanted[i] as number];
    expect(Math.abs(value - target), `number ${i}: ${value} against ${target}`).toBeLessThanOrEqual(
      relative * Math.abs(target) + absolute,
    );
  }
}

function expectTwin(name: string, result: { losses: number[]; predictions: number[] }): void {
  const wanted = twin(name);
  const losses = result.losses.filter((_, step) => step % wanted.every === 0);
  expectClose([...losses, result.losses.at(-1) as number], [...wanted.losses, wanted.lastLoss], kRelative, 0);
  expectClose(result.predictions, wanted.predictions.data);
}

test('the comparison notices a number that is off by 3 in 10,000, a NaN and a missing one', () => {
  expect(() => expectClose([1, 2.0006], [1, 2])).toThrow('number 1');
  expect(() => expectClose([Number.NaN], [1])).toThrow('number 0');
  expect(() => expectClose([1], [1, 2])).toThrow();
});

describe('the textbook programs give the numbers of their PyTorch twins', () => {
  test('a: 2-2-1 sigmoid network', () => expectTwin('a-sigmoid-network', sigmoidNetwork({ quiet: true })));

  test('b: regression', () => {
    const result = regression({ quiet: true });
    expectTwin('b-regression', result);
    const { every, testLosses } = twin('b-regression');
    expectClose(
      result.testLosses.filter((_, epoch) => epoch % every === 0),
      testLosses ?? [],
      kRelative,
      0,
    );
  });

  test('c: Adam', () => expectTwin('c-adam', adam({ quiet: true })));

  test('d: ReLU and sigmoid', () => expectTwin('d-relu-sigmoid', reluSigmoid({ quiet: true })));

  test('e: MNIST, the first 640 images', () => {
    const result = mnist({ quiet: true, images: 640 });
    expectTwin('e-mnist', result);
    expect(result.accuracy).toBeCloseTo(twin('e-mnist').accuracy ?? Number.NaN, 2);
  });

  test('f: exclusive or', () => expectTwin('f-xor', xor({ quiet: true })));
});

describe('the derivation by hand', () => {
  const wanted = twin('a-sigmoid-network').firstGradients ?? {};

  test('its loops give PyTorch’s gradients', () => {
    const { gradients } = gradientsByHand();
    expectClose(gradients.hiddenWeight.flat(), wanted['0.weight']?.data ?? []);
    expectClose(gradients.hiddenBias, wanted['0.bias']?.data ?? []);
    expectClose(gradients.outputWeight.flat(), wanted['2.weight']?.data ?? []);
    expectClose(gradients.outputBias, wanted['2.bias']?.data ?? []);
  });

  test('the tape and the numerical gradient agree with them', () => {
    const rows = byHand({ quiet: true });
    expect(rows.length).toBe(9);
    for (const { hand, tape, numerical } of rows) {
      expect(Math.abs(tape - hand)).toBeLessThan(1e-12);
      expect(Math.abs(numerical - hand)).toBeLessThan(1e-8);
    }
  });
});

describe('the demonstrations', () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-textbook-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('g: gradients vanish through sigmoids, not through ReLU', async () => {
    const { sizes, file } = await vanishing({ quiet: true, folder });
    const first = (values: number[]) => (values[0] as number) / (values.at(-1) as number);
    expect(first(sizes.sigmoid)).toBeLessThan(1e-5);
    expect(first(sizes.relu)).toBeGreaterThan(0.05);
    expect(statSync(file).size).toBeGreaterThan(5000);
  });

  test('h: every optimizer goes down, momentum and Adam further than SGD', async () => {
    const { paths: walked, file } = await paths({ quiet: true, folder });
    const heights = walked.map((path) => {
      const [x, y] = path.at(-1) as [number, number];
      return (1 - x) ** 2 + 5 * (y - x * x) ** 2;
    });
    const [sgd, momentum, adaptive] = heights as [number, number, number];
    expect(sgd).toBeLessThan(1);
    expect(momentum).toBeLessThan(sgd);
    expect(adaptive).toBeLessThan(sgd);
    expect(statSync(file).size).toBeGreaterThan(5000);
  });

  test('i: forty residual layers learn what forty plain ones do not', async () => {
    const { results, file } = await residual({ quiet: true, steps: 80, folder });
    const [plain, added] = results as [(typeof results)[0], (typeof results)[0]];
    expect(end(added.losses)).toBeLessThan(0.8);
    expect(end(plain.losses)).toBeGreaterThan(1.4);
    expect(plain.alike.at(-1)).toBeGreaterThan(0.98);
    expect(added.alike.at(-1)).toBeLessThan(0.8);
    expect(statSync(file).size).toBeGreaterThan(5000);
  });

  test('j: with batch norm, rates a hundred times apart learn', async () => {
    const { results, file } = await batchNorm({ quiet: true, steps: 60, folder });
    const losses = (isNormed: boolean) => results.filter((r) => r.isNormed === isNormed).map((r) => end(r.losses));
    for (const loss of losses(false)) expect(loss).toBeGreaterThan(2.2);
    const [slow, ...others] = losses(true);
    expect(slow).toBeLessThan(2.2);
    for (const loss of others) expect(loss).toBeLessThan(2);
    expect(statSync(file).size).toBeGreaterThan(5000);
  });

  test('k: what the rules promise of the signal after thirty layers', async () => {
    const { results, file } = await initialisers({ quiet: true, folder });
    const signal = (kind: string, name: string) =>
      results.find((r) => r.kind === kind && r.name.startsWith(name))?.signals.at(-1);
    // A layer of 128 inputs with deviation s and a ReLU multiplies the signal by s √(128 / 2): for 0.05 and Xavier's 1/√128,
    expect(Math.log10(signal('relu', 'normal') as number)).toBeCloseTo(30 * Math.log10(0.05 * 8), -0.3);
    expect(Math.log10(signal('relu', 'Xavier') as number)).toBeCloseTo(30 * Math.log10(Math.SQRT1_2), -0.3);
    for (const name of ['Kaiming', 'orthogonal']) {
      expect(signal('relu', name), name).toBeGreaterThan(0.2);
      expect(signal('relu', name), name).toBeLessThan(5);
    }
    expect(signal('tanh', 'normal')).toBeLessThan(1e-6);
    expect(signal('tanh', 'Xavier')).toBeGreaterThan(0.05);
    expect(statSync(file).size).toBeGreaterThan(5000);
  });

  test('l: only with clipped gradients does the recurrent network learn the sum', { timeout: 60_000 }, async () => {
    const { results, file } = await clipping({ quiet: true, steps: 450, folder });
    const [wild, clipped] = results as [(typeof results)[0], (typeof results)[0]];
    expect(Math.max(...wild.norms)).toBeGreaterThan(100);
    expect(end(clipped.losses)).toBeLessThan(0.1);
    expect(end(wild.losses)).toBeGreaterThan(0.12);
    expect(statSync(file).size).toBeGreaterThan(5000);
  });

  test('m: the learning rate that is found learns, a hundredth and a hundred times as much do not', async () => {
    const { results, file } = await learningRate({ quiet: true, steps: 100, folder });
    const [low, found, high] = results.map(({ losses }) => end(losses));
    expect(found).toBeLessThan(0.7);
    expect(low).toBeGreaterThan(2);
    expect((high as number) < 2).toBe(false); // NaN, or as bad as guessing
    expect(statSync(file).size).toBeGreaterThan(5000);
  });

  test('n: all eight optimizers learn', async () => {
    const { results, file } = await optimizers({ quiet: true, steps: 60, folder });
    expect(results.length).toBe(8);
    for (const { name, losses } of results) expect(end(losses), name).toBeLessThan(1.2);
    expect(statSync(file).size).toBeGreaterThan(5000);
  });
});
