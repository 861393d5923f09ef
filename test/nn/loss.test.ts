// Every loss, with its options, against values and gradients of PyTorch.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noGrad } from '../../lib/autograd/tape.js';
import { grad } from '../../lib/backward/engine.js';
import type { DType } from '../../lib/dtype.js';
import * as functional from '../../lib/nn/loss.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectClose } from '../support/harness.js';

interface GoldenTensor {
  dtype: DType;
  shape: number[];
  data: (number | string)[];
}

interface GoldenCase {
  loss: string;
  input: GoldenTensor;
  target: GoldenTensor;
  options: Record<string, unknown>;
  output: GoldenTensor;
  upstream: GoldenTensor | null;
  gradient: GoldenTensor;
}

const golden: { cases: GoldenCase[] } = JSON.parse(
  readFileSync(new URL('../golden/losses.json', import.meta.url), 'utf8'),
);

const numbers = (g: GoldenTensor): number[] => g.data.map(Number);
const load = (g: GoldenTensor): Tensor =>
  tensor(g.dtype === 'float64' ? Float64Array.from(numbers(g)) : numbers(g), { shape: g.shape, dtype: g.dtype });

type Loss = (input: Tensor, target: Tensor, options: object) => Tensor;
const losses = { ...functional } as Record<string, Loss>;

function run(c: GoldenCase, input: Tensor): Tensor {
  const options = Object.fromEntries(
    Object.entries(c.options).map(([key, value]) => [
      key,
      value !== null && typeof value === 'object' ? load(value as GoldenTensor) : value,
    ]),
  );
  return (losses[c.loss] as Loss)(input, load(c.target), options);
}

describe('losses against PyTorch', () => {
  golden.cases.forEach((c, i) => {
    const name = `${i} ${c.loss} ${c.input.dtype} [${c.input.shape}] ${Object.keys(c.options).join(' ')}`;
    const rtol = c.input.dtype === 'float64' ? 1e-12 : 1e-5;
    const plain = (g: GoldenTensor) => ({
      shape: g.shape,
      data: numbers(g),
      magnitude: numbers(g).map((v) => Math.abs(v) + 0.1),
    });
    it(name, () => {
      const x = load(c.input);
      x.requiresGrad = true;
      const y = run(c, x);
      expectClose(y, plain(c.output), rtol);
      const gradOutputs = c.upstream === null ? undefined : [load(c.upstream)];
      const [dx] = grad([y], [x], { gradOutputs });
      expectClose(dx as Tensor, plain(c.gradient), rtol);
    });
  });
  it('knows every loss', () => {
    expect([...new Set(golden.cases.map((c) => c.loss))].sort()).toEqual(Object.keys(losses).sort());
  });
});

describe('losses of edge cases', () => {
  it('has a mean of nothing', () => {
    expect(functional.mseLoss(zeros([0]), zeros([0])).item()).toBeNaN();
    expect(functional.mseLoss(zeros([0]), zeros([0]), { reduction: 'sum' }).item()).toBe(0);
    expect(functional.crossEntropy(zeros([0, 3]), zeros([0], { dtype: 'int32' })).item()).toBeNaN();
    const ignored = functional.crossEntropy(ones([2, 3]), tensor([-100, -100], { dtype: 'int32' }));
    expect(ignored.item()).toBeNaN();
  });

  it('gives ignored rows the gradient 0, whatever they hold', () => {
    const x = tensor([[Number.NaN, 1], [0, 0]], { requiresGrad: true }); // biome-ignore format: a matrix
    functional.crossEntropy(x, tensor([-100, 1], { dtype: 'int32' })).backward();
    expect(Array.from((x.grad as Tensor).toTypedArray())).toEqual([0, 0, 0.5, -0.5]);
  });

  it('works without a tape', () => {
    const x = ones([2, 3], { requiresGrad: true });
    const loss = noGrad(() => functional.crossEntropy(x, tensor([0, 1], { dtype: 'int32' })));
    expect(loss.requiresGrad).toBe(false);
    expect(loss.item()).toBeCloseTo(Math.log(3), 6);
  });
});
