import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cat, manualSeed, nn, noGrad, optim, rand, randn, stack, type Tensor } from 'adjoint';
import { afterAll, describe, expect, test } from 'vitest';
import { run as characters, small as smallCharacters } from '../../examples/few-shot/characters.js';
import { glyphs } from '../../examples/few-shot/glyphs.js';
import { adapt, mamlLoss, type Network, reptileLoss, weightsOf } from '../../examples/few-shot/meta.js';
import { logProbabilities } from '../../examples/few-shot/prototypes.js';
import { coverage, polygons } from '../../examples/few-shot/raster.js';
import { run as sinusoids, small as smallSinusoids } from '../../examples/few-shot/sinusoids.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-few-shot-'));
afterAll(() => rmSync(output, { recursive: true }));
const stream = { write: () => true };

const float64 = { dtype: 'float64' } as const;
const network = (): Network =>
  nn.sequential(new nn.Linear(2, 4, true, float64), new nn.Tanh(), new nn.Linear(4, 1, true, float64));
const loss = nn.functional.mseLoss;
const tasks = () => {
  const [x, newX] = [randn([3, 5, 2], float64), randn([3, 4, 2], float64)];
  return { x, y: rand([3, 5, 1], float64), newX, newY: rand([3, 4, 1], float64) };
};

describe('learning to learn', () => {
  test('MAML: the gradient through the steps of learning is that of finite differences', () => {
    manualSeed(1);
    const [model, some] = [network(), tasks()];
    const inner = { loss, lr: 0.3, steps: 3 };
    mamlLoss(model, some, inner).backward();
    let [worst, size] = [0, 0];
    for (const weight of model.parameters()) {
      const gradient = weight.grad?.toTypedArray() as Float64Array;
      const values = weight.toTypedArray();
      const lossWith = (i: number, change: number): number => {
        const changed = Float64Array.from(values);
        changed[i] = (values[i] as number) + change;
        noGrad(() => weight.copy_(changed));
        return mamlLoss(model, some, inner).item();
      };
      gradient.forEach((got, i) => {
        const wanted = (lossWith(i, 1e-5) - lossWith(i, -1e-5)) / 2e-5;
        worst = Math.max(worst, Math.abs(got - wanted));
        size = Math.max(size, Math.abs(wanted));
      });
      noGrad(() => weight.copy_(values));
    }
    expect(worst).toBeLessThan(1e-8 * size);
  });

  test('adapt takes the steps of SGD, and leaves the network as it was', () => {
    manualSeed(2);
    const model = network();
    const { x, y } = tasks();
    const before = model.parameters().map((p) => p.toArray());
    const adapted = adapt(model, weightsOf(model), x.at(0), y.at(0), { loss, lr: 0.1, steps: 4 });
    expect(model.parameters().map((p) => p.toArray())).toEqual(before);
    const twin = learned(model, x.at(0), y.at(0), 4);
    for (const [name, weight] of twin.namedParameters()) {
      expect(farthest(adapted[name] as Tensor, weight), name).toBeLessThan(1e-15);
    }
  });

  test('Reptile: the gradient is the mean way back from where the tasks led', () => {
    manualSeed(3);
    const [model, some] = [network(), tasks()];
    reptileLoss(model, some, { loss, lr: 0.1, steps: 2 }).backward();
    const twins = [0, 1, 2].map((i) =>
      learned(model, cat([some.x.at(i), some.newX.at(i)]), cat([some.y.at(i), some.newY.at(i)]), 2),
    );
    for (const [name, weight] of model.namedParameters()) {
      const ways = twins.map((twin) => weight.detach().sub(twin.getParameter(name).detach()));
      expect(farthest(weight.grad as Tensor, stack(ways).mean({ dim: 0 })), name).toBeLessThan(1e-15);
    }
  });
});

/** A copy of the network after steps of SGD. */
function learned(model: Network, x: Tensor, y: Tensor, steps: number): Network {
  const twin = model.clone() as Network;
  const optimizer = new optim.SGD(twin.parameters(), { lr: 0.1 });
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    loss(twin.forward(x), y).backward();
    optimizer.step();
  }
  return twin;
}

const farthest = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().item();

