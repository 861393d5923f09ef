import { checkOptions } from '../options.js';
import { type CsvOptions, csvOptions, csvPlan } from './csv-options.js';
import { parseCsv } from './csv-parse.js';
import type { IterableDataset } from './iterable.js';
import { type ByteSource, checkSource } from './sources.js';
import type { Table } from './table.js';
import { type TableStreamOptions, tableStream, tableStreamOptions, wholeTable } from './table-batches.js';

/**
 * Reads a CSV file (RFC 4180) into a table, piece by piece, so that the text is never in memory as a whole.
 *
 * The types of the columns are inferred from the first 1000 rows, and `table.schema` says them: numbers; booleans (true, false,
 * yes, no); dates (ISO 8601; without a time zone in UTC); categories, texts of which there are few; and other texts. Numbers
 * that all begin with 0, such as postcodes, are categories. A later value that is no such number, boolean or date is an error
 * that names column and row, because a column that silently became texts would train a worthless model; `types` or `missing`
 * settle the matter. A column of categories that turns out to have more than `maxCategories` becomes texts.
 *
 * @param source a path (`.gz` is decompressed), bytes, a stream of Node.js or of the web, or an iterable of bytes
 * @throws FileError that names the line for a damaged file, a value that does not fit its column, or a limit that is exceeded;
 *   ArgumentError for wrong options
 * @example
 * const table = await data.csv(Buffer.from('age,job\n31,nurse\n,cook\n'));
 * table.column('age').values; // Float64Array [31, NaN]
 */
export async function csv(source: ByteSource, options: CsvOptions = {}): Promise<Table> {
  const plan = csvPlan('csv', options, false);
  checkSource('csv', source);
  return wholeTable(parseCsv(source, plan));
}

/** Options of {@link csvStream}. */
export type CsvStreamOptions = CsvOptions & TableStreamOptions;

/**
 * Reads a CSV file as a stream of tables, so that it may be larger than memory. The options are those of `csv`, and `batchSize`
 * (1024), `shuffleBuffer` (0), `seed` and `generator`. The types are those of the first 1000 rows throughout; a category has the same
 * number in every table.
 *
 * @param source as for `csv`; a stream can be read once only, a function that opens it as often as it is called
 * @throws ArgumentError for wrong options; FileError, in the course of reading, as `csv` does
 * @example
 * const stream = data.csvStream(Buffer.from('x,y\n1,2\n3,4\n'), { batchSize: 1, shuffleBuffer: 2, seed: 1 });
 * for await (const table of stream) console.log(table.get(0));
 */
export function csvStream(
  source: ByteSource | (() => ByteSource),
  options: CsvStreamOptions = {},
): IterableDataset<Table> {
  checkOptions('csvStream', options, [...csvOptions, ...tableStreamOptions], ['quote']);
  const { batchSize, shuffleBuffer, seed, generator, ...reading } = options;
  const plan = csvPlan('csvStream', reading, true);
  if (typeof source !== 'function') checkSource('csvStream', source);
  return tableStream('csvStream', { batchSize, shuffleBuffer, seed, generator }, () => {
    const opened = typeof source === 'function' ? source() : source;
    checkSource('csvStream', opened);
    return parseCsv(opened, plan);
  });
}
