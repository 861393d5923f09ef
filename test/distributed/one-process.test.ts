// A run of one process works in every build: here in one that has no Gloo, as those for macOS and Windows.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compile, distributed, nn, ones, optim, tensor } from '../../lib/index.js';
import { native } from '../../lib/native.js';

const gloo = { groups: native.groups, codes: { ...native.codes } };
beforeAll(async () => {
  native.groups = null;
  for (const name of ['collective', 'reduce', 'wire'] as const) Reflect.deleteProperty(native.codes, name);
  await distributed.init();
});
afterAll(async () => {
  await distributed.destroy();
  native.groups = gloo.groups;
  Object.assign(native.codes, gloo.codes);
});

it('there are no other processes', async () => {
  expect(distributed.isAvailable()).toBe(false);
  expect([distributed.getRank(), distributed.getWorldSize()]).toEqual([0, 1]);
  await expect(distributed.init({ rank: 0, worldSize: 2 })).rejects.toThrow('it has been called before');
});

it('collectives give what it has itself', async () => {
  for (const op of ['sum', 'mean', 'min', 'max'] as const) {
    const x = tensor([1, 2]);
    await distributed.allReduce_(x, { op });
    expect(x.toArray()).toEqual([1, 2]);
    expect((await distributed.reduceScatter([x], { op })).toArray()).toEqual([1, 2]);
  }
  expect((await distributed.broadcast_(tensor([3]), 0)).toArray()).toEqual([3]);
  expect((await distributed.allGather(tensor([4]))).map((t) => t.toArray())).toEqual([[4]]);
  expect(await distributed.allGatherObject({ a: 5 })).toEqual([{ a: 5 }]);
  expect(await distributed.broadcastObject({ a: 6 }, 0)).toEqual({ a: 6 });
  await distributed.barrier();
});

/** Weights after two steps of SGD. */
async function trained(make: (inner: nn.Module) => nn.Module, wrap: boolean, compiled: boolean): Promise<number[]> {
  const inner = nn.sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3), new nn.Linear(3, 1));
  for (const p of inner.parameters()) p.detach().copy_(ones(p.shape.slice()).mul(0.5));
  const model = make(inner);
  const options = { lr: 0.1 };
  const optimizer = wrap
    ? new optim.ZeroRedundancyOptimizer(model.parameters(), optim.SGD, options)
    : new optim.SGD(model.parameters(), options);
  const x = tensor([
    [1, 2],
    [3, 5],
    [2, -1],
  ]);
  const step = () => {
    optimizer.zeroGrad();
    const loss = (model as nn.Sequential).forward(x).square().mean();
    loss.backward();
    optimizer.step();
    return loss.detach();
  };
  const run = compiled ? compile(step) : step;
  for (let i = 0; i < 2; i++) await run();
  return [...model.parameters()].flatMap((p) => [...p.toTypedArray()]);
}

it.each([false, true])(
  'models, norms and optimizers train as without `distributed`, compiled: %s',
  async (compiled) => {
    const plain = await trained((inner) => inner, false, compiled);
    const parallel = (inner: nn.Module) => {
      const model = new nn.DistributedDataParallel(nn.SyncBatchNorm.convertSyncBatchnorm(inner));
      return model;
    };
    expect(await trained(parallel, true, compiled)).toEqual(plain);
  },
);

it('averages of clients', async () => {
  const model = new nn.Linear(3, 1, { bias: false });
  model.weight.detach().fill_(0);
  const train = (net: nn.Linear, by: number) => {
    net.weight.detach().add_(by);
    return 1;
  };
  await new distributed.FederatedAverage(model, [1, 4], { train }).round();
  expect(model.weight.toArray()).toEqual([[2.5, 2.5, 2.5]]);
  const averager = new distributed.PeriodicModelAverager(1);
  await averager.averageParameters(model.parameters());
  expect(model.weight.toArray()).toEqual([[2.5, 2.5, 2.5]]);
});
