import { ArgumentError, checkChoice, checkFlag, checkInteger, describe, isPlain, StateError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { type ColumnType, unknownColumn } from './column.js';
import { categoryPositions, type Encoder, numberNames, writeNumbers } from './features-encoders.js';
import { checkFinite, defaultTransform, type FeatureTransform, type FitRules, fitColumn } from './features-fit.js';
import { readEncoders } from './features-json.js';
import { Table } from './table.js';

/** How {@link Features} transforms columns. */
export interface FeaturesOptions {
  /** What is done with single columns, by name; `drop` leaves one out. */
  columns?: Readonly<Record<string, FeatureTransform>>;
  /** What is done with columns of numbers; default standardise. */
  number?: 'keep' | 'standardise' | 'minMax' | 'log' | 'quantile';
  /** What is done with columns of categories; default embedding. */
  category?: 'oneHot' | 'embedding';
  /** What stands for missing numbers; default the mean. */
  fill?: 'mean' | 'median';
  /** Whether a further feature says where a number is missing, if some were at fitting; default true. */
  indicators?: boolean;
  /** How often a category must be there to be known; default 1. */
  minCount?: number;
  /** Categories that a column may have; default 10,000. */
  maxCategories?: number;
  /** What is done about columns of numbers that are all equal or missing; default error. */
  constant?: 'error' | 'drop';
}

const numberTransforms = ['keep', 'standardise', 'minMax', 'log', 'quantile'] as const;
const categoryTransforms = ['oneHot', 'embedding'] as const;
const transforms: readonly FeatureTransform[] = [...numberTransforms, ...categoryTransforms, 'dateParts', 'drop'];
const featuresOptions = [
  ...['columns', 'number', 'category', 'fill', 'indicators', 'minCount', 'maxCategories', 'constant'],
];

/** {@link Features} as JSON. */
export interface FeaturesJSON {
  format: 'adjoint.features';
  version: 1;
  columns: readonly object[];
}

/** Tensors of rows, as {@link Features} makes them. */
export interface FeatureTensors {
  /** float32 [rows, featureNames.length]. */
  numbers: Tensor;
  /** int32 [rows, categoryNames.length]: positions for embeddings, 0 for unknown categories. */
  categories: Tensor;
}

/**
 * Makes tensors of the columns of a table, in a way that is found out on the training rows alone and is saved with the model.
 *
 * | transform | for | result |
 * |---|---|---|
 * | `standardise` | numbers | (x - mean) / standard deviation |
 * | `minMax` | numbers | (x - least) / (most - least) |
 * | `log` | numbers | sign(x) · log(1 + abs(x)), standardised |
 * | `quantile` | numbers | x's rank among 1000 quantiles as a quantile of the normal distribution |
 * | `keep` | numbers, booleans | x, 0 or 1 |
 * | `dateParts` | dates | year, month, day, weekday, hour (UTC), standardised; those that are all equal are left out |
 * | `oneHot` | categories, and others as categories | one feature for unknown ones, one for each category |
 * | `embedding` | the same | a position in `categories`, 0 for unknown ones |
 * | `drop` | all | nothing |
 *
 * Numbers are standardised, categories are embedded, booleans kept and dates taken apart unless options say otherwise; other texts are
 * dropped. Missing numbers become the mean, and a further feature says where they were; missing categories are unknown ones.
 *
 * @throws ArgumentError that names column and row, for infinite numbers, columns of one value, or a transform that does not fit
 * @example
 * const table = data.Table.fromRows([{ age: 20, job: 'cook' }, { age: 40, job: 'nurse' }]);
 * const features = new data.Features().fit(table);
 * features.transform([{ age: 50, job: 'pilot' }]).numbers; // [[2]]
 */
export class Features {
  readonly #options: FeaturesOptions;
  readonly #rules: FitRules;
  #encoders: readonly Encoder[] | null = null;

  constructor(options: FeaturesOptions = {}) {
    checkOptions('Features', options, featuresOptions);
    const { columns = {} } = options;
    if (!isPlain(columns)) throw new ArgumentError(`Features: columns must be an object, got ${describe(columns)}`);
    for (const [name, transform] of Object.entries(columns)) {
      checkChoice('Features', `the transform of ${describe(name)}`, transform, transforms);
    }
    this.#options = {
      columns: { ...columns },
      number: checkChoice('Features', 'number', options.number, numberTransforms, 'standardise'),
      category: checkChoice('Features', 'category', options.category, categoryTransforms, 'embedding'),
    };
    this.#rules = {
      fill: checkChoice('Features', 'fill', options.fill, ['mean', 'median'], 'mean'),
      indicators: checkFlag('Features', 'indicators', options.indicators, true),
      minCount: checkInteger('Features', 'minCount', options.minCount ?? 1, 1),
      maxCategories: checkInteger('Features', 'maxCategories', options.maxCategories ?? 10_000, 1, 2 ** 24),
      constant: checkChoice('Features', 'constant', options.constant, ['error', 'drop'], 'error'),
    };
  }

  /** Finds out means, categories and the like. Only rows that the model is trained on may be in the table. */
  fit(table: Table): this {
    checkTable('Features.fit', table);
    const { columns = {}, number = 'standardise', category = 'embedding' } = this.#options;
    for (const name of Object.keys(columns)) {
      if (!table.columns.has(name)) throw unknownColumn('Features.fit', name, table.names);
    }
    const encoders = Array.from(table.columns, ([name, column]) => {
      const given = Object.hasOwn(columns, name) ? columns[name] : undefined;
      return fitColumn(name, column, given ?? defaultTransform(column.type, { number, category }), this.#rules);
    }).flat();
    if (encoders.length === 0) {
      throw new ArgumentError('Features.fit: a column must be left, got a table of which all are dropped');
    }
    this.#encoders = encoders;
    return this;
  }

  /**
   * The tensors of a table's rows, or of objects: a request to a server, say. Other columns are ignored, categories that were not there
   * at fitting are unknown ones.
   *
   * @throws ArgumentError for a column that is missing or of another type, and infinite numbers
   */
  transform(rows: Table | readonly object[]): FeatureTensors {
    const encoders = this.#fitted();
    const table = rows instanceof Table ? rows : this.#tableOf(rows);
    for (const { column, type } of encoders) this.#check(table, column, type);
    const [width, height] = [this.featureNames.length, this.cardinalities.length];
    const numbers = new Float32Array(table.length * width);
    const categories = new Int32Array(table.length * height);
    let [number, category] = [0, 0];
    for (const encoder of encoders) {
      const column = table.column(encoder.column);
      if (encoder.kind === 'number') {
        writeNumbers(encoder, column, numbers, width, number);
      } else {
        const positions = categoryPositions(encoder, column);
        for (let i = 0; i < table.length; i++) {
          const position = positions[i] as number;
          if (encoder.transform === 'oneHot') numbers[i * width + number + position] = 1;
          else categories[i * height + category] = position;
        }
        if (encoder.transform === 'embedding') category++;
      }
      number += numberNames(encoder).length;
    }
    return {
      numbers: tensor(numbers, { shape: [table.length, width] }),
      categories: tensor(categories, { shape: [table.length, height] }),
    };
  }

  /** Names of the columns of `numbers`: `age`, `age missing`, `city=Oslo`, `born year`. */
  get featureNames(): string[] {
    return this.#fitted().flatMap(numberNames);
  }

  /** The table's columns of which `categories` holds positions. */
  get categoryNames(): string[] {
    return this.#embedded().map(({ column }) => column);
  }

  /** How many positions each column of `categories` has, that of unknown ones included: the sizes of embeddings. */
  get cardinalities(): number[] {
    return this.#embedded().map(({ categories }) => categories.length + 1);
  }

  /** The types that the table's columns must have, to read a file by: `data.csv(path, { types: features.types })`. */
  get types(): Record<string, ColumnType> {
    return Object.fromEntries(this.#fitted().map(({ column, type }) => [column, type]));
  }

  /** What fitting has found out, to be saved with the model. */
  toJSON(): FeaturesJSON {
    return { format: 'adjoint.features', version: 1, columns: this.#fitted().map((encoder) => ({ ...encoder })) };
  }

  /**
   * Features that transform as those did which `toJSON` was called on, bit for bit.
   *
   * @throws FileError for anything else
   */
  static fromJSON(json: unknown): Features {
    const features = new Features();
    features.#encoders = readEncoders('Features.fromJSON', json);
    return features;
  }

  #fitted(): readonly Encoder[] {
    if (this.#encoders !== null) return this.#encoders;
    throw new StateError('Features: fit(table) must be called first, got features that are not fitted');
  }

  #embedded() {
    return this.#fitted().flatMap((e) => (e.kind === 'category' && e.transform === 'embedding' ? [e] : []));
  }

  #tableOf(rows: readonly object[]): Table {
    if (!Array.isArray(rows)) {
      throw new ArgumentError(`Features.transform: rows must be a table or an array of objects, got ${describe(rows)}`);
    }
    const { types } = this;
    const wanted = rows.map((row: unknown, i) => {
      if (typeof row !== 'object' || row === null || Array.isArray(row)) {
        throw new ArgumentError(`Features.transform: each row must be an object, got ${describe(row)} in row ${i}`);
      }
      const fields = Object.keys(types).map((name) => {
        if (Object.hasOwn(row, name)) return [name, (row as Record<string, unknown>)[name]];
        const hint = 'null says that it is missing';
        throw new ArgumentError(`Features.transform: row ${i} must have column ${describe(name)}, got none; ${hint}`);
      });
      return Object.fromEntries(fields);
    });
    return Table.fromRows(wanted, { types });
  }

  #check(table: Table, name: string, type: ColumnType): void {
    const column = table.columns.get(name);
    if (column === undefined) throw unknownColumn('Features.transform', name, table.names);
    const isText = (t: ColumnType) => t === 'category' || t === 'text';
    const fail = (rule: string, got: string, hint: string) =>
      new ArgumentError(`Features.transform: column ${describe(name)} ${rule}, got ${got}; ${hint}`);
    if (column.type !== type && !(isText(column.type) && isText(type))) {
      throw fail(`must be of type ${type}, as it was fitted`, column.type, 'read the table with types: features.types');
    }
    if (!isText(type)) checkFinite(column, fail);
  }
}

/** @internal */
export function checkTable(operation: string, table: unknown): Table {
  if (table instanceof Table) return table;
  throw new ArgumentError(`${operation}: table must be a Table, got ${describe(table)}`);
}
