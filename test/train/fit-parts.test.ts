// The parts of `fit`: losses and weights, accumulation, averages, events, wrong input.
import { describe, expect, it } from 'vitest';
import { ArgumentError, ShapeError, StateError } from '../../lib/errors.js';
import {
  arange,
  data,
  manualSeed,
  nn,
  noGrad,
  ones,
  optim,
  randint,
  randn,
  tensor,
  train,
  zeros,
} from '../../lib/index.js';
import type { Tensor } from '../../lib/tensor.js';

const { crossEntropy, mseLoss } = nn.functional;
const { DataLoader, TensorDataset } = data;

/** A line through points: what can be computed by hand. */
function line(lr = 0.5) {
  const model = new nn.Linear(1, 1, { dtype: 'float64' });
  model.loadStateDict({ weight: tensor([[2]], { dtype: 'float64' }), bias: tensor([0], { dtype: 'float64' }) });
  return { model, optimizer: new optim.SGD(model.parameters(), { lr }) };
}
const points = (...xs: number[]) =>
  tensor(
    xs.map((x) => [x]),
    { dtype: 'float64' },
  );
const vector = (...xs: number[]) => tensor(xs, { dtype: 'float64' });
function expectClose(values: number[], due: number[], digits = 5): void {
  expect(values.length).toBe(due.length);
  for (const [i, value] of values.entries()) expect(value).toBeCloseTo(due[i] as number, digits);
}
const weightsOf = (model: nn.Module) => [...model.stateDict().values()].flatMap((t) => [...t.toTypedArray()]);

describe.each([false, true])('compile: %s', (compile) => {
  it('a loss is weighted by the weights of the samples', async () => {
    const { model, optimizer } = line();
    // Errors 2x: 2, 4. Weighted: (3 · 4 + 1 · 16) / 4 = 7; gradients: Σ w · 2 · e · x / Σ w = (3·2·2·1 + 1·2·4·2) / 4 = 7, and 5.
    const batches = [[points(1, 2), points(0, 0), vector(3, 1)]];
    const { history } = await train.fit(model, { data: batches, loss: mseLoss, optimizer, compile });
    expect(history[0]?.values).toEqual({ loss: 7, lr: 0.5 });
    expect(weightsOf(model)).toEqual([2 - 3.5, -2.5]);
  });

  it('several losses have weights, and outputs and targets by name', async () => {
    class Two extends nn.Module {
      a = new nn.Parameter(vector(1));
      forward(x: Tensor, y: Tensor) {
        return { sum: x.add(y).mul(this.a), difference: x.sub(y).mul(this.a) };
      }
    }
    const model = new Two();
    const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
    const l1 = (o: Tensor, t: Tensor) => o.sub(t).abs().mean();
    const batch = { input: [points(3), points(1)], target: { sum: points(1), difference: points(0) } };
    const { history } = await train.fit(model, {
      data: [batch],
      loss: { sum: l1, difference: new nn.MSELoss() },
      lossWeights: { difference: 0.25 },
      optimizer,
      compile,
    });
    // |4 - 1| = 3, 2² = 4; gradients 4 and 2 · 2 · 2 / 4 = 2
    expect(history[0]?.values).toEqual({ loss: 4, 'loss.sum': 3, 'loss.difference': 4, lr: 1 });
    expect(weightsOf(model)).toEqual([1 - 6]);
  });

  it('accumulated gradients are those of one batch of all samples, whatever their number in each', async () => {
    const [whole, parts] = [line(), line()];
    const x = points(1, 2, 3, 4, 5);
    const y = points(1, 0, 2, 0, 1);
    await train.fit(whole.model, { optimizer: whole.optimizer, data: [[x, y]], loss: mseLoss, compile });
    const data = new DataLoader(new TensorDataset(x, y), { batchSize: 2 });
    const result = await train.fit(parts.model, {
      optimizer: parts.optimizer,
      data,
      loss: mseLoss,
      accumulate: 5,
      compile,
    });
    expect(result.steps).toBe(1);
    expectClose(weightsOf(parts.model), weightsOf(whole.model), 12);
  });

  it('gradients are clipped, and weights averaged; the average is what is validated', async () => {
    const { model, optimizer } = line(1);
    const batches = [[points(1), points(0)]]; // gradients 4 and 4
    const ema = new optim.EMA(model, 0.5);
    ema.updateParameters(model);
    const validate = [[points(1), points(0)]];
    const clipGradNorm = Math.SQRT2;
    const options = { data: batches, loss: mseLoss, optimizer, clipGradNorm, ema, validate, compile };
    const { history } = await train.fit(model, options);
    expectClose(weightsOf(model), [1, -1]);
    expectClose(weightsOf(ema.module), [1.5, -0.5]);
    expect(history[0]?.values['validation.loss']).toBeCloseTo(1, 5);
  });

  it('the mean loss counts samples, not batches', async () => {
    const { model, optimizer } = line(0);
    const loader = new DataLoader(new TensorDataset(points(1, 1, 2), points(0, 0, 0)), { batchSize: 2 });
    const { history } = await train.fit(model, { data: loader, loss: mseLoss, optimizer, compile });
    expect(history[0]?.values.loss).toBeCloseTo((4 + 4 + 16) / 3, 12);
  });
});

