// Clipping gradients against PyTorch, eager and compiled.
import { describe, expect, it } from 'vitest';
import {
  type AdjointError,
  ArgumentError,
  compile,
  type DType,
  DTypeError,
  mul,
  nn,
  ones,
  optim,
  StateError,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { expectNear, expectNumbers, readGolden } from '../support/golden.js';

const { clipGradNorm_, clipGradsWithNorm_, clipGradValue_, getTotalNorm } = nn.utils;

interface Clip {
  kind: 'norm' | 'value';
  dtype: DType;
  limit: number;
  before: number[];
  normType?: number | string;
  norm?: number;
  after: number[];
}
const { clips } = readGolden<{ clips: Clip[] }>('clip_grad');

const flat = (tensors: readonly Tensor[]): number[] => tensors.flatMap((t) => Array.from(t.toTypedArray()));
const gradients = (params: readonly Tensor[]): Tensor[] => params.map((p) => p.grad as Tensor);

/** Parameters [6], [2] and [4] with the gradients of a case. */
function start(c: Clip): Tensor[] {
  let offset = 0;
  return [6, 2, 4].map((n) => {
    const p = zeros([n], { dtype: c.dtype, requiresGrad: true });
    p.grad = tensor(Float64Array.from(c.before.slice(offset, offset + n)), { dtype: c.dtype });
    offset += n;
    return p;
  });
}

describe('clipping against PyTorch', () => {
  for (const c of clips) {
    it(`${c.kind} ${c.limit} ${c.normType ?? ''} ${c.dtype}`, () => {
      const params = start(c);
      if (c.kind === 'norm') {
        const norm = clipGradNorm_(params, c.limit, { normType: Number(c.normType) });
        expect(norm.dtype).toBe(c.dtype);
        expectNear(norm, [c.norm as number]);
      } else {
        clipGradValue_(params, c.limit);
      }
      expectNumbers(flat(gradients(params)), c.after, c.dtype);
    });
  }

  it.each(clips.filter((c) => c.kind === 'norm'))('in two steps: $limit $normType $dtype', (c) => {
    const params = start(c);
    const norm = getTotalNorm(gradients(params), { normType: Number(c.normType) });
    expectNear(norm, [c.norm as number]);
    expectNumbers(flat(gradients(params)), c.before, c.dtype);
    clipGradsWithNorm_(params, c.limit, norm);
    expectNumbers(flat(gradients(params)), c.after, c.dtype);
  });

  it('by position, by name and both', () => {
    const p = ones([2], { requiresGrad: true });
    const clipped = (clip: () => Tensor | undefined) => {
      p.grad = tensor([3, -4]);
      const norm = clip();
      return [norm?.item(), p.grad.toArray()];
    };
    const third = clipped(() => clipGradNorm_([p], { maxNorm: 3.5, normType: 1 }));
    expect(third).toEqual([7, [expect.closeTo(1.5, 5), expect.closeTo(-2, 5)]]);
    expect(clipped(() => clipGradNorm_([p], 3.5, 1))).toEqual(third);
    expect(clipped(() => clipGradNorm_([p], 3.5, { normType: 1 }))).toEqual(third);
    expect(clipped(() => clipGradNorm_([p], 3.5, 1, { errorIfNonfinite: true }))).toEqual(third);
    expect(clipped(() => clipGradNorm_([p], 3.5, 1, true))).toEqual(third);
    for (const clip of [() => clipGradValue_([p], 2), () => clipGradValue_([p], { clipValue: 2 })]) {
      expect(clipped(() => clip() as undefined)).toEqual([undefined, [2, -2]]);
    }
    const totalNorm = tensor(7);
    for (const clip of [
      () => clipGradsWithNorm_([p], 3.5, totalNorm),
      () => clipGradsWithNorm_([p], { maxNorm: 3.5, totalNorm }),
    ]) {
      expect(clipped(() => clip() as undefined)[1]).toEqual(third[1]);
    }
    expect([getTotalNorm([p], 1), getTotalNorm([p], { normType: 1 })].map((t) => t.item())).toEqual([2, 2]);
  });

  it('by a norm of another dtype, and of one tensor', () => {
    const p = ones([2], { requiresGrad: true });
    p.grad = tensor([3, 4]);
    const norm = getTotalNorm(p.grad);
    clipGradsWithNorm_(p, 1, norm.to('float64'));
    expectNumbers(p.grad.toArray() as number[], [0.6, 0.8], 'float32');
    expect(getTotalNorm([]).item()).toBe(0);
  });

  it('does nothing without gradients', () => {
    expect(clipGradNorm_([ones([2], { requiresGrad: true })], 1).item()).toBe(0);
  });

  it.each([
    [Number.NaN, 2, 'NaN'],
    [Infinity, 2, 'Infinity'],
    [Number.NaN, Infinity, 'NaN'],
  ])('errorIfNonfinite: %s, norm type %s', (value, normType, text) => {
    const params = [tensor([3, 4], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
    (params[0] as Tensor).grad = tensor([3, 4]);
    (params[1] as Tensor).grad = tensor([value]);
    const before = flat(gradients(params));
    const clip = () => clipGradNorm_(params, 1, { normType, errorIfNonfinite: true });
    expect(clip).toThrow(StateError);
    expect(clip).toThrow(`clipGradNorm_: the norm of the gradients must be finite, got ${text}; skip the step`);
    expect(flat(gradients(params))).toEqual(before);
    const total = () => getTotalNorm(gradients(params), { normType, errorIfNonfinite: true });
    expect(total).toThrow(`getTotalNorm: the norm of the gradients must be finite, got ${text}; skip the step`);
    (params[1] as Tensor).grad = tensor([0]);
    expect(clip().item()).toBe(normType === 2 ? 5 : 4);
  });

  it('errorIfNonfinite in a compiled step: an error before the optimizer runs', async () => {
    const w = tensor([1, 2], { requiresGrad: true });
    const optimizer = new optim.SGD([w], { lr: 1 });
    const step = compile((x: Tensor) => {
      optimizer.zeroGrad();
      mul(w, x).sum().backward();
      clipGradNorm_([w], 10, { errorIfNonfinite: true });
      optimizer.step();
    });
    await step(tensor([1, 1]));
    await step(tensor([0, 1]));
    expect(w.toArray()).toEqual([0, 0]);
    await expect(step(tensor([Number.NaN, 1]))).rejects.toThrow('the norm of the gradients must be finite, got NaN');
    expect(w.toArray()).toEqual([0, 0]);
    await step(tensor([3, 1]));
    expect(w.toArray()).toEqual([-3, -1]);
  });
});

describe('wrong input', () => {
  const p = (): Tensor => ones([2], { requiresGrad: true });
  // biome-ignore format: one line a row
  const table: [string, () => unknown, new (message: string) => AdjointError, string][] = [
    ['norm type', () => clipGradNorm_([p()], 1, { normType: 0 }), ArgumentError, 'clipGradNorm_: normType must be a number above 0, got 0'],
    ['flag', () => clipGradNorm_([p()], 1, { errorIfNonfinite: 1 as never }), ArgumentError, 'clipGradNorm_: errorIfNonfinite must be a boolean, got 1'],
    ['limit', () => clipGradValue_([p()], Number.NaN), ArgumentError, 'clipGradValue_: clipValue must be a finite number of at least 0, got NaN'],
    ['a module to clip', () => clipGradNorm_(new nn.Linear(1, 1) as never, 1), ArgumentError, 'clipGradNorm_: parameters must be tensors, got an object of class Linear; pass its parameters()'],
    ['an object to clip', () => clipGradValue_({ weight: p() } as never, 1), ArgumentError, 'clipGradValue_: parameters must be tensors, got an object of class Object'],
    ['negative norm', () => clipGradNorm_([p()], -1), ArgumentError, 'clipGradNorm_: maxNorm must be a finite number of at least 0, got -1'],
    ['no norm', () => clipGradNorm_([p()], {} as never), ArgumentError, 'clipGradNorm_: maxNorm must be a finite number of at least 0, got undefined'],
    ['norm twice', () => clipGradNorm_([p()], 1, { maxNorm: 1 } as never), ArgumentError, 'clipGradNorm_: maxNorm must be given once, got 1 by position and 1 in the options'],
    ['two dtypes', () => getTotalNorm([ones([1]), ones([1], { dtype: 'float64' })]), ArgumentError, 'getTotalNorm: tensors must have one dtype, got float32 and float64'],
    ['integers', () => getTotalNorm([ones([1], { dtype: 'int32' })]), DTypeError, "getTotalNorm: a tensor must be float32 or float64, got int32; convert it by a tensor.to('float32')"],
    ['a norm of two', () => clipGradsWithNorm_([p()], 1, ones([2])), ArgumentError, 'clipGradsWithNorm_: totalNorm must have one element, got totalNorm [2]'],
  ];
  for (const [name, call, Class, message] of table) {
    it(name, () => {
      expect(call).toThrow(message);
      expect(call).toThrow(Class);
    });
  }
});
