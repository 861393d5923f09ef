// Every row of the op tables, and its gradients, eager against compiled: equal in every bit.
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { compile, type DType, getNumThreads, grad, StateError, setNumThreads, type Tensor } from '../../lib/index.js';
import { families } from '../ops/families.js';
import { expectBits } from '../support/compiled.js';
import { type InputSpec, irregular, make, type OpRow } from '../support/harness.js';

const threads = getNumThreads();
const isFloat = (t: Tensor): boolean => t.dtype === 'float32' || t.dtype === 'float64';

// What a row does, and what becomes of its result; with upstream gradients, the gradients too.
function program(row: OpRow): (given: Tensor[], upstream: Tensor | null) => Tensor[] {
  return (given, upstream) => {
    const y = row.run(...given);
    const wanted = given.filter((t) => t.requiresGrad);
    if (upstream === null || !y.requiresGrad) return isFloat(y) ? [y, y.detach().mul(0.5).add(y.detach())] : [y];
    return [y, ...grad([y], wanted, { gradOutputs: [upstream], allowUnused: true }).filter((g) => g !== null)];
  };
}

// Large tensors repeat a few numbers: making them is what takes the time here.
const table = Array.from({ length: 1021 }, (_, i) => irregular(i));
const sizeOf = (row: OpRow): number => Math.max(...row.inputs.map((s) => s.shape.reduce((a, b) => a * b, 1)));

function inputsOf(row: OpRow, dtype: DType, shift: number): Tensor[] {
  return row.inputs.map((spec) => {
    const values = spec.values ?? ((i: number) => table[(i + shift) % table.length] as number);
    const t = make({ ...spec, values }, dtype).tensor;
    if (row.gradient !== false && isFloat(t)) t.requiresGrad = spec.requiresGrad ?? true;
    return t;
  });
}

// Whether the compiled row ran; compared with eager on other data than it was recorded with.
function compare(row: OpRow, dtype: DType): string {
  const f = program(row);
  const first = inputsOf(row, dtype, 0);
  const y = row.run(...first);
  const upstream = row.gradient !== false && isFloat(y) ? make({ shape: y.shape.slice() }, y.dtype).tensor : null;
  const step = compile(f);
  const check = (inputs: Tensor[], which: string): void => {
    const want = f(inputs, upstream);
    const got = step.sync(inputs, upstream);
    expect(got.length).toBe(want.length);
    got.forEach((t, i) => {
      expectBits(t, want[i] as Tensor, `${row.name} ${dtype}, ${which}, result ${i}`);
    });
  };
  check(first, 'recorded');
  check(inputsOf(row, dtype, 1000), 'replayed');
  check(first, 'again');
  const text = step.describe();
  step.dispose();
  return text;
}

// Rows that make something inside which must be made outside, or look at values.
const refused: string[] = [];
const remedies = /^compile: parameters, buffers, optimizers, generators|: reads a value while a step is being recorded/;

describe.each(Object.entries(families))('%s', (family, { rows }) => {
  for (const row of rows as OpRow[]) {
    if (sizeOf(row) > 300) continue; // shapes of benchmarks
    for (const dtype of row.dtypes ?? (['float64', 'float32'] as const)) {
      it(`${row.name} ${dtype}`, () => {
        try {
          compare(row, dtype);
        } catch (error) {
          if (!(error instanceof StateError)) throw error;
          expect(error.message).toMatch(remedies);
          refused.push(`${family}: ${row.name}`);
        }
      });
    }
  }
});

// The same rows with so many elements that pointwise kernels fuse and threads share the work.
const most = 41_003;
function enlarged(row: OpRow): OpRow | null {
  const rank = Math.max(...row.inputs.map((s) => s.shape.length));
  const size = sizeOf(row);
  if (size === 0 || size > 300 || rank === 0) return null;
  const many = Math.ceil(most / size);
  const inputs: InputSpec[] = row.inputs.map((s) =>
    s.shape.length === rank ? { ...s, shape: [many, ...s.shape] } : s,
  );
  try {
    row.run(...inputs.map((s) => make(s, row.dtypes?.[0] ?? 'float32').tensor));
  } catch {
    return null; // not pointwise
  }
  return { ...row, inputs };
}

const wide = ['activation', 'compare', 'elementwise', 'loss', 'random'] as const;
let fused = 0;

describe.each([
  [1, 'float64'],
  [2, 'float32'],
] as const)('beyond the size where kernels fuse, %i threads, %s', (count, dtype) => {
  afterEach(() => setNumThreads(threads));
  it.each(wide)('%s', (name) => {
    setNumThreads(count);
    const seen: Record<string, number> = {}; // three rows of each operation
    for (const row of families[name].rows as OpRow[]) {
      const op = row.name.split(' ')[0] as string;
      seen[op] = (seen[op] ?? 0) + 1;
      const large = seen[op] > 3 ? null : enlarged(row);
      if (large === null || !(row.dtypes ?? [dtype]).includes(dtype)) continue;
      try {
        if (compare(large, dtype).includes(' + ')) fused++;
      } catch (error) {
        if (!(error instanceof StateError)) throw error;
        expect(error.message).toMatch(remedies);
      }
    }
  });
});

afterAll(() => {
  const kinds = ['dropout', 'dropout1d', 'dropout2d', 'alphaDropout', 'stochasticDepth'];
  // dropout with a generator made inside; oneHot that looks for the largest index.
  expect(new Set(refused.map((name) => name.split(' ').slice(0, 2).join(' ')))).toEqual(
    new Set(['attention: dropout', 'indexing: oneHot,', ...kinds.map((name) => `random: ${name}`)]),
  );
  expect(fused).toBeGreaterThan(100);
});
