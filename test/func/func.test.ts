// Derivatives of functions as functions, and modules as functions of their parameters, against closed forms.
import { describe, expect, it } from 'vitest';
import { compile, func, grad, nn, noGrad, ones, optim, rand, type Tensor, tensor, zeros } from '../../lib/index.js';
import { expectNear } from '../support/golden.js';

const { functionalCall, gradAndValue, hessian, jacrev, jvp, stackModuleState, vjp } = func;
const f64 = (...values: number[]) => tensor(values, { dtype: 'float64' });
const cube = (x: Tensor) => x.pow(3).sum();
const values = (t: Tensor) => [...t.toTypedArray()];

describe('func', () => {
  it('grad differentiates by one argument, several, and trees, again and again', () => {
    const x = f64(1, 2, -3);
    expect(values(func.grad(cube)(x))).toEqual([3, 12, 27]);
    expect(func.grad(cube)(x).requiresGrad).toBe(false);
    const second = func.grad((y: Tensor) => func.grad(cube)(y).sum());
    expect(values(second(x))).toEqual([6, 12, -18]);
    expect(values(func.grad((y: Tensor) => second(y).sum())(x))).toEqual([6, 6, 6]);
    const product = (a: Tensor, b: Tensor) => a.mul(b).mul(b).sum();
    expect(values(func.grad(product, 1)(f64(2), f64(5)))).toEqual([20]);
    expect(
      func
        .grad(product, { argnums: [0, -1] })(f64(2), f64(5))
        .map(values),
    ).toEqual([[25], [20]]);
    const tree = func.grad((p: { a: Tensor; list: Tensor[]; map: Map<string, Tensor> }) =>
      p.a
        .mul(2)
        .sum()
        .add((p.list[0] as Tensor).square().sum()),
    )({ a: f64(1), list: [f64(3), f64(4)], map: new Map([['b', f64(1)]]) });
    expect([tree.a, ...tree.list, tree.map.get('b')].map(values)).toEqual([[2], [6], [0], [0]]);
  });

  it('grad is differentiable where an argument needs a gradient, and by what an outer one differentiates', () => {
    const x = f64(1, 2);
    x.requiresGrad = true;
    func.grad(cube)(x).sum().backward();
    expect(values(x.grad as Tensor)).toEqual([6, 12]);
    expect(noGrad(() => func.grad(cube)(x)).requiresGrad).toBe(false);
    // d/da of (d/db of a²b³) = 2a · 3b², where a is not an argument of the inner function
    const inner = (a: Tensor) =>
      func
        .grad((b: Tensor) => a.square().mul(b.pow(3)).sum())(f64(2))
        .sum();
    expect(values(func.grad(inner)(f64(5)))).toEqual([2 * 5 * 3 * 4]);
  });

  it('gradAndValue and hasAux give the rest, without a graph', () => {
    const f = (x: Tensor) => [cube(x), { twice: x.mul(2) }];
    const [g, [value, aux]] = gradAndValue(f, 0, true)(f64(2));
    expect([values(g), value.item(), values(aux.twice)]).toEqual([[12], 8, [4]]);
    expect([g, value, aux.twice].map((t) => t.requiresGrad)).toEqual([false, false, false]);
    expect(func.grad(f, { hasAux: true })(f64(2))[1].twice.item()).toBe(4);
  });

  it('vjp and jvp give products, of several arguments and results', () => {
    const f = (a: Tensor, b: Tensor) => ({ product: a.mul(b), square: a.square() });
    const [result, product] = vjp(f, f64(2, 3), f64(5, 7));
    expect(values((result as Record<string, Tensor>).product as Tensor)).toEqual([10, 21]);
    for (let i = 0; i < 2; i++) {
      const found = product({ product: f64(1, 1), square: f64(1, 0) }) as Tensor[];
      expect(found.map(values)).toEqual([[5 + 4, 7], [2, 3]]); // biome-ignore format: one line
    }
    const [y, dy] = jvp(f, [f64(2, 3), f64(5, 7)], [f64(1, 0), f64(0, 2)]) as Record<string, Tensor>[];
    expect([y?.product, dy?.product, dy?.square].map((t) => values(t as Tensor))).toEqual([[10, 21], [5, 6], [4, 0]]); // biome-ignore format: one line
  });

  it('jacrev and hessian have the blocks of arguments and results', () => {
    const f = (x: Tensor, y: Tensor) => x.square().mul(y);
    const jacobian = jacrev(f, [0, 1])(f64(2, 3), f64(5, 7)) as Tensor[];
    expect(jacobian.map((t) => t.toArray())).toEqual([[[20, 0], [0, 42]], [[4, 0], [0, 9]]]); // biome-ignore format: one line
    const named = jacrev((p: { x: Tensor }) => ({ y: p.x.pow(3) }))({ x: f64(2) });
    expect(named.y.x.toArray()).toEqual([[12]]);
    expect(hessian(cube)(f64(1, 2)).toArray()).toEqual([[6, 0], [0, 12]]); // biome-ignore format: one line
    expect(hessian((x: Tensor) => x.pow(3))(f64(1, 2)).toArray()).toEqual([[[6, 0], [0, 0]], [[0, 0], [0, 12]]]); // biome-ignore format: one line
    expect(values(func.grad((x: Tensor) => hessian(cube)(x).sum())(f64(1, 2)))).toEqual([6, 6]);
  });

  it('compiles', () => {
    const step = compile((x: Tensor) => hessian(cube)(x)).sync;
    for (const n of [1, 2]) expect(step(f64(n, 3)).toArray()).toEqual([[6 * n, 0], [0, 18]]); // biome-ignore format: one line
  });

  it('refuses what does not fit', () => {
    const wrong: [() => unknown, string][] = [
      [() => func.grad((x: Tensor) => x)(f64(1, 2)), 'grad: f must return one number, got [2]; sum() or mean() it'],
      [() => func.grad(cube, 1)(f64(1)), 'grad: argnums must name one of 1 arguments, got 1'],
      [() => func.grad(cube)('a'), 'grad: argument 0 must be a tensor, or tensors in arrays, plain objects and Maps'],
      [() => func.grad(cube, 0, true)(f64(1)), 'grad: f must return a pair with hasAux, got a tensor'],
      [() => func.grad(cube)(tensor([1], { dtype: 'int32' })), 'grad: an argument must be'],
      [() => vjp(cube, f64(1))[1](f64(1)), 'vjp: v must have the shapes of the result of f, [], got [1]'],
      [() => jvp(cube, [f64(1)], []), 'jvp: tangents must have the shapes of primals, [1], got '],
    ];
    for (const [call, message] of wrong) expect(call).toThrow(message);
  });
});

