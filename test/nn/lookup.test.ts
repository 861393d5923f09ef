// Modules, parameters and buffers by name, and what is registered under names.
import { describe, expect, it } from 'vitest';
import { nn, ones, type Tensor, zeros } from '../../lib/index.js';
import { errorOf } from '../support/refusals.js';

const textOf = (run: () => unknown): string => (errorOf(run) as Error).message;

class Net extends nn.Module {
  scale = new nn.Parameter(ones([1]));
  first = new nn.Linear(2, 2);
  blocks = [{ norm: new nn.BatchNorm1d(2) }, { norm: this.first }];
  heads = new Map<unknown, nn.Module>([['a', new nn.Identity()], [7, new nn.Identity()]]); // biome-ignore format: one line
  forward(x: Tensor): Tensor {
    return x;
  }
}

describe('names', () => {
  it('with a prefix, without what is below, and under each name', () => {
    const net = new Net();
    const names = (list: [string, unknown][]) => list.map(([name]) => name);
    const all = ['scale', 'first.weight', 'first.bias', 'blocks.0.norm.weight', 'blocks.0.norm.bias'];
    expect(names(net.namedParameters())).toEqual(all);
    for (const list of [net.namedParameters('net'), net.namedParameters({ prefix: 'net' })]) {
      expect(names(list)).toEqual(all.map((name) => `net.${name}`));
    }
    for (const list of [net.namedParameters('', false), net.namedParameters({ recurse: false })]) {
      expect(names(list)).toEqual(['scale']);
    }
    expect(names(net.namedParameters({ removeDuplicate: false }))).toEqual([
      ...all,
      'blocks.1.norm.weight',
      'blocks.1.norm.bias',
    ]);
    expect([net.parameters(false), net.parameters({ recurse: false }), net.parameters(true).length]).toEqual([
      [net.scale],
      [net.scale],
      5,
    ]);
    expect([net.buffers().length, net.buffers(false)]).toEqual([3, []]);
    expect(names(net.namedBuffers('x'))[0]).toBe('x.blocks.0.norm.running_mean');
    expect(names(net.namedModules({ prefix: 'net' }))).toEqual([
      'net',
      'net.first',
      'net.blocks.0.norm',
      'net.heads.a',
      'net.heads.7',
    ]);
    expect(names(net.namedModules({ removeDuplicate: false }))).toContain('blocks.1.norm');
    expect(textOf(() => net.parameters(3 as never))).toBe('parameters: recurse must be a boolean, got 3');
    expect(textOf(() => net.namedBuffers({ recursive: true } as never))).toBe(
      'namedBuffers: unknown option "recursive"; known are prefix, recurse, removeDuplicate',
    );
    expect(textOf(() => net.namedModules({ prefix: 3 as never }))).toBe('namedModules: prefix must be a text, got 3');
  });

  it('get what they name', () => {
    const net = new Net();
    expect(net.getSubmodule('')).toBe(net);
    expect(net.getSubmodule('blocks.1.norm')).toBe(net.first);
    expect(net.getSubmodule('heads.7')).toBe(net.heads.get(7));
    expect(net.getParameter('blocks.1.norm.bias')).toBe(net.first.bias);
    expect(net.getBuffer('blocks.0.norm.running_var').shape).toEqual([2]);
    const modules = 'first, blocks.0.norm, blocks.1.norm, heads.a, heads.7';
    expect(textOf(() => net.getSubmodule('blocks.2'))).toBe(
      `getSubmodule: there is no module "blocks.2"; known are ${modules}`,
    );
    expect(textOf(() => net.getParameter('first'))).toMatch(
      /^getParameter: there is no parameter "first"; known are scale, /,
    );
    expect(textOf(() => net.getBuffer(3 as never))).toMatch(/^getBuffer: there is no buffer 3; known are blocks/);
    expect(textOf(() => new nn.Identity().getBuffer('x'))).toBe('getBuffer: there is no buffer "x"');
  });

  it('set a module in another, in arrays, objects, Maps and containers', () => {
    const net = new Net();
    const parts = { list: new nn.ModuleList([new nn.Identity()]), dict: new nn.ModuleDict(), seq: nn.sequential(new nn.Identity()) }; // biome-ignore format: one line
    Object.assign(net, parts);
    const names = ['first', 'blocks.0.norm', 'heads.a', 'heads.7', 'heads.new', 'list.0', 'dict.x', 'seq.0', 'seq.last', 'added']; // biome-ignore format: one line
    for (const name of names) {
      const layer = new nn.Tanh();
      net.setSubmodule(name, layer);
      expect(net.getSubmodule(name), name).toBe(layer);
    }
    expect(parts.seq.forward(ones([1])).item()).toBeCloseTo(Math.tanh(Math.tanh(1)), 6);
    expect(textOf(() => net.setSubmodule('nowhere.x', new nn.Tanh()))).toMatch(
      /^setSubmodule: there is no place for a module "nowhere\.x"; known are first, /,
    );
    Object.assign(net, { plain: {}, set: new Set([new nn.Identity()]) });
    net.setSubmodule('plain.__proto__', new nn.Tanh());
    net.setSubmodule('blocks.2', new nn.Tanh());
    expect(net.namedModules().map(([name]) => name)).toEqual(expect.arrayContaining(['plain.__proto__', 'blocks.2']));
    for (const name of ['blocks.x', 'blocks.9', 'set.0']) {
      expect(textOf(() => net.setSubmodule(name, new nn.Tanh()))).toMatch(/^setSubmodule: there is no place/);
    }
    expect(textOf(() => net.setSubmodule('', new nn.Tanh()))).toMatch(/^setSubmodule: name must be a text/);
    expect(textOf(() => net.setSubmodule('first', nn.Tanh as never))).toBe(
      'setSubmodule: module must be a module, got the class Tanh; make one: new Tanh(…)',
    );
    expect(textOf(() => net.setSubmodule('forward', new nn.Tanh()))).toBe(
      'registerModule: Net has something else named forward; choose another name',
    );
  });
});

