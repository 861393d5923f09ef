// What metrics take: tensors, typed arrays or arrays of numbers, as rows and columns, checked before anything is counted.
import { dtypeOfArray } from '../arrays.js';
import type { TypedArray } from '../dtype.js';
import { ArgumentError, checkNumber, DTypeError, describe, formatShape, ShapeError } from '../errors.js';
import { checkTensor, Tensor } from '../tensor.js';

/** Values of samples: a tensor [n] or [n, columns], a typed array, an array of numbers, or one such array for each sample. */
export type Values = Tensor | TypedArray | readonly number[] | readonly (readonly number[])[];

/** Values that were read: row-major, all finite. [n] and [n, 1] are both one column. */
export interface Block {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
  /** The distance from 1 to the next number of the values' type. */
  readonly eps: number;
}

const rule = 'must be a tensor, a typed array or an array of numbers or of such arrays';

/** Reads and checks values. */
export function readValues(operation: string, name: string, values: unknown): Block {
  const block = blockOf(operation, name, values);
  for (let i = 0; i < block.data.length; i++) {
    if (Number.isFinite(block.data[i])) continue;
    throw new ArgumentError(`${operation}: ${name} must be finite, got ${block.data[i]} in sample ${rowOf(block, i)}`);
  }
  return block;
}

const rowOf = ({ columns }: Block, place: number): number => Math.floor(place / columns);

function blockOf(operation: string, name: string, values: unknown): Block {
  if (values instanceof Tensor) {
    const { shape, dtype } = checkTensor(operation, name, values);
    if (shape.length === 0 || shape.length > 2 || shape[1] === 0) {
      throw new ShapeError(`${operation}: ${name} must be [n] or [n, columns], got ${formatShape(shape)}`);
    }
    const eps = dtype === 'float32' ? 2 ** -23 : 2 ** -52;
    return { data: values.toTypedArray(), rows: shape[0] as number, columns: shape[1] ?? 1, eps };
  }
  const dtype = dtypeOfArray(values);
  if (dtype !== undefined) {
    const data = values as TypedArray;
    return { data, rows: data.length, columns: 1, eps: dtype === 'float32' ? 2 ** -23 : 2 ** -52 };
  }
  if (!Array.isArray(values)) throw new ArgumentError(`${operation}: ${name} ${rule}, got ${describe(values)}`);
  return Array.isArray(values[0]) ? readRows(operation, name, values) : readColumn(operation, name, values);
}

function readColumn(operation: string, name: string, values: readonly unknown[]): Block {
  // Checked before memory is taken: an array may claim any length.
  for (let i = 0; i < values.length; i++) {
    if (typeof values[i] === 'number') continue;
    throw new ArgumentError(`${operation}: ${name} ${rule}, got ${describe(values[i])} as sample ${i}`);
  }
  const data = Float64Array.from(values as readonly number[]);
  return { data, rows: data.length, columns: 1, eps: 2 ** -52 };
}

function readRows(operation: string, name: string, rows: readonly unknown[]): Block {
  const columns = (rows[0] as readonly unknown[]).length;
  if (columns === 0) throw new ShapeError(`${operation}: ${name} must have at least one column, got none`);
  const read: ArrayLike<number>[] = [];
  for (const [i, row] of rows.entries()) {
    if (Array.isArray(row) && row.length === columns) {
      read.push(readColumn(operation, `row ${i} of ${name}`, row).data);
      continue;
    }
    const hint = `${columns} numbers a sample, as in the first`;
    throw new ShapeError(`${operation}: ${name} must have ${hint}, got ${describe(row)} as sample ${i}`);
  }
  const data = new Float64Array(read.length * columns);
  read.forEach((row, i) => {
    data.set(row, i * columns);
  });
  return { data, rows: read.length, columns, eps: 2 ** -52 };
}

/** Checks that there is one target or weight for each sample, or as many columns where there are several. */
export function checkRows(operation: string, name: string, block: Block, rows: number, columns = 1): void {
  if (block.rows === rows && block.columns === columns) return;
  const form = (n: number, k: number) => formatShape(k === 1 ? [n] : [n, k]);
  const got = form(block.rows, block.columns);
  throw new ShapeError(`${operation}: ${name} must be ${form(rows, columns)} like input, got ${got}`);
}

