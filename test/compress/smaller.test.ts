// Shared weights and distillation, against definitions and PyTorch's functions.
import { describe, expect, it } from 'vitest';
import { compress, manualSeed, nn, ones, optim, randn, type Tensor, tensor, zeros } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';
import { numbersOf } from '../support/plain-numbers.js';

const golden = readGolden<{
  student: Golden;
  teacher: Golden;
  labels: number[];
  losses: { temperature: number; alpha: number; loss: number; gradient: Golden }[];
  small: Golden;
  large: Golden;
  attention: number;
}>('compress');
const original = (layer: nn.Module) =>
  layer.namedParameters().find(([name]) => name.endsWith('original'))?.[1] as Tensor;

describe('cluster', () => {
  it('gives each weight the nearest of its values, each of which is the mean of its weights', () => {
    manualSeed(1);
    const layer = new nn.Linear(20, 30);
    const before = numbersOf(layer.weight);
    compress.cluster(layer, { clusters: 8 });
    const after = numbersOf(layer.weight);
    const centers = numbersOf(original(layer));
    expect(centers).toHaveLength(8);
    before.forEach((weight, i) => {
      const nearest = Math.min(...centers.map((center) => Math.abs(center - weight)));
      expect(Math.abs((after[i] as number) - weight)).toBeLessThanOrEqual(nearest + 1e-6);
    });
    for (const center of new Set(after)) {
      const own = before.filter((_, i) => after[i] === center);
      expect(center).toBeCloseTo(own.reduce((sum, weight) => sum + weight, 0) / own.length, 5);
    }
  });

  it('trains each value by the sum of the gradients of its weights', () => {
    const layer = new nn.Linear(3, 2, { bias: false });
    nn.utils.vectorToParameters(tensor([1, 1.1, 5, 5.1, 1, 5]), layer.parameters());
    compress.cluster(layer, { clusters: 2 });
    // ∂L/∂W of L = Σ c · (W x) is c xᵀ; c = [1, 2], x = [1, 10, 100].
    layer
      .forward(tensor([[1, 10, 100]]))
      .mul(tensor([[1, 2]]))
      .sum()
      .backward();
    expect(numbersOf(original(layer).grad as Tensor)).toEqual([1 + 10 + 20, 100 + 2 + 200]);
  });

  it('leaves zeros of pruned weights at zero through training', () => {
    const layer = compress.prune(new nn.Linear(10, 10), { amount: 0.6 });
    const isZero = numbersOf(layer.weight).map((w) => w === 0);
    compress.cluster(layer, { clusters: 4 });
    expect(numbersOf(layer.weight).map((w) => w === 0)).toEqual(isZero);
    const optimizer = new optim.SGD(layer.parameters(), { lr: 0.1 });
    for (let i = 0; i < 3; i++) {
      optimizer.zeroGrad();
      layer
        .forward(randn([4, 10]))
        .square()
        .sum()
        .backward();
      optimizer.step();
    }
    expect(numbersOf(layer.weight).map((w) => w === 0)).toEqual(isZero);
    expect(new Set(numbersOf(compress.makePermanent(layer).weight)).size).toBeLessThanOrEqual(5);
  });

  it('takes a weight of zeros, and fewer values than clusters', () => {
    for (const value of [zeros([2, 3]), ones([2, 3])]) {
      const layer = new nn.Linear(3, 2);
      layer.loadStateDict(
        new Map([
          ['weight', value],
          ['bias', zeros([2])],
        ]),
      );
      expect(numbersOf(compress.cluster(layer).weight)).toEqual(numbersOf(value));
    }
  });

  it('is refused for a number of clusters that a byte cannot tell apart', () => {
    const refused = 'cluster: clusters must be an integer of at least 2 and at most 255, got ';
    for (const clusters of [1, 256, 2.5]) {
      expect(() => compress.cluster(new nn.Linear(2, 2), { clusters })).toThrow(refused + clusters);
    }
  });
});

describe('distillation', () => {
  it.each(golden.losses)(
    'at temperature $temperature with $alpha of the teacher',
    ({ temperature, alpha, loss, gradient }) => {
      const student = fromGolden(golden.student).requiresGrad_();
      const teacher = fromGolden(golden.teacher).requiresGrad_();
      const labels = tensor(Int32Array.from(golden.labels));
      const got = compress.distillationLoss(student, teacher, { temperature, alpha, labels });
      got.backward();
      expect(got.item()).toBeCloseTo(loss, 12);
      expectNear(student.grad as Tensor, gradient.data);
      expect(teacher.grad).toBeNull();
    },
  );

  it('without labels is the teacher alone', () => {
    const [student, teacher] = [fromGolden(golden.student), fromGolden(golden.teacher)];
    const all = golden.losses[0] as { loss: number };
    expect(compress.distillationLoss(student, teacher, { temperature: 1 }).item()).toBeCloseTo(all.loss, 12);
  });

  it('compares features and attention maps', () => {
    expect(compress.featureLoss(tensor([1, 2, 4]), tensor([1, 0, 1])).item()).toBeCloseTo(13 / 3, 6);
    const loss = compress.attentionLoss(fromGolden(golden.small), fromGolden(golden.large));
    expect(loss.item()).toBeCloseTo(golden.attention, 14);
  });

  it.each([
    [
      () => compress.distillationLoss(ones([2, 3]), ones([2, 4])),
      'distillationLoss: shapes must be the same, [n, classes], got student [2, 3] and teacher [2, 4]',
    ],
    [
      () => compress.distillationLoss(ones([2, 3]), ones([2, 3]), { temperature: 0 }),
      'distillationLoss: temperature must be a finite number above 0, got 0',
    ],
    [
      () => compress.featureLoss(ones([2, 3]), ones([3])),
      'featureLoss: shapes must be the same, got student [2, 3] and teacher [3]',
    ],
    [
      () => compress.attentionLoss(ones([2, 3]), ones([2, 3])),
      'attentionLoss: student must be [n, channels, …], got [2, 3]',
    ],
    [
      () => compress.attentionLoss(ones([2, 3, 4]), ones([2, 3, 5])),
      'attentionLoss: samples and places must be the same, got student [2, 3, 4] and teacher [2, 3, 5]',
    ],
  ])('refuses %#', (call, message) => {
    expect(call).toThrow(message);
  });
});
