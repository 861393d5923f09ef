import type { ColumnType } from '../data/column.js';
import { checkTable } from '../data/features.js';
import { alignRows, type FeatureRows } from '../data/features-rows.js';
import { Table } from '../data/table.js';
import { ArgumentError, describe } from '../errors.js';
import type { Module } from '../nn/module.js';
import { loadTabularFile, saveTabularFile } from './tabular-file.js';
import { type TabularMember, valuesOf } from './tabular-member.js';
import { mostProbable, scoresOf, type TabularScores } from './tabular-scores.js';
import type { TabularSettings } from './tabular-settings.js';
import { type Label, labelsOf, type TabularTask, type Target, targetValues } from './tabular-target.js';

/** A column that a model reads, of any type but texts. */
export interface TabularColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/** Where a model comes from. */
export interface TabularProvenance {
  /** When it was trained, ISO 8601. */
  readonly created: string;
  /** Rows with a target, and those without one, which were left out. */
  readonly rows: number;
  readonly skipped: number;
  readonly seed: number;
  readonly seconds: number;
  /** Of each network, how many epochs it was trained, which of them was best, and its settings. */
  readonly members: readonly { readonly epochs: number; readonly best: number; readonly settings: TabularSettings }[];
}

/** A column that a model reads. */
export interface TabularField extends TabularColumn {
  /** Those that training saw, of a column of categories. */
  readonly categories?: readonly string[];
}

/** All that a model is made of. */
export interface TabularParts {
  readonly target: Target;
  readonly columns: readonly TabularColumn[];
  readonly members: readonly TabularMember[];
  readonly metrics: TabularScores;
  readonly provenance: TabularProvenance;
}

/**
 * A model of a table, as `train.tabular` makes and `TabularModel.load` reads it: one network or several, whose predictions are
 * averaged, with all that turns rows into what they take.
 *
 * @example
 * const table = data.Table.fromRows(Array.from({ length: 40 }, (_, i) => ({ x: i, y: i % 2 ? 'odd' : 'even' })));
 * const trained = await train.tabular(table, { target: 'y', settings: { epochs: 1 } });
 * trained.save('parity.safetensors');
 * const again = train.TabularModel.load('parity.safetensors'); // in another process, say
 * await again.predict([{ x: 3 }, { x: null }]);
 */
export class TabularModel {
  /** The name of the column that it predicts. */
  readonly target: string;
  readonly task: TabularTask;
  /** The classes, sorted; none for a number. */
  readonly classes: readonly Label[];
  /** The columns that it reads. */
  readonly columns: readonly TabularColumn[];
  /** The same, with the categories that training saw. */
  readonly schema: readonly TabularField[];
  /** How good it was on rows that the networks had not been trained on, each predicted by those that had not seen it. */
  readonly metrics: TabularScores;
  readonly provenance: TabularProvenance;
  readonly #target: Target;
  readonly #types: ReadonlyMap<string, ColumnType>;
  readonly #members: readonly TabularMember[];

  /** @internal */
  constructor(parts: TabularParts) {
    this.#target = parts.target;
    this.#members = parts.members;
    this.target = parts.target.name;
    this.task = parts.target.task;
    this.classes = parts.target.classes;
    this.columns = parts.columns;
    this.schema = schemaOf(parts);
    this.#types = new Map(parts.columns.map(({ name, type }) => [name, type]));
    this.metrics = parts.metrics;
    this.provenance = parts.provenance;
  }

  /** Its networks, whose predictions are averaged. */
  get networks(): Module[] {
    return this.#members.map(({ network }) => network);
  }

  /** @internal */
  get _parts(): TabularParts {
    const { columns, metrics, provenance } = this;
    return { target: this.#target, members: this.#members, columns, metrics, provenance };
  }

  /**
   * Predicts the most probable class or the number of each row. Categories that training did not see count as missing; columns
   * that it did not use are not read.
   *
   * @param rows a table, or objects with a property for each of {@link columns}, null where a value is missing
   * @throws ArgumentError that names the column and the row for a column that is missing or of another type
   */
  async predict(rows: FeatureRows): Promise<Label[]> {
    const predicted = await this.#values(this.#align('predict', rows));
    if (this.task === 'regression') return [...predicted];
    return Array.from(mostProbable(predicted, this.classes.length), (i) => this.classes[i] as Label);
  }

  /**
   * The probabilities of the {@link classes} for each row.
   *
   * @param rows as for {@link predict}
   * @throws ArgumentError as {@link predict}, and for a model of a number
   */
  async predictProba(rows: FeatureRows): Promise<number[][]> {
    if (this.task === 'regression') {
      throw new ArgumentError('predictProba: the task must be binary or multiclass, got regression; use predict');
    }
    const predicted = await this.#values(this.#align('predictProba', rows));
    const { length } = this.classes;
    return Array.from({ length: predicted.length / length }, (_, i) => [
      ...predicted.slice(i * length, (i + 1) * length),
    ]);
  }

  /**
   * How good it is on a table that has the target, too; rows without a target are left out.
   *
   * @throws ArgumentError as {@link predict}, and for classes that the model does not know
   */
  async evaluate(table: Table): Promise<TabularScores> {
    const columns = this.#align('evaluate', checkTable('evaluate', table));
    const truth = table.column(this.target);
    const labels = labelsOf(truth);
    const rows = Int32Array.from(labels.keys()).filter((i) => labels[i] !== undefined);
    if (rows.length === 0)
      throw new ArgumentError(`evaluate: target ${JSON.stringify(this.target)} must have values, got none`);
    if (this.task === 'regression' && truth.type !== 'number') {
      throw new ArgumentError(`evaluate: target ${JSON.stringify(this.target)} must hold numbers, got ${truth.type}`);
    }
    const values = targetValues(this.#target, truth, rows);
    const wrong = values instanceof Int32Array ? values.indexOf(-1) : -1;
    if (wrong >= 0) {
      const got = `got ${describe(labels[rows[wrong] as number])} in row ${rows[wrong]}`;
      throw new ArgumentError(`evaluate: target ${JSON.stringify(this.target)} must be a class of the model, ${got}`);
    }
    const read = new Table(new Map([...this.#types.keys()].map((name) => [name, columns.column(name)])));
    return scoresOf(this.#target, await this.#values(read.select(rows)), values);
  }

  /**
   * Saves the model in one file, a checkpoint as `io.saveCheckpoint` writes it. A crash leaves the old file or the whole new one.
   *
   * @throws FileError when it cannot be written
   */
  save(path: string): void {
    saveTabularFile(path, this._parts);
  }

  /**
   * Reads a model that {@link save} wrote.
   *
   * @throws FileError when the file is damaged, missing or of another kind
   */
  static load(path: string): TabularModel {
    return new TabularModel(loadTabularFile(path));
  }

  #align(operation: string, rows: FeatureRows): Table {
    return alignRows(operation, this.#types, rows);
  }

  async #values(table: Table): Promise<Float64Array> {
    let sum: Float64Array | undefined;
    for (const member of this.#members) {
      const values = await valuesOf(this.#target, member, table);
      if (sum === undefined) sum = values;
      else for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
    }
    const { length } = this.#members;
    return (sum as Float64Array).map((value) => value / length);
  }
}

function schemaOf({ columns, members }: TabularParts): TabularField[] {
  const known = members.map(({ features }) => new Map(Object.entries(features.categories)));
  return columns.map(({ name, type }) => {
    if (type !== 'category') return { name, type };
    return { name, type, categories: [...new Set(known.flatMap((seen) => seen.get(name) ?? []))].sort() };
  });
}
