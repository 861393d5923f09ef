import type { Options } from 'csv-parse';
import {
  ArgumentError,
  checkChoice,
  checkEach,
  checkFlag,
  checkInteger,
  checkText,
  describe,
  FileError,
} from '../errors.js';
import { checkOptions } from '../options.js';
import { type TableOptions, type TableRules, tableOptions, tableRules } from './table-builder.js';

/** How a CSV file is read. */
export interface CsvOptions extends TableOptions {
  /** What separates fields; default: of `, ; tab |` the one that the first lines have. */
  delimiter?: string;
  /** What fields that contain the delimiter or a line break are put in, doubled inside of them; default `"`, null for none. */
  quote?: string | null;
  /** Decimal sign; default `.`, but `,` where the delimiter is not a comma and the first numbers have commas and no points. */
  decimal?: '.' | ',';
  /** Whether the first line names the columns; default true, or false where `columns` is given. */
  header?: boolean;
  /** Names of the columns, in place of those in the file. */
  columns?: readonly string[];
  /** Whether spaces around fields are left out, but not those in quotes; default true. */
  trim?: boolean;
  /** What lines that are to be skipped begin with; default: none are. */
  comment?: string;
  /** Encoding of the text, default utf8; a byte order mark of UTF-8 or UTF-16 tells it, too. */
  encoding?: 'utf8' | 'utf16le' | 'latin1';
  /** Bytes, after decompression, beyond which reading ends with an error; default 2³³. */
  maxBytes?: number;
  /** Bytes of one record beyond which reading ends with an error; default 2²². */
  maxRecordSize?: number;
}

const encodings = ['utf8', 'utf16le', 'latin1'] as const;

/** @internal */
export const csvOptions = [
  ...['delimiter', 'quote', 'decimal', 'header', 'columns', 'trim', 'comment', 'encoding'],
  ...['maxBytes', 'maxRecordSize', ...tableOptions],
];

/** @internal Checked {@link CsvOptions}. */
export interface CsvPlan {
  readonly rules: TableRules;
  readonly delimiter: string | undefined;
  readonly quote: string | null;
  readonly encoding: (typeof encodings)[number];
  /** Those of the parser that do not depend on the file, which it gets in UTF-8. */
  readonly parser: Options & { readonly comment: string | null; readonly trim: boolean };
  readonly hasHeader: boolean;
  readonly columns: readonly string[] | undefined;
  readonly maxBytes: number;
  readonly maxRecordSize: number;
}

/** @internal */
export function csvPlan(operation: string, options: CsvOptions, isStream: boolean): CsvPlan {
  checkOptions(operation, options, csvOptions, ['quote']);
  const { delimiter, decimal, comment, quote = '"', columns } = options;
  if (delimiter !== undefined) checkCharacter(operation, 'delimiter', delimiter);
  if (quote !== null) checkCharacter(operation, 'quote', quote);
  if (comment !== undefined && checkText(operation, 'comment', comment) === '') {
    throw new ArgumentError(`${operation}: comment must have a character, got ""`);
  }
  if (decimal !== undefined) checkChoice(operation, 'decimal', decimal, ['.', ',']);
  const name = (text: unknown) => checkText(operation, 'each of columns', text);
  const names = columns === undefined ? undefined : checkEach(operation, 'columns', 'must be texts', columns, name);
  const limit = (name: 'maxBytes' | 'maxRecordSize', fallback: number) =>
    checkInteger(operation, name, options[name] ?? fallback, 1);
  const rules = tableRules(options, { operation, isText: true, isStream, error: FileError });
  const maxRecordSize = limit('maxRecordSize', 2 ** 22);
  return {
    rules: {
      ...rules,
      values: { ...rules.values, decimal: decimal ?? '.' },
      mayGuessDecimal: decimal === undefined && delimiter !== ',',
    },
    delimiter,
    quote,
    encoding: checkChoice(operation, 'encoding', options.encoding, encodings, 'utf8'),
    parser: {
      comment: comment ?? null,
      comment_no_infix: true,
      escape: quote,
      max_record_size: maxRecordSize,
      quote,
      relax_column_count: true, // the reader counts itself
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
      trim: checkFlag(operation, 'trim', options.trim, true),
    },
    hasHeader: checkFlag(operation, 'header', options.header, columns === undefined),
    columns: names,
    maxBytes: limit('maxBytes', 2 ** 33),
    maxRecordSize,
  };
}

function checkCharacter(operation: string, name: string, value: unknown): void {
  const text = checkText(operation, name, value);
  if (text.length !== 1 || text === '\n' || text === '\r') {
    throw new ArgumentError(`${operation}: ${name} must be one character, got ${describe(value)}`);
  }
}
