// What a PyTorch user types first. The lines are made from Python by the rules of docs/from-pytorch.md alone, the values are
// PyTorch's (test/golden/make_guesses.py); where another spelling is needed, the error names it.
import { describe, expect, it } from 'vitest';
import * as adjoint from '../../dist/index.js';
import { readGolden } from '../support/golden.js';

type Value = number | boolean | string | null | { shape: number[]; data?: (number | string)[] } | Value[];
interface Guesses {
  inputs: Record<string, { shape: number[]; dtype: adjoint.DType; data: (number | string)[] }>;
  rows: { python: string; guess: string; expected: Value }[];
}

const { inputs, rows } = readGolden<Guesses>('guesses');
const { var: _, ...inSight } = adjoint; // a keyword: Tensor.var is used

function evaluate(code: string): unknown {
  const given = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype, data }]) => [
      name,
      adjoint.tensor(data.map(Number), { shape, dtype }),
    ]),
  );
  const scope = { ...inSight, ...given };
  return new Function(...Object.keys(scope), `return ${code}`)(...Object.values(scope));
}

function expectValue(got: unknown, want: Value): void {
  if (got instanceof adjoint.Tensor) {
    const { shape, data } = want as { shape: number[]; data?: (number | string)[] };
    expect(got.shape).toEqual(shape);
    data?.map(Number).forEach((w, i) => {
      const g = got.data[i] as number;
      if (Number.isFinite(w))
        expect(Math.abs(g - w), `element ${i}: ${g}, not ${w}`).toBeLessThan(3e-5 * (1 + Math.abs(w)));
      else expect(g, `element ${i}`).toBe(w);
    });
  } else if (typeof got === 'number') expect(got).toBeCloseTo(want as number, 5);
  else if (typeof got !== 'object' || got === null) expect(got).toBe(want);
  else {
    // Several results: an array, or an object whose properties are PyTorch's, in its order.
    const parts = Object.values(got);
    expect(parts.length).toBe((want as Value[]).length);
    for (const [i, part] of parts.entries()) expectValue(part, (want as Value[])[i] as Value);
  }
}

describe('first guesses', () => {
  it.each(rows)('$guess', ({ guess, expected }) => {
    const got = evaluate(guess);
    if (Array.isArray(expected) && Array.isArray(got) && got.every((v) => typeof v === 'number'))
      expect(got).toEqual(expected);
    else expectValue(got, expected);
  });
});

