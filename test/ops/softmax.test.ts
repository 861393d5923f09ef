import { ArgumentError, DTypeError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import { logSoftmax, softmax } from '../../lib/ops/softmax.js';
import { checkDim, sizesAround } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, irregular, type OpRow, type Plain } from '../support/harness.js';

function reference(dim: number, logarithm: boolean): (x: Plain) => Plain {
  return (x) => {
    const { outer, n, inner } = sizesAround(x.shape, checkDim('reference', dim, x.shape.length));
    const data = new Array<number>(x.data.length);
    const magnitude = new Array<number>(x.data.length);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const at = (k: number): number => (o * n + k) * inner + i;
        const row = Array.from({ length: n }, (_, k) => x.data[at(k)] as number);
        const most = row.reduce((m, v) => Math.max(m, v), -Infinity);
        const sum = row.reduce((s, v) => s + Math.exp(v - most), 0);
        row.forEach((v, k) => {
          data[at(k)] = logarithm ? v - most - Math.log(sum) : Math.exp(v - most) / sum;
          // Probabilities below 1e-30 may underflow.
          magnitude[at(k)] = logarithm ? Math.abs(v) + Math.abs(most) : Math.max(data[at(k)] as number, 1e-30);
        });
      }
    }
    return { shape: x.shape, data, magnitude };
  };
}

const shapes: [number[], number, boolean][] = [
  [[4, 3], -1, true],
  [[4, 3], 0, true],
  [[2, 3, 4], 1, true],
  [[5], 0, true],
  [[1], 0, true],
  [[], -1, true],
  [[2, 1, 3], 1, true],
  [[0, 3], -1, false],
  [[3, 0], -1, false],
  [[300, 10], -1, false],
  [[7, 16], -1, false],
  [[5, 1000], -1, false],
  [[3, 5000], -1, false],
  [[2, 10, 131], 1, false],
];

const huge = (i: number): number => irregular(i) * 1e4;
const masked = (i: number): number => (i % 3 === 1 ? -Infinity : irregular(i));
const spoiled = (i: number): number => (i === 4 ? Number.NaN : irregular(i));
const hopeless = (): number => -Infinity;

const rows: OpRow[] = [softmax, logSoftmax].flatMap((run) => {
  const logarithm = run === logSoftmax;
  return [
    ...shapes.map(
      ([shape, dim, gradient]): OpRow => ({
        name: `${run.name} of [${shape}] along ${dim}`,
        run: (x) => run(x as Tensor, { dim }),
        inputs: [{ shape }],
        reference: reference(dim, logarithm) as OpRow['reference'],
        gradient,
      }),
    ),
    ...[huge, masked, spoiled, hopeless].flatMap((values) =>
      [0, 1].map(
        (dim): OpRow => ({
          name: `${run.name} of ${values.name} along ${dim}`,
          run: (x) => run(x as Tensor, { dim }),
          inputs: [{ shape: [4, 6], values }],
          reference: reference(dim, logarithm) as OpRow['reference'],
          gradient: false,
        }),
      ),
    ),
  ];
});

const errors: ErrorRow[] = [
  {
    name: 'softmax of integers',
    call: () => softmax(ones([2], { dtype: 'int32' }), { dim: 0 }),
    error: DTypeError,
    message: "softmax: x must be float32 or float64, got int32; convert it by x.to('float32')",
  },
  {
    name: 'logSoftmax dim',
    call: () => logSoftmax(ones([2, 2]), { dim: 2 }),
    error: ArgumentError,
    message: 'logSoftmax: dim must be an integer in [-2, 1] for a tensor of rank 2, got 2',
  },
  {
    name: 'softmax without dim',
    // @ts-expect-error
    call: () => softmax(ones([2, 2])),
    error: ArgumentError,
    message: 'softmax: dim must be an integer in [-2, 1] for a tensor of rank 2, got undefined',
  },
  {
    name: 'logSoftmax without dim',
    // @ts-expect-error
    call: () => logSoftmax(ones([2, 2])),
    error: ArgumentError,
    message: 'logSoftmax: dim must be an integer in [-2, 1] for a tensor of rank 2, got undefined',
  },
  {
    name: 'softmax option',
    call: () => softmax(ones([2]), { axis: 0 } as never),
    error: ArgumentError,
    message: 'softmax: unknown option "axis"; use dim',
  },
];

testFamily('softmax', { rows, errors, fused: ['softmaxBackward', 'logSoftmaxBackward'] });
