// ModuleList, ParameterList and what Sequential is as a list.
import { describe, expect, it } from 'vitest';
import { compile, nn, noGrad, ones, type Tensor, tensor, zeros } from '../../lib/index.js';
import { errorOf } from '../support/refusals.js';

const textOf = (run: () => unknown): string => (errorOf(run) as Error).message;
/** y = factor · x. */
const times = (factor: number): nn.Linear => {
  const layer = new nn.Linear(1, 1, { bias: false });
  noGrad(() => layer.weight.fill_(factor));
  return layer;
};
const keys = (module: nn.Module): string[] => [...module.stateDict().keys()];

describe.each([
  ['ModuleList', (layers: nn.Module[]) => new nn.ModuleList(layers)],
  ['Sequential', (layers: nn.Module[]) => new nn.Sequential(layers)],
] as const)('%s', (name, make) => {
  it('is a list', () => {
    const [a, b, c, d] = [times(1), times(2), times(3), times(4)] as const;
    const list = make([a, b]) as nn.ModuleList;
    expect([list.length, list[0], list[1], list[2], list.at(0), list.at(-1)]).toEqual([2, a, b, undefined, a, b]);
    expect(list.append(c)).toBe(list);
    expect([...list]).toEqual([a, b, c]);
    expect([...list.insert(1, d)]).toEqual([a, d, b, c]);
    expect([...list.insert(-1, a)]).toEqual([a, d, b, a, c]);
    expect([list.pop(), list.pop(0), [...list]]).toEqual([c, a, [d, b, a]]);
    list[1] = c;
    expect([...list.extend(new Set([b]))]).toEqual([d, c, a, b]);
    expect([[...list.slice(1)], [...list.slice(-2, -1)], list.slice().constructor.name]).toEqual([
      [c, a, b],
      [a],
      name,
    ]);
    expect(list.children()).toEqual([d, c, a, b]);
    expect(keys(list)).toEqual(['0.weight', '1.weight', '2.weight', '3.weight']);
    expect(make([]).length).toBe(0);
  });

  it('is found in modules, trained, converted, switched and copied', () => {
    class Net extends nn.Module {
      parts = make([times(2), times(3)]);
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    const net = new Net();
    expect(keys(net)).toEqual(['parts.0.weight', 'parts.1.weight']);
    expect(net.eval().parts.at(1)).toMatchObject({ training: false });
    expect(net.double().parameters()[1]?.dtype).toBe('float64');
    const copy = net.clone();
    expect([copy.parts.length, copy.parts[0] === net.parts[0], keys(copy)]).toEqual([2, false, keys(net)]);
    copy.parts.append(times(1) as never);
    expect([net.parts.length, copy.parts.length]).toEqual([2, 3]);
    expect(net.summary()).toContain('parts.1');
  });

  it('of a subclass has its properties, too', () => {
    const list = make([times(2)]);
    Object.assign(list, { extra: times(3), scale: new nn.Parameter(ones([1])) });
    expect(keys(list)).toEqual(['scale', '0.weight', 'extra.weight']);
  });

  it('refuses what is none of its elements, and other indices', () => {
    const list = make([times(1), times(2)]) as nn.ModuleList;
    const what =
      name === 'ModuleList' ? 'element 2 must be a module' : 'layer 2 must be a module or a function of a tensor';
    expect(textOf(() => list.append(3 as never))).toBe(`${name}: ${what}, got 3`);
    expect(textOf(() => list.append(nn.ReLU as never))).toBe(
      `${name}: ${what}, got the class ReLU; make one: new ReLU(…)`,
    );
    expect(textOf(() => list.extend([times(3), null as never]))).toContain(
      `${name}: ${what.replace('2', '3')}, got null`,
    );
    expect(textOf(() => list.extend(3 as never))).toBe(`${name}.extend: elements must be a list, got 3`);
    expect(textOf(() => list.at(2))).toBe(`${name}.at: index must be an integer from -2 to 1, got 2`);
    expect(textOf(() => list.pop('x' as never))).toBe(`${name}.pop: index must be an integer from -2 to 1, got "x"`);
    expect(textOf(() => list.insert(3, times(1)))).toMatch(new RegExp(`^${name}.insert: index must be an integer`));
    const set = () => {
      list[2] = times(1);
    };
    expect(textOf(set)).toBe(`${name}: index must be below the length 2, got 2; add elements by append`);
    expect(list.length).toBe(2);
  });
});

it('a ModuleList has no forward, and takes one list', () => {
  expect(textOf(() => new nn.ModuleList([times(1)]).forward(ones([1])))).toBe(
    'ModuleList: it has no forward; use what is in it: for (const layer of list) x = layer.forward(x)',
  );
  expect(textOf(() => new nn.ModuleList(times(1) as never))).toBe(
    'ModuleList: modules must be a list, got an object of class Linear; put it into an array',
  );
  expect(textOf(() => new nn.ModuleList(3 as never))).toMatch(/must be a list, got 3/);
});

describe('ParameterList', () => {
  it('makes parameters of tensors, and keeps those that are', () => {
    const own = new nn.Parameter(ones([1]), false);
    const list = new nn.ParameterList([own, zeros([2])]);
    expect([list[0] === own, list[0]?.requiresGrad, list[1]?.requiresGrad]).toEqual([true, false, true]);
    class Net extends nn.Module {
      scales = list;
      forward(x: Tensor): Tensor {
        return x.mul(this.scales.at(0));
      }
    }
    const net = new Net();
    expect(net.namedParameters().map(([name]) => name)).toEqual(['scales.0', 'scales.1']);
    list.append(ones([3]));
    expect([...list].map((p) => p instanceof nn.Parameter)).toEqual([true, true, true]);
    expect(net.clone().scales.length).toBe(3);
    expect(net.summary()).toMatch(/^scales +ParameterList\(\) +6$/m);
    expect(textOf(() => list.append([1] as never))).toBe('ParameterList: element 3 must be a tensor, got [1]');
    expect(textOf(() => list.forward())).toBe('ParameterList: it has no forward; use what is in it: x.mul(list[0])');
  });
});

describe('Sequential with names', () => {
  const named: [string, () => nn.Sequential][] = [
    ['an object', () => new nn.Sequential({ a: times(2), f: (x) => x.add(1), b: times(3) })],
    ['a Map', () => new nn.Sequential(new Map<string, nn.Layer>([['a', times(2)], ['f', (x) => x.add(1)], ['b', times(3)]]))], // biome-ignore format: one line
    ['pairs', () => nn.sequential([['a', times(2)], ['f', (x: Tensor) => x.add(1)], ['b', times(3)]])], // biome-ignore format: one line
  ];
  it.each(named)('from %s', (_, make) => {
    const model = make();
    expect(keys(model)).toEqual(['a.weight', 'b.weight']);
    expect(model.forward(tensor([[1]])).item()).toBe(9);
    expect(keys(model.clone())).toEqual(keys(model));
    expect(model.summary([1, 1])).toMatch(/^a .*\nf +f(unction)? .*\nb /m);
    const { a, b } = model as unknown as Record<string, unknown>;
    expect([a, b, model.getSubmodule('b')]).toEqual([model[0], model[2], model[2]]);
    expect(keys(model.slice(1))).toEqual(['b.weight']);
    expect(model.pop(1)).toBeInstanceOf(Function);
    expect((model as unknown as { f?: unknown }).f).toBeUndefined();
    expect(model.forward(tensor([[1]])).item()).toBe(6);
    const error = errorOf(() => model.forward(ones([1, 7]))) as Error;
    expect(error.message).toMatch(/^a \(Linear\): /);
  });

  it('grows by registerModule, and by append where a number is free', () => {
    const model = new nn.Sequential({ a: times(2) });
    model.registerModule('b', times(3));
    model.append(times(5));
    expect([keys(model), model.forward(ones([1, 1])).item()]).toEqual([['a.weight', 'b.weight', '2.weight'], 30]);
    model.registerModule('b', times(1));
    expect(model.forward(ones([1, 1])).item()).toBe(10);
    const counted = nn.sequential(times(2));
    counted.addModule('last', times(7));
    expect([keys(counted), counted.forward(ones([1, 1])).item()]).toEqual([['0.weight', 'last.weight'], 14]);
    const rule = 'add it by registerModule, or make a new Sequential';
    expect(textOf(() => model.insert(0, times(1)))).toBe(
      `Sequential: a layer without a name cannot be put at 0 among named ones; ${rule}`,
    );
  });

  it('refuses names that cannot be part of a key, and layers that are none', () => {
    expect(textOf(() => new nn.Sequential({ 'a.b': times(1) }))).toBe(
      'Sequential: name must be a text that is not empty and has no dots, got "a.b"',
    );
    expect(textOf(() => new nn.Sequential(new Map([[3, times(1)]]) as never))).toBe(
      'Sequential: name must be a text that is not empty and has no dots, got 3',
    );
    expect(textOf(() => new nn.Sequential({ a: 3 as never }))).toBe(
      'Sequential: layer 0 must be a module or a function of a tensor, got 3',
    );
    expect(textOf(() => new nn.Sequential(7 as never))).toBe(
      'Sequential: layer 0 must be a module or a function of a tensor, got 7',
    );
  });
});

it('compiled steps follow a list that changes', () => {
  const [five, fifteen] = [times(5), times(15)]; // made before, so that only the list tells
  for (const change of [
    (model: nn.Sequential) => model.append(five),
    (model: nn.Sequential) => {
      model[1] = fifteen;
    },
    (model: nn.Sequential) => model.insert(0, five),
    (model: nn.Sequential) => model.setSubmodule('1', fifteen),
  ]) {
    const model = nn.sequential(times(2), times(3));
    const step = compile((x: Tensor) => noGrad(() => model.forward(x)));
    const run = () => step.sync(ones([1, 1])).item();
    expect([run(), run()]).toEqual([6, 6]);
    change(model);
    expect([run(), run()]).toEqual([30, 30]);
    model.pop();
    expect(run()).toBe(model.forward(ones([1, 1])).item());
  }
});
