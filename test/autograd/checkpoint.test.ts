// Recomputation gives the same numbers as keeping everything, and needs less memory.
import { describe, expect, it } from 'vitest';
import {
  checkpoint,
  compile,
  grad,
  manualSeed,
  memoryStats,
  nn,
  noGrad,
  optim,
  randn,
  type Tensor,
} from '../../lib/index.js';

const float64 = { dtype: 'float64' } as const;

function gradientsOf(model: nn.Module, run: (x: Tensor) => Tensor, seed: number): unknown[] {
  manualSeed(seed);
  const x = randn(5, 4, float64);
  x.requiresGrad = true;
  model.zeroGrad();
  const loss = run(x).square().sum();
  loss.backward();
  return [loss.item(), x.grad?.toArray(), ...model.parameters().map((p) => p.grad?.toArray())];
}

describe('checkpoint', () => {
  manualSeed(1);
  const first = new nn.Linear(4, 6, float64);
  const second = new nn.Linear(6, 4, float64);
  const drop = new nn.Dropout(0.4);
  const model = new nn.Sequential(first, second, drop);
  const part = (x: Tensor): Tensor => drop.forward(second.forward(first.forward(x).tanh()));

  it('has the results and gradients of the function, those of parameters and of the same dropout included', () => {
    for (const seed of [3, 4]) {
      expect(gradientsOf(model, (x) => checkpoint(part, x), seed)).toEqual(gradientsOf(model, part, seed));
      const twice = (x: Tensor): Tensor => checkpoint(part, checkpoint(part, x)).add(x);
      expect(gradientsOf(model, twice, seed)).toEqual(gradientsOf(model, (x) => part(part(x)).add(x), seed));
    }
  });

  it('several inputs and results, one without gradient', () => {
    const [x, y] = [randn([3], float64), randn([3], float64)];
    x.requiresGrad = true;
    const [a, b] = checkpoint((s, t) => [s.mul(t), s.exp()], x, y) as [Tensor, Tensor];
    a.add(b).sum().backward();
    expect(x.grad?.sub(y.add(x.exp())).abs().sum().item()).toBeLessThan(1e-12);
    expect(y.grad).toBeNull();
  });

  it('second derivatives', () => {
    const x = randn([3], float64);
    x.requiresGrad = true;
    const [g] = grad(checkpoint((t) => t.pow(3), x).sum(), x, { createGraph: true }) as [Tensor];
    g.sum().backward();
    expect(x.grad?.sub(x.mul(6)).abs().sum().item()).toBeLessThan(1e-12);
  });

  it('needs less memory', () => {
    const layers = Array.from({ length: 12 }, () => new nn.Linear(64, 64));
    const block =
      (from: number) =>
      (x: Tensor): Tensor => {
        let y = x;
        for (const layer of layers.slice(from, from + 4))
          for (let i = 0; i < 4; i++) y = layer.forward(y).tanh().exp().sin();
        return y;
      };
    const x = randn(2000, 64);
    const peak = (run: (x: Tensor) => Tensor): number => {
      const before = memoryStats().liveBytes;
      const y = run(x).mean();
      const after = memoryStats().liveBytes;
      y.backward();
      return after - before;
    };
    const whole = peak((t) => block(8)(block(4)(block(0)(t))));
    const parts = peak((t) => checkpoint(block(8), checkpoint(block(4), checkpoint(block(0), t))));
    expect(parts).toBeLessThan(whole / 8);
  });

  it('compiles, unless it draws random numbers', () => {
    const optimizer = new optim.SGD(model.parameters(), 0.1);
    const dry = (x: Tensor): Tensor => second.forward(first.forward(x).tanh());
    const start = model.parameters().map((p) => p.clone().detach());
    const step = (t: Tensor, use: (x: Tensor) => Tensor): Tensor => {
      const loss = use(t).square().sum();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    };
    const losses = (use: (x: Tensor) => Tensor): number[] => {
      noGrad(() => model.parameters().forEach((p, i) => void p.copy_(start[i] as Tensor)));
      manualSeed(8);
      const x = randn(5, 4, float64);
      const compiled = compile((t: Tensor) => step(t, use));
      return [0, 1, 2].map(() => compiled.sync(x).item());
    };
    expect(losses((x) => checkpoint(dry, x))).toEqual(losses(dry));
    expect(() => losses((x) => checkpoint(part, x))).toThrow(
      'checkpoint: fn must not draw random numbers while a step is recorded',
    );
  });

  it('without gradients it is a call; wrong input', () => {
    const x = randn(5, 4, float64);
    expect(noGrad(() => checkpoint(first.forward.bind(first), x)).requiresGrad).toBe(false);
    expect(() => checkpoint(3 as never, x)).toThrow('checkpoint: fn must be a function, got 3');
    expect(() => checkpoint((t) => t, 3 as never)).toThrow('checkpoint: inputs[0] must be a tensor, got 3');
    expect(() => checkpoint(() => 3 as never, x)).toThrow(
      'checkpoint: fn must return a tensor or an array of tensors, got 3',
    );
  });
});
