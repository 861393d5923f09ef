// What listens to a training.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ArgumentError, AutogradError } from '../../lib/errors.js';
import { defaultGenerator, io, manualSeed, nn, optim, randn, tensor, train } from '../../lib/index.js';
import type { Tensor } from '../../lib/tensor.js';
import { bitsOf, make } from '../support/training.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-callbacks-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { mseLoss } = nn.functional;

/** A model of one weight that moves up by 1 each epoch, and validation that gives these losses. */
function climbing(losses: number[]) {
  const model = new nn.Linear(1, 1, { bias: false });
  model.loadStateDict({ weight: tensor([[0]]) });
  const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
  let epoch = 0;
  const validate = () => ({ 'validation.loss': losses[epoch++] as number });
  const loss = (output: Tensor) => output.sum().neg();
  const options = { data: [[tensor([[1]]), tensor([[0]])]], loss, optimizer, validate, epochs: losses.length };
  const weight = () => (model.weight as Tensor).item();
  return { model, options, weight };
}

describe('EarlyStopping', () => {
  it('stops when patience is over, with the weights of the best epoch', async () => {
    const { model, options, weight } = climbing([5, 3, 4, 2.95, 3, Number.NaN, 0]);
    const stopping = new train.EarlyStopping({ patience: 2, minDelta: 0.1 });
    const result = await train.fit(model, { ...options, callbacks: [stopping] });
    // 2.95 is better than 3 by less than 0.1: three in a row are no better than the second
    expect(result).toMatchObject({
      ...{ stopped: 'callback', epochs: 5 },
      reason: 'EarlyStopping: validation.loss has not been better for 3 epochs, best 3 in epoch 2',
    });
    expect(stopping.best).toEqual({ epoch: 2, value: 3 });
    expect(weight()).toBe(2);
  });

  it('takes the best weights at the end, too, or leaves the last', async () => {
    for (const [restoreBestWeights, due] of [
      [true, 3],
      [false, 4],
    ] as const) {
      const { model, options, weight } = climbing([1, 2, 3, 2]);
      const stopping = new train.EarlyStopping({ monitor: 'validation.loss', mode: 'max', restoreBestWeights });
      await train.fit(model, { ...options, callbacks: [stopping] });
      expect(weight()).toBe(due);
    }
  });

  it('goes on counting when it is resumed, and stays stopped', async () => {
    const path = join(folder, 'early');
    const run = async (losses: number[], epochs: number) => {
      const { model, options, weight } = climbing(losses);
      const callbacks = [new train.EarlyStopping({ patience: 1 }), new train.Checkpoint(path)];
      const result = await train.fit(model, { ...options, epochs, callbacks, resume: true });
      return [result.epochs, result.stopped, weight()];
    };
    expect(await run([1, 2], 2)).toEqual([2, 'completed', 1]);
    expect(await run([2, 0], 5)).toEqual([3, 'callback', 1]); // the third is the second in a row
    expect(await run([0, 0], 5)).toEqual([3, 'callback', 1]);
  });

  it('needs to know what is better', () => {
    expect(() => new train.EarlyStopping({ monitor: 'validation.accuracy' })).toThrow(
      'EarlyStopping: mode must be min or max for validation.accuracy, got none',
    );
    expect(() => new train.EarlyStopping({ patience: -1 })).toThrow(ArgumentError);
  });
});

