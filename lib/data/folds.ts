// Folds: data split several times, each row in the test once.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkFlag, checkInteger } from '../errors.js';
import type { Generator } from '../ops/generator.js';
import { randperm } from '../ops/random.js';
import { chooseGenerator, type GeneratorOptions, numbersOf } from './sampler.js';
import { type RowValues, rowsByValue, rowsOf, rowValues, type Splittable } from './split-values.js';

/** Options of {@link KFold} and {@link StratifiedKFold}. */
export interface KFoldOptions extends GeneratorOptions {
  /** How many folds; default 5. */
  nSplits?: number;
  /** Whether rows are mixed before; default false. */
  shuffle?: boolean;
}

type KFoldArguments = Positional<KFoldOptions, [nSplits: 'nSplits']>;

/** The numbers of the rows of the two parts. */
export type Fold = [train: Int32Array, test: Int32Array];

abstract class Folds {
  readonly nSplits: number;
  protected readonly isShuffled: boolean;
  readonly #generator: Generator | undefined;

  constructor(
    protected readonly operation: string,
    args: readonly unknown[],
    known: readonly string[],
  ) {
    const options = optionsOf<KFoldOptions>(operation, args, ['nSplits'], known);
    this.nSplits = checkInteger(operation, 'nSplits', options.nSplits ?? 5, 2);
    this.isShuffled = checkFlag(operation, 'shuffle', options.shuffle, false);
    this.#generator = chooseGenerator(operation, options);
  }

  /** The fold of each row as parts. */
  protected foldsOf(foldOf: ArrayLike<number>): Fold[] {
    return Array.from({ length: this.nSplits }, (_, fold): Fold => {
      const [train, test]: [number[], number[]] = [[], []];
      for (let row = 0; row < foldOf.length; row++) (foldOf[row] === fold ? test : train).push(row);
      return [Int32Array.from(train), Int32Array.from(test)];
    });
  }

  protected checkCount(count: number, what: string): void {
    if (this.nSplits <= count) return;
    throw new ArgumentError(
      `${this.operation}: nSplits must be at most the number of ${what} ${count}, got ${this.nSplits}`,
    );
  }

  protected order(count: number): Int32Array {
    if (!this.isShuffled) return Int32Array.from({ length: count }, (_, i) => i);
    return numbersOf(randperm(count, { generator: this.#generator }));
  }
}

/**
 * Folds of consecutive rows or, with `shuffle`, of rows in random order: scikit-learn's `KFold`.
 *
 * @param args nSplits (5); options: `shuffle`, `seed`, `generator`
 * @example
 * for (const [train, test] of new data.KFold(3).split(arange(7))) console.log(train, test);
 */
export class KFold extends Folds {
  constructor(...args: KFoldArguments) {
    super('KFold', args, ['shuffle', 'seed', 'generator']);
  }

  /** @throws ArgumentError for fewer rows than folds */
  split(data: Splittable): Fold[] {
    const rows = rowsOf('KFold.split', data);
    this.checkCount(rows, 'rows');
    const order = this.order(rows);
    const foldOf = new Int32Array(rows);
    let place = 0;
    for (let fold = 0; fold < this.nSplits; fold++) {
      const size = Math.floor(rows / this.nSplits) + Number(fold < rows % this.nSplits);
      for (const row of order.subarray(place, place + size)) foldOf[row] = fold;
      place += size;
    }
    return this.foldsOf(foldOf);
  }
}

/**
 * Folds in which the classes have the shares that they have in all: scikit-learn's `StratifiedKFold`.
 *
 * @param args nSplits (5); options: `shuffle`, `seed`, `generator`
 * @example
 * const folds = new data.StratifiedKFold(2).split(arange(4), ['a', 'b', 'a', 'b']);
 */
export class StratifiedKFold extends Folds {
  constructor(...args: KFoldArguments) {
    super('StratifiedKFold', args, ['shuffle', 'seed', 'generator']);
  }

  /** @param y the class of each row. @throws ArgumentError when no class has as many rows as there are folds */
  split(data: Splittable, y: RowValues): Fold[] {
    const rows = rowsOf('StratifiedKFold.split', data);
    const classes = rowsByValue(rowValues('StratifiedKFold.split', 'y', y, data, rows));
    this.checkCount(
      classes.reduce((most, { length }) => Math.max(most, length), 0),
      'rows of the largest class',
    );
    // Sorted by class, row after row goes to the next fold: so many of each class has each fold.
    const sorted = classes.flatMap(({ length }, i) => new Array<number>(length).fill(i));
    const counts = classes.map(() => new Array<number>(this.nSplits).fill(0));
    sorted.forEach((i, place) => {
      const of = counts[i] as number[];
      of[place % this.nSplits] = (of[place % this.nSplits] as number) + 1;
    });
    const foldOf = new Int32Array(rows);
    allOrNothing(() => {
      classes.forEach((members, i) => {
        const folds = (counts[i] as number[]).flatMap((count, fold) => new Array<number>(count).fill(fold));
        const order = this.order(members.length);
        members.forEach((row, place) => {
          foldOf[row] = folds[order[place] as number] as number;
        });
      });
    });
    return this.foldsOf(foldOf);
  }
}

/**
 * Folds of which each group is in one only, about equally large: scikit-learn's `GroupKFold`. The largest groups are put first, each
 * to the fold that has the fewest rows.
 *
 * @param args nSplits (5)
 * @example
 * const folds = new data.GroupKFold(2).split(arange(4), ['ann', 'ann', 'bob', 'cem']);
 */
export class GroupKFold extends Folds {
  constructor(...args: Positional<{ nSplits?: number }, [nSplits: 'nSplits']>) {
    super('GroupKFold', args, []);
  }

  /** @param groups the group of each row. @throws ArgumentError for fewer groups than folds */
  split(data: Splittable, groups: RowValues): Fold[] {
    const rows = rowsOf('GroupKFold.split', data);
    const members = rowsByValue(rowValues('GroupKFold.split', 'groups', groups, data, rows));
    this.checkCount(members.length, 'groups');
    const sizes = new Array<number>(this.nSplits).fill(0);
    const foldOf = new Int32Array(rows);
    for (const group of members.sort((a, b) => b.length - a.length)) {
      const lightest = sizes.indexOf(sizes.reduce((a, b) => Math.min(a, b)));
      sizes[lightest] = (sizes[lightest] as number) + group.length;
      for (const row of group) foldOf[row] = lightest;
    }
    return this.foldsOf(foldOf);
  }
}
