// Deep copies of modules.
import { describe, expect, it } from 'vitest';
import * as built from '../../dist/index.js';
import {
  compile,
  manualSeed,
  memoryStats,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  type Tensor,
  zeros,
} from '../../lib/index.js';
import { found } from '../fixtures/calls/index.mjs';
import { layers } from '../fixtures/calls/layers.mjs';
import { errorOf } from '../support/refusals.js';

const textOf = (run: () => unknown): string => (errorOf(run) as Error).message;
const flat = (y: unknown): unknown => {
  if (y === null) return y;
  return 'toArray' in (y as Tensor) ? (y as Tensor).toArray() : Object.values(y as object).map(flat);
};
const values = (model: nn.Module): unknown[] => [...model.stateDict().values()].map((t) => t.toArray());

class Net extends nn.Module {
  embed = new nn.Embedding(5, 3);
  out = new nn.Linear(3, 5, { bias: false });
  blocks = [{ norm: new nn.BatchNorm1d(3), drop: new nn.Dropout() }];
  heads = new Map<string, unknown>([['a', new nn.Linear(3, 1)]]);
  extra = new Set([new nn.Linear(3, 3)]);
  scale = new nn.Parameter(ones([3]), false);
  cache = new nn.Buffer(zeros([2]), { persistent: false });
  note = ones([2], { requiresGrad: true });
  sizes = [1, 2];
  when = new Date(0);
  self: unknown = null;

  constructor() {
    super();
    this.out.weight = this.embed.weight; // tied
    this.self = this;
  }

  forward(x: Tensor): Tensor {
    return this.out.forward(this.blocks[0]?.norm.forward(x.mul(this.scale)) as Tensor);
  }
}

