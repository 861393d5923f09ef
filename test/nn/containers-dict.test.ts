// ModuleDict and ParameterDict.
import { describe, expect, it } from 'vitest';
import { compile, nn, noGrad, ones, type Tensor, zeros } from '../../lib/index.js';
import { errorOf } from '../support/refusals.js';

const textOf = (run: () => unknown): string => (errorOf(run) as Error).message;
const layer = () => new nn.Linear(1, 1, { bias: false });

describe('ModuleDict', () => {
  it.each([
    ['an object', (a: nn.Module, b: nn.Module) => new nn.ModuleDict({ b, a })],
    ['a Map', (a: nn.Module, b: nn.Module) => new nn.ModuleDict(new Map([['b', b], ['a', a]]))], // biome-ignore format: one line
    ['pairs', (a: nn.Module, b: nn.Module) => new nn.ModuleDict([['b', b], ['a', a]])], // biome-ignore format: one line
  ] as const)('from %s, in its order', (_, make) => {
    const [a, b, c] = [layer(), layer(), layer()];
    const dict = make(a, b);
    expect([[...dict], [...dict.keys()], [...dict.values()], [...dict.entries()]]).toEqual([
      [['b', b], ['a', a]],
      ['b', 'a'],
      [b, a],
      [['b', b], ['a', a]],
    ]); // biome-ignore format: pairs
    expect([dict.length, dict.get('a'), dict.has('a'), dict.has('c')]).toEqual([2, a, true, false]);
    expect((dict as unknown as { a: unknown }).a).toBe(a);
    expect([...dict.stateDict().keys()]).toEqual(['b.weight', 'a.weight']);
    expect(dict.set('c', c).set('b', c).pop('a')).toBe(a);
    expect([[...dict.keys()], 'a' in dict, dict.get('b')]).toEqual([['b', 'c'], false, c]);
    dict.update({ d: a });
    dict.registerModule('e', b);
    expect([...dict.keys()]).toEqual(['b', 'c', 'd', 'e']);
    const copy = dict.clone();
    expect([copy.get('d') === a, (copy as unknown as { d: unknown }).d === copy.get('d')]).toEqual([false, true]);
    dict.clear();
    expect([dict.length, dict.parameters(), copy.length]).toEqual([0, [], 4]);
  });

  it('takes names that methods have, and numbers in their order', () => {
    const dict = new nn.ModuleDict([['keys', layer()], ['10', layer()], ['2', layer()], ['elements', layer()]]); // biome-ignore format: one line
    expect([...dict.stateDict().keys()]).toEqual(['keys.weight', '10.weight', '2.weight', 'elements.weight']);
    expect([...dict.keys()]).toHaveLength(4);
  });

  it('is found in modules, and compiled steps follow it', () => {
    class Net extends nn.Module {
      heads = new nn.ModuleDict({ a: layer(), b: layer() });
      forward(x: Tensor): Tensor {
        return this.heads.get('a').forward(x);
      }
    }
    const net = new Net();
    expect(net.eval().heads.get('b').training).toBe(false);
    const step = compile((x: Tensor) => noGrad(() => net.forward(x)));
    const [x, y] = [ones([1, 1]), () => net.heads.get('a').parameters()[0]?.item()];
    expect(step.sync(x).item()).toBe(y());
    net.heads.set('a', layer());
    expect(step.sync(x).item()).toBe(y());
    expect((errorOf(() => net.forward(ones([1, 2]))) as Error).message).toMatch(/^heads\.a \(Linear\): /);
  });

  it('refuses other elements, names and uses', () => {
    const dict = new nn.ModuleDict({ a: layer() });
    expect(textOf(() => dict.get('x'))).toBe('ModuleDict: there is no element "x"; known are a');
    expect(textOf(() => dict.pop('x'))).toBe('ModuleDict: there is no element "x"; known are a');
    expect(textOf(() => new nn.ModuleDict().get('x'))).toBe('ModuleDict: there is no element "x"');
    expect(textOf(() => dict.set('b', nn.ReLU as never))).toBe(
      'ModuleDict: element b must be a module, got the class ReLU; make one: new ReLU(…)',
    );
    expect(textOf(() => dict.set('a.b', layer()))).toBe(
      'ModuleDict: name must be a text that is not empty and has no dots, got "a.b"',
    );
    expect(textOf(() => new nn.ModuleDict(layer() as never))).toBe(
      'ModuleDict: elements must be an object, a Map or pairs of name and element, got an object of class Linear',
    );
    expect(textOf(() => new nn.ModuleDict([layer()] as never))).toBe(
      'ModuleDict: each element must be a pair of name and element, got an object of class Linear',
    );
    expect(textOf(() => dict.update({ b: layer(), c: 3 as never }))).toBe(
      'ModuleDict: element c must be a module, got 3',
    );
    expect([...dict.keys()]).toEqual(['a']);
    expect(textOf(() => dict.forward(ones([1])))).toBe(
      "ModuleDict: it has no forward; use what is in it: dict.get('a').forward(x)",
    );
  });
});

it('ParameterDict makes parameters of tensors', () => {
  const own = new nn.Parameter(ones([1]), false);
  const dict = new nn.ParameterDict({ left: own, right: zeros([2]) });
  expect([dict.get('left') === own, dict.get('right') instanceof nn.Parameter]).toEqual([true, true]);
  expect(dict.namedParameters().map(([name]) => name)).toEqual(['left', 'right']);
  expect(dict.clone().get('left').requiresGrad).toBe(false);
  expect(textOf(() => dict.set('x', 3 as never))).toBe('ParameterDict: element x must be a tensor, got 3');
  expect(textOf(() => dict.forward())).toMatch(/^ParameterDict: it has no forward/);
});
