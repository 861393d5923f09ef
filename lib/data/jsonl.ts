import { checkInteger, FileError } from '../errors.js';
import { Turns } from '../event-loop.js';
import { checkOptions } from '../options.js';
import type { IterableDataset } from './iterable.js';
import { type ByteSource, bytesOf, checkSource, nameOf, placeOf } from './sources.js';
import type { Table } from './table.js';
import { type TableStreamOptions, tableStream, tableStreamOptions, wholeTable } from './table-batches.js';
import { type TableOptions, tableOptions } from './table-builder.js';
import { type RowsBuilder, rowsBuilder } from './table-rows.js';

/** How a file of JSON lines is read. */
export interface JsonlOptions extends TableOptions {
  /** Bytes, after decompression, beyond which reading ends with an error; default 2³³. */
  maxBytes?: number;
  /** Bytes of one line beyond which reading ends with an error; default 2²². */
  maxRecordSize?: number;
}

const jsonlOptions = ['maxBytes', 'maxRecordSize', ...tableOptions];

/**
 * Reads a file of JSON lines, one object on each line, into a table. Types are inferred as by `Table.fromRows`: texts are
 * categories, dates or texts, numbers are numbers.
 *
 * @param source as for `csv`
 * @throws FileError that names the line for a damaged file, a value that does not fit its column, or a limit that is exceeded
 * @example
 * const table = await data.jsonl(Buffer.from('{"age": 31, "job": "nurse"}\n{"age": null}\n'));
 */
export async function jsonl(source: ByteSource, options: JsonlOptions = {}): Promise<Table> {
  const read = reader('jsonl', options, false);
  checkSource('jsonl', source);
  return wholeTable(read(source));
}

/**
 * Reads a file of JSON lines as a stream of tables, so that it may be larger than memory. The options are those of `jsonl`, and
 * `batchSize` (1024), `shuffleBuffer` (0), `seed` and `generator`.
 *
 * @param source as for `csvStream`
 * @throws ArgumentError for wrong options; FileError, in the course of reading, as `jsonl` does
 * @example
 * const stream = data.jsonlStream(Buffer.from('{"x": 1}\n{"x": 2}\n'), { batchSize: 1 });
 */
export function jsonlStream(
  source: ByteSource | (() => ByteSource),
  options: JsonlOptions & TableStreamOptions = {},
): IterableDataset<Table> {
  checkOptions('jsonlStream', options, [...jsonlOptions, ...tableStreamOptions]);
  const { batchSize, shuffleBuffer, seed, generator, ...reading } = options;
  const read = reader('jsonlStream', reading, true);
  if (typeof source !== 'function') checkSource('jsonlStream', source);
  return tableStream('jsonlStream', { batchSize, shuffleBuffer, seed, generator }, () => {
    const opened = typeof source === 'function' ? source() : source;
    checkSource('jsonlStream', opened);
    return read(opened);
  });
}

/** Checks options; the function gives what has the rows after each piece of the file. */
function reader(operation: string, options: JsonlOptions, isStream: boolean) {
  checkOptions(operation, options, jsonlOptions);
  const { maxBytes = 2 ** 33, maxRecordSize = 2 ** 22, ...table } = options;
  checkInteger(operation, 'maxBytes', maxBytes, 1);
  checkInteger(operation, 'maxRecordSize', maxRecordSize, 1);
  const source = { isStream, error: FileError };
  rowsBuilder(operation, table, source); // checks the options
  return async function* (bytes: ByteSource): AsyncGenerator<RowsBuilder> {
    const builder = rowsBuilder(placeOf(operation, bytes), table, source);
    const turns = new Turns();
    let number = 0;
    for await (const lines of linesOf(operation, bytes, maxBytes, maxRecordSize)) {
      for (const line of lines) {
        number++;
        if (line.trim() !== '') builder.add(parsed(operation, bytes, line, number));
      }
      if (builder.length > 0) yield builder;
      if (turns.isDue) await turns.give();
    }
    if (builder.isEmpty) throw new FileError(`${operation}: ${nameOf(bytes)} must have rows, got none`);
  };
}

function parsed(operation: string, source: ByteSource, line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    const text = (cause as Error).message;
    throw new FileError(`${operation}: ${nameOf(source)} must have JSON in line ${number} (${text})`, { cause });
  }
}

/** The lines of each piece of a file, without those that go on in the next. */
async function* linesOf(
  operation: string,
  source: ByteSource,
  maxBytes: number,
  maxLine: number,
): AsyncGenerator<string[]> {
  let open: Buffer[] = [];
  let [length, isFirst] = [0, true];
  const decode = (bytes: Buffer): string => {
    const text = bytes.toString();
    const isMarked = isFirst && text.startsWith('\ufeff');
    isFirst = false;
    return isMarked ? text.slice(1) : text;
  };
  for await (const piece of bytesOf(operation, source, maxBytes)) {
    const end = piece.lastIndexOf(10);
    length = end < 0 ? length + piece.length : piece.length - end - 1;
    if (length > maxLine) {
      const rule = `must have lines of at most maxRecordSize ${maxLine} bytes`;
      throw new FileError(`${operation}: ${nameOf(source)} ${rule}, got more`);
    }
    if (end >= 0) {
      yield decode(Buffer.concat([...open, piece.subarray(0, end)])).split('\n');
      open = [piece.subarray(end + 1)];
    } else {
      open.push(piece);
    }
  }
  const rest = decode(Buffer.concat(open));
  if (rest !== '') yield [rest];
}
