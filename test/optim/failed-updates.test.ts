// Updates of many tensors change all of them or, when one fails (no memory, a lock, a disposed tensor), none.
import { describe, expect, it } from 'vitest';
import { nn, noGrad, ones, optim, randn, StateError, type Tensor, tensor, zeros } from '../../lib/index.js';
import { holdUntilTurn } from '../support/queued.js';
import { errorOf } from '../support/refusals.js';
import { type AnyOptimizer, everything, imageOf, withLittleMemory } from '../support/whole.js';

/** Runs `use` while `w` is locked: it must throw and leave everything else as it was. */
async function whileLocked(w: Tensor, use: () => void, others: readonly Tensor[], optimizer?: AnyOptimizer) {
  const before = everything(others, optimizer && withoutStateOf(optimizer, w));
  const held = holdUntilTurn((one) => w.add_(one));
  const error = errorOf(use);
  expect(error).toBeInstanceOf(StateError);
  expect((error as Error).message).toMatch(/is in use by a compiled step/);
  expect(everything(others, optimizer && withoutStateOf(optimizer, w))).toEqual(before);
  await held;
}

// While a state tensor is locked, it cannot be read.
function withoutStateOf(optimizer: AnyOptimizer, w: Tensor): Pick<AnyOptimizer, 'stateDict'> {
  const saved = optimizer.stateDict();
  const state = Object.fromEntries(
    Object.entries(saved.state).map(([i, s]) => [i, Object.fromEntries(Object.entries(s).filter(([, t]) => t !== w))]),
  );
  return { stateDict: () => ({ ...saved, state }) } as never;
}

type Groups = { params: Tensor[] }[];
const optimizers: [string, (groups: Groups) => unknown][] = [
  ['SGD', (groups) => new optim.SGD(groups, { lr: 0.1, momentum: 0.9 })],
  ['Adam', (groups) => new optim.Adam(groups, { lr: 0.1, amsgrad: true })],
  ['RMSprop', (groups) => new optim.RMSprop(groups, { lr: 0.1, momentum: 0.9, centered: true })],
  ['Adagrad', (groups) => new optim.Adagrad(groups, { lr: 0.1 })],
  // updated one tensor operation after the other
  ['Adamax', (groups) => new optim.Adamax(groups, { lr: 0.1 })],
  ['NAdam', (groups) => new optim.NAdam(groups, { lr: 0.1 })],
];

function twoGroups(): Tensor[] {
  return [
    tensor([1, 2, 3], { requiresGrad: true }),
    tensor([4, 5], { requiresGrad: true, dtype: 'float64' }),
    tensor([6, 7], { requiresGrad: true }),
  ];
}

