// Attacks against what they must be for linear models, and mixtures against their formulas.

import { beforeEach, describe, expect, it } from 'vitest';
import { compile, manualSeed, nn, ones, optim, randint, randn, robust, type Tensor, tensor } from '../../lib/index.js';

beforeEach(() => manualSeed(1));

const dtype = 'float64';
const numbers = (t: Tensor) => Array.from(t.toTypedArray());
const largest = (t: Tensor) => Math.max(...numbers(t).map(Math.abs));

/** The loss of a linear model of two classes is highest at x − ε · sign(w₁ − w₀) for class 1, and with + for class 0. */
function worst(model: nn.Linear, x: Tensor, labels: readonly number[], epsilon: number): Tensor {
  const [low, high] = [model.weight.select(0, 0), model.weight.select(0, 1)];
  const direction = high.sub(low).sign().detach();
  return x.add(
    tensor(
      labels.map((label) => [label === 1 ? -epsilon : epsilon]),
      { dtype },
    ).mul(direction),
  );
}

describe('attacks', () => {
  it('find the worst input of a linear model', () => {
    const model = new nn.Linear(5, 2, { dtype });
    const labels = [0, 1, 1, 0];
    const [x, y] = [randn([4, 5], { dtype }), tensor(Int32Array.from(labels))];
    const wanted = numbers(worst(model, x, labels, 0.3));
    expect(numbers(robust.fgsm(model, x, y, { epsilon: 0.3 }))).toEqual(wanted);
    expect(numbers(robust.pgd(model, x, y, { epsilon: 0.3, steps: 5 }))).toEqual(wanted);
    expect(model.weight.grad).toBe(null);
  });

  it('stay within ε and the range, and one that takes many steps is stronger than one step', () => {
    const model = nn.sequential(new nn.Linear(6, 30), new nn.Tanh(), new nn.Linear(30, 3));
    const x = randn([50, 6]).sigmoid();
    const y = model.forward(x).argmax(1).to('int32');
    const loss = (given: Tensor) => nn.functional.crossEntropy(model.forward(given), y).item();
    const options = { epsilon: 0.2, range: [0, 1] as const };
    const [one, many] = [robust.fgsm(model, x, y, options), robust.pgd(model, x, y, { ...options, steps: 30 })];
    for (const changed of [one, many]) {
      expect(largest(changed.sub(x))).toBeLessThan(0.2 + 1e-6);
      expect(Math.min(...numbers(changed))).toBeGreaterThanOrEqual(0);
      expect(Math.max(...numbers(changed))).toBeLessThanOrEqual(1);
      expect(changed.requiresGrad).toBe(false);
    }
    expect(loss(one)).toBeGreaterThan(loss(x));
    expect(loss(many)).toBeGreaterThan(loss(one));
  });

  it('a random start is another one each time, and none is none', () => {
    const model = new nn.Linear(3, 2);
    const [x, y] = [randn([2, 3]), randint(0, 2, [2])];
    const still = { epsilon: 0.5, steps: 1, stepSize: 0 };
    const [a, b] = [robust.pgd(model, x, y, still), robust.pgd(model, x, y, still)];
    expect(numbers(a)).not.toEqual(numbers(b));
    expect(largest(a.sub(x))).toBeGreaterThan(0.1);
    expect(numbers(robust.pgd(model, x, y, { ...still, randomStart: false }))).toEqual(numbers(x));
  });

  it('a compiled step learns from them, and withstands them better', async () => {
    const x = randn([400, 2])
      .mul(tensor([0.1, 1]))
      .add(tensor([0.2, 0]));
    const y = x.select(1, 1).gt(0).to('int32');
    // The first number is a little help that an attack turns round: sign(y) · 0.2.
    const helped = x.mul(tensor([1, 0.3])).mul(
      y
        .mul(2)
        .sub(1)
        .to('float32')
        .reshape(400, 1)
        .mul(tensor([1, 0]))
        .add(tensor([0, 1])),
    );
    const right = async (epsilon: number) => {
      manualSeed(2);
      const model = nn.sequential(new nn.Linear(2, 16), new nn.ReLU(), new nn.Linear(16, 2));
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
      const step = compile((given: Tensor, labels: Tensor) => {
        const changed = epsilon === 0 ? given : robust.pgd(model, given, labels, { epsilon, steps: 3 });
        const loss = nn.functional.crossEntropy(model.forward(changed), labels);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      });
      for (let i = 0; i < 60; i++) await step(helped, y);
      const attacked = robust.pgd(model, helped, y, { epsilon: 0.25, steps: 10 });
      return model.forward(attacked).argmax(1).eq(y).to('float32').mean().item();
    };
    expect(await right(0.25)).toBeGreaterThan((await right(0)) + 0.1);
  });

  it('leave running statistics as they are, compiled, too, and learning goes on with them', async () => {
    for (const kind of [
      nn.sequential(new nn.Linear(4, 6), new nn.BatchNorm1d(6), new nn.ReLU(), new nn.Linear(6, 3)),
      nn.sequential(new nn.Unflatten(1, [2, 2]), new nn.InstanceNorm1d(2, { trackRunningStats: true }), new nn.Flatten(), new nn.Linear(4, 3)), // biome-ignore format: one line
    ]) {
      const [x, y] = [randn([8, 4]), randint(0, 3, [8])];
      const held = () => kind.buffers().flatMap(numbers);
      const before = held();
      const inTraining = robust.fgsm(kind, x, y, { epsilon: 0.1 });
      robust.pgd((given: Tensor) => kind.forward(given), x, y, { epsilon: 0.1 });
      await compile((given: Tensor, labels: Tensor) => robust.pgd(kind, given, labels, { epsilon: 0.1 }))(x, y);
      expect(held()).toEqual(before);
      // The batch's statistics have been used all the same.
      const input = x.detach();
      input.requiresGrad = true;
      nn.functional.crossEntropy(kind.forward(input), y).backward();
      const wanted = x.add((input.grad as Tensor).sign().mul(0.1)).detach();
      expect(largest(inTraining.sub(wanted))).toBeLessThan(1e-6);
      expect(held()).not.toEqual(before);
    }
  });

  it('say what is wrong', () => {
    const [x, y] = [randn([2, 3]), randint(0, 2, [2])];
    const model = new nn.Linear(3, 2);
    const range = [1, 0] as const;
    expect(() => robust.fgsm(model, x, y, { epsilon: 0.1, range })).toThrow(
      'fgsm: range must be the least and the largest value',
    );
    const loss = (output: Tensor) => output;
    expect(() => robust.fgsm(model, x, y, { epsilon: 0.1, loss })).toThrow(
      'fgsm: the loss must be one number, got [2, 2]',
    );
    const blind = () => ones([2, 2]);
    expect(() => robust.pgd(blind, x, y, { epsilon: 0.1 })).toThrow(
      'pgd: the loss must depend on x by operations that have gradients',
    );
  });
});

