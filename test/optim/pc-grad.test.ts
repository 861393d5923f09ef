// Gradient surgery against PyTorch's for two tasks, and the algorithm as it is written in the paper for more.
import { expect, it } from 'vitest';
import { compile, Generator, nn, optim, type Tensor, tensor } from '../../lib/index.js';
import { readGolden } from '../support/golden.js';

const { surgery } = readGolden<{ surgery: { gradients: number[][][]; gradient: number[][] } }>('ordered');
const float64 = { dtype: 'float64' } as const;

/** The gradient that is left of losses with the given gradients over two parameters. */
function left(gradients: readonly number[][], seed = 1): number[] {
  const [a, b] = [1, (gradients[0] as number[]).length - 1].map((n) =>
    tensor(new Array(n).fill(1), { ...float64, requiresGrad: true }),
  ) as [Tensor, Tensor];
  const losses = gradients.map(([first, ...rest]) =>
    a
      .mul(first as number)
      .sum()
      .add(b.mul(tensor(rest, float64)).sum()),
  );
  optim.pcGrad(losses, [a, b], { generator: new Generator(seed) }).backward();
  return [a, b].flatMap((p) => [...(p.grad as Tensor).toTypedArray()]);
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * (b[i] as number), 0);
const farthest = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((v, i) => Math.abs(v - (b[i] as number))));

function projected(gradients: readonly number[][], i: number, order: readonly number[]): number[] {
  let g = gradients[i] as number[];
  for (const j of order) {
    const other = gradients[j] as number[];
    const share = Math.min(0, dot(g, other)) / dot(other, other);
    g = g.map((v, k) => v - share * (other[k] as number));
  }
  return g;
}

it('two tasks: as PyTorch', () => {
  const got = left(surgery.gradients.map((g) => g.flat()));
  expect(farthest(got, surgery.gradient.flat())).toBeLessThan(1e-12);
});

it('three tasks: the sum of projections in some order of each, and not always the same', () => {
  const gradients = [
    [1, 0.2, -0.3, 0.5],
    [-0.8, 1, 0.4, -0.6],
    [0.3, -1.1, 0.9, -0.7],
  ];
  const others = [0, 1, 2].map((i) => [0, 1, 2].filter((j) => j !== i));
  const all = Array.from({ length: 8 }, (_, bits) => {
    const orders = others.map((list, i) => ((bits >> i) % 2 === 0 ? list : [...list].reverse()));
    const parts = orders.map((order, i) => projected(gradients, i, order));
    return parts.reduce((sum, g) => sum.map((v, k) => v + (g[k] as number)));
  });
  const found = Array.from({ length: 12 }, (_, seed) => {
    const got = left(gradients, seed);
    return all.findIndex((want) => farthest(got, want) < 1e-12);
  });
  expect(found).not.toContain(-1);
  expect(new Set(found).size).toBeGreaterThan(2);
});

it('gradients that agree are added, and a task without a gradient changes nothing', () => {
  expect(
    left([
      [1, 2],
      [3, 0.5],
    ]),
  ).toEqual([4, 2.5]);
  expect(
    left([
      [1, 2],
      [0, 0],
    ]),
  ).toEqual([1, 2]);
  expect(left([[1, 2]])).toEqual([1, 2]);
});

it('compiled as eager, and parameters that only one task has', () => {
  const train = (isCompiled: boolean) => {
    const [trunk, a, b] = [new nn.Linear(3, 4), new nn.Linear(4, 1), new nn.Linear(4, 1)];
    const model = nn.sequential(trunk, a, b);
    let i = 0;
    const values = model.parameters().map((p) =>
      tensor(
        Array.from({ length: p.size }, () => Math.sin(i++)),
        { shape: p.shape },
      ),
    );
    model.loadStateDict(Object.fromEntries([...model.stateDict().keys()].map((key, k) => [key, values[k] as Tensor])));
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const generator = new Generator(7);
    const step = (x: Tensor) => {
      const hidden = trunk.forward(x).tanh();
      const losses = [a.forward(hidden).sub(1).square().mean(), b.forward(hidden).add(1).square().mean()];
      const third = hidden.sum().square();
      optimizer.zeroGrad();
      optim.pcGrad([...losses, third], model.parameters(), { generator }).backward();
      optimizer.step();
      return losses[0] as Tensor;
    };
    const compiled = compile(step);
    const x = tensor([
      [1, -2, 0.5],
      [0.3, 0.2, -1],
    ]);
    return Array.from({ length: 8 }, () => (isCompiled ? compiled.sync(x) : step(x)).item());
  };
  const eager = train(false);
  expect(train(true)).toEqual(eager);
  expect(eager[7]).toBeLessThan(eager[0] as number);
});

it('wrong input', () => {
  const p = tensor([1], { requiresGrad: true });
  expect(() => optim.pcGrad([], [p])).toThrow('pcGrad: losses must be at least one, got []');
  expect(() => optim.pcGrad([p], [p])).toThrow('pcGrad: losses must be scalars, got [1]; take its mean()');
  expect(() => optim.pcGrad([p.sum()], [])).toThrow('pcGrad: parameters must be at least one tensor, got none');
  expect(() => optim.pcGrad(new Array(2), [p])).toThrow('pcGrad: losses');
  expect(() => optim.pcGrad([p.sum()], [tensor([1])])).toThrow('requiresGrad');
});