describe('what is registered', () => {
  it('is a property, found like any other', () => {
    const net = new nn.Identity();
    net.registerParameter('w', new nn.Parameter(ones([2])));
    net.registerBuffer('b', zeros([1]));
    net.registerBuffer('c', zeros([1]), false);
    net.registerBuffer('d', zeros([1]), { persistent: false });
    net.registerBuffer('none', null);
    net.registerModule('fc', new nn.Linear(1, 1));
    net.addModule('more', new nn.Linear(1, 1, { bias: false }));
    expect([...net.stateDict().keys()]).toEqual(['w', 'b', 'fc.weight', 'fc.bias', 'more.weight']);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(['b', 'c', 'd']);
    expect(net.getBuffer('b')).toBe((net as unknown as { b: unknown }).b);
    net.registerParameter('w', null);
    net.registerModule('fc', null);
    net.registerBuffer('none', ones([1]));
    expect([...net.stateDict().keys()]).toEqual(['b', 'none', 'more.weight']);
  });

  it('refuses other names and values', () => {
    const net = new nn.Linear(1, 1);
    expect(textOf(() => net.registerParameter('w', ones([1])))).toBe(
      'registerParameter: value must be a parameter, got a tensor; make it one: new nn.Parameter(tensor)',
    );
    expect(textOf(() => net.registerBuffer('b', 3 as never))).toBe('registerBuffer: tensor must be a tensor, got 3');
    expect(textOf(() => net.registerModule('m', nn.Linear as never))).toBe(
      'registerModule: module must be a module, got the class Linear; make one: new Linear(…)',
    );
    for (const name of ['', 'a.b', 3 as never]) {
      expect(textOf(() => net.registerModule(name, new nn.Identity()))).toMatch(
        /^registerModule: name must be a text that is not empty and has no dots, got /,
      );
    }
    for (const name of ['forward', 'training', 'inFeatures', 'toString', '__proto__', 'constructor', '_around']) {
      expect(textOf(() => net.registerBuffer(name, ones([1])))).toBe(
        `registerBuffer: Linear has something else named ${name}; choose another name`,
      );
    }
  });
});
