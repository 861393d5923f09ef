// Records of CSV files, by the package csv-parse, into the columns of a table.
import type { CsvError, Parser } from 'csv-parse';
import { AdjointError, describe, FileError } from '../errors.js';
import { Turns } from '../event-loop.js';
import { guessDelimiter } from './csv-delimiter.js';
import type { CsvPlan } from './csv-options.js';
import { type ByteSource, bytesOf, nameOf, placeOf } from './sources.js';
import { checkColumnCount, TableBuilder } from './table-builder.js';

/** Bytes that the delimiter is guessed from. */
const guessBytes = 65_536;

/** Gives the builder of the table after each piece of the file that had records. */
export async function* parseCsv(source: ByteSource, plan: CsvPlan): AsyncGenerator<TableBuilder> {
  const { Parser } = await import('csv-parse'); // needed by nobody else
  const reader = new Reader(source, plan);
  let head: Buffer | null = Buffer.alloc(0);
  let parser: Parser | null = null;
  const start = (begin: Buffer): Parser => {
    const made = new Parser({
      ...plan.parser,
      delimiter: plan.delimiter ?? guessDelimiter(textOf(begin, plan), plan.quote),
    });
    // In place of on_record, for each call of which the parser copies all that it counts.
    const push = made.push.bind(made);
    made.push = (record: string[] | null) => (record === null ? push(null) : reader.read(record, made.info.lines));
    made.on('error', () => {}); // write passes it on
    return made;
  };
  const turns = new Turns();
  for await (const piece of bytesOf(plan.rules.operation, source, plan.maxBytes)) {
    let chunk = piece;
    if (head !== null) {
      head = Buffer.concat([head, piece]);
      if (head.length < guessBytes) continue;
      [chunk, head] = [head, null];
    }
    parser ??= start(chunk);
    await reader.write(parser, chunk);
    if (reader.builder !== null && reader.builder.length > 0) yield reader.builder;
    if (turns.isDue) await turns.give();
  }
  if (head !== null) {
    parser = start(head);
    await reader.write(parser, head);
  }
  await reader.end(parser as Parser);
  if (reader.builder === null || reader.builder.isEmpty) {
    const got = plan.hasHeader ? 'at most a line of names' : 'none';
    throw new FileError(`${plan.rules.operation}: ${nameOf(source)} must have rows, got ${got}`);
  }
  if (reader.builder.length > 0) yield reader.builder;
}

function textOf(bytes: Buffer, { parser: { encoding } }: CsvPlan): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return bytes.subarray(0, guessBytes).toString(isUtf16 ? 'utf16le' : (encoding as BufferEncoding));
}

/** Takes the records of one file. */
class Reader {
  builder: TableBuilder | null = null;
  #fields = 0;
  /** Bytes written, and how many of them when the last record came. */
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

  /** A record: the names of the columns, or a row. */
  read(record: string[], line: number): true {
    this.#recordAt = this.#written;
    if (this.builder !== null) {
      this.builder.add(record, line);
      return true;
    }
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
    return true;
  }

  /** Hands bytes to the parser, which may call `read`. */
  async write(parser: Parser, bytes: Buffer): Promise<void> {
    this.#written += bytes.length;
    await new Promise<void>((resolve, reject) => {
      parser.write(bytes, (error) => (error ? reject(this.#reword(error)) : resolve()));
    });
    const open = this.#written - this.#recordAt;
    if (open > this.plan.maxRecordSize + bytes.length) throw this.#tooLong(parser.info.lines);
  }

  async end(parser: Parser): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      parser.on('error', (error) => reject(this.#reword(error)));
      parser.on('end', resolve);
      parser.resume();
      parser.end();
    });
  }

  #tooLong(line: number): FileError {
    const rule = `must have records of at most maxRecordSize ${this.plan.maxRecordSize} bytes`;
    return new FileError(`${this.#what} ${rule}, got more in line ${line}; is a quote not closed?`);
  }

  #reword(error: Error): Error {
    if (error instanceof AdjointError) return error;
    const { code, lines, record } = error as CsvError & { lines?: number; record?: unknown[] };
    const place = `line ${lines}`;
    const fail = (text: string) => new FileError(`${this.#what} ${text}`, { cause: error });
    switch (code) {
      case 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH':
        return fail(
          `must have ${this.#fields} fields in each line, as in the first, got ${record?.length} in ${place}`,
        );
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