describe('first guesses that have another spelling here: the error names it', () => {
  const x = adjoint.tensor([
    [1, 2],
    [3, 4],
  ]);
  const { nn, optim, data } = adjoint;
  const model = new nn.Linear(2, 2);
  // biome-ignore lint/suspicious/noExplicitAny: what does not type-check is what is tested
  const any = (value: unknown): any => value;
  const guesses: [guess: string, run: () => unknown, message: string][] = [
    ['x.sum({ axis: 0 })', () => any(x).sum({ axis: 0 }), 'sum: unknown option "axis"; use dim'],
    [
      'x.sum({ dim: 0, keepdim: true })',
      () => any(x).sum({ dim: 0, keepdim: true }),
      'sum: unknown option "keepdim"; use keepDim',
    ],
    [
      'x.sum({ dim: 0, keepdims: true })',
      () => any(x).sum({ dim: 0, keepdims: true }),
      'sum: unknown option "keepdims"; use keepDim',
    ],
    ['x.sum(0, 1)', () => any(x).sum(0, 1), 'sum: keepDim must be a boolean, got 1'],
    ['x.mean({ axes: [0] })', () => any(x).mean({ axes: [0] }), 'mean: unknown option "axes"; use dim'],
    [
      'x.softmax()',
      () => any(x).softmax(),
      'softmax: dim must be an integer in [-2, 1] for a tensor of rank 2, got undefined',
    ],
    [
      'x.gather(index, 1)',
      () => any(x).gather(x, 1),
      'gather: dim must come first, got a tensor; x.gather(dim, index)',
    ],
    [
      'x.gather(index, { dim: 1 })',
      () => any(x).gather(x, { dim: 1 }),
      'gather: dim must come first, got a tensor; x.gather(dim, index)',
    ],
    [
      'tensor([1], { requires_grad: true })',
      () => any(adjoint).tensor([1], { requires_grad: true }),
      'tensor: unknown option "requires_grad"; use requiresGrad',
    ],
    [
      'zeros(2, 3, { requires_grad: true })',
      () => any(adjoint).zeros(2, 3, { requires_grad: true }),
      'zeros: unknown option "requires_grad"; use requiresGrad',
    ],
    ['zeros()', () => any(adjoint).zeros(), 'zeros: shape must be an array of sizes, got undefined'],
    [
      'flatten(x, { start_dim: 1 })',
      () => any(x).flatten({ start_dim: 1 }),
      'flatten: unknown option "start_dim"; use startDim',
    ],
    [
      'oneHot(labels, { num_classes: 3 })',
      () => any(adjoint).oneHot(adjoint.tensor([1], { dtype: 'int32' }), { num_classes: 3 }),
      'oneHot: unknown option "num_classes"; use numClasses',
    ],
    [
      'new nn.Linear(2, 3, { use_bias: false })',
      () => new (any(nn).Linear)(2, 3, { use_bias: false }),
      'Linear: unknown option "use_bias"; use bias',
    ],
    [
      'new nn.Conv2d(1, 2, 3, { strides: 2 })',
      () => new (any(nn).Conv2d)(1, 2, 3, { strides: 2 }),
      'Conv2d: unknown option "strides"; use stride',
    ],
    [
      'new nn.Conv2d(1, 2, { kernel_size: 3 })',
      () => new (any(nn).Conv2d)(1, 2, { kernel_size: 3 }),
      'Conv2d: unknown option "kernel_size"; use kernelSize',
    ],
    [
      'new nn.LSTM(2, 3, { batch_first: true })',
      () => new (any(nn).LSTM)(2, 3, { batch_first: true }),
      'LSTM: unknown option "batch_first"; use batchFirst',
    ],
    [
      'new nn.Embedding(5, 2, { padding_idx: 0 })',
      () => new (any(nn).Embedding)(5, 2, { padding_idx: 0 }),
      'Embedding: unknown option "padding_idx"; use paddingIdx',
    ],
    [
      'new nn.LeakyReLU({ negative_slope: 0.1 })',
      () => new (any(nn).LeakyReLU)({ negative_slope: 0.1 }),
      'LeakyReLU: unknown option "negative_slope"; use negativeSlope',
    ],
    [
      'new nn.CrossEntropyLoss({ label_smoothing: 0.1 })',
      () => new (any(nn).CrossEntropyLoss)({ label_smoothing: 0.1 }),
      'CrossEntropyLoss: unknown option "label_smoothing"; use labelSmoothing',
    ],
    [
      'new optim.SGD(model.parameters(), { learning_rate: 1 })',
      () => new (any(optim).SGD)(model.parameters(), { learning_rate: 1 }),
      'SGD: unknown option "learning_rate"; use lr',
    ],
    [
      'new optim.Adam(model.parameters(), { weight_decay: 1 })',
      () => new (any(optim).Adam)(model.parameters(), { weight_decay: 1 }),
      'Adam: unknown option "weight_decay"; use weightDecay',
    ],
    [
      'new data.DataLoader(set, { batch_size: 2 })',
      () => new (any(data).DataLoader)(new data.TensorDataset(x), { batch_size: 2 }),
      'DataLoader: unknown option "batch_size"; use batchSize',
    ],
    [
      'new data.DataLoader(set, { numWorkers: 4 })',
      () => new (any(data).DataLoader)(new data.TensorDataset(x), { numWorkers: 4 }),
      'DataLoader: unknown option "numWorkers"; leave it out: a dataset may be asynchronous, and prefetchFactor reads ahead',
    ],
    [
      'new nn.TransformerEncoder(layer, 2, { enableNestedTensor: false })',
      () => new (any(nn).TransformerEncoder)(new nn.TransformerEncoderLayer(4, 2), 2, { enable_nested_tensor: false }),
      'TransformerEncoder: unknown option "enable_nested_tensor"; leave it out: there are no nested tensors',
    ],
    [
      'new nn.ReLU({ inplace: true })',
      () => new (any(nn).ReLU)({ inplace: true }),
      'ReLU: unknown option "inplace"; leave it out: the result is a new tensor',
    ],
    [
      'new nn.MSELoss({ sizeAverage: false })',
      () => new (any(nn).MSELoss)({ sizeAverage: false }),
      'MSELoss: unknown option "sizeAverage"; use reduction',
    ],
    [
      "zeros(2, { dtype: 'long' })",
      () => any(adjoint).zeros(2, { dtype: 'long' }),
      'zeros: dtype must be one of float32, float64, int32, uint8, got "long"; use \'int32\'',
    ],
    [
      "model.to('cuda')",
      () => any(model).to('cuda'),
      'Module.to: dtype must be one of float32, float64, int32, uint8, got "cuda"; tensors are in the memory of the CPU',
    ],
    [
      'x.at(0, 1, 2)',
      () => x.at(0, 1, 2),
      'at: there must be at most one number for each dimension, got x [2, 2] and 3 numbers',
    ],
    [
      'x.index({}, [0.5])',
      () => x.index({}, [0.5]),
      'index: indices[1][0] must be an integer of at least -2147483648 and at most 2147483647, got 0.5',
    ],
    [
      'x.index([5])',
      () => x.index([5]),
      'index: indices of dimension 0 must be at least -2 and below 2, got 5 (element 0)',
    ],
    ['x.flip({ dim: 0 })', () => any(x).flip({ dim: 0 }), 'flip: unknown option "dim"; known are dims'],
    [
      'new nn.MSELoss({ reduce: false })',
      () => new (any(nn).MSELoss)({ reduce: false }),
      'MSELoss: unknown option "reduce"; use reduction',
    ],
    [
      'x.sum({ reduce: true })',
      () => any(x).sum({ reduce: true }),
      'sum: unknown option "reduce"; known are dim, keepDim, dtype',
    ],
    ['randint(5)', () => any(adjoint).randint(5), 'randint: shape must be an array of sizes, got undefined'],
    [
      'whole.round({ decimals: 1 })',
      () => adjoint.tensor([1], { dtype: 'int32' }).round({ decimals: 1 }),
      "round: x must be float32 or float64, got int32; convert it by x.to('float32')",
    ],
    ['x.topk()', () => any(x).topk(), 'topk: k must be an integer of at least 0, got undefined'],
  ];

  it.each(guesses)('%s', (_, run, message) => {
    let text = 'nothing was thrown';
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(adjoint.AdjointError);
      text = (error as Error).message;
    }
    expect(text).toBe(message);
  });

  it.each([
    ['new optim.SGD(model)', () => new (any(optim).SGD)(model, { lr: 1 }), /parameters\(\)/],
    ['nn.ReLU()', () => any(nn).ReLU(), /new/],
    ['nn.sequential(nn.ReLU)', () => any(nn).sequential(nn.ReLU), /new ReLU/],
  ])('%s', (_, run, pattern) => {
    let caught: unknown;
    try {
      run();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(adjoint.AdjointError);
    expect((caught as Error).message).toMatch(pattern);
  });
});
