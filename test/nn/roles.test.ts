// Parameters and buffers.
import { expect, it } from 'vitest';
import { DTypeError, isGradEnabled, nn, ones, type Tensor, tensor, zeros } from '../../lib/index.js';
import { errorOf } from '../support/refusals.js';

const textOf = (run: () => unknown): string => (errorOf(run) as Error).message;

class Net extends nn.Module {
  scale: nn.Parameter = new nn.Parameter(ones([2]));
  frozen = new nn.Parameter(ones([2]), false);
  alsoFrozen = new nn.Parameter(ones([2]), { requiresGrad: false });
  count = new nn.Buffer(zeros([1], { dtype: 'int32' }));
  cache: nn.Buffer = new nn.Buffer(zeros([3]), { persistent: false });
  note = ones([3]);
  forward(x: Tensor): Tensor {
    return x.mul(this.scale);
  }
}

it('a tensor becomes one, and is the same tensor', () => {
  const t = tensor([1, 2]);
  expect(new nn.Parameter(t)).toBe(t);
  expect([t.requiresGrad, t instanceof nn.Parameter, t instanceof nn.Buffer]).toEqual([true, true, false]);
  expect(new nn.Buffer(t)).toBe(t);
  expect([t instanceof nn.Parameter, t instanceof nn.Buffer]).toEqual([false, true]);
  for (const other of [ones([1]), null, undefined, 3, {}]) expect(other instanceof nn.Parameter).toBe(false);
  expect([nn.Parameter.name, nn.Buffer.name]).toEqual(['Parameter', 'Buffer']);
  expect(isGradEnabled()).toBe(true);
});

it('are found, trained, saved and converted as they are', () => {
  const net = new Net();
  expect(net.namedParameters().map(([name, p]) => [name, p.requiresGrad])).toEqual([
    ['scale', true],
    ['frozen', false],
    ['alsoFrozen', false],
  ]);
  expect(net.namedBuffers().map(([name]) => name)).toEqual(['count', 'cache']);
  expect([...net.stateDict().keys()]).toEqual(['scale', 'frozen', 'alsoFrozen', 'count']);
  expect(net.to('float64').cache.dtype).toBe('float64');
  const other = new Net().to('float64');
  expect(other.loadStateDict(net.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
  new nn.Buffer(net.cache);
  expect([...net.stateDict().keys()]).toContain('cache');
});

it('wrong arguments are refused', () => {
  const leaf = ones([1], { requiresGrad: true });
  const rule = 'Parameter: data must be a leaf, got the result of a recorded operation; use detach()';
  expect(textOf(() => new nn.Parameter(leaf.mul(2)))).toBe(rule);
  expect(errorOf(() => new nn.Parameter(zeros([1], { dtype: 'int32' })))).toBeInstanceOf(DTypeError);
  expect(textOf(() => new nn.Parameter([1] as never))).toBe('Parameter: data must be a tensor, got [1]');
  expect(textOf(() => new nn.Parameter(ones([1]), { grad: true } as never))).toBe(
    'Parameter: unknown option "grad"; known are requiresGrad',
  );
  expect(textOf(() => new nn.Buffer(ones([1]), { persistent: 1 as never }))).toBe(
    'Buffer: persistent must be a boolean, got 1',
  );
  const call = nn.Parameter as unknown as (t: Tensor) => Tensor;
  expect(textOf(() => call(ones([1])))).toBe('Parameter: a class must be called with new; write new nn.Parameter(…)');
});

it('wrong arguments are wrong types, too', () => {
  const [layer, t] = [new nn.Linear(1, 1), ones([1])];
  const refused = [
    // @ts-expect-error a parameter is made of a tensor
    () => new nn.Parameter([1, 2]),
    // @ts-expect-error new is missing
    () => nn.Parameter(t),
    // @ts-expect-error new is missing
    () => nn.ReLU(),
    // @ts-expect-error persistent is an option of buffers
    () => new nn.Parameter(t, { persistent: false }),
    // @ts-expect-error a list of modules
    () => new nn.ModuleList(layer),
    // @ts-expect-error a module, not its class
    () => new nn.ModuleList([nn.Linear]),
    // @ts-expect-error a module, not its class
    () => new nn.Sequential(layer, nn.ReLU),
    // @ts-expect-error no option of this loss
    () => new nn.MSELoss({ weight: t }),
    // @ts-expect-error losses are called by forward
    () => new nn.MSELoss()(t, t),
    // @ts-expect-error another library's name
    () => new nn.CrossEntropyLoss({ class_weight: t }),
    // @ts-expect-error a name
    () => new nn.ModuleDict({ a: layer }).get(0),
  ];
  for (const run of refused) expect(errorOf(run)).toBeInstanceOf(Error);
});
