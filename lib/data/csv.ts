import { FileError } from '../errors.js';
import { type CsvOptions, type CsvPlan, csvPlan } from './csv-options.js';
import { parseCsv } from './csv-parse.js';
import { type ByteSource, checkSource, nameOf } from './sources.js';
import { Table } from './table.js';
import type { TableBuilder } from './table-builder.js';

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
  let builder: TableBuilder | undefined;
  for await (const growing of parseCsv(source, plan)) builder = growing;
  if (builder === undefined) throw noRows(source, plan);
  return new Table(builder.take());
}

function noRows(source: ByteSource, { rules, hasHeader }: CsvPlan): FileError {
  const got = hasHeader ? 'at most a line of names' : 'none';
  return new FileError(`${rules.operation}: ${nameOf(source)} must have rows, got ${got}`);
}
