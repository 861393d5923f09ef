import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { noGrad } from '../../lib/autograd/tape.js';
import { backward } from '../../lib/backward/engine.js';
import { StateError } from '../../lib/errors.js';
import { scope } from '../../lib/memory.js';
import * as nn from '../../lib/nn/index.js';
import { full, ones, zeros } from '../../lib/ops/creation.js';
import { mul } from '../../lib/ops/elementwise.js';
import type { Tensor } from '../../lib/tensor.js';

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());

class Block extends nn.Module {
  scale = new nn.Parameter(ones([2]));
  count = new nn.Buffer(zeros([1], { dtype: 'int32' }));
  note = ones([3]); // neither
  constructor(readonly inner: nn.Linear) {
    super();
  }
  forward(x: Tensor): Tensor {
    return mul(this.inner.forward(x), this.scale);
  }
}

class Net extends nn.Module {
  first = new nn.Linear(2, 2);
  blocks = [new Block(new nn.Linear(2, 2)), new Block(this.first)];
  gates = [new nn.Parameter(ones([2])), new nn.Parameter(ones([2]))];
  forward(x: Tensor): Tensor {
    return this.blocks.reduce((y, b) => b.forward(y), this.first.forward(x));
  }
}

describe('Module', () => {
  it('may point back to the module it is in', () => {
    class Child extends nn.Identity {
      weight = new nn.Parameter(ones([1]));
      parent: unknown = null;
    }
    class Parent extends nn.Identity {
      child = new Child();
    }
    const parent = new Parent();
    parent.child.parent = parent;
    expect(parent.namedParameters().map(([name]) => name)).toEqual(['child.weight']);
    expect(parent.modules()).toHaveLength(2);
  });

  it('names parameters, buffers and modules as PyTorch does, each once', () => {
    const net = new Net();
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      'gates.0',
      'gates.1',
      'first.weight',
      'first.bias',
      'blocks.0.scale',
      'blocks.0.inner.weight',
      'blocks.0.inner.bias',
      'blocks.1.scale',
    ]);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(['blocks.0.count', 'blocks.1.count']);
    expect(net.namedModules().map(([name]) => name)).toEqual(['', 'first', 'blocks.0', 'blocks.0.inner', 'blocks.1']);
    expect(net.children()).toEqual([net.first, ...net.blocks]);
    expect([...net.stateDict().keys()]).toContain('blocks.1.inner.weight'); // shared, saved under both names
  });

  it('train, eval and apply reach every module', () => {
    const model = nn.sequential(new nn.Dropout(), nn.sequential(new nn.Dropout()));
    expect(
      model
        .eval()
        .modules()
        .map((m) => m.training),
    ).toEqual([false, false, false, false]);
    expect(
      model
        .train()
        .modules()
        .every((m) => m.training),
    ).toBe(true);
    const seen: string[] = [];
    model.apply((m) => seen.push(m.constructor.name));
    expect(seen).toEqual(['Dropout', 'Dropout', 'Sequential', 'Sequential']);
  });

  it('to converts floats, keeps integers and what is shared', () => {
    const net = new Net().to('float64');
    expect(net.parameters().every((p) => p.dtype === 'float64' && p.requiresGrad)).toBe(true);
    expect(net.blocks[1]?.inner.weight).toBe(net.first.weight);
    expect(net.buffers().every((b) => b.dtype === 'int32')).toBe(true);
    expect(net.forward(ones([1, 2], { dtype: 'float64' })).dtype).toBe('float64');
    expect(() => net.to('int32')).toThrow('Module.to: dtype must be float32 or float64, got int32');
  });

  it('zeroGrad forgets gradients', () => {
    const layer = new nn.Linear(2, 1);
    backward(layer.forward(ones([1, 2])), ones([1, 1]));
    expect(layer.weight.grad?.toArray()).toEqual([[1, 1]]);
    layer.zeroGrad();
    expect(layer.parameters().map((p) => p.grad)).toEqual([null, null]);
  });

  it('made inside a scope outlives it', () => {
    const model = scope(() => nn.sequential(new nn.Linear(2, 1)));
    scope(() => noGrad(() => model.to('float64')));
    expect(model.forward(ones([1, 2], { dtype: 'float64' })).shape).toEqual([1, 1]);
  });

  it('loadStateDict names what is called most like something missing, and fits', () => {
    const model = nn.sequential(new nn.Linear(2, 1), nn.functional.relu, new nn.Linear(3, 1));
    const renamed = new Map([...model.stateDict()].map(([name, t]) => [`model.${name}`, t]));
    expect(() => model.loadStateDict(renamed)).toThrow(
      /perhaps model\.0\.weight is 0\.weight, model\.0\.bias is 0\.bias, model\.2\.weight is 2\.weight$/,
    );
    const state = new Map(model.stateDict());
    state.delete('0.weight');
    state.set('0.weigth', ones([2, 1])); // of another shape
    expect(() => model.loadStateDict(state)).toThrow(/missing 0\.weight; unexpected 0\.weigth$/);
    state.set('0.weigth', ones([1, 2]));
    expect(() => model.loadStateDict(state)).toThrow(/unexpected 0\.weigth; perhaps 0\.weigth is 0\.weight$/);
  });

  it('loadStateDict lists all that does not fit and changes nothing', () => {
    const model = nn.sequential(new nn.Linear(2, 1), nn.functional.relu, new nn.Linear(1, 1));
    const before = model.parameters().map(numbers);
    const state = new Map([...model.stateDict()].map(([name, t]) => [name, full(t.shape, 9)]));
    state.delete('0.bias');
    state.set('0.weight', ones([2, 2]));
    state.set('3.weight', ones([1]));
    expect(() => model.loadStateDict(state)).toThrow(
      'loadStateDict: state must fit the module: missing 0.bias; 0.weight must be [1, 2], got [2, 2]; unexpected 3.weight',
    );
    expect(() => model.loadStateDict(state)).toThrow(StateError);
    expect(() => model.loadStateDict(state, { strict: false })).toThrow('0.weight must be [1, 2], got [2, 2]');
    expect(() => model.loadStateDict(state, false)).toThrow('0.weight must be [1, 2], got [2, 2]');
    expect(model.parameters().map(numbers)).toEqual(before);
    state.delete('0.weight');
    expect(model.loadStateDict(state, { strict: false })).toEqual({
      missingKeys: ['0.weight', '0.bias'],
      unexpectedKeys: ['3.weight'],
    });
    expect(model.parameters().map(numbers)).toEqual([before[0], before[1], [9], [9]]);
    expect(() => model.loadStateDict(null as never)).toThrow(
      'loadStateDict: state must be a Map or an object of tensors, got null',
    );
    expect(() => model.loadStateDict(model as never, { strict: false })).toThrow(
      'loadStateDict: state must be a Map or an object of tensors, got an object of class Sequential; pass its stateDict()',
    );
  });

  it('summary is a table', () => {
    const model = nn.sequential(
      new nn.Flatten(),
      new nn.Linear(784, 128),
      nn.functional.relu,
      new nn.Dropout(0.2),
      new nn.Linear(128, 10, { bias: false }),
    );
    expect(model.summary([32, 1, 28, 28])).toBe(
      [
        'name     layer                     output     parameters',
        '(model)  Sequential()              [32, 10]      101,760',
        '0        Flatten()                 [32, 784]           0',
        '1        Linear(784, 128)          [32, 128]     100,480',
        '2        relu                      [32, 128]           0',
        '3        Dropout(p 0.2)            [32, 128]           0',
        '4        Linear(128, 10, no bias)  [32, 10]        1,280',
        '101,760 parameters, 101,760 of them trained',
      ].join('\n'),
    );
    expect(model.training).toBe(true);
    expect(Object.hasOwn(model, 'forward')).toBe(false);
    model.requiresGrad_(false);
    expect(model.summary()).toContain('101,760 parameters, 0 of them trained');
    expect(() => model.summary('32' as never)).toThrow('summary: inputs must be shapes or tensors, got "32"');
  });

  it('summary goes as far as forward does', () => {
    const twice = (x: Tensor): Tensor => mul(x, 2);
    const model = nn.sequential(
      nn.sequential(new nn.Linear(4, 3), nn.functional.relu, twice),
      new nn.Linear(2, 1),
      nn.functional.relu,
      (x) => x,
    );
    model.train();
    const layers = [...model];
    expect(model.summary([5, 4])).toBe(
      [
        'name     layer         output  parameters',
        '(model)  Sequential()                  18',
        '0        Sequential()  [5, 3]           0',
        '0.0      Linear(4, 3)  [5, 3]          15',
        '0.1      relu          [5, 3]           0',
        '0.2      twice         [5, 3]           0',
        '1        Linear(2, 1)  failed           3',
        '2        relu                           0',
        '3        function                       0',
        '18 parameters, 18 of them trained',
        'forward fails: 1 (Linear): last dimension of x must be inFeatures 2, got x [5, 3]',
      ].join('\n'),
    );
    expect([...model]).toEqual(layers);
    expect(model.modules().map((m) => [m.training, Object.hasOwn(m, 'forward')])).toEqual(
      new Array(4).fill([true, false]),
    );
    expect(inspect(model)).toBe(model.summary());
    expect(model.summary()).toMatch(/^0\.2 +twice +0$/m);
  });
});

it('leaves names to subclasses: of helpers, of methods that a model may call otherwise', () => {
  class Net extends nn.Sequential {
    register = 1;
    named = 2;
    convert = 3;
    hook = 4;
    elements = 5;
    names = 6;
    put = 7;
    checked = 8;
  }
  const net = new Net(new nn.Linear(1, 1));
  net.registerModule('more', new nn.Identity());
  net.registerForwardHook(() => {}).remove();
  expect([net.double().clone().namedParameters().length, net.length, net.pop() instanceof nn.Identity]).toEqual([
    2,
    2,
    true,
  ]);
});
