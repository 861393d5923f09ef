// Tables from files of the command line.
import { data, type train } from '../index.js';
import { type Given, type OptionRow, UsageError } from './arguments.js';

/** Options of commands that read a file of rows. */
export const readingOptions: Readonly<Record<string, OptionRow>> = {
  delimiter: { value: '<character>', about: 'what separates fields; by default it is found out' },
  decimal: { value: '<. or ,>', about: 'the decimal sign; by default it is found out' },
  missing: {
    value: '<a,b>',
    about: "texts that stand for no value; by default '', NA, N/A, NaN, nan, null, NULL and ?",
  },
};

/** Reads a CSV file, in the types of a model's columns where one is given. */
export async function readTable(path: string, given: Given, model?: train.TabularModel): Promise<data.Table> {
  const types: Record<string, data.ColumnType> = {};
  for (const { name, type } of model?.columns ?? []) types[name] = type;
  for (const pair of given.list('types') ?? []) {
    const [, name, type] = /^(.+)=(\w+)$/.exec(pair) ?? [];
    if (name === undefined)
      throw new UsageError(`--types must be like age=number,zip=category, got ${JSON.stringify(pair)}`);
    types[name] = type as data.ColumnType;
  }
  const delimiter = given.text('delimiter');
  const decimal = given.choice('decimal', ['.', ',']);
  const missing = given.list('missing');
  return data.csv(path, {
    types,
    ...(delimiter === undefined ? {} : { delimiter: delimiter === '\\t' ? '\t' : delimiter }),
    ...(decimal === undefined ? {} : { decimal }),
    ...(missing === undefined ? {} : { missing }),
  });
}
