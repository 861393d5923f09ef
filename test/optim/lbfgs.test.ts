// L-BFGS against PyTorch, which it must follow evaluation by evaluation.
import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  compile,
  type DType,
  log1p,
  nn,
  noGrad,
  ones,
  optim,
  StateError,
  scope,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { fromGolden, type Golden, readGolden } from '../support/golden.js';

interface Case {
  problem: 'logistic' | 'rosenbrock' | 'wavy';
  dtype: 'float32' | 'float64';
  options: Partial<optim.LBFGSOptions>;
  steps: { loss: number; parameters: number[]; iterations: number; evaluations: number }[];
}
const { data, cases } = readGolden<{ data: { X: Golden; y: Golden }; cases: Case[] }>('lbfgs');

function problem(name: Case['problem'], dtype: DType): { params: Tensor[]; f: () => Tensor } {
  if (name === 'rosenbrock') {
    const [a, b] = [-1.5, 2].map((v) => tensor(v, { dtype, requiresGrad: true })) as [Tensor, Tensor];
    return { params: [a, b], f: () => a.neg().add(1).square().add(b.sub(a.square()).square().mul(100)) };
  }
  if (name === 'wavy') {
    const x = tensor([2, -1.3], { dtype, requiresGrad: true });
    return { params: [x], f: () => x.square().div(20).add(x.mul(3).sin()).sum() };
  }
  const [X, y] = [data.X, data.y].map((t) => fromGolden(t).to(dtype)) as [Tensor, Tensor];
  const [w, b] = [[3, 1], [1]].map((s) => ones(s, { dtype }).mul(0.5).detach()) as [Tensor, Tensor];
  for (const p of [w, b]) p.requiresGrad = true;
  const f = () =>
    log1p(y.neg().mul(X.matmul(w).add(b)).exp())
      .mean()
      .add(w.square().sum().div(20));
  return { params: [w, b], f };
}

function start(c: Case): { params: Tensor[]; optimizer: optim.LBFGS; closure: () => Tensor; step: () => Tensor } {
  const { params, f } = problem(c.problem, c.dtype);
  const optimizer = new optim.LBFGS(params, c.options);
  const closure = (): Tensor => {
    optimizer.zeroGrad();
    const loss = c.options.maximize ? f().neg() : f();
    loss.backward();
    return loss;
  };
  return { params, optimizer, closure, step: () => optimizer.step(closure) };
}

const flat = (tensors: readonly Tensor[]): number[] => tensors.flatMap((t) => Array.from(t.toTypedArray()));

function expectClose(got: readonly number[], want: readonly number[], dtype: DType): void {
  const limit = dtype === 'float64' ? 1e-10 : 1e-4;
  want.forEach((v, i) => {
    expect(Math.abs((got[i] as number) - v), `${got} and PyTorch's ${want}`).toBeLessThan(
      limit * Math.max(1, Math.abs(v)),
    );
  });
}

describe('four steps against PyTorch', () => {
  it.each(cases.map((c) => [`${c.problem} ${JSON.stringify(c.options)} ${c.dtype}`, c] as const))('%s', (_, c) => {
    const { params, optimizer, step } = start(c);
    for (const want of c.steps) {
      const loss = scope(() => step());
      expectClose([loss.item(), ...flat(params)], [want.loss, ...want.parameters], c.dtype);
      const state = optimizer.stateDict().state[0];
      if (c.dtype === 'float64') {
        expect([state?.n_iter?.item(), state?.func_evals?.item()]).toEqual([want.iterations, want.evaluations]);
      }
    }
  });

  it.each(cases.map((c) => [`${c.problem} ${JSON.stringify(c.options)} ${c.dtype}`, c] as const))(
    'goes on from its saved state: %s',
    (_, c) => {
      const [first, second] = [start(c), start(c)];
      for (let i = 0; i < 2; i++) first.step();
      second.params.forEach((p, i) => {
        noGrad(() => p.copy_(first.params[i] as Tensor));
      });
      second.optimizer.loadStateDict(first.optimizer.stateDict());
      for (let i = 2; i < 4; i++) expect(second.step().item()).toBe(first.step().item());
      expect(flat(second.params)).toEqual(flat(first.params));
    },
  );
});