describe('GradualUnfreezing', () => {
  const groups = ['4', [/^2/]]; // the first layer is in none
  const valuesOf = (model: nn.Module) => model.parameters().map((p) => p.toArray());
  const batch = () => [randn([8, 3]), randn([8, 2])] as const;

  function network() {
    manualSeed(4);
    const layers = [new nn.Linear(3, 4), new nn.Tanh(), new nn.Linear(4, 4), new nn.Tanh(), new nn.Linear(4, 2)];
    const model = nn.sequential(...layers);
    const params = optim.paramGroupsLayerDecay(model, { lr: 0.1, layerDecay: 0.5, weightDecay: 0.1 });
    return { model, optimizer: new optim.AdamW(params, { lr: 0.1 }), data: [batch(), batch()] };
  }

  /** The same by hand: a loop, and which parameters it gives to a step of which epoch. */
  function byHand(epochs: number, every: number): unknown {
    const { model, optimizer, data } = network();
    for (const p of model.parameters()) p.requiresGrad = false;
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const p of (model[4] as nn.Linear).parameters()) p.requiresGrad = true;
      if (epoch >= every) for (const p of (model[2] as nn.Linear).parameters()) p.requiresGrad = true;
      for (const [x, y] of data) {
        optimizer.zeroGrad();
        mseLoss(model.forward(x), y).backward();
        optimizer.step();
      }
    }
    return valuesOf(model);
  }

  const options = { loss: mseLoss, compile: true };

  it.each([1, 2])('trains one group more after each %i epochs, at the rates of the optimizer', async (every) => {
    const { model, optimizer, data } = network();
    const states: number[] = [];
    const listener = { onEpoch: () => states.push(Object.keys(optimizer.stateDict().state).length) };
    const callbacks = [listener, new train.GradualUnfreezing({ groups, every })];
    await train.fit(model, { ...options, data, optimizer, epochs: 4, callbacks });
    expect(valuesOf(model)).toEqual(byHand(4, every));
    expect(states).toEqual(every === 1 ? [2, 4, 4, 4] : [2, 2, 4, 4]); // no state of what is frozen
    expect(model.namedParameters().map(([, p]) => p.requiresGrad)).toEqual([false, false, true, true, true, true]);
  });

  it('goes on as it was when it is resumed, within an epoch too', async () => {
    const path = join(folder, 'unfreezing');
    const run = async (maxSteps: number) => {
      const { model, optimizer, data } = network();
      const callbacks = [new train.GradualUnfreezing({ groups, every: 2 }), new train.Checkpoint(path, { every: 1 })];
      await train.fit(model, { ...options, data, optimizer, epochs: 4, maxSteps, callbacks, resume: true });
      return valuesOf(model);
    };
    for (const steps of [1, 3, 5]) await run(steps);
    expect(await run(8)).toEqual(byHand(4, 2));
  });

  it('needs groups that name parameters, and a model', async () => {
    expect(() => new train.GradualUnfreezing({ groups: [] })).toThrow('GradualUnfreezing: groups must be a list');
    expect(() => new train.GradualUnfreezing({ groups: ['0', []] })).toThrow('groups must be a list');
    expect(() => new train.GradualUnfreezing({ groups, every: 0 })).toThrow('every must be an integer');
    const { model, optimizer, data } = network();
    const start = (patterns: string[]) =>
      train.fit(model, { ...options, data, optimizer, callbacks: [new train.GradualUnfreezing({ groups: patterns })] });
    await expect(start(['4', '4.weight'])).rejects.toThrow(
      'GradualUnfreezing: groups[1] must name a parameter that is in no group before it, got "4.weight" of 0.weight, 0.bias',
    );
    expect(model.parameters().every((p) => p.requiresGrad)).toBe(true);
    const callbacks = [new train.GradualUnfreezing({ groups: ['0'] })];
    await expect(async () => {
      for await (const _ of train.run(() => tensor(1), { maxSteps: 1, callbacks }));
    }).rejects.toThrow('it must be given to train.fit');
  });
});