describe('mixtures', () => {
  const [n, classes] = [6, 4];
  const labels = [0, 1, 2, 3, 0, 1];
  const y = tensor(Int32Array.from(labels));

  it('mixUp: inputs and classes in the same shares, which follow Beta(α, α)', () => {
    const x = randn([n, 3, 2], { dtype });
    const shares: number[] = [];
    for (let i = 0; i < 2000; i++) {
      const { x: inputs, targets } = robust.mixUp(x, y, { numClasses: classes, alpha: 0.5 });
      const share = Number(targets.at(0).at(0).item());
      shares.push(share);
      if (i > 20) continue;
      const [mine, before] = [x.toTypedArray(), x.roll(1, 0).toTypedArray()];
      expect(largest(inputs.sub(x.mul(share).add(x.roll(1, 0).mul(1 - share))))).toBeLessThan(1e-12);
      expect([mine.length, before.length]).toEqual([36, 36]);
      for (const [k, label] of labels.entries()) {
        const row = numbers(targets.at(k));
        expect(row[label]).toBeCloseTo(share, 12);
        expect(row[labels.at(k - 1) as number]).toBeCloseTo(1 - share, 12);
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      }
    }
    // Beta(½, ½): mean ½, variance 1 / (4 (2 α + 1)) = ⅛.
    const mean = shares.reduce((a, b) => a + b) / 2000;
    const variance = shares.reduce((sum, s) => sum + (s - mean) ** 2, 0) / 2000;
    expect(Math.abs(mean - 0.5)).toBeLessThan((5 * Math.sqrt(0.125)) / Math.sqrt(2000));
    expect(Math.abs(variance - 0.125)).toBeLessThan(0.01);
  });

  it('cutMix: a rectangle of the picture before it, and classes by area', () => {
    const x = randn([n, 2, 9, 7]);
    const before = x.roll(1, 0);
    for (let i = 0; i < 50; i++) {
      const { x: pictures, targets } = robust.cutMix(x, y, { numClasses: classes });
      const [own, other, got] = [numbers(x), numbers(before), numbers(pictures)];
      const cut = got.map((value, k) => Number(value !== own[k]));
      expect(got.every((value, k) => value === own[k] || value === other[k])).toBe(true);
      const plane = cut.slice(0, 63);
      for (let p = 0; p < 2 * n; p++) expect(cut.slice(63 * p, 63 * p + 63)).toEqual(plane);
      const rows = [...new Set(plane.flatMap((value, k) => (value ? [Math.floor(k / 7)] : [])))];
      const columns = [...new Set(plane.flatMap((value, k) => (value ? [k % 7] : [])))];
      const area = plane.reduce((a, b) => a + b);
      expect(area).toBe(rows.length * columns.length);
      expect(Number(targets.at(0).at(0).item())).toBeCloseTo(1 - area / 63, 6);
    }
  });

  it('say what is wrong', () => {
    expect(() => robust.mixUp(randn([5, 3]), y, { numClasses: 4 })).toThrow(
      'mixUp: labels must be [5], one for each sample of x, got [6]',
    );
    expect(() => robust.cutMix(randn([6, 3]), y, { numClasses: 4 })).toThrow(
      'cutMix: x must be [n, …, height, width], each at least 1, got [6, 3]',
    );
    expect(() => robust.cutMix(randn([6, 1, 0, 4]), y, { numClasses: 4 })).toThrow(
      'cutMix: x must be [n, …, height, width], each at least 1, got [6, 1, 0, 4]',
    );
    for (const label of [9, -1]) {
      const labels = tensor(Int32Array.of(0, label));
      expect(() => robust.mixUp(randn([2, 3]), labels, { numClasses: 3 })).toThrow(
        `mixUp: labels must be at least 0 and below 3, got ${label} (element 1)`,
      );
      expect(() => robust.cutMix(randn([2, 3, 3]), labels, { numClasses: 3 })).toThrow(/^cutMix: labels must be/);
    }
    expect(() => robust.mixUp(randn([2, 3]), tensor([0, 1]), { numClasses: 3 })).toThrow(
      'mixUp: labels must be int32, got float32',
    );
  });
});
