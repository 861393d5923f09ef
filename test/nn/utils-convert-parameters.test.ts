// The parameters of a model as one vector, and back.
import { describe, expect, it } from 'vitest';
import { compile, gradcheck, nn, ones, optim, ShapeError, type Tensor, tensor, zeros } from '../../lib/index.js';

const { parametersToVector, vectorToParameters } = nn.utils;

const parameters = () =>
  [
    tensor([
      [1, 2],
      [3, 4],
    ]),
    tensor(5),
    zeros([0]),
    tensor([6]),
  ].map((t) => {
    t.requiresGrad = true;
    return t;
  });

describe('parametersToVector and vectorToParameters', () => {
  it('join the parameters in order, and part them again', () => {
    const params = parameters();
    const vec = parametersToVector(params);
    expect(vec.toArray()).toEqual([1, 2, 3, 4, 5, 6]);
    vectorToParameters(vec.mul(10), params);
    expect(params.map((p) => p.toArray())).toEqual([
      [
        [10, 20],
        [30, 40],
      ],
      50,
      [],
      [60],
    ]);
    expect(params.every((p) => p.requiresGrad && p.isLeaf)).toBe(true);
  });

  it('parametersToVector is differentiable', () => {
    const params = [
      ones([2, 2], { dtype: 'float64', requiresGrad: true }),
      ones([3], { dtype: 'float64', requiresGrad: true }),
    ];
    expect(gradcheck((...given: Tensor[]) => parametersToVector(given).square().sum(), params)).toBe(true);
  });

  it('vectorToParameters converts, and compiled steps go on with the parameters', () => {
    const p = ones([2], { requiresGrad: true });
    const optimizer = new optim.SGD([p], { lr: 1 });
    const step = compile((x: Tensor) => {
      optimizer.zeroGrad();
      p.mul(x).sum().backward();
      optimizer.step();
    });
    step.sync(ones([2]));
    vectorToParameters(tensor([5, 7], { dtype: 'float64' }), [p]);
    step.sync(ones([2]));
    expect(p.toArray()).toEqual([4, 6]);
  });

  it('refuse what does not fit, and change nothing', () => {
    const params = parameters();
    const rule = 'vectorToParameters: vec must be [6] like the parameters, got vec ';
    for (const [vec, got] of [
      [ones([5]), '[5]'],
      [ones([7]), '[7]'],
      [ones([2, 3]), '[2, 3]'],
    ] as const) {
      expect(() => vectorToParameters(vec, params)).toThrow(ShapeError);
      expect(() => vectorToParameters(vec, params)).toThrow(rule + got);
    }
    expect(parametersToVector(params).toArray()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(() => parametersToVector([])).toThrow(
      'parametersToVector: parameters must be at least one tensor, got none',
    );
    expect(() => parametersToVector(new nn.Linear(1, 1) as never)).toThrow(
      'parametersToVector: parameters must be tensors, got an object of class Linear; pass its parameters()',
    );
  });
});
