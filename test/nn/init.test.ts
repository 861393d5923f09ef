import { describe, expect, it } from 'vitest';
import { ArgumentError, ShapeError } from '../../lib/errors.js';
import * as nn from '../../lib/nn/index.js';
import { Generator } from '../../lib/ops/generator.js';
import { empty, type Tensor } from '../../lib/tensor.js';
import { expectNear } from '../support/golden.js';
import { layers } from '../support/layers.js';

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe('initialisers against PyTorch', () => {
  it.each(layers.initialisers)('$name $shape $options', (c) => {
    const init = nn.init as unknown as Record<string, (t: Tensor, options: object) => Tensor>;
    const filled = (init[`${c.name}_`] as (typeof init)[string])(empty(c.shape, 'float64'), {
      ...c.options,
      generator: new Generator(5),
    });
    const generator = new Generator(5);
    const want = c.bound
      ? nn.init.uniform_(empty(c.shape, 'float64'), { low: -c.bound, high: c.bound, generator })
      : nn.init.normal_(empty(c.shape, 'float64'), { mean: c.mean as number, std: c.std as number, generator });
    expectNear(filled, numbers(want));
  });

  it.each(layers.gains.filter((g) => g.nonlinearity !== 'conv2d'))('gain of $nonlinearity $param', (c) => {
    expect(nn.init.calculateGain(c.nonlinearity as 'relu', c.param ?? undefined)).toBeCloseTo(c.gain, 12);
  });

  it('constants', () => {
    expect(nn.init.ones_(empty([2], 'float32')).toArray()).toEqual([1, 1]);
    expect(nn.init.zeros_(empty([2], 'float32')).toArray()).toEqual([0, 0]);
    expect(nn.init.constant_(new nn.Linear(1, 2).weight, 3).toArray()).toEqual([[3], [3]]);
  });

  it('refuse vectors and unknown nonlinearities', () => {
    expect(() => nn.init.xavierUniform_(empty([3], 'float32'))).toThrow(ShapeError);
    expect(() => nn.init.kaimingNormal_(empty([3, 2], 'float32'), { nonlinearity: 'gelu' as never })).toThrow(
      ArgumentError,
    );
  });
});
