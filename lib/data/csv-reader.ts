// Records of a CSV file into the columns of a table: plain lines by a splitter, the others by the package csv-parse.
import type { CsvError, Parser } from 'csv-parse';
import { AdjointError, describe, FileError } from '../errors.js';
import { guessDelimiter } from './csv-delimiter.js';
import type { CsvFields } from './csv-fields.js';
import type { CsvPlan } from './csv-options.js';
import { LineSplitter } from './csv-split.js';
import { type ByteSource, nameOf, placeOf } from './sources.js';
import { checkColumnCount, TableBuilder } from './table-builder.js';

/** Bytes that the delimiter is guessed from, and that a line may have which the splitter takes. */
export const guessBytes = 65_536;

/** Takes the records of one file. */
export class CsvReader {
  builder: TableBuilder | null = null;
  #splitter: LineSplitter | null = null;
  /** What takes over where the splitter stops. */
  #parser: Parser | null = null;
  #fields = 0;
  /** Bytes that the parser was given, and how many of them when the last record came. */
  #written = 0;
  #recordAt = 0;
  readonly #what: string;
  readonly #place: string;

  constructor(
    source: ByteSource,
    private readonly plan: CsvPlan,
  ) {
    this.#what = `${plan.rules.operation}: ${nameOf(source)}`;
    this.#place = placeOf(plan.rules.operation, source);
  }

  /** Takes a piece of the file, in UTF-8. */
  async write(piece: Buffer): Promise<void> {
    if (this.#parser !== null) return this.#parse(this.#parser, piece);
    this.#splitter ??= this.#begin(piece);
    await this.#split(this.#splitter, piece, false);
  }

  /** Takes what the last line has. */
  async end(): Promise<void> {
    if (this.#parser === null) await this.#split(this.#splitter as LineSplitter, Buffer.alloc(0), true);
    const parser = this.#parser;
    if (parser === null) return;
    await new Promise<void>((resolve, reject) => {
      parser.on('error', (error) => reject(this.#reword(error)));
      parser.on('end', resolve);
      parser.resume();
      parser.end();
    });
  }

  #begin(piece: Buffer): LineSplitter {
    const { quote, delimiter, parser, maxRecordSize } = this.plan;
    const guessed = delimiter ?? guessDelimiter(piece.toString('utf8', 0, guessBytes), quote);
    return new LineSplitter({
      delimiter: guessed,
      quote,
      comment: parser.comment,
      trim: parser.trim,
      longest: Math.min(guessBytes, maxRecordSize),
    });
  }

  /** Has lines split, and the rest parsed where they are not plain. */
  async #split(splitter: LineSplitter, piece: Buffer, isLast: boolean): Promise<void> {
    splitter.split(piece, isLast);
    this.#take(splitter.fields);
    if (!splitter.isStopped) return;
    this.#parser = await this.#parserFrom(splitter);
    await this.#parse(this.#parser, splitter.rest);
  }

  #take(fields: CsvFields): void {
    let row = 0;
    while (row < fields.rows && !this.builder?.isTyped) this.#read(fields.texts(row), fields.lineOf(row++));
    if (row < fields.rows) this.builder?.addFields(fields, row);
  }

  /** csv-parse, in the state that it would have after all lines that the splitter took. */
  async #parserFrom({ rules: { delimiter }, line }: LineSplitter): Promise<Parser> {
    const { Parser } = await import('csv-parse'); // most files do without it
    const parser = new Parser({ ...this.plan.parser, delimiter });
    (parser.info as { lines: number }).lines = line;
    // In place of on_record, for each call of which the parser copies all that it counts.
    const push = parser.push.bind(parser);
    parser.push = (record: string[] | null) => (record === null ? push(null) : this.#read(record, parser.info.lines));
    parser.on('error', () => {}); // write passes it on
    return parser;
  }

  /** Hands bytes to the parser, which may call `#read`. */
  async #parse(parser: Parser, bytes: Buffer): Promise<void> {
    this.#written += bytes.length;
    await new Promise<void>((resolve, reject) => {
      parser.write(bytes, (error) => (error ? reject(this.#reword(error)) : resolve()));
    });
    const open = this.#written - this.#recordAt;
    if (open > this.plan.maxRecordSize + bytes.length) throw this.#tooLong(parser.info.lines);
  }

  /** A record: the names of the columns, or a row. */
  #read(record: string[], line: number): true {
    this.#recordAt = this.#written;
    if (this.builder === null) this.#name(record, line);
    else this.#add(this.builder, record, line);
    return true;
  }

  #add(builder: TableBuilder, record: string[], line: number): void {
    if (record.length !== this.#fields) {
      const rule = `must have ${this.#fields} fields in each line, as in the first`;
      throw new FileError(`${this.#what} ${rule}, got ${record.length} in line ${line}`);
    }
    builder.add(record, line);
  }

  /** The columns, by the first record. */
  #name(record: string[], line: number): void {
    const { columns, hasHeader, rules } = this.plan;
    this.#fields = record.length;
    checkColumnCount(record.length, rules);
    if (columns !== undefined && columns.length !== record.length) {
      const got = `got ${record.length} fields in line ${line} and ${columns.length} names`;
      throw new FileError(`${this.#what} must have as many fields as columns has names, ${got}`);
    }
    const names = columns ?? record.map((name, i) => (hasHeader && name !== '' ? name : `column${i}`));
    const twice = new Set(names).size < names.length ? names.find((name, i) => names.indexOf(name) < i) : undefined;
    if (twice !== undefined) {
      const places = names.flatMap((name, i) => (name === twice ? [i + 1] : []));
      const got = `got ${describe(twice)} in columns ${places.join(' and ')}`;
      throw new FileError(`${this.#what} must have different names of columns, ${got}; give columns`);
    }
    this.builder = new TableBuilder(names, { ...rules, operation: this.#place });
    if (!hasHeader) this.builder.add(record, line);
  }

  #tooLong(line: number): FileError {
    const rule = `must have records of at most maxRecordSize ${this.plan.maxRecordSize} bytes`;
    return new FileError(`${this.#what} ${rule}, got more in line ${line}; is a quote not closed?`);
  }

  #reword(error: Error): Error {
    if (error instanceof AdjointError) return error;
    const { code, lines } = error as CsvError & { lines?: number };
    const place = `line ${lines}`;
    const fail = (text: string) => new FileError(`${this.#what} ${text}`, { cause: error });
    switch (code) {
      case 'CSV_MAX_RECORD_SIZE':
        return this.#tooLong(lines as number);
      case 'INVALID_OPENING_QUOTE':
        return fail(
          `must have quotes at the ends of fields, got one inside in ${place}; quote: null takes them for text`,
        );
      case 'CSV_INVALID_CLOSING_QUOTE':
      case 'CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE':
        return fail(`must have a delimiter after a quoted field, got more text in ${place}; quotes inside are doubled`);
      case 'CSV_QUOTE_NOT_CLOSED':
        return fail(`must end after a closing quote, got none for that in ${place}`);
      default:
        return fail(`must be a CSV file, got ${error.message}`);
    }
  }
}