/** The weights of samples: finite and at least 0. */
export function readWeights(operation: string, values: unknown, rows: number): Block {
  const block = readValues(operation, 'weights', values);
  checkRows(operation, 'weights', block, rows);
  for (let i = 0; i < rows; i++) checkNumber(operation, `weights[${i}]`, block.data[i], { min: 0 });
  return block;
}

/** One class for each sample: integers. */
export function readLabels(operation: string, name: string, block: Block, hint = ''): ArrayLike<number> {
  for (let i = 0; i < block.data.length; i++) {
    if (Number.isSafeInteger(block.data[i])) continue;
    const got = `got ${block.data[i]} in sample ${rowOf(block, i)}${hint}`;
    throw new DTypeError(`${operation}: ${name} must hold classes, which are integers, ${got}`);
  }
  return block.data;
}

/** The class of each target, from 0 on, as the columns of the input are counted. */
export function readClasses(operation: string, block: Block, classes: number): ArrayLike<number> {
  readLabels(operation, 'target', block);
  for (let i = 0; i < block.data.length; i++) {
    const label = block.data[i] as number;
    if (label >= 0 && label < classes) continue;
    throw new ArgumentError(
      `${operation}: target must hold classes from 0 to ${classes - 1}, got ${label} in sample ${i}`,
    );
  }
  return block.data;
}

/**
 * The class that each sample is predicted to have: the place of the largest of its scores, whether its one score is
 * above the threshold, or, without a threshold, the label itself.
 */
export function predictedLabels(operation: string, input: Block, threshold: number | undefined): ArrayLike<number> {
  const { data, rows, columns } = input;
  if (columns === 1 && threshold === undefined) {
    const hint = '; for scores give a threshold: 0.5 for probabilities, 0 for logits';
    return readLabels(operation, 'input', input, hint);
  }
  if (columns > 1 && threshold !== undefined) {
    const got = `got ${formatShape([rows, columns])}`;
    throw new ShapeError(`${operation}: with a threshold, input must be [n], one score for each sample, ${got}`);
  }
  const labels = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    if (columns === 1) {
      labels[i] = (data[i] as number) > (threshold as number) ? 1 : 0;
      continue;
    }
    let best = 0;
    for (let c = 1; c < columns; c++) {
      if ((data[i * columns + c] as number) > (data[i * columns + best] as number)) best = c;
    }
    labels[i] = best;
  }
  return labels;
}

/** Probabilities of classes: one for each sample, of class 1, or one for each class, which sum to 1. */
export function readProbabilities(operation: string, input: Block, logits: boolean): Block {
  if (logits) return { ...input, data: input.columns === 1 ? sigmoid(input) : softmax(input) };
  const { data, rows, columns } = input;
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let place = i * columns; place < (i + 1) * columns; place++) {
      const p = data[place] as number;
      if (p < 0 || p > 1) {
        const hint = 'for logits give logits: true';
        throw new ArgumentError(
          `${operation}: input must hold probabilities from 0 to 1, got ${p} in sample ${i}; ${hint}`,
        );
      }
      sum += p;
    }
    if (columns === 1 || Math.abs(sum - 1) <= 1e-3) continue;
    const hint = 'for logits give logits: true';
    throw new ArgumentError(
      `${operation}: the probabilities of a sample must sum to 1, got ${sum} in sample ${i}; ${hint}`,
    );
  }
  return input;
}

const sigmoid = ({ data }: Block): Float64Array => Float64Array.from(data, (z) => 1 / (1 + Math.exp(-z)));

function softmax({ data, rows, columns }: Block): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const begin = i * columns;
    let [largest, sum] = [Number.NEGATIVE_INFINITY, 0];
    for (let c = 0; c < columns; c++) largest = Math.max(largest, data[begin + c] as number);
    for (let c = 0; c < columns; c++) sum += Math.exp((data[begin + c] as number) - largest);
    for (let c = 0; c < columns; c++) result[begin + c] = Math.exp((data[begin + c] as number) - largest) / sum;
  }
  return result;
}