describe.each(optimizers)('%s.step with two groups', (name, makeAny) => {
  const make = makeAny as (groups: Groups) => AnyOptimizer;
  const start = (): { params: Tensor[]; optimizer: AnyOptimizer; step: () => void } => {
    const params = twoGroups();
    const optimizer = make([{ params: params.slice(0, 2) }, { params: params.slice(2) }]);
    for (const p of params) p.grad = ones(p.shape, { dtype: p.dtype });
    return { params, optimizer, step: () => optimizer.step() };
  };

  it('without memory', () => {
    const { params, optimizer, step } = start();
    const before = everything(params, optimizer);
    const blocks = withLittleMemory(step, () => expect(everything(params, optimizer)).toEqual(before));
    expect(blocks).toBeGreaterThan(5); // state of three parameters
    const twin = start();
    twin.step();
    expect(everything(params, optimizer)).toEqual(everything(twin.params, twin.optimizer));
  });

  it('of which the last parameter, its gradient or its state is locked', async () => {
    const { params, optimizer, step } = start();
    const [a, b, c] = params as [Tensor, Tensor, Tensor];
    await whileLocked(c, step, [a, b], optimizer);
    step();
    await whileLocked(c.grad as Tensor, step, [a, b], optimizer);
    const state = optimizer.stateDict().state[2] as Record<string, Tensor>;
    const key = Object.keys(state).find((k) => k !== 'step') as string;
    await whileLocked(state[key] as Tensor, step, [a, b, c], optimizer);
  });

  it('of which the last gradient was disposed', () => {
    const { params, optimizer, step } = start();
    const gradient = params[2]?.grad as Tensor;
    gradient.dispose();
    const before = everything(params.slice(0, 2), optimizer);
    expect(step).toThrow('disposed tensor');
    expect(everything(params.slice(0, 2), optimizer)).toEqual(before);
  });

  describe(`${name}.loadStateDict`, () => {
    const saved = start();
    for (let i = 0; i < 3; i++) saved.step();
    const given = saved.optimizer.stateDict();
    for (const group of given.param_groups) group.lr = 0.7;

    it('without memory, into an optimizer without state', () => {
      const { params, optimizer } = start();
      const before = everything(params, optimizer);
      const load = (): void => optimizer.loadStateDict(given as never);
      const blocks = withLittleMemory(load, () => expect(everything(params, optimizer)).toEqual(before));
      expect(blocks).toBeGreaterThan(5);
      expect(everything([], optimizer)).toEqual(everything([], { stateDict: () => given } as never));
    });

    it('into the tensors it has, for which no memory is needed', () => {
      const { optimizer, step } = start();
      step();
      const tensors = Object.values(optimizer.stateDict().state).flatMap((s) => Object.values(s));
      const blocks = withLittleMemory(
        () => optimizer.loadStateDict(given as never),
        () => expect.unreachable(),
      );
      expect(blocks).toBe(0);
      expect(Object.values(optimizer.stateDict().state).flatMap((s) => Object.values(s))).toEqual(tensors);
      expect(everything([], optimizer)).toEqual(everything([], { stateDict: () => given } as never));
    });

    it('while its state, or what is given, is locked', async () => {
      const { params, optimizer, step } = start();
      step();
      const load = (): void => optimizer.loadStateDict(given as never);
      for (const state of [optimizer.stateDict().state[2], given.state[2]] as Record<string, Tensor>[]) {
        const key = Object.keys(state).find((k) => k !== 'step') as string;
        await whileLocked(state[key] as Tensor, load, params, optimizer);
      }
    });

    it('from its own state, in another order', () => {
      const params = [tensor([1], { requiresGrad: true }), tensor([2], { requiresGrad: true })];
      const optimizer = make([{ params }]);
      params.forEach((p, i) => {
        p.grad = tensor([i + 1]);
      });
      optimizer.step();
      const { state, param_groups } = optimizer.stateDict();
      const [first, second] = [0, 1].map((i) => Object.entries(state[i] ?? {}).map(([k, t]) => [k, imageOf(t)]));
      expect(first).not.toEqual(second);
      optimizer.loadStateDict({ state: { 0: state[1], 1: state[0] }, param_groups } as never);
      const swapped = optimizer.stateDict().state;
      expect(Object.entries(swapped[0] ?? {}).map(([k, t]) => [k, imageOf(t)])).toEqual(second);
      expect(Object.entries(swapped[1] ?? {}).map(([k, t]) => [k, imageOf(t)])).toEqual(first);
    });
  });
});

