// What models are to predict, as tensors: classes and numbers.
import { isArrayOf } from '../arrays.js';
import { ArgumentError, describe, FileError, StateError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { add, mul } from '../ops/elementwise.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';
import { type Cell, type Column, cellOf } from './column.js';

/** A class: a text, a number or a boolean. */
export type Label = string | number | boolean;

/** Values to predict: a column of a table, or an array. */
export type Targets = Column | ArrayLike<Label>;

const mostClasses = 10_000;

function valuesOf(operation: string, targets: unknown): ArrayLike<unknown> {
  if (Array.isArray(targets) || isArrayOf('float32', targets) || isArrayOf('float64', targets))
    return targets as unknown[];
  if (isArrayOf('int32', targets) || isArrayOf('uint8', targets)) return targets as Int32Array;
  const { type, values } = Object(targets) as Partial<Column>;
  if (typeof type === 'string' && typeof values === 'object') {
    const column = targets as Column;
    return Array.from({ length: values.length }, (_, i): Cell => cellOf(column, i));
  }
  const hint = "table.column('price'), say";
  throw new ArgumentError(`${operation}: targets must be a column or an array, got ${describe(targets)}; ${hint}`);
}

const isLabel = (value: unknown): value is Label =>
  typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));

/** Numbers first and ascending, then texts in the order of their code units, then false and true. */
function compare(a: Label, b: Label): number {
  if (typeof a !== typeof b) return typeof a < typeof b ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Class labels as numbers from 0, in the order of the labels, for losses and metrics, and back: scikit-learn's `LabelEncoder`.
 *
 * @example
 * const labels = new data.Labels().fit(['spam', 'ham', 'spam']);
 * labels.transform(['ham', 'spam']); // [0, 1]
 */
export class Labels {
  #classes: readonly Label[] | null = null;
  #places = new Map<Label, number>();

  /**
   * Finds the classes.
   *
   * @throws ArgumentError for a missing label, naming the row; for fewer than two classes or more than 10,000
   */
  fit(targets: Targets): this {
    const values = valuesOf('Labels.fit', targets);
    const found = new Set<Label>();
    for (let i = 0; i < values.length; i++) {
      found.add(checkLabel('Labels.fit', values[i], i));
      if (found.size > mostClasses) {
        const hint = 'for numbers to be predicted take TargetScaler';
        throw new ArgumentError(`Labels.fit: there must be at most ${mostClasses} classes, got more; ${hint}`);
      }
    }
    if (found.size < 2) {
      const got = found.size === 0 ? 'none' : `${describe([...found][0])} alone`;
      throw new ArgumentError(`Labels.fit: there must be at least two classes, got ${got}`);
    }
    this.#set([...found].sort(compare));
    return this;
  }

  /** The classes in the order of their numbers. */
  get classes(): readonly Label[] {
    if (this.#classes !== null) return this.#classes;
    throw new StateError('Labels: fit(targets) must be called first, got labels that are not fitted');
  }

  /** int32 [rows], the number of each label's class. @throws ArgumentError for an unknown one, naming the row */
  transform(targets: Targets): Tensor {
    const { classes } = this;
    const values = valuesOf('Labels.transform', targets);
    const numbers = Int32Array.from(values, (value, i) => {
      const place = this.#places.get(checkLabel('Labels.transform', value, i));
      if (place !== undefined) return place;
      const known = classes.slice(0, 10).map((label) => describe(label));
      const list = classes.length > 10 ? `${known.join(', ')}, …` : known.join(', ');
      throw new ArgumentError(`Labels.transform: classes are ${list}, got ${describe(value)} in row ${i}`);
    });
    return tensor(numbers);
  }

  /** The labels of numbers of classes: an int32 tensor, as argmax gives it, or an array. */
  inverse(numbers: Tensor | ArrayLike<number>): Label[] {
    const { classes } = this;
    const list = numbers instanceof Tensor ? numbers.toTypedArray() : valuesOf('Labels.inverse', numbers);
    return Array.from(list as ArrayLike<unknown>, (number) => {
      const label = typeof number === 'number' ? classes[number] : undefined;
      if (label !== undefined) return label;
      const rule = `numbers must be integers of at least 0 and below ${classes.length}`;
      throw new ArgumentError(`Labels.inverse: ${rule}, got ${describe(number)}`);
    });
  }

  toJSON(): { format: 'adjoint.labels'; version: 1; classes: readonly Label[] } {
    return { format: 'adjoint.labels', version: 1, classes: [...this.classes] };
  }

  /** @throws FileError for anything that `toJSON` does not give */
  static fromJSON(json: unknown): Labels {
    const { classes } = checkFormat('Labels.fromJSON', json, 'adjoint.labels');
    const isRight =
      Array.isArray(classes) &&
      classes.length >= 2 &&
      classes.length <= mostClasses &&
      // spread, since `every` passes over holes
      [...classes].every((label, i) => isLabel(label) && (i === 0 || compare(classes[i - 1] as Label, label) < 0));
    if (!isRight) throw new FileError('Labels.fromJSON: json must be what toJSON gives, got wrong classes');
    const labels = new Labels();
    labels.#set([...(classes as Label[])]);
    return labels;
  }

  #set(classes: readonly Label[]): void {
    this.#classes = classes;
    this.#places = new Map(classes.map((label, i) => [label, i]));
  }
}

function checkLabel(operation: string, value: unknown, row: number): Label {
  if (isLabel(value)) return value;
  const rule = 'labels must be texts, finite numbers or booleans';
  throw new ArgumentError(`${operation}: ${rule}, got ${describe(value)} in row ${row}; leave the row out`);
}

/**
 * Numbers to predict, standardised, and predictions back: y = (x - mean) / standard deviation.
 *
 * @example
 * const scaler = new data.TargetScaler().fit([100, 300]);
 * scaler.transform([100, 400]); // [-1, 2]
 */
export class TargetScaler {
  #mean = Number.NaN;
  #scale = Number.NaN;

  /** @throws ArgumentError for a missing or infinite number, naming the row, and for numbers that are all equal */
  fit(targets: Targets): this {
    const values = numbersOf('TargetScaler.fit', targets);
    const mean = values.reduce((sum, x) => sum + x / values.length, 0);
    const scale = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2 / values.length, 0));
    const isEqual = values.every((x) => x === values[0]);
    if (isEqual || !(scale > 0 && Number.isFinite(scale))) {
      const got = values.length === 0 ? 'none' : isEqual ? `${values[0]} alone` : `a deviation of ${scale}`;
      throw new ArgumentError(`TargetScaler.fit: numbers must differ, got ${got}`);
    }
    [this.#mean, this.#scale] = [mean + 0, scale];
    return this;
  }

  /** float32 [rows]. */
  transform(targets: Targets): Tensor {
    const { mean, scale } = this.toJSON();
    return tensor(Float32Array.from(numbersOf('TargetScaler.transform', targets), (x) => (x - mean) / scale));
  }

  /** Predictions in the unit of the targets: a tensor like the given one. */
  inverse(predictions: Tensor): Tensor {
    const { mean, scale } = this.toJSON();
    checkFloat('TargetScaler.inverse', 'predictions', checkTensor('TargetScaler.inverse', 'predictions', predictions));
    return add(mul(predictions, scale), mean);
  }

  toJSON(): { format: 'adjoint.targetScaler'; version: 1; mean: number; scale: number } {
    if (Number.isNaN(this.#scale)) {
      throw new StateError('TargetScaler: fit(targets) must be called first, got a scaler that is not fitted');
    }
    return { format: 'adjoint.targetScaler', version: 1, mean: this.#mean, scale: this.#scale };
  }

  /** @throws FileError for anything that `toJSON` does not give */
  static fromJSON(json: unknown): TargetScaler {
    const { mean, scale } = checkFormat('TargetScaler.fromJSON', json, 'adjoint.targetScaler');
    if (!Number.isFinite(mean) || !Number.isFinite(scale) || !((scale as number) > 0)) {
      throw new FileError('TargetScaler.fromJSON: json must be what toJSON gives, got wrong numbers');
    }
    const scaler = new TargetScaler();
    [scaler.#mean, scaler.#scale] = [mean as number, scale as number];
    return scaler;
  }
}

function numbersOf(operation: string, targets: Targets): number[] {
  return Array.from(valuesOf(operation, targets), (value, i) => {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new ArgumentError(
      `${operation}: targets must be finite numbers, got ${describe(value)} in row ${i}; leave the row out`,
    );
  });
}

function checkFormat(operation: string, json: unknown, format: string): Record<string, unknown> {
  const given = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  if (given.format === format && given.version === 1) return given;
  const got = given.format === format ? `version ${describe(given.version)}` : 'another format';
  throw new FileError(`${operation}: json must be what toJSON gives, got ${got}; this library reads version 1`);
}