describe('events', () => {
  it('are the same training where nobody hears of steps, to the last bit of the weights', async () => {
    const trained = async (callbacks: object[]) => {
      const { model, optimizer } = line(0.01);
      const loader = new DataLoader(new TensorDataset(points(1, 2, 3, 4, 5), points(2, 4, 5, 9, 9)), { batchSize: 1 });
      const options = { data: loader, loss: mseLoss, optimizer, epochs: 3, maxSteps: 13, logEvery: 2, callbacks };
      return { ...(await train.fit(model, options)), weights: weightsOf(model) };
    };
    const steps: number[] = [];
    const heard = await trained([{ onStep: ({ step }: { step: number }) => steps.push(step) }]);
    const unheard = await trained([{ onEpoch: () => {} }]);
    const asked = await trained([{ everySteps: 3, onEnd: () => {} }]);
    expect(steps).toEqual([2, 4, 5, 6, 8, 10, 12, 13]);
    for (const result of [unheard, asked]) {
      expect(result).toMatchObject({ weights: heard.weights, steps: 13, stopped: 'completed' });
      expectClose(
        result.history.map(({ values }) => values.loss as number),
        heard.history.map(({ values }) => values.loss as number),
        12,
      );
    }
  });

  it('come in order, with the numbers of epochs and steps', async () => {
    const { model, optimizer } = line(0.01);
    const loader = new DataLoader(new TensorDataset(points(1, 2, 3, 4, 5), points(0, 0, 0, 0, 0)), { batchSize: 1 });
    const validate = [[points(1), points(0)]];
    const metrics = { error: (o: Tensor, t: Tensor) => o.sub(t).abs().mean() };
    const seen: unknown[] = [];
    for await (const event of train.run(model, {
      data: loader,
      loss: mseLoss,
      optimizer,
      epochs: 2,
      logEvery: 2,
      validate,
      metrics,
    })) {
      const { type } = event;
      if (type === 'start')
        seen.push([type, event.epoch, event.step, event.epochs, event.stepsPerEpoch, event.resumed]);
      else if (type === 'end') seen.push([type, event.result.stopped, event.result.epochs, event.result.steps]);
      else if ('values' in event) seen.push([type, event.epoch, event.step, Object.keys(event.values).join()]);
    }
    const both = 'validation.loss,validation.error';
    expect(seen).toEqual([
      ['start', 0, 0, 2, 5, null],
      ...[2, 4, 5].map((step) => ['step', 1, step, 'loss,lr']),
      ...[
        ['validate', 1, 5, both],
        ['epoch', 1, 5, `loss,lr,${both}`],
      ],
      ...[6, 8, 10].map((step) => ['step', 2, step, 'loss,lr']),
      ...[
        ['validate', 2, 10, both],
        ['epoch', 2, 10, `loss,lr,${both}`],
        ['end', 'completed', 2, 10],
      ],
    ]);
  });

  it('a loop that is left ends the training after a whole step', async () => {
    const { model, optimizer } = line(0.01);
    let read = 0;
    let closed = false;
    const batches = {
      *[Symbol.iterator]() {
        try {
          for (;;) {
            read++;
            yield [points(1), points(0)];
          }
        } finally {
          closed = true;
        }
      },
    };
    for await (const event of train.run(model, { data: batches, loss: mseLoss, optimizer, logEvery: 3 })) {
      if (event.type === 'step' && event.step === 6) break;
    }
    expect([read, closed]).toEqual([6, true]);
    expect(optimizer.stateDict().state[0]?.step?.item()).toBe(6);
    await train.fit(model, { data: batches, loss: mseLoss, optimizer, maxSteps: 4 });
    expect(read).toBe(10);
  });

  it('callbacks may be asynchronous, change the learning rate, and stop the training', async () => {
    const { model, optimizer } = line(0);
    const rates: unknown[] = [];
    const callback: train.Callback = {
      async onStep({ step, values }, training) {
        await Promise.resolve();
        rates.push(values.lr);
        (optimizer.paramGroups[0] as { lr: number }).lr = step / 8;
        if (step === 3) training.stop('enough');
      },
    };
    const batches = Array.from({ length: 9 }, () => [points(0), points(0)]);
    const result = await train.fit(model, {
      data: batches,
      loss: mseLoss,
      optimizer,
      logEvery: 1,
      callbacks: [callback],
    });
    expect(result).toMatchObject({ stopped: 'callback', reason: 'enough', steps: 3, epochs: 0 });
    expect(rates).toEqual([0, 1 / 8, 2 / 8]);
  });

  it('a step function of yours has events, checkpoints and values', async () => {
    const w = new nn.Parameter(vector(8));
    const optimizer = new optim.SGD([w], { lr: 0.25 });
    const step = ([x]: Tensor[]) => {
      const loss = w
        .mul(x as Tensor)
        .square()
        .sum();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return { loss, weight: w.item() };
    };
    const values: unknown[] = [];
    for await (const event of train.run(step, { data: [[vector(1)], [vector(1)]], epochs: 2, state: { optimizer } })) {
      if (event.type === 'epoch') values.push(event.values);
    }
    expect(values).toEqual([
      { loss: (64 + 16) / 2, weight: 3 },
      { loss: (4 + 1) / 2, weight: 0.75 },
    ]);
    let calls = 0;
    const results = [];
    for await (const event of train.run(() => ({ calls: ++calls }), { maxSteps: 7, logEvery: 3 })) results.push(event);
    expect(results.flatMap((e) => (e.type === 'step' ? [e.values.calls] : []))).toEqual([2, 5, 7]);
    expect(results.at(-1)).toMatchObject({ result: { epochs: 1, steps: 7 } });
  });
});