describe('LBFGS', () => {
  const made = () =>
    start({ problem: 'rosenbrock', dtype: 'float64', options: { lineSearchFn: 'strongWolfe' }, steps: [] });

  it('finds the minimum of a function and of a regression', () => {
    const { params, step } = made();
    for (let i = 0; i < 3; i++) step();
    expectClose(flat(params), [1, 1], 'float32');
    const model = new nn.Linear(2, 1);
    const x = tensor([
      [1, 0],
      [0, 1],
      [1, 1],
      [2, -1],
    ]);
    const y = x.matmul(tensor([[2], [-3]])).add(0.5);
    const optimizer = new optim.LBFGS(model.parameters(), 1, { lineSearchFn: 'strongWolfe' });
    optimizer.step(() => {
      optimizer.zeroGrad();
      const loss = nn.functional.mseLoss(model.forward(x), y);
      loss.backward();
      return loss;
    });
    expectClose(flat(model.parameters()), [2, -3, 0.5], 'float32');
  });

  it('counts a parameter without a gradient as one with zeros', () => {
    const [p, q] = [ones([2], { requiresGrad: true }), ones([1], { requiresGrad: true })];
    const optimizer = new optim.LBFGS([p, q]);
    optimizer.step(() => {
      optimizer.zeroGrad();
      const loss = p.square().sum();
      loss.backward();
      return loss.item();
    });
    expectClose([...flat([p]), q.item()], [0, 0, 1], 'float32');
  });

  it('changes nothing when its closure throws, whether at first or in the middle', () => {
    for (const failing of [1, 4]) {
      const { params, optimizer, closure, step } = made();
      step();
      const image = () => {
        const { state, param_groups } = optimizer.stateDict();
        return [flat(params), Object.entries(state[0] ?? {}).map(([k, t]) => [k, t.toArray()]), param_groups];
      };
      const before = image();
      let calls = 0;
      const fails = () => {
        if (++calls === failing) throw new Error('mine');
        return closure();
      };
      expect(() => optimizer.step(fails)).toThrow('mine');
      expect(image()).toEqual(before);
    }
  });

  it('goes on after its parameters were converted', () => {
    const model = new nn.Linear(2, 1);
    const optimizer = new optim.LBFGS(model.parameters(), { maxIter: 2 });
    const step = (dtype: DType) =>
      optimizer.step(() => {
        optimizer.zeroGrad();
        const loss = model
          .forward(ones([3, 2], { dtype }))
          .square()
          .sum();
        loss.backward();
        return loss;
      });
    step('float32');
    model.to('float64');
    expect(step('float64').dtype).toBe('float64');
    expect(optimizer.stateDict().state[0]?.d?.dtype).toBe('float64');
  });

  it('is followed by a schedule', () => {
    const optimizer = new optim.LBFGS([ones([1], { requiresGrad: true })], 0.5);
    new optim.lrScheduler.ExponentialLR(optimizer, 0.5).step();
    expect(optimizer.paramGroups[0]?.lr).toBe(0.25);
  });

  const p = () => ones([2], { requiresGrad: true });
  const loaded = (change: (state: Record<string, Tensor>) => object) => () => {
    const { optimizer, step } = made();
    step();
    const saved = optimizer.stateDict();
    optimizer.loadStateDict({ ...saved, state: { 0: change({ ...saved.state[0] }) } } as never);
  };
  // biome-ignore format: one line a row
  const table: [string, () => unknown, new (message: string) => Error, string][] = [
    ['no closure', () => new optim.LBFGS([p()]).step(undefined as never), ArgumentError, 'LBFGS.step: closure must be a function, got undefined'],
    ['no loss', () => new optim.LBFGS([p()]).step(() => undefined), ArgumentError, 'LBFGS.step: the closure must return the loss, a number or a tensor with one element, got undefined'],
    ['groups', () => new optim.LBFGS([{ params: [p()] }, { params: [p()] }]), ArgumentError, 'LBFGS: params must be one group, as all parameters share one step, got another group'],
    ['dtypes', () => new optim.LBFGS([p(), ones([1], { dtype: 'float64', requiresGrad: true })]), ArgumentError, 'LBFGS: parameters must have one dtype, got float32 and float64'],
    ['search', () => new optim.LBFGS([p()], { lineSearchFn: 'strong_wolfe' as never }), ArgumentError, 'LBFGS: lineSearchFn must be strongWolfe or null, got "strong_wolfe"'],
    ['maxIter', () => new optim.LBFGS([p()], { maxIter: 0 }), ArgumentError, 'LBFGS: maxIter must be an integer of at least 1, got 0'],
    ['historySize', () => new optim.LBFGS([p()], { historySize: 1.5 }), ArgumentError, 'LBFGS: historySize must be an integer of at least 1, got 1.5'],
    ['state', loaded(() => ({ d: zeros([2]) })), StateError, 'LBFGS: the saved state must have func_evals, n_iter, d, t, old_dirs, old_stps, ro, H_diag, prev_flat_grad, prev_loss, got d'],
    ['shape', loaded((state) => ({ ...state, d: zeros([3]) })), StateError, 'LBFGS: state d must be [2], got [3]'],
    ['rows', loaded((state) => ({ ...state, ro: zeros([1]) })), StateError, 'LBFGS: state old_dirs must be [1, 2], got ['],
    ['number', loaded((state) => ({ ...state, n_iter: tensor(0.5) })), ArgumentError, 'LBFGS: state n_iter must be an integer of at least 0, got 0.5'],
  ];
  it.each(table)('refuses: %s', (_, call, Class, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(Class);
  });

  it('cannot be compiled', () => {
    const { optimizer, closure } = made();
    const step = compile(() => optimizer.step(closure));
    expect(() => step.sync()).toThrow(StateError);
    expect(() => step.sync()).toThrow('LBFGS.step: reads a value while a step is being recorded');
  });
});
