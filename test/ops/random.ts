import { ArgumentError, DTypeError } from '../../lib/errors.js';
import { ones, zeros } from '../../lib/ops/creation.js';
import * as ops from '../../lib/ops/random.js';
import { Generator } from '../../lib/random.js';
import type { ErrorRow, OpRow, Plain } from './harness.js';
import { bernoulliOf, wordsOf } from './philox.js';

// Each call draws from a generator of its own, so that dropout is a function that can be differentiated.
const dropout = (p: number, shape: number[]): OpRow => ({
  name: `dropout ${p} [${shape}]`,
  run: (x) => ops.dropout(x, { p, generator: new Generator(77) }),
  inputs: [{ shape }],
  reference: (x: Plain) => {
    const dropped = bernoulliOf(wordsOf(77, 0, x.data.length), p);
    return { shape: x.shape, data: x.data.map((v, i) => (dropped[i] ? 0 : v / (1 - p))) };
  },
});

export const rows: OpRow[] = [
  dropout(0.5, [3, 5]),
  dropout(0.1, [7]),
  dropout(0, [4]),
  dropout(1, [4]),
  dropout(0.3, [0]),
  { ...dropout(0.3, [40_003]), gradient: false },
  {
    name: 'dropout in use',
    run: (x) => ops.dropout(x, { training: false }),
    inputs: [{ shape: [4] }],
    reference: (x: Plain) => x,
    gradient: false,
  },
];

export const errors: ErrorRow[] = [
  {
    name: 'rand shape',
    call: () => ops.rand([2, -1]),
    error: ArgumentError,
    message: 'rand: each size must be an integer of at least 0, got [2, -1]',
  },
  {
    name: 'randn dtype',
    call: () => ops.randn([2], { dtype: 'int32' }),
    error: DTypeError,
    message: 'randn: dtype must be float32 or float64, got int32; use randint for integers',
  },
  {
    name: 'uniform bounds',
    call: () => ops.uniform([2], { low: 1, high: 0 }),
    error: ArgumentError,
    message: 'uniform: high must be a finite number of at least 1, got 0',
  },
  {
    name: 'normal deviation',
    call: () => ops.normal([2], { std: -1 }),
    error: ArgumentError,
    message: 'normal: std must be a finite number of at least 0, got -1',
  },
  {
    name: 'normal unknown option',
    call: () => ops.normal([2], { deviation: 1 } as never),
    error: ArgumentError,
    message: 'normal: unknown option "deviation"; known are mean, std, dtype, requiresGrad, generator',
  },
  {
    name: 'randint range',
    call: () => ops.randint(3, 3, [2]),
    error: ArgumentError,
    message: 'randint: high must be an integer of at least 4 and at most 2147483648, got 3',
  },
  {
    name: 'bernoulli probability',
    call: () => ops.bernoulli([2], { p: 1.5 }),
    error: ArgumentError,
    message: 'bernoulli: p must be a finite number of at least 0 and at most 1, got 1.5',
  },
  {
    name: 'permutation length',
    call: () => ops.permutation(2.5),
    error: ArgumentError,
    message: 'permutation: n must be an integer of at least 0 and at most 2147483647, got 2.5',
  },
  {
    name: 'generator',
    call: () => ops.rand([2], { generator: 7 as never }),
    error: ArgumentError,
    message: 'rand: generator must be a Generator, got 7',
  },
  {
    name: 'dropout integers',
    call: () => ops.dropout(zeros([2], { dtype: 'int32' })),
    error: DTypeError,
    message: "dropout: x must be float32 or float64, got int32; convert it by x.to('float32')",
  },
  {
    name: 'dropout training',
    call: () => ops.dropout(ones([2]), { training: 1 as never }),
    error: ArgumentError,
    message: 'dropout: training must be a boolean, got 1',
  },
];
