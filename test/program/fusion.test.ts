// Pointwise operations that follow a product while its rows are in the cache: the same bits as eagerly, in one group
// where the product is large enough.
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import {
  add,
  compile,
  type DType,
  getNumThreads,
  linear,
  manualSeed,
  matmul,
  mul,
  nn,
  noGrad,
  randn,
  relu,
  setNumThreads,
  type Tensor,
} from '../../lib/index.js';

const threads = getNumThreads();
afterAll(() => setNumThreads(threads));
beforeEach(() => manualSeed(5));

type Step = (...inputs: Tensor[]) => Tensor[];
const bits = (t: Tensor): Int32Array => new Int32Array(t.toTypedArray().buffer);
/** Where two results differ first, or -1; to print the whole of them would take minutes. */
const firstDifference = (a: Int32Array, b: Int32Array): number => a.findIndex((v, i) => v !== b[i]);

/** Runs a step eagerly and compiled on the same inputs; returns the names of the compiled groups. */
function groupsOf(step: Step, shapes: number[][], dtype: DType): string[] {
  const inputs = shapes.map((shape) => randn(shape, { dtype }));
  const eager = step(...inputs).map(bits);
  const compiled = compile(step);
  for (let i = 0; i < 3; i++) {
    const found = (compiled.sync(...inputs) as Tensor[]).map(bits);
    expect(found.map((result, j) => firstDifference(result, eager[j] as Int32Array))).toEqual(eager.map(() => -1));
  }
  return compiled
    .describe()
    .split('\n')
    .slice(4)
    .map((line) => line.split(/ {2,}/)[0] as string);
}

// Rows, outputs and inputs; whether what follows joins in: where rows are the split, and are whole vectors.
const products = [
  [700, 128, 64, true],
  [701, 64, 30, true],
  [2048, 64, 200, true],
  [150, 320, 40, false], // split by columns
  [1000, 50, 64, false], // a vector would be cut
  [200, 64, 64, false], // too small
] as const;

describe.each([1, 2])('with %d threads', (count) => {
  beforeEach(() => {
    setNumThreads(count);
  });

  describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
    it.each(products)(
      'linear of %d rows, %d outputs, %d inputs, then GELU and a sum',
      (rows, outputs, inputs, joins) => {
        const step: Step = (x, weight, bias, other) =>
          noGrad(() => [add(nn.functional.gelu(linear(x as Tensor, weight as Tensor, bias)), other as Tensor)]);
        const shapes = [[rows, inputs], [outputs, inputs], [outputs], [rows, outputs]];
        const groups = groupsOf(step, shapes, dtype);
        if (joins) expect(groups).toEqual(['linear + gelu + add']);
        else if (rows * outputs > 40_000) expect(groups.length).toBe(1); // one group, whose loops run afterwards
      },
    );

    it('a product that is still needed afterwards, and one that meets a bias along the rows', () => {
      const step: Step = (a, b, row) =>
        noGrad(() => {
          const y = matmul(a as Tensor, b as Tensor);
          return [y, relu(add(y, row as Tensor))];
        });
      expect(groupsOf(step, [[900, 40], [40, 64], [64]], dtype)).toEqual(['matmul + add + relu']);
    });

    it('a batch of products', () => {
      const step: Step = (a, b) => noGrad(() => [relu(matmul(a as Tensor, b as Tensor))]);
      groupsOf(
        step,
        [
          [3, 300, 20],
          [3, 20, 64],
        ],
        dtype,
      );
    });

    it('what follows does not overwrite what the product still reads', () => {
      const step: Step = (x, weight) =>
        noGrad(() => {
          const twice = mul(x as Tensor, 2); // last needed by the product and the sum after it
          return [add(matmul(twice, weight as Tensor), twice)];
        });
      groupsOf(
        step,
        [
          [800, 64],
          [64, 64],
        ],
        dtype,
      );
    });

    it('a training step with gradients', () => {
      const step: Step = (x, w1, w2) => {
        const [a, b] = [w1 as Tensor, w2 as Tensor];
        a.requiresGrad = b.requiresGrad = true;
        const y = linear(nn.functional.gelu(linear(x as Tensor, a)), b);
        mul(y, y).sum().backward();
        const gradients = [a.grad as Tensor, b.grad as Tensor];
        a.grad = b.grad = null;
        return gradients;
      };
      const groups = groupsOf(
        step,
        [
          [700, 32],
          [128, 32],
          [48, 128],
        ],
        dtype,
      );
      expect(groups).toContain('linear + gelu');
      expect(groups).toContain('matmul + geluBackward');
    });
  });
});
