// Lazy layers draw what the layer itself draws, and are it after the first input.
import { describe, expect, it } from 'vitest';
import { compile, manualSeed, nn, optim, randn, type Tensor } from '../../lib/index.js';

type Plain = new (...args: unknown[]) => nn.Module & { forward(x: Tensor): Tensor };
const pick = (name: string): Plain => nn[name as 'Linear'] as unknown as Plain;

describe('lazy layers', () => {
  it.each([
    ['Linear', [7, 3], 3, [5]],
    ['Linear', [2, 7, 3], 3, [5, { bias: false }]],
    ['Conv1d', [2, 4, 9], 4, [6, 3, { stride: 2, groups: 2 }]],
    ['Conv2d', [2, 4, 5, 6], 4, [6, 3, 1, 1]],
    ['Conv3d', [1, 2, 4, 5, 6], 2, [3, 2]],
    ['ConvTranspose1d', [2, 4, 9], 4, [6, 3]],
    ['ConvTranspose2d', [2, 4, 5, 6], 4, [6, 3, 2]],
    ['ConvTranspose3d', [1, 2, 4, 5, 6], 2, [3, 2]],
    ['BatchNorm1d', [6, 4], 4, []],
    ['BatchNorm1d', [6, 4, 3], 4, [1e-3]],
    ['BatchNorm2d', [2, 4, 5, 6], 4, []],
    ['BatchNorm3d', [1, 2, 4, 5, 6], 2, []],
    ['InstanceNorm1d', [2, 4, 9], 4, []],
    ['InstanceNorm2d', [2, 4, 5, 6], 4, [1e-5, 0.1, { affine: true }]],
    ['InstanceNorm3d', [1, 2, 4, 5, 6], 2, []],
  ])('Lazy%s of %j', (name, shape, inputs, rest) => {
    const x = randn(shape);
    manualSeed(5);
    const layer = new (pick(name))(inputs, ...rest);
    const wanted = layer.forward(x);
    manualSeed(5);
    const late = new (pick(`Lazy${name}`))(...rest);
    expect(late.forward(x)).toEqual(wanted);
    expect(late).toBeInstanceOf(pick(name));
    expect([...late.stateDict()]).toEqual([...layer.stateDict()]);
    expect(late.toString()).toBe(layer.toString());
    expect(late.forward(x)).toEqual(layer.forward(x));
  });

  it('in a model: trained and saved under the names of the layers, in the mode that was set', () => {
    const model = nn.sequential(new nn.LazyLinear(4), new nn.ReLU(), new nn.LazyBatchNorm1d(), new nn.LazyLinear(2));
    model.eval();
    const x = randn(8, 3);
    model.forward(x);
    expect(model.modules().every((m) => !m.training)).toBe(true);
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      '0.weight',
      '0.bias',
      '2.weight',
      '2.bias',
      '3.weight',
      '3.bias',
    ]);
    model.train();
    const optimizer = new optim.SGD(model.parameters(), 0.1);
    const step = compile((t: Tensor) => {
      const loss = model.forward(t).square().mean();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const losses = Array.from({ length: 20 }, () => step.sync(x).item());
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
  });

  it('say what to do when their parameters are asked for too early', () => {
    const model = nn.sequential(new nn.LazyLinear(4), new nn.Linear(4, 2));
    const text =
      'LazyLinear (0): it has no parameters before its first input; call forward with a batch first, then make the optimizer or load weights';
    expect(() => model.parameters()).toThrow(text);
    expect(() => model.stateDict()).toThrow(text);
    expect(() => new nn.LazyLinear(4).parameters()).toThrow('LazyLinear: it has no parameters before its first input');
    expect(model.eval().modules().length).toBe(3);
    const step = compile((t: Tensor) => model.forward(t));
    expect(() => step.sync(randn(2, 3))).toThrow('0 (LazyLinear): the first input makes its parameters');
    expect(() => new nn.LazyConv2d(4, 3).forward(randn([2]))).toThrow(
      'LazyConv2d: x must have at least 3 dimensions, got [2]',
    );
    expect(() => new nn.LazyLinear(4, { planted: 1 } as never).forward(randn(2, 3))).toThrow(
      'unknown option "planted"',
    );
    // @ts-expect-error one number only: the inputs are those of the first input
    expect(() => new nn.LazyLinear(3, 4)).toThrow('Linear: bias must be a boolean, got 4');
  });
});
