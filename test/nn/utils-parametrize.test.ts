// Tensors of modules that are computed from others: registering, removing, copies, compiled steps and failures.
import { describe, expect, it } from 'vitest';
import { compile, gradcheck, nn, ones, optim, rand, type Tensor, tensor, zeros } from '../../lib/index.js';
import { expectNear } from '../support/golden.js';

const { parametrizations, parametrize } = nn.utils;
const { isParametrized, registerParametrization, removeParametrizations } = parametrize;

class Symmetric extends nn.Module {
  forward(x: Tensor): Tensor {
    return x.triu().add(x.triu(1).T);
  }
  rightInverse(x: Tensor): Tensor {
    return x.triu();
  }
}

class Times extends nn.Module {
  scale = new nn.Parameter(tensor([2], { dtype: 'float64' }));
  forward(x: Tensor): Tensor {
    return x.mul(this.scale);
  }
}

class Outer extends nn.Module {
  forward(a: Tensor, b: Tensor): Tensor {
    return a.outer(b);
  }
  rightInverse(x: Tensor): Tensor[] {
    return [x.select(1, 0), x.select(0, 0)];
  }
}

const linear = () => new nn.Linear(3, 3, { dtype: 'float64' });
const listOf = (layer: nn.utils.parametrize.Parametrized<nn.Linear>) => layer.parametrizations.get('weight');

describe('registerParametrization', () => {
  it('keeps the parameter as original, and sets it by rightInverse', () => {
    const layer = linear();
    const { weight } = layer;
    const before = weight.triu().toArray();
    const made = registerParametrization(layer, 'weight', new Symmetric());
    expect(listOf(made).original).toBe(weight);
    expect(weight.toArray()).toEqual(before);
    expect(made.parameters()).toEqual([made.bias, weight]);
    expect(made.weight.toArray()).toEqual(made.weight.T.toArray());
    const value = tensor([[1, 2, 3], [2, 4, 5], [3, 5, 6]], { dtype: 'float64' }); // biome-ignore format: one line
    made.weight = value;
    expect(made.weight.toArray()).toEqual(value.toArray());
    const x = rand([2, 3], { dtype: 'float64' });
    expect(gradcheck(() => made.forward(x).sum(), [weight])).toBe(true);
  });

  it('applies several in order, and keeps them apart from those of other tensors', () => {
    const layer = registerParametrization(linear(), 'weight', new Symmetric());
    const symmetric = [...layer.weight.toTypedArray()];
    registerParametrization(layer, 'weight', new Times());
    expectNear(layer.weight, symmetric.map((v) => 2 * v)); // biome-ignore format: one line
    registerParametrization(layer, 'bias', new Times());
    expect([...layer.stateDict().keys()].sort()).toEqual([
      'parametrizations.bias.0.scale',
      'parametrizations.bias.original',
      'parametrizations.weight.1.scale',
      'parametrizations.weight.original',
    ]);
    expect(isParametrized(layer, 'bias')).toBe(true);
    removeParametrizations(layer, 'weight', { leaveParametrized: false });
    expect([isParametrized(layer), isParametrized(layer, 'weight')]).toEqual([true, false]);
    removeParametrizations(layer, 'bias');
    expect([isParametrized(layer), 'parametrizations' in layer]).toEqual([false, false]);
  });

  it('takes several originals, and buffers', () => {
    const layer = linear();
    layer.weight.requiresGrad = false;
    const made = registerParametrization(layer, 'weight', new Outer());
    const list = listOf(made);
    expect([list.original0?.shape, list.original1?.requiresGrad]).toEqual([[3], false]);
    expect(() => removeParametrizations(made, 'weight', false)).toThrow(
      'removeParametrizations: leaveParametrized must be true for a tensor of several originals, got false',
    );
    const norm = registerParametrization(new nn.BatchNorm1d(2), 'running_var', new nn.ReLU());
    expect(norm.buffers()).toHaveLength(3);
    expect(removeParametrizations(norm, 'running_var').running_var instanceof nn.Buffer).toBe(true);
  });

  it('follows the mode of the module', () => {
    const part = new Times();
    registerParametrization(linear().eval(), 'weight', part);
    expect(part.training).toBe(false);
  });

  it('changes nothing when it fails', () => {
    class Cut extends nn.Module {
      forward(x: Tensor): Tensor {
        return x.select(0, 0);
      }
    }
    const layer = linear().eval();
    const { weight } = layer;
    const part = new Cut();
    expect(() => registerParametrization(layer, 'weight', part)).toThrow(
      'registerParametrization: its result must have the shape of the tensor, [3, 3], got [3]',
    );
    expect([part.training, layer.weight === weight, isParametrized(layer)]).toEqual([true, true, false]);
    registerParametrization(layer, 'weight', new Symmetric());
    expect(() => registerParametrization(layer, 'weight', part)).toThrow('its result must have the shape');
    expect(listOf(layer as nn.utils.parametrize.Parametrized<nn.Linear>).length).toBe(1);
    const cases: [() => unknown, string][] = [
      [
        () => registerParametrization(linear(), 'wight', new Symmetric()),
        'registerParametrization: Linear must have a parameter or buffer of that name, got "wight"',
      ],
      [
        () => registerParametrization(linear(), 'weight', Symmetric as never),
        'registerParametrization: module must be a module, got the class Symmetric; make one: new Symmetric(…)',
      ],
      [
        () => removeParametrizations(linear(), 'weight'),
        'removeParametrizations: Linear must have a parametrization of that name, got "weight"',
      ],
      [
        () => parametrizations.orthogonal(linear(), 'bias'),
        'orthogonal: bias must have at least 2 dimensions, got [3]',
      ],
      [
        () => {
          layer.weight = zeros([2, 2], { dtype: 'float64' });
        },
        'ParametrizationList: rightInverse(value) must have the shape of its original, [3, 3], got [2, 2]',
      ],
      [
        () => {
          registerParametrization(linear(), 'weight', new Times()).weight = ones([3, 3], { dtype: 'float64' });
        },
        'ParametrizationList: a tensor can be set only if Times has a rightInverse, got none',
      ],
    ];
    for (const [call, message] of cases) expect(call).toThrow(message);
  });
});

