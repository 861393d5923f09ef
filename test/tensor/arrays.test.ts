// Arrays and plain objects of another realm (node:vm, Jest's test files) are accepted like those of this one.
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { dtypeOfArray } from '../../lib/arrays.js';
import { defaultCollate } from '../../lib/data/collate.js';
import { readIdx } from '../../lib/data/idx.js';
import { compile, nn, scope, type Tensor, tensor } from '../../lib/index.js';

const realm = createContext({});
const foreign = <T>(code: string): T => runInContext(code, realm) as T;

describe('values of another realm', () => {
  it('are really foreign to instanceof', () => {
    expect(foreign<unknown>('Float32Array.of(1)') instanceof Float32Array).toBe(false);
  });

  it.each([
    ['Float32Array.of(1, 2.5)', 'float32'],
    ['Float64Array.of(1, 2.5)', 'float64'],
    ['Int32Array.of(1, -2)', 'int32'],
    ['Uint8Array.of(1, 2)', 'uint8'],
    ['Uint8ClampedArray.of(1, 2)', 'uint8'],
  ])('tensor takes %s as %s', (code, dtype) => {
    const array = foreign<Float32Array>(code);
    const t = tensor(array);
    expect([t.dtype, t.toArray()]).toEqual([dtype, [...array]]);
  });

  it('copy_ and copyTo write and fill them', () => {
    const t = tensor([0, 0, 0]);
    t.copy_(foreign<Float32Array>('Float32Array.of(1, 2, 3)'));
    expect(t.toArray()).toEqual([1, 2, 3]);
    const target = foreign<Float32Array>('new Float32Array(3)');
    t.copyTo(target);
    expect([...target]).toEqual([1, 2, 3]);
    expect(() => t.copyTo(foreign<Float32Array>('new Float64Array(3)') as Float32Array)).toThrow('copyTo: needs a');
  });

  it('defaultCollate stacks them, readIdx reads them', () => {
    const [x, y] = foreign<[Float32Array, Float32Array]>('[Float32Array.of(1, 2), Float32Array.of(3, 4)]');
    expect(defaultCollate([x, y]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    const records = foreign<{ a: number }[]>('[{ a: 1 }, { a: 2 }]');
    expect(defaultCollate(records).a.toArray()).toEqual([1, 2]);
    const idx = readIdx(foreign<Uint8Array>('Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9)'));
    expect([...idx.data]).toEqual([7, 9]);
  });

  it('structures with tensors pass through scope, compile and loadStateDict', () => {
    const map = foreign<Map<string, Tensor>>('new Map()');
    const kept = scope(() => map.set('a', tensor([1, 2])));
    expect(kept.get('a')?.toArray()).toEqual([1, 2]);
    const step = compile((batch: { x: Tensor }) => batch.x.mul(2));
    const batch = foreign<{ x: Tensor }>('({ x: null })');
    batch.x = tensor([1, 2]);
    expect(step.sync(batch).toArray()).toEqual([2, 4]);
    const layer = new nn.Linear(1, 1);
    map.clear();
    layer.loadStateDict(map.set('weight', tensor([[3]])).set('bias', tensor([4])));
    expect(layer.weight.item()).toBe(3);
  });

  it('anything else has no dtype', () => {
    for (const value of [null, 1, [1], new Int8Array(1), new DataView(new ArrayBuffer(4)), { length: 1 }]) {
      expect(dtypeOfArray(value)).toBeUndefined();
    }
  });
});
