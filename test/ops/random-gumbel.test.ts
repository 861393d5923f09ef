// Gumbel-softmax samples against the formula of the paper, on numbers of the tests' own generator.
import { describe, expect, it } from 'vitest';
import { ArgumentError, DTypeError } from '../../lib/errors.js';
import { compile, grad, manualSeed, nn, ones, type Tensor, tensor, zeros } from '../../lib/index.js';
import { Generator } from '../../lib/ops/generator.js';
import { testFamily } from '../support/family.js';
import { expectNear } from '../support/golden.js';
import type { ErrorRow, OpRow, Plain } from '../support/harness.js';

const { gumbelSoftmax } = nn.functional;

// Noise -log(-log(1 - u)) of uniform numbers u.
function noise(seed: number, { shape, data }: Plain): number[] {
  const u = zeros(shape, { dtype: 'float64' }).uniform_({ generator: new Generator(seed) });
  return data.map((_, i) => -Math.log(-Math.log1p(-(u.toTypedArray()[i] as number))));
}

function softRow(tau: number, dim: number): OpRow {
  const shape = [3, 4];
  return {
    name: `gumbelSoftmax tau ${tau}, dim ${dim}`,
    // In float64, so that both dtypes draw the numbers of the reference.
    run: (x) =>
      gumbelSoftmax((x as Tensor).to('float64'), tau, { dim, generator: new Generator(5) }).to(x?.dtype ?? 'float64'),
    inputs: [{ shape }],
    reference: (x: Plain) => {
      const g = noise(5, x);
      const e = x.data.map((v, i) => Math.exp((v + (g[i] as number)) / tau));
      const vector = (i: number) => (dim === 0 ? i % 4 : Math.floor(i / 4));
      const total = (i: number) => e.reduce((sum, v, j) => (vector(j) === vector(i) ? sum + v : sum), 0);
      return { shape, data: e.map((v, i) => v / total(i)) };
    },
  };
}

const errors: ErrorRow[] = [
  {
    name: 'tau',
    call: () => gumbelSoftmax(ones([2]), 0),
    error: ArgumentError,
    message: 'gumbelSoftmax: tau must be a finite number above 0, got 0',
  },
  {
    name: 'integers',
    call: () => gumbelSoftmax(ones([2], { dtype: 'int32' })),
    error: DTypeError,
    message: "gumbelSoftmax: logits must be float32 or float64, got int32; convert it by logits.to('float32')",
  },
];

testFamily('gumbelSoftmax', { rows: [softRow(1, 1), softRow(0.5, -1), softRow(2, 0)], errors, refused: /./ });

describe('hard samples', () => {
  const logits = () => tensor([[0.1, 0.2, 0.7, 2]], { dtype: 'float64', requiresGrad: true });

  it('are one-hot, where the smooth ones are largest, and have their gradient', () => {
    const weights = tensor([[1, -2, 3, 5]], { dtype: 'float64' });
    const [a, b] = [logits(), logits()];
    const soft = gumbelSoftmax(a, 0.7, { generator: new Generator(3) });
    const hard = gumbelSoftmax(b, 0.7, true, { generator: new Generator(3) });
    const place = soft.argmax(1).item();
    expect(hard.toArray()).toEqual([[0, 1, 2, 3].map((i) => Number(i === place))]);
    const [want] = grad([soft.mul(weights).sum()], [a]);
    const [got] = grad([hard.mul(weights).sum()], [b]);
    expectNear(got as Tensor, Array.from((want as Tensor).toTypedArray()));
  });

  it('compiled, are those of eager calls', async () => {
    const sample = (x: Tensor): Tensor => gumbelSoftmax(x, 0.7, true);
    const compiled = compile(sample);
    const x = zeros([30, 4]);
    manualSeed(4);
    const eager = [0, 1, 2].map(() => sample(x).toArray());
    manualSeed(4);
    const replayed: unknown[] = [];
    for (let i = 0; i < 3; i++) replayed.push((await compiled(x)).toArray());
    expect(replayed).toEqual(eager);
  });

  it('are as frequent as their probabilities', () => {
    const n = 40_000;
    const p = [0.1, 0.2, 0.3, 0.4];
    const rows = tensor([p.map(Math.log)]).expand([n, 4]);
    const counts = gumbelSoftmax(rows, 1, true, { generator: new Generator(9) }).sum(0);
    p.forEach((q, i) => {
      const count = counts.toTypedArray()[i] as number;
      expect(Math.abs(count - n * q)).toBeLessThan(5 * Math.sqrt(n * q * (1 - q)));
    });
  });
});