describe('compilation by default', () => {
  class Random extends nn.Module {
    layer = new nn.Linear(1, 1);
    calls = 0;
    forward(x: Tensor): Tensor {
      return this.calls++ % 2 === 0 ? this.layer.forward(x) : this.layer.forward(x).tanh();
    }
  }
  class Reading extends nn.Module {
    layer = new nn.Linear(1, 1);
    forward(x: Tensor): Tensor {
      return this.layer.forward(x).mul(x.sum().item() > 0 ? 1 : 2);
    }
  }

  it.each([
    ['reads a value', () => new Reading(), /^the step is not compiled: item: reads a value/],
    [
      'does something else at each call',
      () => new Random(),
      /^the step is not compiled: compile: the step does something else/,
    ],
  ])('gives way to eager steps where the model %s, and says why', async (_, make, message) => {
    const batches = Array.from({ length: 6 }, (_, i) => [tensor([[i - 2]]), tensor([[1]])]);
    const results = [];
    for (const compile of [false, undefined]) {
      manualSeed(1);
      const model = make();
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 });
      const warnings: train.WarningEvent[] = [];
      const callbacks = [{ onWarning: (e: train.WarningEvent) => warnings.push(e) }];
      const options = { data: batches, loss: mseLoss, optimizer, callbacks, ...(compile === false && { compile }) };
      await train.fit(model, options);
      results.push(weightsOf(model));
      if (compile === false) expect(warnings).toEqual([]);
      else
        expect(warnings).toEqual([expect.objectContaining({ code: 'eager', message: expect.stringMatching(message) })]);
    }
    if (make() instanceof Reading) expect(results[1]).toEqual(results[0]);
  });

  it('is an error where it was asked for', async () => {
    const model = new Reading();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const options = { data: [[tensor([[1]]), tensor([[1]])]], loss: mseLoss, optimizer, compile: true };
    await expect(train.fit(model, options)).rejects.toThrow(StateError);
  });
});

