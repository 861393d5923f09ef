// Where a module finds its parameters, buffers and modules: properties, arrays, plain objects, Maps and Sets.
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { nn, noGrad, ones, optim, StateError, type Tensor, tensor, zeros } from '../../lib/index.js';

const layer = () => new nn.Linear(1, 1, { bias: false });

class Holder extends nn.Module {
  constructor(parts: object = {}) {
    super();
    Object.assign(this, parts);
  }
  forward(): Tensor {
    return zeros([1]);
  }
}

const keys = (parts: object): string[] => [...new Holder(parts).stateDict().keys()];

describe('layers are found', () => {
  // biome-ignore format: one line a row
  const table: [string, () => object, string[]][] = [
    ['in a plain object', () => ({ heads: { a: layer(), b: layer() } }), ['heads.a.weight', 'heads.b.weight']],
    ['in an object without prototype', () => ({ heads: Object.assign(Object.create(null), { a: layer() }) }), ['heads.a.weight']],
    ['in a Map, by texts and numbers', () => ({ heads: new Map<unknown, unknown>([['a', layer()], [7, layer()], ['none', null]]) }), ['heads.a.weight', 'heads.7.weight']],
    ['in a Set, by their order', () => ({ heads: new Set([layer(), layer()]) }), ['heads.0.weight', 'heads.1.weight']],
    ['in an array of objects', () => ({ blocks: [{ in: layer() }, { in: layer(), out: layer() }] }), ['blocks.0.in.weight', 'blocks.1.in.weight', 'blocks.1.out.weight']],
    ['in arrays of arrays', () => ({ grid: [[layer()], [null, layer()]] }), ['grid.0.0.weight', 'grid.1.1.weight']],
    ['in a Map of objects of Sets', () => ({ m: new Map([['x', { s: new Set([layer()]) }]]) }), ['m.x.s.0.weight']],
    ['in subclasses of Map and Array', () => ({ m: new (class Heads extends Map<string, nn.Module> {})([['a', layer()]]), l: new (class List extends Array<nn.Module> {})(layer(), layer()) }), ['m.a.weight', 'l.0.weight', 'l.1.weight']],
    ['parameters and buffers, too', () => ({ p: { scale: new nn.Parameter(ones([1])), count: new nn.Buffer(zeros([1])) } }), ['p.scale', 'p.count']],
    ['with own parameters and buffers before modules', () => ({ m: [layer()], o: { b: new nn.Buffer(ones([1])) }, p: new Map([['w', new nn.Parameter(ones([1]))]]) }), ['p.w', 'o.b', 'm.0.weight']],
    ['under names of JavaScript', () => ({ o: JSON.parse('{"__proto__":0}'), constructor: { prototype: layer() } }), ['constructor.prototype.weight']],
    ['not in what merely holds values', () => ({ a: [1, 'x', null, undefined, () => 1], t: zeros([1]), d: new Date(), f: new Float32Array(4), s: [{ x: 1 }], w: new WeakMap(), r: /x/, b: 1n, y: Symbol('y') }), []],
  ];
  for (const [name, make, want] of table) {
    it(name, () => {
      expect(keys(make())).toEqual(want);
    });
  }

  it('and are trained, saved, loaded, switched, converted and counted', () => {
    const parts = () => ({
      heads: { a: layer(), drop: new nn.Dropout() },
      map: new Map([['b', { deep: [layer()] }]]),
      set: new Set([nn.sequential(layer(), new nn.Dropout())]),
    });
    const [net, other] = [new Holder(parts()), new Holder(parts())];
    const names = ['heads.a.weight', 'map.b.deep.0.weight', 'set.0.0.weight'];
    expect(net.namedParameters().map(([name]) => name)).toEqual(names);
    const modules = ['', 'heads.a', 'heads.drop', 'map.b.deep.0', 'set.0', 'set.0.0', 'set.0.1'];
    expect(net.namedModules().map(([name]) => name)).toEqual(modules);
    expect(net.namedChildren().map(([name]) => name)).toEqual(modules.filter((n) => n && !n.startsWith('set.0.')));
    net.eval();
    expect(net.modules().map((m) => m.training)).toEqual(new Array(7).fill(false));

    const params = net.parameters();
    for (const p of params) p.grad = ones([1, 1]);
    const before = params.map((p) => p.item());
    new optim.SGD(params, { lr: 0.5 }).step();
    params.forEach((p, i) => {
      expect(p.item()).toBeCloseTo((before[i] as number) - 0.5, 6);
    });
    net.zeroGrad();
    expect(params.map((p) => p.grad)).toEqual([null, null, null]);
    other.loadStateDict(net.stateDict());
    expect(other.parameters().map((p) => p.item())).toEqual(params.map((p) => p.item()));
    expect(
      other
        .to('float64')
        .parameters()
        .map((p) => p.dtype),
    ).toEqual(new Array(3).fill('float64'));
    expect(net.summary()).toContain('map.b.deep.0');
    const seen: unknown[] = [];
    net.apply((m) => seen.push(m));
    expect(new Set(seen)).toEqual(new Set(net.modules()));
  });

  it('each once, in cycles of objects and of modules', () => {
    const loop: Record<string, unknown> = { a: layer() };
    loop.self = loop;
    loop.list = [loop, new Map([['m', loop]])];
    const net = new Holder({ loop });
    loop.net = net;
    expect([...net.stateDict().keys()]).toEqual(['loop.a.weight']);
    expect(net.modules()).toHaveLength(2);
    const applied: nn.Module[] = [];
    net.apply((m) => applied.push(m));
    expect(applied).toHaveLength(2);
  });

  it('in structures of any depth and breadth', () => {
    let chain: Record<string, unknown> = { last: layer() };
    for (let i = 0; i < 50_000; i++) chain = { n: chain };
    const graph = Array.from({ length: 300 }, () => ({ next: [] as unknown[] }));
    for (const node of graph) node.next.push(...graph.slice(0, 30)); // 30^n paths
    const net = new Holder({ chain, graph, sparse: Object.assign([], { length: 4e9 }), tokens: new Map() });
    expect(net.parameters()).toHaveLength(1);
  });

  it('without calling accessors', () => {
    let calls = 0;
    const trap = {
      enumerable: true,
      get: () => {
        calls++;
        return layer();
      },
    };
    const parts = { o: Object.defineProperty({ a: layer() }, 'lazy', trap) };
    const net = Object.defineProperty(new Holder(parts), 'own', trap);
    expect([...net.stateDict().keys()]).toEqual(['o.a.weight']);
    net.eval();
    expect(calls).toBe(0);
  });

  it('when they are shared, under each name', () => {
    const shared = layer();
    const net = new Holder({ a: shared, o: { b: shared } });
    expect([...net.stateDict().keys()]).toEqual(['a.weight', 'o.b.weight']);
    expect(net.namedParameters().map(([name]) => name)).toEqual(['a.weight']);
  });
});

