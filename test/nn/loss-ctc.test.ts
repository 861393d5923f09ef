// CTC against PyTorch and against the sum over all sequences.
import { describe, expect, it } from 'vitest';
import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { compile, grad, gradcheck, gradgradcheck, nn, rand, type Tensor, tensor, zeros } from '../../lib/index.js';
import { testFamily } from '../support/family.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';
import type { ErrorRow } from '../support/harness.js';

interface Case {
  input: Golden;
  targets: Golden;
  inputLengths: number[] | number;
  targetLengths: number[] | number;
  options: nn.CTCLossOptions;
  output: Golden;
  upstream: Golden;
  gradient: Golden;
}

const { ctc } = readGolden<{ ctc: Case[] }>('composed_losses');
const { ctcLoss } = nn.functional;
const integers = (values: number[] | number[][]): Tensor => tensor(values, { dtype: 'int32' });

describe('ctcLoss against PyTorch', () => {
  const title = (c: Case) => `[${c.input.shape}] ${Object.entries(c.options)}`;
  describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
    it.each(ctc.map((c) => [title(c), c] as const))('%s', (_, c) => {
      const lengths = [c.inputLengths, c.targetLengths].map((n) => [n].flat()) as [number[], number[]];
      const asTensors = lengths.map((n) => integers(n)) as [Tensor, Tensor];
      const targets = fromGolden(c.targets);
      const calls = [
        (x: Tensor) => ctcLoss(x, targets, ...lengths, c.options),
        (x: Tensor) => ctcLoss(x, targets, ...asTensors, c.options),
        (x: Tensor) => new nn.CTCLoss(c.options).forward(x, targets, ...lengths),
      ];
      for (const call of calls) {
        const x = fromGolden(c.input).to(dtype);
        x.requiresGrad = true;
        const y = call(x.logSoftmax(-1));
        expect(y.shape).toEqual(c.output.shape);
        expectNear(y, c.output.data);
        const [dx] = grad([y], [x], { gradOutputs: [fromGolden(c.upstream).to(dtype)] });
        expectNear(dx as Tensor, c.gradient.data);
      }
    });
  });
});

describe('ctcLoss', () => {
  it('sums over all sequences that collapse to the target', () => {
    const logProbs = rand([4, 1, 3], { dtype: 'float64' }).logSoftmax(2);
    const p = logProbs.toArray() as number[][][];
    let total = 0;
    for (let code = 0; code < 81; code++) {
      const path = [0, 1, 2, 3].map((t) => Math.floor(code / 3 ** t) % 3);
      const collapsed = path.filter((c, t) => c !== 0 && c !== path[t - 1]);
      if (collapsed.join() === '1,2') total += Math.exp(path.reduce((s, c, t) => s + (p[t]?.[0]?.[c] as number), 0));
    }
    expect(ctcLoss(logProbs, integers([[1, 2]]), [4], [2], { reduction: 'sum' }).item()).toBeCloseTo(
      -Math.log(total),
      12,
    );
  });

  it('is differentiable twice', () => {
    const x = rand([4, 2, 3], { dtype: 'float64', requiresGrad: true });
    const loss = (x: Tensor) => ctcLoss(x.logSoftmax(2), integers([[1, 2], [2, 2]]), [4, 3], [2, 1]); // biome-ignore format: a matrix
    expect(gradcheck(loss, [x])).toBe(true);
    expect(gradgradcheck(loss, [x])).toBe(true);
  });

  it('is infinite for a target that is too long, and for one without time', () => {
    const logProbs = zeros([2, 2, 3]).logSoftmax(2);
    const each = ctcLoss(logProbs, integers([[1, 1], [1, 2]]), [2, 0], [2, 0], { reduction: 'none' }); // biome-ignore format: a matrix
    expect(each.toArray()).toEqual([Number.POSITIVE_INFINITY, 0]);
  });

  it('compiles, with lengths that change', async () => {
    const loss = (x: Tensor, targets: Tensor, durations: Tensor, lengths: Tensor) =>
      ctcLoss(x.logSoftmax(2), targets, durations, lengths);
    const step = compile(loss);
    const targets = integers([[1, 2], [2, 1]]); // biome-ignore format: a matrix
    for (const [durations, lengths] of [
      [
        [5, 4],
        [2, 1],
      ],
      [
        [3, 5],
        [1, 2],
      ],
    ] as const) {
      // biome-ignore format: a table
      const args = [rand([5, 2, 3]), targets, integers([...durations]), integers([...lengths])] as const;
      expect((await step(...args)).item()).toBe(loss(...args).item());
    }
  });
});

const ones = zeros([3, 2, 4]);
const targets = integers([[1, 2], [2, 3]]); // biome-ignore format: a matrix
const errors: ErrorRow[] = [
  {
    name: 'dtype of targets',
    call: () => ctcLoss(ones, zeros([2, 2]), [3, 3], [1, 1]),
    error: DTypeError,
    message: "ctcLoss: targets must be int32, got float32; convert it by targets.to('int32')",
  },
  {
    name: 'input length',
    call: () => ctcLoss(ones, targets, [3, 4], [1, 1]),
    error: ArgumentError,
    message: 'ctcLoss: inputLengths[1] must be an integer of at least 0 and at most 3, got 4',
  },
  {
    name: 'target length in a tensor',
    call: () => ctcLoss(ones, targets, [3, 3], integers([1, 3])),
    error: ArgumentError,
    message: 'ctcLoss: each of targetLengths must be an integer of at least 0 and at most 2, got 3',
  },
  {
    name: 'number of lengths',
    call: () => ctcLoss(ones, targets, [3], [1, 1]),
    error: ShapeError,
    message: 'ctcLoss: inputLengths must have one length for each of 2 inputs, got [1]',
  },
  {
    name: 'targets one after another',
    call: () => ctcLoss(ones, integers([1, 2, 3]), [3, 3], [1, 1]),
    error: ShapeError,
    message: 'ctcLoss: targets must have as many elements as targetLengths say, 2, got 3',
  },
  {
    name: 'label',
    call: () => ctcLoss(ones, integers([[1, 4], [0, 0]]), [3, 3], [2, 1]), // biome-ignore format: a matrix
    error: ArgumentError,
    message: 'ctcLoss: indices must be at least 0 and below 4, got 4 (element 3)',
  },
  {
    name: 'blank',
    call: () => ctcLoss(ones, targets, [3, 3], [1, 1], 4),
    error: ArgumentError,
    message: 'ctcLoss: blank must be an integer of at least 0 and at most 3, got 4',
  },
];

testFamily('ctcLoss', { rows: [], errors });
