import { grad } from '../../lib/backward/engine.js';
import { DTypeError, ShapeError } from '../../lib/errors.js';
import { ones, zeros } from '../../lib/ops/creation.js';
import * as ops from '../../lib/ops/elementwise.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import {
  broadcastReference,
  type ErrorRow,
  irregular,
  mapReference,
  type OpRow,
  type Plain,
  positive,
} from '../support/harness.js';
import { erf, methodOf, roundEven, unaryRows } from '../support/special.js';

type Binary = (a: Tensor | number, b: Tensor | number) => Tensor;

const shapes: [number[], number[]][] = [
  [[5], [5]],
  [[1], [1]],
  [[3, 7], [7]],
  [
    [3, 1],
    [1, 4],
  ],
  [[], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [
    [2, 3, 2, 3],
    [3, 1, 3],
  ],
  [[0, 3], [3]],
];

const other = (i: number): number => irregular(i + 100);

/** name, function, reference, values of the first operand */
const binary: [string, Binary, (a: number, b: number) => number, ((i: number) => number)?][] = [
  ['add', ops.add, (a, b) => a + b],
  ['sub', ops.sub, (a, b) => a - b],
  ['mul', ops.mul, (a, b) => a * b],
  ['div', ops.div, (a, b) => a / b],
  ['pow', ops.pow, (a, b) => a ** b, positive],
  ['maximum', ops.maximum, Math.max],
  ['minimum', ops.minimum, Math.min],
];

const binaryRows = binary.flatMap(([name, f, reference, values]): OpRow[] => [
  ...shapes.map(
    ([a, b]): OpRow => ({
      name: `${name} [${a}] [${b}]`,
      run: f as OpRow['run'],
      method: methodOf(f),
      inputs: [
        { shape: a, values },
        { shape: b, values: other },
      ],
      reference: broadcastReference(reference) as OpRow['reference'],
    }),
  ),
  {
    name: `${name} of a tensor and a number`,
    run: (x) => f(x, 1.75),
    inputs: [{ shape: [9], values }],
    reference: mapReference((x) => reference(x, 1.75)) as OpRow['reference'],
  },
  {
    name: `${name} of a number and a tensor`,
    run: (x) => f(1.75, x),
    inputs: [{ shape: [9] }],
    reference: mapReference((x) => reference(1.75, x)) as OpRow['reference'],
  },
]);

// Long enough for several chunks; a bias added to many rows, and the same column by column.
const large = [
  [
    [300, 200],
    [300, 200],
  ],
  [[300, 200], [200]],
  [
    [300, 200],
    [300, 1],
  ],
].map(
  ([a, b]): OpRow => ({
    name: `sub, large [${a}] [${b}]`,
    run: ops.sub as OpRow['run'],
    inputs: [{ shape: a as number[] }, { shape: b as number[], values: other }],
    reference: broadcastReference((p, q) => p - q) as OpRow['reference'],
    gradient: false,
  }),
);

const bytes = (i: number): number => (i * 37) % 256;
const wholes = (i: number): number => Math.round(irregular(i) * 2 ** 30);

const integers = (['int32', 'uint8'] as const).flatMap((dtype) => {
  const wrap = dtype === 'int32' ? (x: number) => x | 0 : (x: number) => x & 255;
  const values = dtype === 'int32' ? wholes : bytes;
  const references: [string, Binary, (a: number, b: number) => number][] = [
    ['add', ops.add, (a, b) => wrap(a + b)],
    ['sub', ops.sub, (a, b) => wrap(a - b)],
    ['mul', ops.mul, (a, b) => wrap(Math.imul(a, b))],
    ['maximum', ops.maximum, Math.max],
    ['minimum', ops.minimum, Math.min],
  ];
  return references.map(
    ([name, f, reference]): OpRow => ({
      name: `${name} of ${dtype}`,
      run: f as OpRow['run'],
      inputs: [
        { shape: [11, 3], values, dtype },
        { shape: [3], values: (i) => values(i + 5), dtype },
      ],
      reference: broadcastReference(reference) as OpRow['reference'],
      dtypes: ['float64'],
      gradient: false,
    }),
  );
});

const signed = (
  [
    ['neg', ops.neg, (x) => -x | 0],
    ['abs', ops.abs, (x) => Math.abs(x) | 0],
    ['sign', ops.sign, Math.sign],
    ['square', ops.square, (x) => Math.imul(x, x)],
  ] as [string, (x: Tensor) => Tensor, (x: number) => number][]
).map(
  ([name, run, reference]): OpRow => ({
    name: `${name} of int32`,
    run,
    inputs: [{ shape: [4], values: (i) => [0, -7, 1 << 20, -(2 ** 31)][i] as number, dtype: 'int32' }],
    reference: mapReference(reference) as OpRow['reference'],
    dtypes: ['float64'],
    gradient: false,
  }),
);

const rootsOnly = (x: number): boolean => x !== 0 && Math.abs(x) < 1e-38;
const beyond = (x: number): boolean => Math.abs(x) < 1e-38 || x < -60;

const single = [
  { name: 'exp', run: ops.exp, reference: Math.exp, skip: beyond },
  { name: 'log', run: ops.log, reference: Math.log, values: positive },
  { name: 'log1p', run: ops.log1p, reference: Math.log1p, values: positive },
  { name: 'expm1', run: ops.expm1, reference: Math.expm1 },
  { name: 'sqrt', run: ops.sqrt, reference: Math.sqrt, values: positive },
  { name: 'rsqrt', run: ops.rsqrt, reference: (x: number) => 1 / Math.sqrt(x), values: positive },
  {
    name: 'square',
    run: ops.square,
    reference: (x: number) => x * x,
    skip: (x: number) => x !== 0 && Math.abs(x) < 1e-8,
  },
  { name: 'reciprocal', run: ops.reciprocal, reference: (x: number) => 1 / x, skip: rootsOnly },
  { name: 'neg', run: ops.neg, reference: (x: number) => -x },
  { name: 'abs', run: ops.abs, reference: Math.abs },
  { name: 'sign', run: ops.sign, reference: (x: number) => (Number.isNaN(x) ? 0 : Math.sign(x)), steps: true },
  { name: 'floor', run: ops.floor, reference: Math.floor, steps: true },
  { name: 'ceil', run: ops.ceil, reference: Math.ceil, steps: true },
  { name: 'round', run: ops.round, reference: roundEven, steps: true },
  { name: 'sin', run: ops.sin, reference: Math.sin },
  { name: 'cos', run: ops.cos, reference: Math.cos },
  { name: 'erf', run: ops.erf, reference: erf },
].flatMap(unaryRows);

const flat = [ops.sign, ops.floor, ops.ceil, ops.round].map(
  (f): OpRow => ({
    name: `${f.name} has the gradient 0`,
    run: (x) => {
      x.requiresGrad = true;
      const y = f(x);
      return (grad([y], [x], { gradOutputs: [y.detach()] })[0] as Tensor).detach();
    },
    inputs: [{ shape: [5] }],
    reference: mapReference(() => 0) as OpRow['reference'],
    gradient: false,
  }),
);

const powers = [0, 1, 2, 3, 0.5, -0.5, -1, -2, 2.5].map(
  (exponent): OpRow => ({
    name: `pow of exponent ${exponent}`,
    run: (x) => ops.pow(x, exponent),
    inputs: [{ shape: [7], values: positive }],
    reference: mapReference((x) => x ** exponent) as OpRow['reference'],
  }),
);

const special: OpRow[] = [
  {
    name: 'pow of negative bases and a whole exponent',
    run: (x) => ops.pow(x, 3),
    inputs: [{ shape: [7] }],
    reference: mapReference((x) => x ** 3) as OpRow['reference'],
  },
  {
    name: 'sin far out',
    run: ops.sin,
    inputs: [{ shape: [600], values: (i) => irregular(i) * 10 ** (i % 30) }],
    reference: mapReference(Math.sin) as OpRow['reference'],
    gradient: false,
  },
  {
    name: 'maximum and minimum pass NaN on',
    run: (a, b) => ops.add(ops.maximum(a, b), ops.minimum(a, b)),
    inputs: [
      { shape: [3], values: (i) => [Number.NaN, 1, Number.NaN][i] as number },
      { shape: [3], values: (i) => [1, Number.NaN, Number.NaN][i] as number },
    ],
    reference: (a: Plain) => ({ shape: a.shape, data: [Number.NaN, Number.NaN, Number.NaN] }),
    gradient: false,
  },
];

const rows: OpRow[] = [...binaryRows, ...large, ...integers, ...signed, ...single, ...flat, ...powers, ...special];

const errors: ErrorRow[] = [
  {
    name: 'add shapes',
    call: () => ops.add(ones([2, 3]), ones([4])),
    error: ShapeError,
    message: 'add: shapes must broadcast, got a [2, 3] and b [4] (3 ≠ 4 in dimension 1)',
  },
  {
    name: 'sub dtypes',
    call: () => ops.sub(ones([2]), ones([2], { dtype: 'float64' })),
    error: DTypeError,
    message: 'sub: dtypes must match, got a float32 and b float64; convert one by to(dtype)',
  },
  {
    name: 'div integers',
    call: () => ops.div(ones([2], { dtype: 'int32' }), 2),
    error: DTypeError,
    message: "div: a must be float32 or float64, got int32; convert it by a.to('float32')",
  },
  {
    name: 'pow integers',
    call: () => ops.pow(2, ones([2], { dtype: 'int32' })),
    error: DTypeError,
    message: "pow: exponent must be float32 or float64, got int32; convert it by exponent.to('float32')",
  },
  {
    name: 'exp integers',
    call: () => ops.exp(zeros([2], { dtype: 'int32' })),
    error: DTypeError,
    message: "exp: x must be float32 or float64, got int32; convert it by x.to('float32')",
  },
  {
    name: 'neg bytes',
    call: () => ops.neg(zeros([2], { dtype: 'uint8' })),
    error: DTypeError,
    message: "neg: x must be float32 or float64, got uint8; convert it by x.to('float32')",
  },
];

testFamily('elementwise', { rows, errors, fuses: 36 });