describe('a parametrized module', () => {
  const make = () =>
    new nn.Sequential(
      parametrizations.spectralNorm(new nn.Linear(3, 4)),
      new nn.Tanh(),
      parametrizations.weightNorm(new nn.Linear(4, 2)),
    );

  it('has a clone of its own', () => {
    const model = make();
    const copy = model.clone();
    const x = rand([2, 3]);
    const before = model.eval().forward(x).toArray();
    const optimizer = new optim.SGD(copy.parameters(), 0.1);
    copy.forward(x).sum().backward();
    optimizer.step();
    expect(model.forward(x).toArray()).toEqual(before);
    expect(copy.eval().forward(x).toArray()).not.toEqual(before);
    expect(copy.loadStateDict(model.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(copy.forward(x).toArray()).toEqual(before);
  });

  it('computes in a compiled step what it does without, and improves u and v', () => {
    const eager = make();
    const compiled = eager.clone();
    const run = (model: nn.Module, through: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor) => {
      const optimizer = new optim.SGD(model.parameters(), 0.1);
      const step = through((x) => {
        const loss = (model.forward(x) as Tensor).square().mean();
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      });
      return inputs.map((x) => step(x).item());
    };
    const inputs = Array.from({ length: 4 }, () => rand([2, 3]));
    const losses = run(eager, (f) => f);
    expect(run(compiled, (f) => compile(f).sync)).toEqual(losses);
    for (const [key, t] of eager.stateDict()) expect(compiled.stateDict().get(key)?.toArray()).toEqual(t.toArray());
    const u = eager.stateDict().get('0.parametrizations.weight.0._u')?.toArray();
    eager.eval().forward(inputs[0]);
    expect(eager.stateDict().get('0.parametrizations.weight.0._u')?.toArray()).toEqual(u);
  });

  it('is recorded anew when the parametrization comes or goes, without a reading of the weight', () => {
    const layer = new nn.Linear(3, 2);
    const step = compile((x: Tensor) => layer.forward(x)).sync;
    const x = rand([2, 3]);
    step(x);
    const made = parametrizations.spectralNorm(layer);
    made.loadStateDict({ 'parametrizations.weight.0._v': tensor([1, 0, 0]) }, { strict: false }); // far from the singular vector
    const twin = made.clone();
    expect(step(x).toArray()).toEqual(twin.forward(x).toArray());
    expect(made.stateDict().get('parametrizations.weight.0._u')?.toArray()).toEqual(
      twin.stateDict().get('parametrizations.weight.0._u')?.toArray(),
    );
    made.eval();
    removeParametrizations(made, 'weight');
    expect(step(x).toArray()).toEqual(layer.forward(x).toArray());
  });

  it('has u and v as they were when a later layer fails', () => {
    const model = new nn.Sequential(parametrizations.spectralNorm(new nn.Linear(3, 4)), new nn.Linear(5, 2));
    const u = () => model.stateDict().get('0.parametrizations.weight.0._u')?.toArray();
    model.loadStateDict({ '0.parametrizations.weight.0._v': tensor([1, 0, 0]) }, { strict: false });
    const before = u();
    expect(() => model.forward(rand([2, 3]))).toThrow('1 (Linear): last dimension of x must be inFeatures 5');
    expect(u()).toEqual(before);
  });

  it('has two backward passes through two forward passes', () => {
    const layer = parametrizations.spectralNorm(linear());
    const [a, b] = [
      layer.forward(ones([1, 3], { dtype: 'float64' })),
      layer.forward(zeros([1, 3], { dtype: 'float64' })),
    ];
    expect(() => a.sub(b).sum().backward()).not.toThrow();
  });
});