describe('wrong input', () => {
  const { model, optimizer } = line();
  const good = { data: [[points(1), points(0)]], loss: mseLoss, optimizer };
  const loader = new DataLoader(new TensorDataset(points(1, 2), points(0, 0)));
  const cycle = (totalSteps: number) =>
    new optim.lrScheduler.OneCycleLR(optimizer, 0.1, { totalSteps, cycleMomentum: false });
  const early = (monitor: string) => new train.EarlyStopping({ monitor, mode: 'min' });
  it.each<[string, () => unknown, string]>([
    [
      'a dataset',
      () => ({ ...good, data: loader.dataset }),
      'fit: data must be a loader or another iterable of batches, got an object of class TensorDataset; use new data.DataLoader(dataset, { batchSize: 32 })',
    ],
    ['no batch', () => ({ ...good, data: [] }), 'fit: data must hold a batch, got none'],
    [
      'no batch that was promised',
      () => ({ ...good, data: (function* () {})() }),
      'fit: data must hold a batch, got none',
    ],
    ['no validation', () => ({ ...good, validate: [] }), 'fit: validate must hold a batch, got none'],
    [
      'metrics without data',
      () => ({ ...good, metrics: { a: () => 1 } }),
      'fit: metrics are those of the validation, got no data for it; give validate a loader',
    ],
    [
      'a batch without target',
      () => ({ ...good, data: [[points(1)]] }),
      'fit: a batch must be [input, target], [input, target, weights] or { input, target, weights }, got an array of 1; give the loader a transform: ([x]) => [x, x], say',
    ],
    [
      'weights of another number',
      () => ({ ...good, data: [[points(1), points(1), vector(1, 2)]] }),
      'fit: weights of a batch must be one for each sample, got [2]',
    ],
    [
      'no loss',
      () => ({ ...good, loss: undefined }),
      'fit: loss must be a function of output and target, a module, or an object of these, got undefined; nn.functional.crossEntropy, say',
    ],
    [
      'a loss for each sample',
      () => ({ ...good, data: [[points(1, 2), points(1, 2)]], loss: new nn.MSELoss({ reduction: 'none' }) }),
      "fit: loss must be one number, got [2, 1]; reduction 'mean' gives one number for a batch",
    ],
    [
      'a loss that cannot be weighted',
      () => ({ ...good, data: [[points(1, 2), points(1, 2), vector(1, 1)]], loss: new nn.MSELoss() }),
      "fit: loss must be one number for each of 2 samples, as the batch has weights, got []; use a function of nn.functional, or a module with reduction: 'none'",
    ],
    [
      'weights of a loss that is none',
      () => ({ ...good, lossWeights: { a: 1 } }),
      'fit: lossWeights must be of names of losses, got "a"',
    ],
    [
      'parameters as optimizer',
      () => ({ ...good, optimizer: model.parameters() }),
      'fit: optimizer must be an optimizer, got an array of 2; new optim.Adam(model.parameters()), say',
    ],
    [
      'a short schedule',
      () => ({ ...good, data: loader, epochs: 6, schedule: cycle(10) }),
      'fit: schedule must last as long as the training, got OneCycleLR of 10 steps and 12 steps to train; give it totalSteps: 12',
    ],
    [
      'a short schedule of epochs',
      () => ({ ...good, epochs: 6, schedule: { scheduler: cycle(5), every: 'epoch' } }),
      'fit: schedule must last as long as the training, got OneCycleLR of 5 steps and 6 epochs to train; give it totalSteps: 6',
    ],
    [
      'an unknown name',
      () => ({ ...good, callbacks: [early('loss.a')] }),
      'EarlyStopping: monitor must be one of loss, lr, got "loss.a"',
    ],
    [
      'the name of a validation',
      () => ({ ...good, callbacks: [early('validation.loss')] }),
      'EarlyStopping: monitor must be one of loss, lr, got "validation.loss"; give validate',
    ],
    [
      'a schedule that watches nothing',
      () => ({ ...good, schedule: { scheduler: new optim.lrScheduler.ReduceLROnPlateau(optimizer), monitor: 'a' } }),
      'fit: schedule.monitor must be one of loss, lr, got "a"',
    ],
    [
      'no folder to go on from',
      () => ({ ...good, resume: true }),
      'fit: resume: true needs the callback Checkpoint, whose folder it is, got none; give a path',
    ],
    [
      'a reserved name',
      () => ({ ...good, state: { model: 1 } }),
      'fit: state must not use the name model; choose another',
    ],
    [
      'a callback that is none',
      () => ({ ...good, callbacks: [() => 1] }),
      'fit: callbacks must be an array of objects with onStep, onEpoch, …, got a function',
    ],
    [
      'two of one name',
      () => ({ ...good, callbacks: [early('loss'), early('loss')] }),
      'fit: callbacks with stateDict must have names of their own, got "EarlyStopping"; their states are saved under these',
    ],
    ['an unknown option', () => ({ ...good, batchsize: 3 }), 'fit: unknown option "batchsize"'],
  ])('%s', async (_, make, message) => {
    const before = weightsOf(model);
    await expect(train.fit(model, make() as never)).rejects.toThrow(message);
    const error = await train.fit(model, make() as never).catch((e) => e);
    expect([ArgumentError, ShapeError].some((type) => error instanceof type)).toBe(true);
    expect(weightsOf(model)).toEqual(before);
  });

  it('a schedule that lasts longer than the training is none', async () => {
    await train.fit(model, { ...good, schedule: cycle(100) });
  });

  it('one class only, and a NaN loss, which is a warning', async () => {
    const net = new nn.Linear(2, 1);
    const sgd = new optim.SGD(net.parameters(), { lr: 0.1 });
    const one = [[randn([4, 2]), zeros([4], { dtype: 'int32' })]];
    expect((await train.fit(net, { data: one, loss: crossEntropy, optimizer: sgd })).history[0]?.values.loss).toBe(0);
    const warnings: string[] = [];
    const callbacks = [{ onWarning: (e: train.WarningEvent) => warnings.push(e.message) }];
    const batches = [[points(Number.NaN), points(0)]];
    const fresh = line();
    await train.fit(fresh.model, { ...good, optimizer: fresh.optimizer, data: batches, epochs: 3, callbacks });
    expect(warnings).toEqual(['loss is NaN at step 1; the callback train.NaNGuard names the layer and the operation']);
  });

  it('an error of the data comes after the steps of the batches before it', async () => {
    const { model, optimizer } = line(0.125);
    const broken = {
      async *[Symbol.asyncIterator]() {
        for (let i = 0; i < 3; i++) yield [points(1), points(0)];
        throw new RangeError('the disk is gone');
      },
    };
    await expect(train.fit(model, { data: broken, loss: mseLoss, optimizer, compile: true })).rejects.toThrow(
      'the disk is gone',
    );
    expect(weightsOf(model)[0]).toBe(2 - 0.5 - 0.25 - 0.125); // each step halves the error and takes a fourth of it
  });
});

