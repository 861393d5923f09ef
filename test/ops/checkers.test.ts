// The checkers of the op tables find planted faults: operations, gradients and errors that are wrong in one way each.
import { describe, expect, it } from 'vitest';
import { isGradEnabled } from '../../lib/context.js';
import { ShapeError } from '../../lib/errors.js';
import { customFunction, gradcheck, type Tensor, tensor, zeros } from '../../lib/index.js';
import { compareCompiled } from '../support/compiled-rows.js';
import { checkFirstGradients } from '../support/first-gradients.js';
import { expectNear, expectNumbers } from '../support/golden.js';
import { checkError, checkForward, checkGradients, expectClose, mapReference, type OpRow } from '../support/harness.js';
import { expectError } from '../support/refusals.js';

// x², right in every way, and what each fault changes of it.
const rowOf = (row: Partial<OpRow> = {}): OpRow => ({
  name: 'square',
  run: (x) => (x as Tensor).square(),
  inputs: [{ shape: [2, 3] }],
  reference: mapReference((x) => x * x) as OpRow['reference'],
  ...row,
});
const planted = (run: (x: Tensor) => Tensor): OpRow => rowOf({ run: (x) => run(x as Tensor) });
const dtypes = ['float32', 'float64'] as const;

/** x² whose gradient is what `gradient` says. */
const squareWith = (gradient: (dy: Tensor, x: Tensor) => Tensor): OpRow =>
  planted(
    customFunction(
      'square',
      (x) => ({ result: x.square(), saved: [x] }),
      (dy, [x]) => [gradient(dy, x as Tensor)],
    ),
  );
const right = (dy: Tensor, x: Tensor): Tensor => dy.mul(x).mul(2);

describe.each(dtypes)('forward in %s', (dtype) => {
  const check = (row: OpRow) => () => checkForward(row, dtype);
  const off = dtype === 'float32' ? 3e-5 : 3e-12;

  it('a right row passes', check(rowOf({ method: (x) => (x as Tensor).square() })));
  it('a value that is off, in the last element alone', () => {
    const factors = tensor([[1, 1, 1], [1, 1, 1 + off]], { dtype }); // biome-ignore format: a matrix
    expect(check(planted((x) => x.square().mul(factors)))).toThrow(/^element 5 is /);
  });
  it('NaN and infinity', () => {
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      expect(check(planted((x) => x.square().add(value)))).toThrow(/^element 0 is (NaN|-?Infinity)/);
    }
    const wanted = rowOf({ reference: mapReference(() => Number.NaN) as OpRow['reference'] });
    expect(check(wanted)).toThrow(/the reference NaN/);
    for (const value of [Infinity, -Infinity]) {
      const infinite = rowOf({ reference: mapReference(() => value) as OpRow['reference'] });
      expect(check(infinite)).toThrow(/the reference -?Infinity/);
    }
  });
  it('another shape of the same elements', () => {
    expect(check(planted((x) => x.square().reshape([3, 2])))).toThrow(/shape/);
  });
  it('an input that is changed', () => {
    expect(check(planted((x) => [x.square(), x.fill_(3)][0] as Tensor))).toThrow(/deeply equal/);
  });
  it('a method that is another operation', () => {
    expect(check(rowOf({ method: (x) => (x as Tensor).abs() }))).toThrow(/deeply equal/);
  });
});

describe('gradients', () => {
  const check = (row: OpRow) => () => checkGradients(row);

  it('a right row passes', check(squareWith(right)));
  it('a wrong gradient', () => {
    expect(check(squareWith((dy, x) => dy.mul(x).mul(2.001)))).toThrow(/^gradcheck: /);
    expect(check(planted((x) => x.mul(x.detach())))).toThrow(/^gradcheck: /);
  });
  it('a wrong second gradient', () => {
    const row = squareWith((dy, x) => dy.mul(x.detach()).mul(2));
    expect(gradcheck(row.run, [tensor([1, -2], { dtype: 'float64', requiresGrad: true })])).toBe(true);
    expect(check(row)).toThrow(/^gradcheck: the gradient of input 0/);
  });
  it('a gradient that does not depend on the upstream gradient', () => {
    expect(check(squareWith((dy, x) => right(dy, x).div(dy.abs())))).toThrow(/^gradcheck: /);
  });
  it('a tensor that is needed, not saved, and changed in place unnoticed', () => {
    const unsaved = customFunction(
      'square',
      (x) => ({ result: x.square() }),
      (dy) => [right(dy, hidden as Tensor)],
    );
    let hidden: Tensor | undefined;
    const row = planted((x) => {
      hidden = x;
      return unsaved(x);
    });
    expect(check(row)).toThrow(/input 0 was changed in place after the forward pass and nobody noticed/);
  });
});

