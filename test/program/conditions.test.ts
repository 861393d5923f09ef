// Branches on values: those that a tensor can reject while a step is recorded, and those that only `verify` finds.
import { describe, expect, it } from 'vitest';
import {
  compile,
  manualSeed,
  nn,
  noGrad,
  ones,
  optim,
  randint,
  randn,
  type Tensor,
  where,
  zeros,
} from '../../lib/index.js';
import { message } from '../support/compiled.js';

const x = ones([3]);

describe('a tensor where JavaScript asks for a number', () => {
  const asked: [string, (t: Tensor) => unknown][] = [
    ['if (t > 0)', (t) => ((t as never) > 0 ? t : t.neg())],
    // biome-ignore lint/suspicious/noDoubleEquals: it is what converts
    ['if (t == 3)', (t) => ((t as never) == 3 ? t : t.neg())],
    ['t * 2', (t) => ones([2]).mul((t as never) * 2)],
    ['+t', (t) => ones([2]).mul(+t)],
    ['Math.max(t, 0)', (t) => ones([2]).mul(Math.max(t as never, 0))],
    ['an index', (t) => ones([[2, 3][t as never] as never])],
    [
      'for (i < t)',
      (t) => {
        let sum = t;
        for (let i = 0; i < (t as never); i++) sum = sum.add(t);
        return sum;
      },
    ],
  ];

  it.each(asked)('%s', (_, fn) => {
    const step = compile((t: Tensor) => fn(t.sum()) as Tensor);
    for (let i = 0; i < 2; i++) {
      expect(message(() => step.sync(x))).toMatch(
        /^a tensor as a number: reads a value while a step is being recorded, .*; use operations such as mul, gt and where instead$/,
      );
    }
  });
});

describe('a tensor where JavaScript asks for a truth value', () => {
  const lost: [string, string, (t: Tensor) => Tensor][] = [
    ['if (t.gt(0))', 'less', (t) => (t.gt(0) ? t.mul(2) : t)],
    ['if (t.sum().le(0))', 'lessEqual', (t) => (t.sum().le(0) ? t.mul(2) : t)],
    ['if (!t.eq(0))', 'equal', (t) => (!t.eq(0) ? t.mul(2) : t)],
    ['t.isnan() && …', 'isnan', (t) => (t.isnan() && t.mul(2)) as Tensor],
    ['a view', 'less', (t) => (t.gt(0).reshape([3, 1]) ? t.mul(2) : t)],
  ];

  it.each(lost)('%s: verify refuses', (_, kernel, fn) => {
    const step = compile(fn, { verify: true });
    for (let i = 0; i < 2; i++) {
      expect(message(() => step.sync(x))).toMatch(
        new RegExp(
          `^compile: the uint8 result of operation \\d+ \\(${kernel}\\) must be used by another operation or returned; .*where\\(\\)`,
        ),
      );
    }
    expect(compile(fn).sync(x).dtype).toBe('float32'); // without it, JavaScript has its way
  });

  it('verify lets comparisons be that are used or returned', () => {
    const step = compile((t: Tensor) => [where(t.gt(0), t, 0), t.lt(2), t.ge(1).sum()], { verify: true });
    for (let i = 0; i < 2; i++) {
      expect(step.sync(x).map((t) => t.toArray())).toEqual([[1, 1, 1], [1, 1, 1], 3]);
    }
  });

  it('verify lets whole models be', () => {
    manualSeed(1);
    const model = nn.sequential(
      new nn.Conv2d(1, 4, 3),
      new nn.BatchNorm2d(4),
      nn.functional.relu,
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      new nn.Dropout(),
      new nn.Linear(36, 3),
    );
    const optimizer = new optim.Adam(model.parameters());
    const step = compile(
      (image: Tensor, label: Tensor) => {
        const loss = nn.functional.crossEntropy(model.forward(image), label);
        optimizer.zeroGrad();
        loss.backward();
        nn.utils.clipGradNorm_(model.parameters(), 1);
        optimizer.step();
        return loss;
      },
      { verify: true },
    );
    for (let i = 0; i < 3; i++) step.sync(randn([4, 1, 8, 8]), randint(0, 3, [4]));
  });
});

it('a key-value cache does not grow in a recording', () => {
  const cache = new nn.KeyValueCache();
  const append = (rows: Tensor): void => noGrad(() => cache.append(rows, rows));
  append(zeros([2, 4]));
  const step = compile((rows: Tensor) => append(rows));
  expect(message(() => step.sync(ones([1, 4])))).toMatch(/^KeyValueCache: cannot grow while a step is being recorded/);
  expect(cache.length).toBe(2);
});