describe('evaluation and prediction', () => {
  manualSeed(3);
  const model = nn.sequential(new nn.Linear(3, 5), new nn.BatchNorm1d(5), new nn.Dropout(0.5), new nn.Linear(5, 2));
  (model.at(1) as nn.Module).eval(); // it stays so
  const x = randn([10, 3]);
  const y = randint(0, 2, [10]);
  const modes = () => model.modules().map((m) => m.training);
  const before = modes();
  const expected = noGrad(() => {
    const copy = model.clone().eval();
    return copy.forward(x);
  });

  it.each([false, true, undefined])('means over samples, in evaluation mode (compile: %s)', async (compile) => {
    const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 4 });
    const counted = {
      seen: 0,
      update: (o: Tensor) => (counted.seen += o.length),
      compute: () => [counted.seen, { a: tensor(2) }],
      reset: () => (counted.seen = 0),
    };
    const accuracy = (o: Tensor, t: Tensor) => o.argmax(1).eq(t).to('float32').mean();
    const metrics = { accuracy, counted };
    const options = { data: loader, loss: crossEntropy, metrics, ...(compile !== undefined && { compile }) };
    for (let i = 0; i < 2; i++) {
      const values = await train.evaluate(model, options);
      expect(Object.keys(values)).toEqual(['loss', 'accuracy', 'counted.0', 'counted.1.a']);
      expect(values.loss).toBeCloseTo(crossEntropy(expected, y).item(), 6);
      expect(values.accuracy).toBeCloseTo(expected.argmax(1).eq(y).to('float32').mean().item(), 6);
      expect([values['counted.0'], values['counted.1.a']]).toEqual([10, 2]);
    }
    expect(modes()).toEqual(before);
  });

  it.each([false, true, undefined])('predictions are joined, or come one by one (compile: %s)', async (compile) => {
    const options = compile === undefined ? {} : { compile };
    const all = await train.predict(model, x, { batchSize: 3, ...options });
    expect(all.shape).toEqual([10, 2]);
    expect(all.sub(expected).abs().max().item()).toBeLessThan(1e-6);
    const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 4 });
    const sizes: number[] = [];
    for await (const output of train.predictStream(model, loader, options)) sizes.push(output.length);
    expect(sizes).toEqual([4, 4, 2]);
    for await (const _ of train.predictStream(model, loader, options)) break;
    expect(modes()).toEqual(before);
  });

  it('of several outputs, by name', async () => {
    class Both extends nn.Module {
      forward(x: Tensor) {
        return { twice: x.mul(2), list: [x.add(1)] };
      }
    }
    const result = await train.predict<{ twice: Tensor; list: Tensor[] }>(new Both(), arange(5), { batchSize: 2 });
    expect(result.twice.toArray()).toEqual([0, 2, 4, 6, 8]);
    expect(result.list[0]?.toArray()).toEqual([1, 2, 3, 4, 5]);
    await expect(train.predict(new Both(), [] as never)).rejects.toThrow('predict: data must hold a batch, got none');
    await expect(train.predict(new Both(), ones([]))).rejects.toThrow(
      'data must have a dimension of samples, got a scalar',
    );
  });
});