describe.each(dtypes)('first gradients in %s', (dtype) => {
  it('a right row passes', () => {
    expect(checkFirstGradients(squareWith(right), dtype)).toBeGreaterThan(1);
  });
  it('a gradient that differs under createGraph, for all numbers and for NaN alone', () => {
    const differs = squareWith((dy, x) => right(dy, x).mul(isGradEnabled() ? 1 : 2));
    expect(() => checkFirstGradients(differs, dtype)).toThrow(/square float(32|64), .* in the upstream gradient/);
    const atNaN = squareWith((dy, x) =>
      isGradEnabled() ? right(dy, x).where(x.isnan().logicalNot(), 0) : right(dy, x),
    );
    expect(() => checkFirstGradients({ ...atNaN, inputs: [{ shape: [3, 4] }] }, dtype)).toThrow(
      /square float(32|64), .* in input 0/,
    );
  });
});

describe.each(dtypes)('compiled in %s', (dtype) => {
  it('a right row passes', () => {
    expect(compareCompiled(rowOf(), dtype)).toContain('square');
  });
  it('a number of the first call that a program keeps', () => {
    let calls = 0;
    const row = planted((x) => x.square().add(calls++));
    expect(() => compareCompiled(row, dtype)).toThrow(/^square float(32|64), recorded, result 0: element 0 is/);
  });
  it('a difference of the sign of zero', () => {
    let calls = 0;
    const row = planted((x) => x.mul(calls++ % 2 ? 0 : -0));
    expect(() => compareCompiled(row, dtype)).toThrow(/result 0: element \d is -?0 compiled, -?0 eager/);
  });
});

describe('errors', () => {
  const row = { name: 'planted', error: ShapeError, message: 'planted: x must be [2], got [3]' };
  const fail = (error: Error) => () => {
    throw error;
  };

  it('a right row passes', () => checkError({ ...row, call: fail(new ShapeError(row.message)) }));
  it('no error, another text, another class', () => {
    expect(() => checkError({ ...row, call: () => zeros([3]) })).toThrow(/undefined/);
    expect(() => checkError({ ...row, call: fail(new ShapeError(`${row.message}.`)) })).toThrow(/got \[3\]\./);
    expect(() => checkError({ ...row, call: fail(new TypeError(row.message)) })).toThrow(/instance of ShapeError/);
    expect(() => expectError(undefined, ShapeError, row.message)).toThrow(/undefined/);
    expect(() => expectError(new TypeError(row.message), ShapeError, row.message)).toThrow(/instance of ShapeError/);
  });
});

describe('golden values', () => {
  it.each([
    ['float32', 1.00002],
    ['float64', 1 + 3e-12],
  ] as const)('%s', (dtype, off) => {
    expectNumbers([1, Number.NaN, -Infinity, 1e-20], [1, 'NaN', '-Infinity', 0], dtype);
    expect(() => expectNumbers([1, off], [1, 1], dtype)).toThrow(`element 1 is ${off}, PyTorch's 1`);
    expect(() => expectNumbers([Number.NaN], [1], dtype)).toThrow("element 0 is NaN, PyTorch's 1");
    expect(() => expectNumbers([1], ['NaN'], dtype)).toThrow("element 0 is 1, PyTorch's NaN");
    expect(() => expectNumbers([Infinity], ['-Infinity'], dtype)).toThrow("element 0 is Infinity, PyTorch's -Infinity");
    expect(() => expectNumbers([1], ['Infinity'], dtype)).toThrow("element 0 is 1, PyTorch's Infinity");
    expect(() => expectNumbers([1], [1, 1], dtype)).toThrow();
    expect(() => expectNear(tensor([1, 2], { dtype }), [1, 3])).toThrow("element 1 is 2, PyTorch's 3");
    const plain = { shape: [2], data: [1, 2] };
    expect(() => expectClose(tensor([1, 3]), plain, 1e-5)).toThrow(/^element 1 is 3, the reference 2/);
  });
});
