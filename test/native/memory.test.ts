import { afterEach, describe, expect, it } from 'vitest';
import {
  AllocationError,
  add,
  freeMemory,
  memoryStats,
  mul,
  ones,
  StateError,
  scope,
  setMemoryLimit,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';

const megabyte = 2 ** 20;

const fail = (): never => {
  throw new Error('mine');
};

describe('garbage collection', () => {
  it('frees lost tensors in a synchronous loop that never yields', () => {
    freeMemory();
    const before = memoryStats().liveBytes;
    let last: Tensor = ones([65_536]); // 256 KB each, 2.5 GB in all
    let most = 0;
    for (let i = 0; i < 10_000; i++) {
      last = add(last, 1);
      if (i % 100 === 0) most = Math.max(most, memoryStats().liveBytes - before);
    }
    expect(last.data[0]).toBe(10_001);
    expect(most).toBeLessThan(400 * megabyte);
  });

  it('frees lost small tensors by their number', () => {
    freeMemory();
    const before = memoryStats().tensors;
    const x = ones([1]);
    let most = 0;
    for (let i = 0; i < 300_000; i++) {
      mul(x, x);
      if (i % 1000 === 0) most = Math.max(most, memoryStats().tensors - before);
    }
    expect(most).toBeLessThan(200_000);
  });

  it('never frees a tensor that is still held', () => {
    const held = Array.from({ length: 300 }, (_, i) => add(zeros([16_384]), i)); // 20 MB
    for (let i = 0; i < 2000; i++) ones([16_384]); // 130 MB of garbage
    held.forEach((t, i) => {
      expect(t.data[16_383]).toBe(i);
    });
  });

  it('freeMemory finds everything', () => {
    freeMemory();
    const before = memoryStats().tensors;
    for (let i = 0; i < 100; i++) ones([10]);
    freeMemory();
    expect(memoryStats().tensors - before).toBeLessThan(10);
    expect(memoryStats().cachedBytes).toBe(0);
  });
});

describe('dispose', () => {
  it('frees at once; using the tensor afterwards is a StateError that names it', () => {
    const x = ones([2, 3]);
    const before = memoryStats().tensors;
    x.dispose();
    x.dispose();
    expect(memoryStats().tensors).toBe(before - 1);
    expect(() => add(x, 1)).toThrow(StateError);
    expect(() => x.toArray()).toThrow(
      'disposed tensor: float32 [2, 3] was disposed or left its scope; return it from the scope or keep a clone()',
    );
  });

  it('works by Symbol.dispose', () => {
    const x = ones([1]);
    x[Symbol.dispose]();
    expect(x.disposed).toBe(true);
  });

  it('of a view leaves the storage to the others', () => {
    const x = tensor([1, 2, 3]);
    const y = x.reshape([3, 1]);
    x.dispose();
    expect(y.toArray()).toEqual([[1], [2], [3]]);
  });

  it('of a tensor leaves its data view alive', () => {
    const x = tensor([1, 2, 3]);
    const data = x.data;
    x.dispose();
    for (let i = 0; i < 1000; i++) zeros([3]);
    expect(Array.from(data)).toEqual([1, 2, 3]);
  });
});

describe('scope', () => {
  it('frees what is made inside, but for what is returned, in any structure', () => {
    const before = memoryStats().tensors;
    let inside: Tensor | null = null;
    const { kept, map } = scope(() => {
      inside = ones([5]);
      const a = add(inside, inside);
      return { kept: [a, { deep: ones([1]) }], map: new Map([['k', ones([2])]]) };
    });
    expect((inside as unknown as Tensor).disposed).toBe(true);
    expect((kept[0] as Tensor).toArray()).toEqual([2, 2, 2, 2, 2]);
    expect(map.get('k')?.toArray()).toEqual([1, 1]);
    expect(memoryStats().tensors).toBe(before + 3);
  });

  it('hands returned tensors to the outer scope', () => {
    const before = memoryStats().tensors;
    const value = scope(() => {
      const inner = scope(() => ones([4]));
      return mul(inner, inner).toArray();
    });
    expect(value).toEqual([1, 1, 1, 1]);
    expect(memoryStats().tensors).toBe(before);
  });

  it('frees everything when its function throws', () => {
    const before = memoryStats().tensors;
    expect(() =>
      scope(() => {
        ones([5]);
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(memoryStats().tensors).toBe(before);
  });

  it.each<[string, (made: Tensor) => unknown]>([
    ['a getter throws', (made) => [made, Object.defineProperty({}, 'y', { enumerable: true, get: fail })]],
    ['then throws', (made) => Object.defineProperty({ made }, 'then', { get: fail })],
    ['its keys cannot be listed', (made) => new Proxy({ made }, { ownKeys: fail })],
    ['a map has no values', (made) => Object.assign(new Map([[0, made]]), { values: fail })],
  ])('frees everything when its result cannot be walked: %s', (_, make) => {
    const before = memoryStats().tensors;
    for (let i = 0; i < 10; i++) expect(() => scope(() => make(ones([1])))).toThrow('mine');
    expect(memoryStats().tensors).toBe(before);
  });

  it('frees what it made when the stack overflows', () => {
    freeMemory();
    const before = memoryStats().tensors;
    const recurse = (): void =>
      scope(() => {
        zeros([1]);
        recurse();
      });
    for (let i = 0; i < 100; i++) expect(recurse).toThrow(RangeError);
    scope(() => ones([1])); // frees what those had no stack for
    expect(memoryStats().tensors - before).toBeLessThan(10); // one may be lost between its memory and its handle
  });

  it('survivors are garbage-collected later', () => {
    freeMemory();
    const before = memoryStats().tensors;
    for (let i = 0; i < 50; i++) scope(() => ones([10]));
    freeMemory();
    expect(memoryStats().tensors - before).toBeLessThan(5);
  });

  it('refuses async functions before it calls them, and promises', () => {
    let called = false;
    const fn = async () => {
      called = true;
    };
    expect(() => scope(fn)).toThrow('scope: fn must be synchronous, got an async function; await outside of it');
    expect(called).toBe(false);
    expect(() => scope(() => Promise.resolve(1))).toThrow(StateError);
  });
});

describe('the memory limit', () => {
  const { limitBytes } = memoryStats();
  afterEach(() => setMemoryLimit(limitBytes));

  it('makes an allocation beyond it an AllocationError, and nothing else', () => {
    freeMemory();
    setMemoryLimit(memoryStats().liveBytes + 10 * megabyte);
    const x = ones([megabyte]); // 4 MB
    expect(() => ones([4 * megabyte])).toThrow(AllocationError);
    expect(() => ones([4 * megabyte])).toThrow(
      /^out of memory: float32 \[4194304\] needs 16777216 bytes, \d+ of at most \d+ are in use/,
    );
    expect(add(x, 1).data[0]).toBe(2);
  });

  it('holds for blocks that were freed and kept, and gives back what is beyond it', ({ skip }) => {
    if (process.env.ADJOINT_CHECK) return skip('checked builds keep no freed blocks');
    freeMemory();
    for (const x of [ones([4 * megabyte]), ones([megabyte])]) x.dispose(); // 16 and 4 MB
    const { liveBytes, cachedBytes } = memoryStats();
    expect(cachedBytes).toBeGreaterThanOrEqual(20 * megabyte);
    setMemoryLimit(liveBytes + 10 * megabyte);
    const after = memoryStats();
    expect(after.liveBytes + after.cachedBytes).toBeLessThanOrEqual(after.limitBytes);
    expect(() => ones([4 * megabyte])).toThrow(AllocationError);
    ones([megabyte]).dispose();
    setMemoryLimit(1);
    expect(memoryStats().cachedBytes).toBe(0);
    expect(() => ones([1])).toThrow(AllocationError);
  });

  it('makes room from garbage before it refuses', () => {
    freeMemory();
    setMemoryLimit(memoryStats().liveBytes + 20 * megabyte);
    for (let i = 0; i < 50; i++) ones([2 * megabyte]); // 8 MB each, two at a time
  });

  it('refuses more live tensors than handles, and goes on when some are lost', () => {
    const held: Tensor[] = [];
    expect(() => {
      for (;;) held.push(ones([1]));
    }).toThrow(/^too many live tensors: \d+ of at most 1048575; free some by scope\(\) or dispose\(\)$/);
    held.length = 1000;
    for (let i = 0; i < 1000; i++) held.push(add(held[i] as Tensor, 1));
    expect(held[1999]?.item()).toBe(2);
  });

  it('refuses absurd sizes', () => {
    expect(() => zeros([2 ** 40])).toThrow(AllocationError);
    expect(() => zeros([2 ** 30, 2 ** 30])).toThrow('zeros: shape [1073741824, 1073741824] has too many elements');
  });
});