describe('layers that are not found are an error', () => {
  class Head {
    fc = layer();
    constructor(readonly about?: unknown) {}
  }
  const hint = (name: string) =>
    `${name} is a layer in an object of class Head, where it would be neither trained nor saved; let Head extend nn.Module, or keep its layers in an array, a plain object, a Map or a Set`;

  it('in objects of other classes, at whatever depth', () => {
    // biome-ignore format: one line a row
    const table: [object, string][] = [
      [{ head: new Head() }, 'head.fc'],
      [{ heads: [{ a: new Head() }] }, 'heads.0.a.fc'],
      [{ m: new Map([['x', new Head()]]) }, 'm.x.fc'],
      [{ inner: new Holder({ h: new Head() }) }, 'inner.h.fc'],
      [{ head: Object.assign(new Head(), { fc: { list: [new nn.Parameter(ones([1]))] } }) }, 'head.fc.list.0'],
    ];
    for (const [parts, name] of table) {
      const net = new Holder(parts);
      const uses = [
        () => net.parameters(),
        () => net.namedBuffers(),
        () => net.modules(),
        () => net.stateDict(),
        () => net.eval(),
        () => net.zeroGrad(),
        () => net.to('float64'),
      ];
      for (const use of uses) {
        expect(use).toThrow(StateError);
        expect(use).toThrow(`Holder: ${hint(name)}`);
      }
      expect(inspect(net)).toContain(hint(name));
    }
  });

  it('but not in those that have to do with the model: optimizers, trainers, parents', () => {
    const net = new Holder({ fc: layer() });
    const [student, teacher] = [new Holder({ fc: layer() }), new Holder({ fc: layer() })];
    class Trainer {
      models = { student, teacher };
    }
    Object.assign(student, { trainer: new Trainer() });
    Object.assign(net, {
      optimizer: new optim.SGD([...net.parameters(), ...teacher.parameters()], { momentum: 0.9 }),
      loader: { dataset: [zeros([1])] },
      cache: new nn.KeyValueCache(),
      child: new Holder({ about: new Head(net) }),
    });
    expect([...net.stateDict().keys()]).toEqual(['fc.weight']);
    expect([...student.stateDict().keys()]).toEqual(['fc.weight']);
    student.eval();
    expect(teacher.training).toBe(true);
  });

  it('nor where they are hidden: private fields, properties that are not enumerable', () => {
    class Secret extends Holder {
      readonly #teacher = new Head();
      use(): Head {
        return this.#teacher;
      }
    }
    const net = Object.defineProperty(new Secret({ fc: layer() }), 'other', { value: new Head() });
    expect([...net.stateDict().keys()]).toEqual(['fc.weight']);
  });

  it('under keys of a Map that give no name, and under one name for two', () => {
    const byObject = new Holder({ heads: new Map<unknown, unknown>([[{}, [layer()]]]) });
    expect(() => byObject.parameters()).toThrow(
      'Holder: heads has a layer under a key that gives no name; let the keys be texts or numbers',
    );
    expect(keys({ heads: new Map([[{}, 'no layer']]) })).toEqual([]);
    const twice = new Holder({ heads: { 'a.weight': new nn.Parameter(ones([1])), a: layer() } });
    expect(() => twice.stateDict()).toThrow(
      'Holder: two tensors have the name heads.a.weight; rename a property or a key',
    );
    expect(twice.parameters()).toHaveLength(2);
  });
});

it('a module may hold much that is no layer', () => {
  const net = new Holder({
    fc: layer(),
    memory: Array.from({ length: 20_000 }, (_, i) => ({ state: [i, i], action: i, reward: tensor([i]) })),
    vocabulary: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`token${i}`, i])),
  });
  const start = performance.now();
  expect(noGrad(() => net.parameters())).toHaveLength(1);
  expect(performance.now() - start).toBeLessThan(2000);
});
