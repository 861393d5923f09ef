import { ArgumentError, checkChoice, checkFlag, checkInteger, describe, isPlain, StateError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { type ColumnType, unknownColumn } from './column.js';
import {
  type CategoryEncoder,
  categoryPositions,
  categoryTransforms,
  type Encoder,
  numberCount,
  numberNames,
  numberTransforms,
  writeNumbers,
} from './features-encoders.js';
import { checkFinite, defaultTransform, type FeatureTransform, type FitRules, fitColumn } from './features-fit.js';
import { readEncoders } from './features-json.js';
import { alignRows, type FeatureRows } from './features-rows.js';
import { Table } from './table.js';

/** How {@link Features} transforms columns. */
export interface FeaturesOptions {
  /** What is done with single columns, by name; `drop` leaves one out. */
  columns?: Readonly<Record<string, FeatureTransform>>;
  /** What is done with columns of numbers; default standardise. */
  number?: 'keep' | 'standardise' | 'robust' | 'minMax' | 'log' | 'quantile';
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
  /** What is done about columns that tell nothing: all numbers are equal or missing, or no category is known; default error. */
  constant?: 'error' | 'drop';
}

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
 * | `robust` | numbers | z = (x - median) / (distance of the quartiles, or half the range where that is 0), bent to within ±3: z / √(1 + (z/3)²) |
 * | `minMax` | numbers | (x - least) / (most - least) |
 * | `log` | numbers | sign(x) · log(1 + abs(x)), standardised |
 * | `quantile` | numbers | x's rank among 1000 quantiles as a quantile of the normal distribution |
 * | `keep` | numbers, booleans | x, 0 or 1 |
 * | `dateParts` | dates | time, year, month, day, weekday, hour (UTC), standardised, or as `robust` where `number` is that; those that are all equal are left out |
 * | `oneHot` | categories, and others as categories | one feature for unknown ones, one for each category |
 * | `embedding` | the same | a position in `categories`, 0 for unknown ones |
 * | `drop` | all | nothing |
 *
 * Numbers are standardised, categories are embedded, booleans kept and dates taken apart unless options say otherwise; other texts are
 * dropped. Missing numbers become the mean, and a further feature says where they were; missing categories are unknown ones. `robust`
 * (Holzmüller et al., "Better by default: strong pre-tuned MLPs and boosted trees on tabular data", 2024,
 * https://arxiv.org/abs/2407.04491) takes infinite numbers, too.
 *
 * @throws ArgumentError that names column and row, for infinite numbers, columns of one value, or a transform that does not fit
 * @example
 * const table = data.Table.fromRows([{ age: 20, job: 'cook' }, { age: 40, job: 'nurse' }]);
 * const features = new data.Features().fit(table);
 * features.transform([{ age: 50, job: 'pilot' }]).numbers; // [[2]]
 */
export class Features {
  readonly #options: FeaturesOptions;
  readonly #rules: Omit<FitRules, 'parts'>;
  #fit: Fit | null = null;

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
    const rules = { ...this.#rules, parts: number === 'robust' ? number : 'standardise' } as const;
    for (const name of Object.keys(columns)) {
      if (!table.columns.has(name)) throw unknownColumn('Features.fit', name, table.names);
    }
    const encoders = Array.from(table.columns, ([name, column]) => {
      const given = Object.hasOwn(columns, name) ? columns[name] : undefined;
      return fitColumn(name, column, given ?? defaultTransform(column.type, { number, category }), rules);
    }).flat();
    if (encoders.length === 0) {
      throw new ArgumentError('Features.fit: a column must be left, got a table of which all are dropped');
    }
    this.#fit = fitOf(encoders);
    return this;
  }

  /**
   * The tensors of a table's rows, or of objects: a request to a server, say. Other columns are ignored, categories that were not there
   * at fitting are unknown ones.
   *
   * @param rows a table, or objects with a property for each column that was fitted, null where a value is missing
   * @throws ArgumentError that names column and row, for a column that is missing or of another type, and infinite numbers
   */
  transform(rows: FeatureRows): FeatureTensors {
    const { encoders, types, width, height } = this.#fitted();
    const table = alignRows('Features.transform', types, rows);
    for (const encoder of encoders) checkNumbers(encoder, table);
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
      number += numberCount(encoder);
    }
    return {
      numbers: tensor(numbers, { shape: [table.length, width] }),
      categories: tensor(categories, { shape: [table.length, height] }),
    };
  }

  /** Names of the columns of `numbers`: `age`, `age missing`, `city=Oslo`, `born year`. */
  get featureNames(): string[] {
    return this.#fitted().encoders.flatMap(numberNames);
  }

  /** The table's columns of which `categories` holds positions. */
  get categoryNames(): string[] {
    return this.#embedded().map(({ column }) => column);
  }

  /** How many positions each column of `categories` has, that of unknown ones included: the sizes of embeddings. */
  get cardinalities(): number[] {
    return this.#embedded().map(({ categories }) => categories.length + 1);
  }

  /** The categories that each column had at fitting, by column; those of `oneHot`, too. */
  get categories(): Record<string, readonly string[]> {
    const known = this.#fitted().encoders.flatMap((e) =>
      e.kind === 'category' ? [[e.column, e.categories] as const] : [],
    );
    return Object.fromEntries(known);
  }

  /** The types that the table's columns must have, to read a file by: `data.csv(path, { types: features.types })`. */
  get types(): Record<string, ColumnType> {
    return Object.fromEntries(this.#fitted().types);
  }

  /** What fitting has found out, to be saved with the model. */
  toJSON(): FeaturesJSON {
    return {
      format: 'adjoint.features',
      version: 1,
      columns: this.#fitted().encoders.map((encoder) => ({ ...encoder })),
    };
  }

  /**
   * Features that transform as those did which `toJSON` was called on, bit for bit.
   *
   * @throws FileError for anything else
   */
  static fromJSON(json: unknown): Features {
    const features = new Features();
    features.#fit = fitOf(readEncoders('Features.fromJSON', json));
    return features;
  }

  #fitted(): Fit {
    if (this.#fit !== null) return this.#fit;
    throw new StateError('Features: fit(table) must be called first, got features that are not fitted');
  }

  #embedded(): CategoryEncoder[] {
    return this.#fitted().encoders.filter(isEmbedded);
  }
}

/** What fitting has found out. */
interface Fit {
  readonly encoders: readonly Encoder[];
  readonly types: ReadonlyMap<string, ColumnType>;
  /** How many features there are, and how many columns of positions. */
  readonly width: number;
  readonly height: number;
}

const isEmbedded = (encoder: Encoder): encoder is CategoryEncoder => encoder.transform === 'embedding';

function fitOf(encoders: readonly Encoder[]): Fit {
  const types = new Map(encoders.map(({ column, type }) => [column, type]));
  const width = encoders.reduce((sum, encoder) => sum + numberCount(encoder), 0);
  return { encoders, types, width, height: encoders.filter(isEmbedded).length };
}

function checkNumbers(encoder: Encoder, table: Table): void {
  if (encoder.kind === 'category' || encoder.transform === 'robust') return;
  checkFinite(
    table.column(encoder.column),
    (rule, got, hint) =>
      new ArgumentError(`Features.transform: column ${describe(encoder.column)} ${rule}, got ${got}; ${hint}`),
  );
}

/** @internal */
export function checkTable(operation: string, table: unknown): Table {
  if (table instanceof Table) return table;
  throw new ArgumentError(`${operation}: table must be a Table, got ${describe(table)}`);
}