describe('Checkpoint', () => {
  it('keeps the newest and the best', async () => {
    const path = join(folder, 'best');
    const { model, options } = climbing([3, 1, 2, 4]);
    const checkpoint = new train.Checkpoint(path, { keep: 2, monitor: 'validation.loss' });
    const seen: string[] = [];
    const onCheckpoint = (e: train.CheckpointEvent) => seen.push(`${e.epoch} ${e.path.slice(path.length + 1)}`);
    const result = await train.fit(model, { ...options, callbacks: [checkpoint, { onCheckpoint }] });
    const file = (i: number) => `checkpoint-00000${i}.safetensors`;
    const best = 'best.safetensors';
    expect(seen).toEqual([`1 ${best}`, `1 ${file(1)}`, `2 ${best}`, `2 ${file(2)}`, `3 ${file(3)}`, `4 ${file(4)}`]);
    expect(readdirSync(path).sort()).toEqual([best, file(3), file(4)]);
    expect(result.checkpoint).toBe(join(path, file(4)));
    const target = new nn.Linear(1, 1, { bias: false });
    const { training } = io.loadCheckpoint<{ training: { epoch: number } }>(checkpoint.bestPath, { model: target });
    expect([training.epoch, (target.weight as Tensor).item()]).toEqual([2, 2]);
  });

  it('that cannot be written is a warning, and training goes on', async () => {
    const blocked = join(folder, 'blocked');
    writeFileSync(blocked, '');
    const { model, options, weight } = climbing([1, 1]);
    const warnings: train.WarningEvent[] = [];
    const onWarning = (e: train.WarningEvent) => warnings.push(e);
    const callbacks = [new train.Checkpoint(blocked), { onWarning }];
    const result = await train.fit(model, { ...options, callbacks });
    expect(weight()).toBe(2);
    expect(result.checkpoint).toBe(null);
    expect(warnings.map(({ code, message }) => [code, message.slice(0, 50)])).toEqual(
      [1, 2, 3].map(() => ['checkpoint', 'no checkpoint was written, earlier ones are whole:']),
    );
  });

  it('of a damaged newest file goes on from the one before, and tells', async () => {
    const path = join(folder, 'damaged');
    const run = (epochs: number, warnings: string[]) => {
      const { model, options } = climbing([1, 1, 1]);
      const onWarning = (e: train.WarningEvent) => warnings.push(e.code);
      const callbacks = [new train.Checkpoint(path), { onWarning }];
      return train.fit(model, { ...options, epochs, callbacks, resume: true });
    };
    const { checkpoint } = await run(2, []);
    const bytes = readFileSync(checkpoint as string);
    writeFileSync(checkpoint as string, bytes.subarray(0, bytes.length - 1));
    const warnings: string[] = [];
    const result = await run(3, warnings);
    expect(warnings).toEqual(['damaged']);
    expect(result.history.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  });

  it('keeps what is given as state: generators go on, values are there', async () => {
    const path = join(folder, 'state.safetensors');
    const { model, options } = climbing([1]);
    const generator = defaultGenerator();
    const features = { columns: ['a', 'b'] };
    const onEnd = (_: unknown, training: train.Training) => training.save(path);
    await train.fit(model, { ...options, state: { noise: generator, features }, callbacks: [{ onEnd }] });
    expect(io.loadCheckpoint(path)).toMatchObject({ features, noise: generator.getState() });
  });
});

describe('logs', () => {
  const run = async (path: string, epochs: number, resume: boolean, losses: number[]) => {
    const { model, options } = climbing(losses);
    const callbacks = [
      new train.CsvLog(`${path}.csv`),
      new train.JsonLog(`${path}.jsonl`, { every: 'step' }),
      new train.Checkpoint(path),
    ];
    await train.fit(model, { ...options, epochs, callbacks, ...(resume && { resume: true as const }) });
    const csv = readFileSync(`${path}.csv`, 'utf8').replace(/^(\d+,\d+,\d+),[\d.e-]+/gm, '$1,s');
    const lines = readFileSync(`${path}.jsonl`, 'utf8').trim().split('\n');
    return { csv, lines: lines.map((line) => JSON.parse(line)) };
  };

  it('have a line for each epoch, and go on after the line of the checkpoint', async () => {
    const path = join(folder, 'log');
    const head = 'epoch,step,samples,seconds,loss,lr,validation.loss';
    expect((await run(path, 2, false, [5, Number.NaN])).csv).toBe(`${head}\n1,1,1,s,0,1,5\n2,2,1,s,-1,1,NaN\n`);
    writeFileSync(`${path}.csv`, `${readFileSync(`${path}.csv`, 'utf8')}3,3,half of a li`);
    const { csv, lines } = await run(path, 3, true, [7]);
    expect(csv).toBe(`${head}\n1,1,1,s,0,1,5\n2,2,1,s,-1,1,NaN\n3,3,1,s,-2,1,7\n`);
    expect(lines).toMatchObject(
      [1, 2, 3].map((i) => ({ epoch: i, step: i, samples: 1, values: { loss: 1 - i, lr: 1 } })),
    );
    expect((await run(path, 1, false, [5])).csv).toBe(`${head}\n1,1,1,s,0,1,5\n`);
  });

  it('that cannot be written are an error', async () => {
    const { model, options } = climbing([1]);
    const callbacks = [new train.JsonLog(join(folder, 'none', 'log.jsonl'))];
    await expect(train.fit(model, { ...options, callbacks })).rejects.toThrow(/^JsonLog: cannot write ".*" \(ENOENT/);
  });
});

it('ShowProgress prints a line for each epoch, with its values', async () => {
  let text = '';
  const stream = { write: (line: string) => (text += line) };
  const { model, options } = climbing([0.5, 0.25]);
  await train.fit(model, { ...options, callbacks: [new train.ShowProgress({ stream, now: () => 0 })] });
  expect(text).toBe(
    'epoch 1/2  loss 0.0000  0.0 s  lr 1  validation.loss 0.5\nepoch 2/2  loss -1.0000  0.0 s  lr 1  validation.loss 0.25\n',
  );
});

describe('NaNGuard', () => {
  class Breaking extends nn.Module {
    first = new nn.Linear(1, 2);
    root = new Root();
    forward(x: Tensor): Tensor {
      return this.root.forward(this.first.forward(x));
    }
  }
  class Root extends nn.Module {
    forward(x: Tensor): Tensor {
      return x.abs().sub(0.5).clamp({ min: -0.001 }).sqrt().sum(1, { keepDim: true }); // NaN below 0.5
    }
  }

  it.each([true, false])(
    'names step, operation and layers, and leaves the model as it was before (compile: %s)',
    async (compile) => {
      manualSeed(1);
      const model = new Breaking();
      model.first.loadStateDict({ weight: tensor([[1], [2]]), bias: tensor([0, 0]) });
      const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
      const batches = Array.from({ length: 20 }, (_, i) => [tensor([[i === 12 ? 0.1 : 2]]), tensor([[1]])]);
      const trained = { model, options: { data: batches, loss: mseLoss, optimizer } };
      const guard = new train.NaNGuard();
      const run = train.fit(model, { ...trained.options, compile, callbacks: [guard], logEvery: 5 });
      const error = await run.catch((e) => e);
      expect(error).toBeInstanceOf(AutogradError);
      const text = 'root (Root): detectAnomaly: sqrt [1, 2] gave NaN (element 0); its inputs have none';
      const left = 'the model is as it was before this step';
      expect(error.message).toBe(`NaNGuard: loss is NaN because of step 13: ${text}; ${left}`);
      expect(error.cause.modulePath).toBe('root');
      const due = { model: new Breaking(), options: trained.options };
      due.model.first.loadStateDict({ weight: tensor([[1], [2]]), bias: tensor([0, 0]) });
      const other = new optim.Adam(due.model.parameters(), { lr: 1e-3 });
      await train.fit(due.model, { data: batches.slice(0, 12), loss: mseLoss, optimizer: other, compile });
      const weights = (m: nn.Module) => [...m.stateDict().values()].map((t) => t.toArray());
      expect(weights(model)).toEqual(weights(due.model));
    },
  );

  it('finds weights that a gradient has broken, although the loss is finite', async () => {
    const model = new nn.Linear(1, 1, { bias: false });
    const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
    const loss = (o: Tensor) => o.mul(0).sqrt().sum(); // 0, with a gradient of 0 · ∞
    const options = { data: [[tensor([[1]]), tensor([[1]])]], loss, optimizer, callbacks: [new train.NaNGuard()] };
    await expect(train.fit(model, options)).rejects.toThrow(
      /^NaNGuard: parameter weight is not finite because of step 1: detectAnomaly: the gradient of .*mul.* is NaN/,
    );
  });
});

describe('findLearningRate', () => {
  it('finds where the loss falls most steeply, and changes nothing', async () => {
    manualSeed(4);
    const model = nn.sequential(new nn.Linear(4, 4, { bias: false }));
    const x = randn([64, 4]);
    const y = x.mul(3);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.5, momentum: 0.9 });
    const before = { model, options: { data: [], loss: mseLoss, optimizer } };
    const bits = bitsOf(before as never);
    const options = { data: [[x, y]], loss: mseLoss, optimizer, from: 1e-5, to: 100, steps: 60 };
    const { rates, losses, suggestion } = await train.findLearningRate(model, options);
    expect(bitsOf(before as never)).toEqual(bits);
    expect(rates[0]).toBe(1e-5);
    expect((rates[1] as number) / 1e-5).toBeCloseTo(1e7 ** (1 / 59), 10);
    expect(losses.length).toBe(rates.length);
    expect(losses.length).toBeLessThan(60); // it diverges
    // The loss is quadratic, with curvature near 2 / 4: with momentum 0.9 it falls from about 0.01 on, and diverges beyond 4.
    expect(suggestion).toBeGreaterThan(1e-3);
    expect(suggestion).toBeLessThan(4);
    await expect(train.findLearningRate(model, { ...options, data: [] })).rejects.toThrow(ArgumentError);
    const nan = [[x.mul(Number.NaN), y]];
    await expect(train.findLearningRate(model, { ...options, data: nan })).rejects.toThrow(
      'findLearningRate: the loss must be finite for two steps, got 0; give a lower from',
    );
    expect(bitsOf(before as never)).toEqual(bits);
  });
});

it('Ctrl-C finishes the step, saves and returns what was reached; the handler is gone afterwards', async () => {
  const path = join(folder, 'interrupted');
  const trained = make('tabular');
  const listeners = process.listenerCount('SIGINT');
  const onStep = ({ step }: train.StepEvent) => step === 4 && process.emit('SIGINT', 'SIGINT');
  const callbacks = [{ onStep }, new train.Checkpoint(path)];
  const result = await train.fit(trained.model, {
    ...trained.options,
    epochs: 9,
    logEvery: 2,
    sigint: true,
    callbacks,
  });
  expect(result).toMatchObject({ stopped: 'signal', reason: 'SIGINT', steps: 4, epochs: 0 });
  expect(existsSync(result.checkpoint as string)).toBe(true);
  expect(process.listenerCount('SIGINT')).toBe(listeners);
});
