// Converting modules in place, with existing optimizers, graphs and compiled functions.
import { describe, expect, it } from 'vitest';
import {
  AutogradError,
  compile,
  manualSeed,
  mul,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  StateError,
  scope,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { message } from '../support/compiled.js';
import { expectNumbers, fromGolden, type Golden, readGolden } from '../support/golden.js';
import { type AnyOptimizer, everything, imageOf, withLittleMemory } from '../support/whole.js';

type Float = 'float32' | 'float64';
const golden = readGolden<{
  weights: Record<string, Golden>;
  x: Golden;
  y: Golden;
  phases: [Float, number][];
  cases: { optimizer: string; options: Record<string, unknown>; losses: number[]; after: number[][] }[];
}>('conversion');

type Made = new (params: Tensor[], options: unknown) => AnyOptimizer;

describe('training goes on after a conversion, as in PyTorch', () => {
  for (const c of golden.cases) {
    for (const way of ['eager', 'compiled'] as const) {
      it(`${c.optimizer}, ${way}`, () => {
        const model = nn.sequential(new nn.Linear(3, 4), nn.functional.tanh, new nn.Linear(4, 1));
        model.loadStateDict({
          '0.weight': fromGolden(golden.weights['0.weight'] as Golden),
          '0.bias': fromGolden(golden.weights['0.bias'] as Golden),
          '2.weight': fromGolden(golden.weights['2.weight'] as Golden),
          '2.bias': fromGolden(golden.weights['2.bias'] as Golden),
        });
        const Optimizer = (optim as unknown as Record<string, Made>)[c.optimizer] as Made;
        const optimizer = new Optimizer(model.parameters(), c.options);
        const train = (x: Tensor, y: Tensor): Tensor => {
          const loss = nn.functional.mseLoss(model.forward(x), y);
          optimizer.zeroGrad();
          loss.backward();
          optimizer.step();
          return loss;
        };
        const step = way === 'eager' ? train : compile(train).sync;
        const losses: number[] = [];
        golden.phases.forEach(([dtype, steps], phase) => {
          model.to(dtype);
          const [x, y] = [fromGolden(golden.x).to(dtype), fromGolden(golden.y).to(dtype)];
          for (let i = 0; i < steps; i++) {
            const loss = step(x, y);
            expect(loss.dtype).toBe(dtype);
            losses.push(loss.item());
          }
          const got = model.parameters().flatMap((p) => Array.from(p.toTypedArray()));
          expectNumbers(got, c.after[phase] as number[], 'float32');
          const state = optimizer.stateDict().state[0] as Record<string, Tensor>;
          for (const [name, t] of Object.entries(state)) expect(t.dtype).toBe(name === 'step' ? 'float64' : dtype);
        });
        expectNumbers(losses, c.losses, 'float32');
      });
    }
  }
});

describe('Module.to', () => {
  it('keeps the tensors, and converts their gradients', () => {
    const layer = new nn.Linear(2, 1);
    layer
      .forward(tensor([[0.1, 3]]))
      .sum()
      .backward();
    const { weight, bias } = layer;
    const gradient = weight.grad as Tensor;
    const values = weight.toTypedArray();
    expect(layer.to('float64')).toBe(layer);
    expect(layer.weight).toBe(weight);
    expect([weight.dtype, weight.requiresGrad, bias?.dtype]).toEqual(['float64', true, 'float64']);
    expect(weight.toTypedArray()).toEqual(Float64Array.from(values));
    expect(weight.grad).toBe(gradient);
    expect(gradient.toTypedArray()).toEqual(Float64Array.of(Math.fround(0.1), 3));
    expect(weight.data).toEqual(Float64Array.from(values));
    layer
      .forward(tensor([[1, 1]], { dtype: 'float64' }))
      .sum()
      .backward(); // adds to the gradient
    expect(gradient.toTypedArray()).toEqual(Float64Array.of(Math.fround(0.1) + 1, 4));
    layer.to('float32');
    expect(weight.toTypedArray()).toEqual(values);
    expect((weight.grad as Tensor).dtype).toBe('float32');
  });

  it('leaves views the old memory', () => {
    const layer = new nn.Linear(2, 1);
    const [view, data] = [layer.weight.detach(), layer.weight.data];
    const before = view.toArray();
    layer.to('float64');
    noGrad(() => layer.weight.fill_(7));
    expect(view.toArray()).toEqual(before);
    expect(Array.from(data)).toEqual((before as number[][])[0]);
  });

  it('of a frozen parameter keeps it frozen, and of one with a differentiable gradient keeps its values', () => {
    const layer = new nn.Linear(1, 1);
    (layer.bias as Tensor).requiresGrad = false;
    const y = layer
      .forward(tensor([[2]]))
      .square()
      .sum();
    y.backward({ createGraph: true });
    const before = imageOf(layer.weight.grad?.to('float64').detach());
    layer.to('float64');
    expect(layer.bias?.requiresGrad).toBe(false);
    expect(imageOf(layer.weight.grad?.detach())).toBe(before);
  });

  it('makes an older graph an error, also where nothing was saved', () => {
    const layer = new nn.Linear(2, 1);
    const y = layer.forward(ones([1, 2])).sum();
    const z = mul(layer.bias as Tensor, 2)
      .add(layer.bias as Tensor)
      .sum();
    layer.to('float64');
    expect(() => y.backward()).toThrow(AutogradError);
    expect(() => z.backward()).toThrow(AutogradError);
    expect(layer.parameters().map((p) => p.grad)).toEqual([null, null]);
  });

  it('in a scope, of a module made in another one', () => {
    const layer = scope(() => new nn.Linear(2, 1));
    scope(() => {
      layer
        .forward(ones([1, 2]))
        .sum()
        .backward();
      layer.to('float64');
    });
    expect(layer.weight.grad?.toArray()).toEqual([[1, 1]]);
    expect(layer.forward(ones([1, 2], { dtype: 'float64' })).shape).toEqual([1, 1]);
  });

  it('without memory converts nothing', () => {
    const model = nn.sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3));
    model
      .forward(randn([4, 2]))
      .sum()
      .backward();
    const tensors = [...model.stateDict().values()];
    const before = everything(tensors);
    const blocks = withLittleMemory(
      () => model.to('float64'),
      () => expect(everything(tensors)).toEqual(before),
    );
    expect(blocks).toBeGreaterThan(8);
    expect(tensors.map((t) => t.dtype).sort()).toEqual([...new Array(6).fill('float64'), 'int32']);
  });

  it('is refused while a compiled step is queued, even in a pause, and while one is recorded', async () => {
    const model = nn.sequential(new nn.Linear(64, 256), new nn.Linear(256, 64));
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const step = compile((x: Tensor) => {
      const loss = model.forward(x).square().mean();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const x = ones([2048, 64]); // a fraction of a second for all that are queued: this thread may be held up
    await step(x);
    const queued = Array.from({ length: 30 }, () => step(x));
    const inUse = 'Module.to: a tensor is in use by a compiled step that is running or queued; await the step';
    expect(message(() => model.to('float64'))).toBe(inUse);
    expect(message(() => step.pause(() => model.to('float64')))).toBe(inUse);
    expect(model.parameters().map((p) => p.dtype)).toEqual(new Array(4).fill('float32'));
    await Promise.all(queued);
    model.to('float64');
    expect((await step(x.to('float64'))).dtype).toBe('float64');
    const wrong = compile(() => model.to('float32').forward(x));
    expect(message(() => wrong.sync())).toMatch(/^Module\.to: a module cannot be converted while a step is recorded/);
    expect(model.parameters().map((p) => p.dtype)).toEqual(new Array(4).fill('float64'));
  });

  it('is noticed by a compiled prediction', async () => {
    const model = nn.sequential(new nn.Linear(2, 3), nn.functional.relu);
    const predict = compile((x: Tensor) => noGrad(() => model.forward(x)));
    const x = randn([4, 2]);
    predict.sync(x);
    model.to('float64');
    expect(() => predict.sync(x)).toThrow(/dtypes must match, got/); // as eager
    const wide = x.to('float64');
    const want = noGrad(() => model.forward(wide));
    for (const got of [predict.sync(wide), predict.sync(wide), await predict(wide)]) {
      expect(imageOf(got)).toBe(imageOf(want));
    }
    model.to('float32');
    expect(imageOf(predict.sync(x))).toBe(imageOf(noGrad(() => model.forward(x))));
  });
});

/** Whether a compiled function gives what an eager call gives, and how often it has been recorded. */
function compiled(forward: (x: Tensor) => Tensor): { expectFresh: (recordings: number) => void } {
  let calls = 0;
  const f = compile((x: Tensor) => {
    calls++;
    return noGrad(() => forward(x));
  });
  const x = randn([3, 2]);
  return {
    expectFresh(recordings) {
      for (let i = 0; i < 2; i++) expect(imageOf(f.sync(x))).toBe(imageOf(noGrad(() => forward(x))));
      expect(calls).toBe(recordings);
    },
  };
}

describe('a compiled function notices', () => {
  manualSeed(1);

  it('a parameter that was replaced, by a new one or by one that exists, and put back', () => {
    const layer = new nn.Linear(2, 2);
    const other = new nn.Linear(2, 2);
    const f = compiled((x) => layer.forward(x));
    f.expectFresh(1);
    const first = layer.weight;
    layer.weight = new nn.Parameter(randn([2, 2]));
    f.expectFresh(2);
    layer.weight = other.weight;
    f.expectFresh(3);
    layer.weight = first;
    f.expectFresh(3);
    layer.bias = null;
    f.expectFresh(4);
    layer.bias = other.bias;
    f.expectFresh(5);
  });

  it('a module that was replaced, wherever it hangs', () => {
    const layer = () => new nn.Linear(2, 2);
    const [a, b] = [layer(), layer()];
    class Net extends nn.Module {
      plain: nn.Module = a;
      list: nn.Module[] = [a];
      object: Record<string, nn.Module> = { a };
      deep = { list: [{ a: a as nn.Module }] };
      map = new Map<string, nn.Module>([['a', a]]);
      set = new Set<nn.Module>([a]);
      act: nn.Module = new nn.ReLU(); // has no tensors
      late: nn.Module | null = null;
      act2: (x: Tensor) => Tensor = nn.functional.relu;
      forward(x: Tensor): Tensor {
        const layers = [
          this.plain,
          ...this.list,
          this.object.a,
          this.deep.list[0]?.a,
          ...this.map.values(),
          ...this.set,
        ];
        const y = layers.reduce((h: Tensor, l) => (l as nn.Module).forward(h), x);
        const z = this.act2(this.act.forward(y));
        return this.late === null ? z : this.late.forward(z);
      }
    }
    const net = new Net();
    const f = compiled((x) => net.forward(x));
    f.expectFresh(1);
    const changes: (() => unknown)[] = [
      () => (net.plain = b),
      () => (net.list[0] = b),
      () => net.list.push(a),
      () => (net.object.a = b),
      () => ((net.deep.list[0] as { a: nn.Module }).a = b),
      () => net.map.set('a', b),
      () => net.map.set('b', a),
      () => net.set.delete(a) && net.set.add(b),
      () => (net.act = new nn.Tanh()),
      () => (net.act2 = nn.functional.sigmoid),
      () => (net.late = a),
      () => Object.assign(net, { plain: layer() }),
    ];
    changes.forEach((change, i) => {
      change();
      f.expectFresh(i + 2);
    });
  });

  it('what hangs on a module that is not called itself', () => {
    class Net extends nn.Module {
      parts = { encoder: new nn.Linear(2, 2), scale: new nn.Parameter(ones([2])) };
      forward(): never {
        throw new Error('not called');
      }
      encode(x: Tensor): Tensor {
        return this.parts.encoder.forward(x);
      }
    }
    const net = new Net();
    const outer = { net };
    const [byMethod, byHand, byTensor] = [
      compiled((x) => net.encode(x)),
      compiled((x) => outer.net.parts.encoder.forward(x)),
      compiled((x) => mul(x, net.parts.scale)),
    ] as const;
    for (const f of [byMethod, byHand, byTensor]) f.expectFresh(1);
    net.parts.encoder = new nn.Linear(2, 2);
    net.parts.scale = new nn.Parameter(randn([2]));
    for (const f of [byMethod, byHand, byTensor]) f.expectFresh(2);
  });

  it('an adapter under a name that there was not', () => {
    class Net extends nn.Module {
      base = new nn.Linear(2, 2);
      forward(x: Tensor): Tensor {
        const { adapter } = this as { adapter?: nn.Module };
        const y = this.base.forward(x);
        return adapter === undefined ? y : y.add(adapter.forward(x));
      }
    }
    const net = new Net();
    const f = compiled((x) => net.forward(x));
    f.expectFresh(1);
    Object.assign(net, { adapter: new nn.Linear(2, 2) });
    f.expectFresh(2);
    Object.assign(net, { adapter: undefined });
    f.expectFresh(2); // as at first
    Object.assign(net, { adapter: net.base });
    f.expectFresh(3);
  });

  it('nothing where nothing changed: other modules, numbers, tensors that are neither parameters nor buffers', () => {
    class Net extends nn.Module {
      fc = new nn.Linear(2, 2);
      calls = 0;
      last: Tensor | null = null;
      log: unknown[] = [];
      forward(x: Tensor): Tensor {
        return this.fc.forward(x);
      }
    }
    const net = new Net();
    const f = compiled((x) => net.forward(x));
    f.expectFresh(1);
    for (let i = 0; i < 5; i++) {
      net.calls++;
      net.last = i % 2 === 0 ? zeros([1]) : null;
      net.log.push({ step: i, loss: zeros([1]) });
      nn.sequential(new nn.Linear(1, 1)).to('float64');
      f.expectFresh(1);
    }
  });

  it('a step that trains goes on with the new parameter', () => {
    const layer = new nn.Linear(1, 1, { bias: false });
    const optimizer = new optim.SGD(layer.parameters(), { lr: 0.5 });
    const step = compile((x: Tensor) => {
      const loss = layer.forward(x).sum();
      layer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const x = ones([1, 1]);
    step.sync(x);
    const old = layer.weight;
    layer.weight = new nn.Parameter(tensor([[10]]));
    optimizer.addParamGroup({ params: [layer.weight], lr: 0.25 });
    const before = old.item();
    expect([step.sync(x).item(), step.sync(x).item()]).toEqual([10, 9.75]);
    expect([layer.weight.item(), old.item()]).toEqual([9.5, before]);
  });

  it('lets lost modules be collected, in a synchronous loop too', () => {
    expect(() => {
      for (let i = 0; i < 3000; i++) new nn.Linear(256, 256); // 786 MB
    }).not.toThrow();
    expect(StateError).toBeDefined();
  });
});