describe('optimizers', () => {
  it('keep names of a saved state apart from those of JavaScript', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const p = tensor([1, 2], { requiresGrad: true });
    const optimizer = new optim.SGD([p], { lr: 0.5, momentum: 0.5 });
    const given = Object.fromEntries(names.map((name, i) => [name, tensor([i, i])]));
    const { param_groups } = optimizer.stateDict();
    optimizer.loadStateDict({ state: { 0: { ...given, momentum_buffer: tensor([2, 4]) } }, param_groups });
    const loaded = optimizer.stateDict().state[0] ?? {};
    expect(Object.keys(loaded).sort()).toEqual([...names, 'momentum_buffer', 'step'].sort());
    for (const name of names) expect(Object.entries(loaded).find(([key]) => key === name)?.[1]).toEqual(given[name]);
    p.grad = ones([2]);
    optimizer.step();
    expect(p.toArray()).toEqual([1 - 0.5 * (1 + 0.5 * 2), 2 - 0.5 * (1 + 0.5 * 4)]);
  });

  it('refuse a saved state of another form', () => {
    const p = tensor([1, 2], { requiresGrad: true });
    const optimizer = new optim.SGD([p], { momentum: 0.5 });
    p.grad = ones([2]);
    optimizer.step();
    const { state, param_groups } = optimizer.stateDict();
    const before = everything([p], optimizer as never);
    const refused: [unknown, string][] = [
      [
        optimizer,
        'SGD: the saved state must have groups of 1 parameters, got an object of class SGD; pass its stateDict()',
      ],
      [{ param_groups }, 'SGD: state must be an object with the state of each parameter, got undefined'],
      [
        { state: new Map(), param_groups },
        'SGD: state must be an object with the state of each parameter, got an object of class Map',
      ],
      [{ state: { 0: 5 }, param_groups }, 'SGD: state of parameter 0 must be an object of tensors, got 5'],
      [
        { state, param_groups: [{ ...param_groups[0], params: ['constructor'] }] },
        'SGD: params of the saved groups must be numbers of parameters, got "constructor"',
      ],
      [
        { state: { 0: { ...state[0], momentum_buffer: null } }, param_groups },
        'SGD: state momentum_buffer of parameter 0 must be a tensor, got null',
      ],
    ];
    for (const [saved, text] of refused) {
      expect(() => optimizer.loadStateDict(saved as never)).toThrow(text);
    }
    expect(everything([p], optimizer as never)).toEqual(before);
  });

  it('add no group when there is no memory for it', () => {
    const [p, q] = [ones([2], { requiresGrad: true }), ones([2], { requiresGrad: true })];
    const optimizer = new optim.SGD([p], { lr: 0.5 });
    const before = everything([p, q], optimizer as never);
    const blocks = withLittleMemory(
      () => optimizer.addParamGroup({ params: [q], lr: 0.25 }),
      () => expect(everything([p, q], optimizer as never)).toEqual(before),
    );
    expect(blocks).toBeGreaterThan(0);
    for (const t of [p, q]) t.grad = ones([2]);
    optimizer.step();
    expect([p.toArray(), q.toArray()]).toEqual([
      [0.5, 0.5],
      [0.75, 0.75],
    ]);
  });
});

describe('Module.loadStateDict', () => {
  const make = () => nn.sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3), new nn.Linear(3, 1));

  it('while a parameter, or what is given, is locked', async () => {
    const [model, other] = [make(), make()];
    const state = model.stateDict();
    for (const [locked, ...rest] of [
      [state.get('2.bias'), ...state.values()],
      [other.stateDict().get('2.bias'), ...state.values()],
    ] as Tensor[][]) {
      const free = rest.filter((t) => t !== locked);
      await whileLocked(locked as Tensor, () => model.loadStateDict(other.stateDict()), free);
    }
  });

  it('converts without memory', () => {
    const [model, other] = [make(), make().to('float64')];
    const blocks = withLittleMemory(
      () => model.loadStateDict(other.stateDict()),
      () => expect.unreachable(),
    );
    expect(blocks).toBe(0);
    for (const [name, t] of other.stateDict()) {
      const want = t.dtype === 'float64' ? Float32Array.from(t.toTypedArray()) : t.toTypedArray();
      expect(Buffer.from(model.stateDict().get(name)?.toTypedArray().buffer as ArrayBuffer)).toEqual(
        Buffer.from(want.buffer),
      );
    }
  });

  it('from its own tensors, under other names', () => {
    const model = nn.sequential(new nn.Linear(2, 2, { bias: false }), new nn.Linear(2, 2, { bias: false }));
    const [a, b] = model.parameters() as [Tensor, Tensor];
    const [first, second] = [a.toArray(), b.toArray()];
    model.loadStateDict({ '0.weight': b, '1.weight': a.detach() });
    expect([a.toArray(), b.toArray()]).toEqual([second, first]);
  });

  it('needs one name of a tensor that has two', () => {
    class Tied extends nn.Module {
      encoder = new nn.Linear(2, 2, { bias: false });
      decoder = new nn.Linear(2, 2, { bias: false });
      norm = new nn.LayerNorm([2]);
      constructor() {
        super();
        this.decoder.weight = this.encoder.weight;
      }
      forward(x: Tensor): Tensor {
        return this.norm.forward(this.decoder.forward(this.encoder.forward(x)));
      }
    }
    const model = new Tied();
    const weight = randn([2, 2]);
    const norm = { 'norm.weight': zeros([2]), 'norm.bias': ones([2]) };
    for (const name of ['encoder.weight', 'decoder.weight']) {
      noGrad(() => model.encoder.weight.zero_());
      expect(model.loadStateDict({ [name]: weight, ...norm })).toEqual({ missingKeys: [], unexpectedKeys: [] });
      expect(model.decoder.weight.toArray()).toEqual(weight.toArray());
    }
    expect(() => model.loadStateDict(norm)).toThrow('missing encoder.weight, decoder.weight');
  });
});
