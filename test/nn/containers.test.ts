import { describe, expect, it } from 'vitest';
import { noGrad } from '../../lib/autograd/tape.js';
import { backward } from '../../lib/backward/engine.js';
import { ShapeError } from '../../lib/errors.js';
import * as nn from '../../lib/nn/index.js';
import { fill_ } from '../../lib/ops/copy.js';
import { ones } from '../../lib/ops/creation.js';
import { mul } from '../../lib/ops/elementwise.js';
import { empty, type Tensor } from '../../lib/tensor.js';

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe('Sequential', () => {
  it('counts functions in its names and fuses them without changing results', () => {
    for (const [f, F] of [
      [nn.functional.relu, nn.ReLU],
      [nn.functional.tanh, nn.Tanh],
      [nn.functional.sigmoid, nn.Sigmoid],
    ] as const) {
      const fused = nn.sequential(new nn.Linear(5, 7), f, new nn.Linear(7, 3));
      const apart = nn.sequential(new nn.Linear(5, 7), nn.sequential(new F()), new nn.Linear(7, 3));
      expect([...fused.stateDict().keys()]).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
      apart.loadStateDict(fused.stateDict());
      const x = nn.init.normal_(empty([6, 5], 'float32'));
      const results = [fused, apart].map((m) => {
        const y = m.forward(x);
        backward(y, ones([6, 3]));
        return [numbers(y), ...m.parameters().map((p) => numbers(p.grad as Tensor))];
      });
      results[0]?.forEach((want, k) => {
        want.forEach((v, i) => {
          expect(results[1]?.[k]?.[i]).toBeCloseTo(v, 5);
        });
      });
    }
  });

  it('calls a forward that somebody replaced', () => {
    const layer = new nn.Linear(2, 2);
    layer.forward = (x) => mul(x, 10);
    expect(
      nn
        .sequential(layer, nn.functional.relu)
        .forward(ones([1, 2]))
        .toArray(),
    ).toEqual([[10, 10]]);
    const relu = new nn.ReLU();
    relu.forward = (x) => fill_(mul(x, 0), 5);
    expect(noGrad(() => nn.sequential(new nn.Linear(2, 2), relu).forward(ones([1, 2]))).toArray()).toEqual([[5, 5]]);
  });

  it('refuses what is no layer, and inputs of the wrong size', () => {
    expect(() => nn.sequential(new nn.Linear(2, 2), 3 as never)).toThrow(
      'Sequential: layer 1 must be a module or a function of a tensor, got 3',
    );
    expect(() => nn.sequential(new nn.Linear(2, 2), nn.ReLU as never)).toThrow(
      'Sequential: layer 1 must be a module or a function of a tensor, got the class ReLU; make one: new ReLU(…)',
    );
    expect(() => new nn.Linear(784, 10).forward(ones([32, 28, 28]))).toThrow(
      'Linear: last dimension of x must be inFeatures 784, got x [32, 28, 28]; flatten it first: x.reshape([32, 784])',
    );
    expect(() => new nn.Linear(784, 10).forward(ones([32, 100]))).toThrow(ShapeError);
    expect(() => new nn.Linear(0, 10)).toThrow('Linear: inFeatures must be an integer of at least 1, got 0');
    expect(() => new nn.Linear(1, 10, { biased: true } as never)).toThrow(
      'Linear: unknown option "biased"; known are inFeatures, outFeatures, bias, dtype',
    );
  });

  it('Identity passes its input through', () => {
    const x = ones([2]);
    expect(new nn.Identity().forward(x)).toBe(x);
  });
});
