// The tests of one op family: its table of rows drives every check of an operation, its table of errors every text.
import { afterEach, describe, expect, it } from 'vitest';
import { type DType, getNumThreads, StateError, setNumThreads } from '../../lib/index.js';
import { sizeOf } from '../../lib/shape.js';
import { compareCompiled, enlarged, largestInput } from './compiled-rows.js';
import { checkFirstGradients } from './first-gradients.js';
import { checkFusedRow } from './fused.js';
import { checkError, checkForward, checkGradients, type ErrorRow, type OpRow } from './harness.js';

export interface Family {
  rows: readonly OpRow[];
  errors: readonly ErrorRow[];
  /** Names of the rows that compile refuses: they make something inside that must be made outside, or look at values. */
  refused?: RegExp;
  /** Names of fused operations and gradients that must have been compared with their references, among others. */
  fused?: readonly string[];
  /** How many of its pointwise rows, compiled at sizes where kernels fuse, are fused at least. Default: none is tried. */
  fuses?: number;
}

const dtypesOf = (row: OpRow): readonly DType[] => row.dtypes ?? ['float64', 'float32'];

/** Runs every check on every row. */
export function testFamily(name: string, family: Family): void {
  const { rows, errors, fuses = 0 } = family;
  if (rows.length > 0) {
    describe(name, () => testRows(rows));
    testGradients(name, family);
    describe(`${name}, compiled`, () => testCompiled(family));
  }
  if (fuses > 0) describe(`${name}, compiled, beyond the size where kernels fuse`, () => testFused(rows, fuses));
  describe(`${name} errors`, () => {
    for (const row of errors) it(row.name, () => checkError(row));
  });
}

function testRows(rows: readonly OpRow[]): void {
  for (const row of rows) {
    for (const dtype of dtypesOf(row)) it(`${row.name} ${dtype}`, () => checkForward(row, dtype));
    if (row.gradient !== false) it(`${row.name} gradients`, () => checkGradients(row));
  }
}

/** Tests that differentiate all rows at once, and many times each. */
function testGradients(name: string, { rows, fused = [] }: Family): void {
  const differentiable = rows.filter(
    (row) => row.gradient !== false && row.inputs.every((spec) => sizeOf(spec.shape) <= 400),
  );
  if (differentiable.length === 0) return;
  const rowsIn = (dtype: DType) =>
    differentiable.filter((row) => row.dtypes === undefined || row.dtypes.includes(dtype));
  describe.each(['float32', 'float64'] as const)(`${name} %s`, (dtype) => {
    it('first gradients', { timeout: 60_000 }, () => {
      const compared = rowsIn(dtype).reduce((sum, row) => sum + checkFirstGradients(row, dtype), 0);
      expect(compared).toBeGreaterThan(0);
    });
    it('kernels equal references', { timeout: 60_000 }, () => {
      const seen = new Set(rowsIn(dtype).flatMap((row) => [...checkFusedRow(row, dtype)]));
      expect([...seen]).toEqual(expect.arrayContaining([...fused]));
    });
  });
}

const remedies = /^compile: parameters, buffers, optimizers, generators|: reads a value while a step is being recorded/;

/** Whether the compiled row ran; throws where it differs from eager, or was refused for another reason than `remedies`. */
function runsCompiled(row: OpRow, dtype: DType, described: (text: string) => void = () => {}): boolean {
  try {
    described(compareCompiled(row, dtype));
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    expect(error.message).toMatch(remedies);
    return false;
  }
  return true;
}

function testCompiled({ rows, refused }: Family): void {
  for (const row of rows) {
    if (largestInput(row) > 300) continue; // shapes of benchmarks
    for (const dtype of dtypesOf(row)) {
      it(`${row.name} ${dtype}`, () => {
        expect(runsCompiled(row, dtype)).toBe(!refused?.test(row.name));
      });
    }
  }
}

function testFused(rows: readonly OpRow[], fuses: number): void {
  const threads = getNumThreads();
  afterEach(() => setNumThreads(threads));
  it.each([
    [1, 'float64'],
    [2, 'float32'],
  ] as const)('%i threads, %s', (count, dtype) => {
    setNumThreads(count);
    const seen: Record<string, number> = {}; // three rows of each operation
    let fused = 0;
    for (const row of rows) {
      const op = row.name.split(' ')[0] as string;
      seen[op] = (seen[op] ?? 0) + 1;
      const large = seen[op] > 3 ? null : enlarged(row);
      if (large === null || !(row.dtypes ?? [dtype]).includes(dtype)) continue;
      runsCompiled(large, dtype, (text) => {
        if (text.includes(' + ')) fused++;
      });
    }
    expect(fused).toBeGreaterThanOrEqual(fuses);
  });
}
