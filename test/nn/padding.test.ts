import { describe, expect, it } from 'vitest';
import { ArgumentError, grad, nn, ones, ShapeError, type Tensor } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Case {
  name: 'ZeroPad1d';
  args: [number];
  input: Golden;
  output: Golden;
  upstream: Golden;
  gradient: Golden;
}

describe('padding layers against PyTorch', () => {
  readGolden<{ layers: Case[] }>('padding').layers.forEach((c) => {
    it(`${c.name}(${JSON.stringify(c.args)}) ${c.input.dtype}`, () => {
      const x = fromGolden(c.input, { requiresGrad: true });
      const y = new nn[c.name](...c.args).forward(x);
      expect(y.shape).toEqual(c.output.shape);
      expectNear(y, c.output.data);
      const [dx] = grad([y], [x], { gradOutputs: [fromGolden(c.upstream)] });
      expectNear(dx as Tensor, c.gradient.data);
    });
  });
});

it('padding layers have their arguments as properties, and are printed with them', () => {
  expect(new nn.ReflectionPad2d(1).padding).toEqual([1, 1, 1, 1]);
  expect(String(new nn.ZeroPad2d([1, 2, 0, 3]))).toBe('ZeroPad2d([1, 2, 0, 3])');
  const layer = new nn.ConstantPad1d({ padding: [1, 0], value: 0.5 });
  expect([layer.padding, layer.value, String(layer)]).toEqual([[1, 0], 0.5, 'ConstantPad1d([1, 0], 0.5)']);
});

it('padding layers refuse wrong arguments', () => {
  const errors: [() => unknown, new (...args: never[]) => Error, string][] = [
    [() => new nn.ZeroPad2d([1, 2]), ArgumentError, 'ZeroPad2d: padding must be a number or 4 numbers, got [1, 2]'],
    [() => new nn.CircularPad1d(0.5), ArgumentError, 'CircularPad1d: each padding must be an integer, got 0.5'],
    // @ts-expect-error: the value must be given, as in PyTorch
    [() => new nn.ConstantPad1d(1), ArgumentError, 'ConstantPad1d: value must be a finite number, got undefined'],
    [
      () => new nn.ReplicationPad3d(1).forward(ones([2, 2])),
      ShapeError,
      'ReplicationPad3d: x must have 3 or more dimensions, got x [2, 2]',
    ],
    [
      () => new nn.ReflectionPad1d(3).forward(ones([1, 3])),
      ShapeError,
      'ReflectionPad1d: padding must be at most 2 for mode reflect, got 3 and x [1, 3] (dimension 1 3)',
    ],
  ];
  for (const [call, error, message] of errors) {
    expect(call, message).toThrow(error);
    expect(call).toThrow(message);
  }
});
