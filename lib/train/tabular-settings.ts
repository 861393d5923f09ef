// How networks for tables are built and trained unless the caller says otherwise.
import { checkEach, checkInteger, checkNumber } from '../errors.js';
import { checkOptions } from '../options.js';

/** How a network for tables is built and trained. */
export interface TabularSettings {
  /** Widths of the hidden layers; default [256, 256, 256]. */
  hidden: readonly number[];
  /** The part of the hidden values that training sets to 0; default 0.15. */
  dropout: number;
  /** Cosines that each number is shown to the network as, 0 for none; default 16. */
  frequencies: number;
  /** The deviation of their frequencies at first; default 0.1. */
  sigma: number;
  /** Learning rate, of layers that divide by the root of their inputs; default 0.02 for classes, 0.07 for numbers. */
  lr: number;
  /** Decay of the weights; default 0.02. */
  weightDecay: number;
  /** The part of the targets that is spread over all classes; default 0.03. */
  labelSmoothing: number;
  /** Rows in a batch; default 256, an eighth of the rows where they are few, and up to 2048 above 50,000 rows. */
  batchSize: number;
  /** Epochs at most; default 100, and fewer where they would be more than about 6000 steps. */
  epochs: number;
  /** Epochs without a better validation score after which training ends; default a third of the epochs, at least 5. */
  patience: number;
}

const names = [
  ...[
    'hidden',
    'dropout',
    'frequencies',
    'sigma',
    'lr',
    'weightDecay',
    'labelSmoothing',
    'batchSize',
    'epochs',
    'patience',
  ],
];

const manySteps = 6000;
const manyRows = 50_000;

/** An eighth of few rows, so that an epoch has several steps; 256; more where an epoch would have more than 200 steps. */
function usualBatch(rows: number): number {
  const power = (size: number): number => 2 ** Math.round(Math.log2(size));
  return rows <= manyRows ? Math.max(32, Math.min(256, power(rows / 8))) : Math.min(2048, power(rows / 150));
}

/** The settings for a table, those of the caller first. */
export function settingsOf(
  operation: string,
  given: Partial<TabularSettings> | undefined,
  { rows, isNumber }: { rows: number; isNumber: boolean },
): TabularSettings {
  checkOptions(operation, given, names);
  const number = (
    name: keyof TabularSettings,
    fallback: number,
    range: { min?: number; max?: number; open?: boolean },
  ) => checkNumber(operation, name, given?.[name] ?? fallback, range);
  const integer = (name: keyof TabularSettings, fallback: number, least: number, most: number) =>
    checkInteger(operation, name, given?.[name] ?? fallback, least, most);
  const hidden = checkEach(operation, 'hidden', 'must be widths', given?.hidden ?? [256, 256, 256], (width) =>
    checkInteger(operation, 'each of hidden', width, 1, 65_536),
  );
  const usual = usualBatch(rows);
  const batchSize = integer('batchSize', usual, 1, 2 ** 20);
  const affordable = Math.ceil(manySteps / Math.max(1, Math.floor(rows / batchSize)));
  const epochs = integer('epochs', Math.max(8, Math.min(100, affordable)), 1, 1_000_000);
  return {
    hidden,
    dropout: number('dropout', 0.15, { min: 0, max: 0.99 }),
    frequencies: integer('frequencies', 16, 0, 1024),
    sigma: number('sigma', 0.1, { min: 0, max: 1000 }),
    lr: number('lr', isNumber ? 0.07 : 0.02, { min: 0, open: true }),
    weightDecay: number('weightDecay', 0.02, { min: 0 }),
    labelSmoothing: number('labelSmoothing', 0.03, { min: 0, max: 0.99 }),
    batchSize,
    epochs,
    patience: integer('patience', Math.max(5, Math.ceil(epochs / 3)), 1, 1_000_000),
  };
}