describe('clone', () => {
  it('has the same values in tensors, modules and containers of its own', () => {
    const net = new Net().eval();
    net.blocks[0]?.norm.train();
    const copy = net.clone();
    expect(copy).toBeInstanceOf(Net);
    expect(values(copy)).toEqual(values(net));
    expect([...copy.stateDict().keys()]).toEqual([...net.stateDict().keys()]);
    expect(copy.namedModules().map(([name, m]) => [name, m.constructor, m.training])).toEqual(
      net.namedModules().map(([name, m]) => [name, m.constructor, m.training]),
    );
    const originals = new Set<unknown>([...net.modules(), ...net.parameters(), ...net.buffers(), net.note]);
    for (const part of [...copy.modules(), ...copy.parameters(), ...copy.buffers(), copy.note]) {
      expect(originals.has(part)).toBe(false);
    }
    expect([copy.sizes, copy.sizes === net.sizes, copy.when === net.when]).toEqual([[1, 2], false, true]);
    expect(copy.self).toBe(copy);
    expect(copy.cache instanceof nn.Buffer && !copy.stateDict().has('cache')).toBe(true);
  });

  it('keeps what is tied, what is trained, and no gradient', () => {
    const net = new Net();
    net
      .forward(randn([4, 3]))
      .sum()
      .backward();
    const copy = net.clone();
    expect(copy.out.weight).toBe(copy.embed.weight);
    expect(copy.parameters().map((p) => [p.requiresGrad, p.isLeaf, p.grad])).toEqual(
      net.parameters().map((p) => [p.requiresGrad, true, null]),
    );
    expect([copy.note.requiresGrad, copy.scale.requiresGrad]).toEqual([true, false]);
    expect(net.out.weight.grad).not.toBeNull();
  });

  it('learns by itself, eager and compiled', async () => {
    for (const compiled of [false, true]) {
      manualSeed(1);
      const net = nn.sequential(new nn.Linear(3, 4), new nn.Tanh(), new nn.GRUCell(4, 2));
      const copy = net.clone();
      const before = values(net);
      const optimizer = new optim.SGD(copy.parameters(), { lr: 0.1 });
      const step = (x: Tensor): Tensor => {
        optimizer.zeroGrad();
        const loss = copy.forward(x).square().sum();
        loss.backward();
        optimizer.step();
        return loss;
      };
      const call = compiled ? compile(step) : step;
      const x = randn([5, 3]);
      const [first, second] = [(await call(x)).item(), (await call(x)).item()];
      expect(second).toBeLessThan(first);
      expect(values(net)).toEqual(before);
      expect(values(copy)).not.toEqual(before);
    }
  });

  it('of every kind of layer gives the same results', () => {
    const x = randn([2, 4]);
    const layers: [nn.Module, unknown[]][] = [
      [new nn.GELU({ approximate: 'tanh' }), [x]],
      [new nn.LSTM(4, 3, { bidirectional: true }), [x]],
      [new nn.LSTMCell(4, 3), [x]],
      [new nn.Softmax(1), [x]],
      [new nn.MultiheadAttention(4, 2), [x, x, x]],
      [new nn.TransformerEncoder(new nn.TransformerEncoderLayer(4, 2, { dropout: 0 }), 2), [x]],
      [new nn.Conv1d(4, 2, 1), [x.reshape([1, 4, 2])]],
      [new nn.MaxPool1d(2, { stride: 1 }), [x]],
      [new nn.AdaptiveAvgPool1d(1), [x]],
      [new nn.Upsample({ scaleFactor: 2 }), [x.reshape([1, 4, 2])]],
      [new nn.Unfold([1, 2]), [x.reshape([1, 2, 4])]],
      [new nn.Fold(3, 2), [x.reshape([4, 2]).tile([1, 2])]],
      [new nn.BatchNorm1d(4), [x]],
      [new nn.StochasticDepth(0), [x]],
      [new nn.EmbeddingBag(4, 2), [zeros([2, 1], { dtype: 'int32' })]],
      [nn.sequential(new nn.Linear(4, 4), nn.functional.relu, nn.sequential(new nn.LayerNorm(4))), [x]],
      [new nn.CrossEntropyLoss({ weight: ones([4]) }), [x, zeros([2], { dtype: 'int32' })]],
    ];
    for (const [layer, inputs] of layers) {
      expect(flat(layer.clone().forward(...inputs)), String(layer)).toEqual(flat(layer.forward(...inputs)));
    }
  });

  it.each(Object.entries(layers))('of %s gives what the layer gives', (name, { make, forward }) => {
    const layer = new (found(`nn.${name}`))(...make());
    const copy = layer.clone();
    expect([copy.constructor, String(copy)]).toEqual([layer.constructor, String(layer)]);
    const inputs = forward();
    const run = (module: nn.Module): unknown => {
      built.manualSeed(3);
      return flat(module.forward(...inputs));
    };
    expect(run(copy)).toEqual(run(layer));
  });

  it('has the hooks, which end one by one', () => {
    const layer = new nn.Identity();
    const seen: unknown[] = [];
    const handle = layer.registerForwardHook((module) => void seen.push(module));
    const copy = layer.clone();
    copy.forward(ones([1]));
    handle.remove();
    copy.forward(ones([1]));
    layer.forward(ones([1]));
    expect(seen).toEqual([copy, copy]);
  });

  it('is refused where the copy would not be one, and then nothing is left', () => {
    class Hidden extends nn.Module {
      #factor = 2;
      forward(x: Tensor): Tensor {
        return x.mul(this.#factor);
      }
    }
    class Inherits extends Hidden {}
    class Field extends nn.Module {
      forward = (x: Tensor): Tensor => x;
    }
    class Other {
      fc = new nn.Linear(1, 1);
    }
    const before = memoryStats().tensors;
    for (const hidden of [new Hidden(), new Inherits()]) {
      expect(textOf(() => nn.sequential(hidden).clone())).toBe(
        'clone: Hidden has #private fields, which cannot be copied; let it have a clone() of its own, or fields without #',
      );
    }
    expect(textOf(() => new Field().clone())).toBe(
      'clone: forward is a property of Field, and would go on using the original; make it a method: forward(x) { … }',
    );
    expect(textOf(() => Object.assign(new nn.Identity(), { other: new Other() }).clone())).toMatch(
      /^Identity: other\.fc is a layer in an object of class Other/,
    );
    const net = nn.sequential(new nn.Linear(2, 2), new Hidden());
    const during = memoryStats().tensors;
    errorOf(() => net.clone());
    expect(memoryStats().tensors).toBe(during);
    expect(during - before).toBeLessThan(5);
    const step = compile(() => noGrad(() => new nn.Linear(1, 1).clone().forward(ones([1]))));
    expect(textOf(() => step.sync())).toMatch(/^compile: parameters, buffers/);
  });
});

it('encoders and decoders are made of copies, so that a layer may serve for several', () => {
  const layer = new nn.TransformerEncoderLayer(4, 2);
  const encoder = new nn.TransformerEncoder(layer, 2);
  expect(encoder.layers.includes(layer)).toBe(false);
  expect(values(encoder.layers[1] as nn.Module)).toEqual(values(layer));
});

it('float, double and type convert as to does', () => {
  const layer = new nn.Linear(1, 1);
  expect(layer.double().weight.dtype).toBe('float64');
  expect(layer.float().weight.dtype).toBe('float32');
  expect(layer.type('float64').bias?.dtype).toBe('float64');
  expect(textOf(() => layer.type('int32'))).toBe('Module.type: dtype must be float32 or float64, got int32');
});
