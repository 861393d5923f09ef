// Built-in optimizers exist twice: `apply`, the formula by tensor operations, and a kernel for whole groups. Both must do
// the same.
import { describe, expect, it } from 'vitest';
import { compile, Generator, mul, optim, randn, type Tensor } from '../../lib/index.js';

type Options = Record<string, unknown>;
type AnyOptimizer = optim.Optimizer<{ lr: number }>;
type AnyClass = new (params: readonly Tensor[], options?: Options) => AnyOptimizer;

const steps = 8;
const shapes = [[3, 5], [7], []];

/** Every option in a value that is not its default, alone and with others. */
const cases: Record<string, Options[]> = {
  SGD: [
    {},
    { momentum: 0.9 },
    { momentum: 0.9, dampening: 0.3 },
    { momentum: 0.9, nesterov: true },
    { weightDecay: 0.2 },
    { maximize: true },
    { momentum: 0.5, dampening: -0.5, weightDecay: 0.1, maximize: true },
    { momentum: 0.5, nesterov: true, weightDecay: 0.1, maximize: true },
  ],
  Adam: [
    {},
    { betas: [0.5, 0.7] },
    { eps: 0.1 },
    { weightDecay: 0.2 },
    { amsgrad: true },
    { maximize: true },
    { betas: [0.8, 0.5], eps: 1e-3, weightDecay: 0.1, amsgrad: true, maximize: true },
  ],
  RMSprop: [
    {},
    { alpha: 0.5 },
    { eps: 0.1 },
    { weightDecay: 0.2 },
    { momentum: 0.9 },
    { centered: true },
    { maximize: true },
    { alpha: 0.7, eps: 1e-3, weightDecay: 0.1, momentum: 0.5, centered: true, maximize: true },
  ],
  Adagrad: [
    {},
    { lrDecay: 0.3 },
    { weightDecay: 0.2 },
    { initialAccumulatorValue: 0.5 },
    { eps: 0.1 },
    { maximize: true },
    { lrDecay: 0.2, weightDecay: 0.1, initialAccumulatorValue: 0.3, eps: 1e-3, maximize: true },
  ],
};
cases.AdamW = cases.Adam as Options[];

/** The optimizer of a class without its kernel. */
function byFormula(Class: AnyClass): AnyClass {
  const { applyAll } = optim.Optimizer.prototype as unknown as { applyAll: () => void };
  const Formula = class extends (Class as typeof optim.SGD) {} as unknown as AnyClass;
  Object.defineProperty(Formula.prototype, 'applyAll', { value: applyAll });
  return Formula;
}

/** Parameters and state after each step, with another learning rate in the middle. */
function run(Class: AnyClass, options: Options, dtype: 'float32' | 'float64', isCompiled: boolean): number[][] {
  const generator = new Generator(5);
  const params = shapes.map((shape) => randn(shape, { dtype, generator, requiresGrad: true }));
  const optimizer = new Class(params, { lr: 0.1, ...options });
  let recordings = 0;
  const once = (...gradients: Tensor[]): void => {
    recordings++;
    optimizer.zeroGrad();
    for (const [i, p] of params.entries())
      mul(p, gradients[i] as Tensor)
        .sum()
        .backward();
    optimizer.step();
  };
  const step = isCompiled ? compile(once).sync : once;
  const values: number[][] = [];
  for (let i = 0; i < steps; i++) {
    for (const group of optimizer.paramGroups) group.lr = i < 4 ? 0.1 : 0.03;
    step(...shapes.map((shape) => randn(shape, { dtype, generator })));
    const { state } = optimizer.stateDict();
    const all = [...params, ...Object.values(state).flatMap((s) => Object.values(s))];
    values.push(all.flatMap((t) => Array.from(t.toTypedArray())));
  }
  expect(recordings).toBe(isCompiled ? 1 : steps);
  return values;
}

/** The largest difference, relative to the value or to 1. */
function distance(got: readonly number[][], want: readonly number[][]): number {
  const [a, b] = [got.flat(), want.flat()];
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((x, i) => Math.abs(x - (b[i] as number)) / Math.max(1, Math.abs(b[i] as number))));
}

const limits = { float32: 2e-6, float64: 1e-13 };

describe.each(Object.keys(cases))('%s: the formula and the kernel', (name) => {
  const Class = optim[name as 'SGD'] as unknown as AnyClass;
  for (const options of cases[name] as Options[]) {
    for (const dtype of ['float32', 'float64'] as const) {
      it(`${JSON.stringify(options)} ${dtype}`, () => {
        const eager = run(byFormula(Class), options, dtype, false);
        expect(distance(eager, run(Class, options, dtype, false))).toBeLessThan(limits[dtype]);
        expect(run(byFormula(Class), options, dtype, true)).toEqual(eager);
      });
    }
  }
});
