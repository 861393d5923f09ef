// Training programs of all kinds, eager against compiled, in each way of calling: results, parameters, optimizer state,
// buffers and generators are equal in every bit.
import { describe, expect, it } from 'vitest';
import {
  add,
  cat,
  Generator,
  grad,
  mul,
  nn,
  noGrad,
  optim,
  rand,
  randint,
  randn,
  type Tensor,
  zeros,
} from '../../lib/index.js';
import {
  classes,
  entropy,
  expectSameOutcome,
  type Make,
  many,
  net,
  outcome,
  stateOf,
  type Training,
  training,
} from '../support/compiled.js';

describe('optimizers', () => {
  const options: [string, (p: Tensor[]) => optim.SGD | optim.Adam][] = [
    ['SGD', (p) => new optim.SGD(p, { lr: 0.1 })],
    ['SGD momentum', (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9 })],
    ['SGD dampening', (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.3, weightDecay: 0.01 })],
    ['SGD nesterov', (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true })],
    ['SGD maximize', (p) => new optim.SGD(p, { lr: 0.01, maximize: true })],
    ['Adam', (p) => new optim.Adam(p, { lr: 0.01 })],
    ['Adam all', (p) => new optim.Adam(p, { lr: 0.01, betas: [0.8, 0.9], eps: 1e-6, weightDecay: 0.1, amsgrad: true })],
    ['Adam maximize', (p) => new optim.Adam(p, { maximize: true })],
    ['AdamW', (p) => new optim.AdamW(p, { lr: 0.01, weightDecay: 0.1, amsgrad: true })],
    [
      'groups',
      (p) =>
        new optim.SGD(
          [
            { params: p.slice(0, 2), lr: 0.5 },
            { params: p.slice(2), momentum: 0.5 },
          ],
          { lr: 0.1 },
        ),
    ],
  ];
  it.each(options)('%s', async (_, make) => {
    await expectSameOutcome(() => {
      const model = net();
      return training(model, make(model.parameters()), entropy(model), many(classes));
    });
  });

  it('options changed between steps, flags too', async () => {
    await expectSameOutcome(() => {
      const model = net();
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      const before = (i: number): void => {
        Object.assign(optimizer.paramGroups[0] as object, {
          lr: 0.1 / (1 + i),
          momentum: 0.9 - i / 100,
          nesterov: i % 3 === 2,
        });
      };
      return { ...training(model, optimizer, entropy(model), many(classes, 20)), before };
    });
  });

  it('two optimizers in one step, in float64', async () => {
    await expectSameOutcome(() => {
      const model = net().to('float64') as nn.Sequential;
      const [a, b] = [
        new optim.SGD(model.parameters().slice(0, 2), { lr: 0.1 }),
        new optim.Adam(model.parameters().slice(2)),
      ];
      return {
        step: (x, y) => {
          const loss = nn.functional.crossEntropy(model.forward(x), y as Tensor);
          a.zeroGrad();
          b.zeroGrad();
          loss.backward();
          b.step();
          a.step();
          return loss;
        },
        batches: many(() => [randn([8, 6], { dtype: 'float64' }), randint(0, 4, [8])]),
        state: () => stateOf(model, a, b),
      };
    });
  });
});

describe('losses', () => {
  const target = () => [randn([8, 6]), rand([8, 4])];
  const weight = rand([4], { generator: new Generator(5) });
  const losses: [string, (y: Tensor, t: Tensor) => Tensor, () => Tensor[]][] = [
    ['mseLoss', (y, t) => nn.functional.mseLoss(y, t), target],
    ['l1Loss sum', (y, t) => nn.functional.l1Loss(y, t, { reduction: 'sum' }), target],
    ['huberLoss', (y, t) => nn.functional.huberLoss(y, t, { delta: 0.4 }), target],
    ['smoothL1Loss', (y, t) => nn.functional.smoothL1Loss(y, t, { beta: 0.3 }), target],
    ['binaryCrossEntropy', (y, t) => nn.functional.binaryCrossEntropy(nn.functional.sigmoid(y), t), target],
    [
      'binaryCrossEntropyWithLogits',
      (y, t) => nn.functional.binaryCrossEntropyWithLogits(y, t, { weight, posWeight: weight }),
      target,
    ],
    [
      'crossEntropy weighted',
      (y, t) => nn.functional.crossEntropy(y, t, { weight, labelSmoothing: 0.1, ignoreIndex: 2 }),
      classes,
    ],
    ['crossEntropy probabilities', (y, t) => nn.functional.crossEntropy(y, t), target],
    ['nllLoss', (y, t) => nn.functional.nllLoss(nn.functional.logSoftmax(y, { dim: 1 }), t, { weight }), classes],
    ['each element', (y, t) => nn.functional.mseLoss(y, t, { reduction: 'none' }).square().sum(), target],
  ];
  it.each(losses)('%s', async (_, loss, batch) => {
    await expectSameOutcome(() => {
      const model = net();
      const make: Make = ([x, t]) => loss(model.forward(x), t as Tensor);
      return training(model, new optim.SGD(model.parameters(), { lr: 0.1 }), make, many(batch));
    });
  });
});