class Several extends nn.Module {
  parts = { a: new nn.Parameter(ones([2])), list: [new nn.Parameter(ones([2]))] };
  map = new Map([['m', new nn.Parameter(ones([2]))]]);
  set = new Set([new nn.Parameter(ones([2])), new nn.Parameter(ones([2]))]);
  tied = this.parts.a;
  forward(): Tensor {
    const all = [this.parts.a, this.parts.list[0], this.map.get('m'), ...this.set, this.tied];
    return all.reduce<Tensor>((sum, t, i) => sum.add((t as Tensor).mul(10 ** i)), zeros([2]));
  }
}

describe('functionalCall', () => {
  it('runs a module with other tensors, to which gradients flow', () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh(), new nn.Linear(3, 1)).double();
    const other = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh(), new nn.Linear(3, 1)).double();
    const before = [...model.stateDict()];
    const x = rand([4, 2], { dtype: 'float64' });
    expectNear(functionalCall(model, other.stateDict(), x, { strict: true }), values(other.forward(x)));
    const loss = (params: object) =>
      functionalCall(model, params as Record<string, Tensor>, [x])
        .square()
        .mean();
    const found = func.grad(loss)(Object.fromEntries(other.namedParameters()));
    const wanted = grad(other.forward(x).square().mean(), other.parameters());
    other.namedParameters().forEach(([name], i) => {
      expectNear(found[name], values(wanted[i] as Tensor));
    });
    expect([...model.stateDict()].every(([name, t], i) => before[i]?.[0] === name && before[i]?.[1] === t)).toBe(true);
    expect(model.parameters().every((p) => p.grad === null)).toBe(true);
  });

  it('finds tensors in arrays, objects, Maps and Sets, and replaces tied ones together', () => {
    const module = new Several();
    const own = module.namedParameters();
    const given = Object.fromEntries(own.map(([name], i) => [name, tensor([i + 2, 1])]));
    expect(functionalCall(module, given).toArray()).toEqual([2 + 30 + 400 + 5000 + 60000 + 200000, 111111]);
    expect(module.forward().toArray()).toEqual([111111, 111111]);
    expect(module.namedParameters()).toEqual(own);
    expect(functionalCall(module, [{ tied: tensor([3, 3]) }]).toArray()).toEqual([311113, 311113]);
  });

  it('writes running statistics to those that are given', () => {
    const norm = new nn.BatchNorm1d(1);
    const buffers = {
      running_mean: zeros([1]),
      running_var: ones([1]),
      num_batches_tracked: tensor(0, { dtype: 'int32' }),
    };
    functionalCall(norm, buffers, tensor([[1], [3]]));
    expect([buffers.running_mean.item(), buffers.num_batches_tracked.item()].map((v) => v.toFixed(1))).toEqual([
      '0.2',
      '1.0',
    ]);
    expect([norm.running_mean?.item(), norm.num_batches_tracked?.item()]).toEqual([0, 0]);
  });

  it('puts the tensors back when forward fails, and compiles', () => {
    const layer = new nn.Linear(2, 1);
    const { weight } = layer;
    expect(() => functionalCall(layer, { weight: ones([1, 2]) }, ones([1, 3]))).toThrow('Linear: last dimension of x');
    expect(layer.weight).toBe(weight);
    const step = compile((w: Tensor, x: Tensor) => functionalCall(layer, { weight: w, bias: zeros([1]) }, x)).sync;
    for (const n of [1, 2]) expect(step(tensor([[n, 1]]), ones([1, 2])).item()).toBe(n + 1);
  });

  it('refuses what does not fit', () => {
    const layer = new nn.Linear(2, 1);
    const wrong: [() => unknown, string][] = [
      [
        () => functionalCall(layer, { wight: ones([1, 2]) }),
        'functionalCall: Linear has no parameter or buffer "wight"',
      ],
      [
        () => functionalCall(layer, { weight: ones([2]) }),
        "functionalCall: weight must have the shape of the module's, [1, 2], got [2]",
      ],
      [
        () => functionalCall(layer, { weight: ones([1, 2]) }, ones([2]), { strict: true }),
        'functionalCall: all parameters and buffers must be given, missing bias',
      ],
      [
        () => functionalCall(new Several(), { tied: ones([2]), 'parts.a': ones([2]) }),
        'functionalCall: tied parameters must be given once',
      ],
    ];
    for (const [call, message] of wrong) expect(call).toThrow(message);
  });
});

describe('stackModuleState', () => {
  it('stacks parameters, which train, and buffers', () => {
    const models = [new nn.BatchNorm1d(2), new nn.BatchNorm1d(2)];
    noGrad(() => models[1]?.weight?.mul_(3));
    const [params, buffers] = stackModuleState(models);
    expect(params.weight?.toArray()).toEqual([[1, 1], [3, 3]]); // biome-ignore format: one line
    expect([params.weight?.isLeaf, params.weight?.requiresGrad, buffers.running_var?.shape]).toEqual([
      true,
      true,
      [2, 2],
    ]);
    const optimizer = new optim.SGD(Object.values(params), 1);
    params.bias?.mul(2).sum().backward();
    optimizer.step();
    expect(params.bias?.toArray()).toEqual([[-2, -2], [-2, -2]]); // biome-ignore format: one line
    expect(models[0]?.bias?.toArray()).toEqual([0, 0]);
    expect(() => stackModuleState([])).toThrow('stackModuleState: models must be at least one, got none');
    expect(() => stackModuleState([new nn.Linear(1, 1), new nn.ReLU()])).toThrow('models must be of one class');
    expect(() => stackModuleState([new nn.ReLU(), new nn.ReLU().eval()])).toThrow('models must be in one mode');
  });
});
