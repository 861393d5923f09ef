// Plain lines of CSV files: where their fields begin and end.
import { CsvFields } from './csv-fields.js';

const [newline, carriageReturn] = [10, 13];
/** What a byte is to the splitter. */
const [ordinary, separator, lineEnd, quoting, special] = [0, 1, 2, 3, 4];

/** How {@link LineSplitter} reads. */
export interface SplitRules {
  readonly delimiter: string;
  readonly quote: string | null;
  readonly comment: string | null;
  readonly trim: boolean;
  /** Bytes that a line may have. */
  readonly longest: number;
}

/**
 * Finds the fields of lines of UTF-8 as csv-parse does, in a tenth of the time. It stops for good before a line with a comment,
 * one with quotes that are doubled, hold a line end or have spaces around them, one that is too long and one that has not as many
 * fields as the first: csv-parse goes on from there, and finds what is wrong, if anything is.
 */
export class LineSplitter {
  /** What the last call found. */
  readonly fields: CsvFields;
  /** Whether it has stopped. */
  isStopped: boolean;
  /** Number of the first line that was not taken. */
  line = 1;
  readonly #kinds = new Uint8Array(256);
  /** Used again and again; what no line was made of goes from `#from` to `#to`. */
  #buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;

  constructor(readonly rules: SplitRules) {
    const { delimiter, quote, comment, trim } = rules;
    const isPlain = quote !== null && quote !== delimiter && Buffer.byteLength(quote) === 1;
    this.fields = new CsvFields(trim, isPlain ? firstByte(quote) : null);
    this.#kinds[newline] = this.#kinds[carriageReturn] = lineEnd;
    this.#kinds[firstByte(delimiter)] = separator;
    if (quote !== null) this.#kinds[firstByte(quote)] = isPlain ? quoting : special;
    if (comment !== null) this.#kinds[firstByte(comment)] = special;
    this.isStopped = Buffer.byteLength(delimiter) > 1;
  }

  /** The bytes that no line was made of. */
  get rest(): Buffer {
    return this.#buffer.subarray(this.#from, this.#to);
  }

  /** Takes the lines that end in a piece of the file, and after the last one a line without an end. */
  split(piece: Buffer, isLast: boolean): void {
    this.fields.rows = 0;
    this.#append(piece);
    if (this.isStopped) return;
    if (isLast) this.#buffer[this.#to] = newline;
    if (isLast || piece.includes(newline) || piece.includes(carriageReturn)) this.#scan(isLast);
    if (this.#to - this.#from > this.rules.longest) this.isStopped = true;
  }

  /** Puts a piece after the rest, which comes to the begin of the buffer, and leaves a byte behind it free. */
  #append(piece: Buffer): void {
    const { rest } = this;
    this.#to = rest.length + piece.length;
    if (this.#to < this.#buffer.length) this.#buffer.set(rest);
    else this.#buffer = Buffer.concat([rest], Math.max(this.#to + 1, 2 * this.#buffer.length));
    this.#buffer.set(piece, rest.length);
    this.#from = 0;
  }

  /** Finds the fields of lines. */
  #scan(isLast: boolean): void {
    const { fields } = this;
    const { longest } = this.rules;
    const kinds = this.#kinds;
    const bytes = this.#buffer;
    const length = isLast ? this.#to + 1 : this.#to;
    // A row of n > 1 fields has at least n bytes, and one of a single field 2.
    if (fields.places.length < 2 * length + 3) fields.places = new Int32Array(2 * length + 3);
    const { places } = fields;
    let { width } = fields;
    let [first, used, end] = [0, 2, 0];
    places[0] = this.line;
    places[1] = -1;
    for (let i = 0; i < length; i++) {
      const kind = kinds[bytes[i] as number];
      if (kind === ordinary) continue;
      if (kind === special) {
        this.isStopped = true;
        break;
      }
      if (kind === quoting) {
        const closing = i === (places[used - 1] as number) + 1 ? this.#closing(i, length) : -1;
        if (closing + 1 >= length) break; // more may follow
        const next = kinds[bytes[closing + 1] as number];
        if (closing < 0 || (next !== separator && next !== lineEnd)) {
          this.isStopped = true;
          break;
        }
        i = closing;
        continue;
      }
      places[used++] = i;
      if (kind === separator) continue;
      const isReturn = bytes[i] === carriageReturn;
      if (isReturn && i + 1 === length && !isLast) break; // a newline may follow
      const count = used - first - 2;
      if (count === 1 && this.#isBlank(bytes, end, i)) {
        used = first + 2;
      } else if ((count !== width && width > 0) || i - end > longest) {
        this.isStopped = true;
        break;
      } else {
        width = count;
        first = used;
        used += 2;
      }
      if (isReturn && bytes[i + 1] === newline) i++;
      places[first] = ++this.line;
      places[first + 1] = i;
      end = i + 1;
    }
    fields.bytes = bytes;
    fields.width = width;
    fields.rows = first / fields.stride;
    this.#from = end;
  }

  /** The next quote after one, `length` if there is none, -1 if the line ends before it. */
  #closing(from: number, length: number): number {
    const quote = this.#buffer[from];
    for (let i = from + 1; i < length; i++) {
      if (this.#buffer[i] === quote) return i;
      if (this.#kinds[this.#buffer[i] as number] === lineEnd) return -1;
    }
    return length;
  }

  #isBlank(bytes: Buffer, from: number, to: number): boolean {
    if (from === to) return true;
    const byte = bytes[from] as number;
    const mayBeSpace = byte <= 32 || byte > 127;
    return this.rules.trim && mayBeSpace && bytes.toString('utf8', from, to).trim() === '';
  }
}

const firstByte = (text: string): number => Buffer.from(text)[0] as number;
