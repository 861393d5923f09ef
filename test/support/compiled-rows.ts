// A row of the op tables, and its gradients, eager against compiled: equal in every bit.
import { expect } from 'vitest';
import { compile, type DType, grad, type Tensor } from '../../lib/index.js';
import { expectBits } from './compiled.js';
import { type InputSpec, irregular, make, type OpRow } from './harness.js';

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
/** The number of elements of a row's largest input. */
export const largestInput = (row: OpRow): number =>
  Math.max(...row.inputs.map((s) => s.shape.reduce((a, b) => a * b, 1)));

function inputsOf(row: OpRow, dtype: DType, shift: number): Tensor[] {
  return row.inputs.map((spec) => {
    const values = spec.values ?? ((i: number) => table[(i + shift) % table.length] as number);
    const t = make({ ...spec, values }, dtype).tensor;
    if (row.gradient !== false && isFloat(t)) t.requiresGrad = spec.requiresGrad ?? true;
    return t;
  });
}

/** Compares a row with its compiled twin, also on other data than it was recorded with; returns the program's description. */
export function compareCompiled(row: OpRow, dtype: DType): string {
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

// So many elements that pointwise kernels fuse and threads share the work.
const most = 41_003;

/** The same row with larger inputs; null where it is not pointwise. */
export function enlarged(row: OpRow): OpRow | null {
  const rank = Math.max(...row.inputs.map((s) => s.shape.length));
  const size = largestInput(row);
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