describe('layers and what stands between backward and step', () => {
  const activations = [
    'elu',
    'gelu',
    'hardtanh',
    'leakyRelu',
    'mish',
    'relu',
    'selu',
    'sigmoid',
    'silu',
    'softplus',
    'tanh',
  ] as const;
  it.each(activations)('%s', async (name) => {
    await expectSameOutcome(() => {
      const model = nn.sequential(
        new nn.Linear(6, 9, { bias: false }),
        (x: Tensor) => nn.functional[name](x),
        new nn.Flatten(),
        new nn.Linear(9, 4),
      );
      return training(model, new optim.Adam(model.parameters()), entropy(model), many(classes, 3));
    });
  });

  it('dropout, drawing from two generators', async () => {
    await expectSameOutcome(() => {
      const own = new Generator(3);
      const model = nn.sequential(new nn.Linear(6, 50), nn.functional.relu, new nn.Dropout(0.3), new nn.Linear(50, 4));
      const make: Make = ([x, y]) => {
        const noisy = add(x as Tensor, randn([8, 6], { generator: own }).mul(0.1));
        return nn.functional.crossEntropy(model.forward(noisy), y as Tensor);
      };
      const t = training(model, new optim.SGD(model.parameters(), { lr: 0.1 }), make, many(classes, 12));
      return { ...t, state: () => [...t.state(), own.state] };
    });
  });

  it.each([
    ['norm', (p: Tensor[]) => [nn.utils.clipGradNorm_(p, 0.1)]],
    ['largest', (p: Tensor[]) => [nn.utils.clipGradNorm_(p, 0.1, { normType: Number.POSITIVE_INFINITY })]],
    ['value', (p: Tensor[]) => [nn.utils.clipGradValue_(p, 0.01)].flatMap(() => [])],
    ['gradients returned', (p: Tensor[]) => p.map((t) => t.grad as Tensor)],
  ])('clipping, %s', async (_, after) => {
    await expectSameOutcome(() => {
      const model = net();
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.5 });
      return training(model, optimizer, entropy(model), many(classes), () => after(model.parameters()));
    });
  });

  it('a moving average of the weights, in place', async () => {
    await expectSameOutcome(() => {
      const model = net();
      const average = model.parameters().map((p) => noGrad(() => p.clone()));
      const t = training(
        model,
        new optim.SGD(model.parameters(), { lr: 0.1 }),
        entropy(model),
        many(classes, 9),
        () => [],
      );
      const step = (...batch: Tensor[]) => {
        const result = t.step(...batch);
        noGrad(() => {
          for (const [i, p] of model.parameters().entries()) {
            const mean = average[i] as Tensor;
            mean.copy_(mul(mean, 0.9).add(mul(p, 0.1)));
          }
        });
        return result;
      };
      return { ...t, step, state: () => [...t.state(), ...average] };
    });
  });

  it('gradients of micro-batches added up in one step', async () => {
    await expectSameOutcome(() => {
      const model = net();
      const optimizer = new optim.Adam(model.parameters());
      return {
        step: (x, y) => {
          optimizer.zeroGrad();
          const losses = [0, 1, 2, 3].map((i) => {
            const part = { start: 2 * i, end: 2 * i + 2 };
            const loss = nn.functional
              .crossEntropy(model.forward((x as Tensor).slice(part)), (y as Tensor).slice(part))
              .mul(0.25);
            loss.backward();
            return loss.reshape([1]);
          });
          optimizer.step();
          return cat(losses).sum();
        },
        batches: many(classes),
        state: () => stateOf(model, optimizer),
      };
    });
  });

  it('a penalty on the gradient, differentiated twice', async () => {
    await expectSameOutcome(() => {
      const model = nn.sequential(new nn.Linear(6, 9), nn.functional.tanh, new nn.Linear(9, 1));
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
      const make: Make = ([x]) => {
        const point = (x as Tensor).detach();
        point.requiresGrad = true;
        const y = model.forward(point).sum();
        const [dx] = grad([y], [point], { createGraph: true });
        return add(y.square(), (dx as Tensor).square().sum().sub(1).square());
      };
      return training(model, optimizer, make, many(classes, 5));
    });
  });

  it('large enough for fused chains and for threads', async () => {
    await expectSameOutcome(() => {
      const model = nn.sequential(
        new nn.Linear(64, 200),
        nn.functional.gelu,
        new nn.Dropout(0.2),
        new nn.Linear(200, 160),
        nn.functional.silu,
      );
      const scale = new nn.Parameter(rand([160]));
      const running = zeros([160]);
      const optimizer = new optim.AdamW([...model.parameters(), scale]);
      const make: Make = ([x]) => {
        const h = model.forward(x);
        const centred = h.sub(h.mean({ dim: 0, keepDim: true }));
        const y = centred
          .mul(scale)
          .add(h.slice({ end: 1 }))
          .tanh()
          .mul(centred);
        noGrad(() => running.copy_(running.mul(0.9).add(h.mean({ dim: 0 }).mul(0.1))));
        return y.square().mean();
      };
      const t = training(
        model,
        optimizer,
        make,
        many(() => [randn([300, 64])], 4),
      );
      return { ...t, state: () => [...t.state(), scale, running] };
    });
  });
});

it('and a difference would be noticed', async () => {
  let calls = 0;
  const build = (): Training => {
    const model = net();
    const loss: Make = ([x, y]) => nn.functional.crossEntropy(model.forward(x).mul(1 + 1e-7 * calls++), y as Tensor);
    return training(model, new optim.SGD(model.parameters(), { lr: 0.1 }), loss, many(classes));
  };
  const eager = await outcome('eager', build);
  const compiled = await outcome('sync', build);
  expect(compiled.state).not.toEqual(eager.state);
});