test('prototypes: log-probabilities as in the paper, by loops', () => {
  manualSeed(4);
  const [classes, samples, features] = [3, 4, 5];
  const [known, unknown] = [randn([classes * samples, features], float64), randn([6, features], float64)];
  const [k, u] = [known.toArray(), unknown.toArray()] as [number[][], number[][]];
  const got = logProbabilities(known, unknown, classes).toArray() as number[][];
  let worst = 0;
  u.forEach((point, i) => {
    const scores = Array.from({ length: classes }, (_, c) => {
      const own = k.slice(c * samples, (c + 1) * samples);
      const square = (j: number) =>
        ((point[j] as number) - own.reduce((sum, row) => sum + (row[j] as number), 0) / samples) ** 2;
      return -Array.from({ length: features }, (_, j) => square(j)).reduce((a, b) => a + b);
    });
    const total = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
    scores.forEach((score, c) => {
      worst = Math.max(worst, Math.abs((got[i]?.[c] as number) - (score - total)));
    });
  });
  expect(worst).toBeLessThan(1e-12);
});

describe('scan conversion', () => {
  const sum = (values: Float32Array) => values.reduce((total, value) => total + value, 0);

  test('covers the area of a polygon, less that of its hole', () => {
    const triangle: [number, number][] = [[1.3, 0.7], [8.9, 3.1], [2.2, 9.4]]; // biome-ignore format: points
    const hole: [number, number][] = [[3, 3.5], [3.2, 5.5], [4.5, 4.1]]; // biome-ignore format: points
    const area = (points: [number, number][]) =>
      points.reduce((total, [x, y], i) => {
        const [nextX, nextY] = points[(i + 1) % points.length] as [number, number];
        return total + (x * nextY - nextX * y) / 2;
      }, 0);
    expect(area(hole)).toBeLessThan(0); // it runs the other way round
    expect(sum(coverage([triangle, hole], 10, 10))).toBeCloseTo(area(triangle) + area(hole), 4);
  });

  test('covers single pixels by the part that lies within', () => {
    const square: [number, number][] = [[0.5, 0.25], [2, 0.25], [2, 1], [0.5, 1]]; // biome-ignore format: points
    expect(Array.from(coverage([square], 3, 2))).toEqual([0.375, 0.75, 0, 0, 0, 0]);
  });

  test('follows curves', () => {
    const at = (type: string, x: number, y: number, x1 = 0, y1 = 0, x2 = 0, y2 = 0) => ({ type, x, y, x1, y1, x2, y2 });
    // A quadratic curve and its chord enclose two thirds of the triangle; the cubic one is the same curve.
    const quadratic = [at('M', 0, 0), at('Q', 9, 0, 4.5, 9), at('Z', 0, 0)];
    const cubic = [at('M', 0, 0), at('C', 9, 0, 3, 6, 6, 6), at('Z', 0, 0)];
    for (const commands of [quadratic, cubic]) {
      const area = sum(
        coverage(
          polygons(commands, (x, y) => [x, y]),
          10,
          10,
        ),
      );
      expect(Math.abs(area - (2 / 3) * 40.5)).toBeLessThan(0.05 * 27);
    }
  });
});

test('characters: each is drawn in one place for all parts, and they differ', () => {
  manualSeed(5);
  const parts = glyphs({ most: 20 });
  const all = Object.values(parts).flatMap((part) => part.characters);
  expect(all.length).toBe(60);
  expect(new Set(all).size).toBe(60);
  const { images } = parts.test;
  expect(images.shape).toEqual([20, 20, 20, 20]);
  const ink = images.to('float32').mean({ dim: [2, 3] });
  expect(ink.min().item()).toBeGreaterThan(2); // no picture is empty
  expect(ink.max().item()).toBeLessThan(200);
});

test('characters: what others taught beats the nearest neighbour', { timeout: 240_000 }, async () => {
  const reached = await characters({ ...smallCharacters, output, stream });
  for (const shots of [1, 5]) {
    const baseline = reached[`nearest${shots}`] as number;
    expect(baseline).toBeGreaterThan(25); // guessing has 20
    expect(reached[`prototypes${shots}`], `${shots}`).toBeGreaterThan(baseline + 3);
  }
  expect(reached.maml1).toBeGreaterThan(30);
  expect(reached.reptile1).toBeGreaterThan(25);
  // By five drawings the nearest pixels are about as good as what so short a meta-training teaches.
  for (const way of ['maml1', 'reptile1']) {
    expect(reached[way], way).toBeGreaterThan((reached.nearest1 as number) + 3);
  }
  expect(readFileSync(join(output, 'few-shot-characters.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
});

test('sine waves: learning to learn beats learning all waves', { timeout: 240_000 }, async () => {
  const reached = await sinusoids({ ...smallSinusoids, output, stream });
  for (const key of ['maml', 'reptile'] as const) {
    expect(reached[key], key).toBeLessThan(0.75 * reached.pretrained);
  }
  expect(reached.pretrained).toBeLessThan(reached.random);
  expect(readFileSync(join(output, 'few-shot-sinusoids.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
});
