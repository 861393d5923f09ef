// Fields of a CSV file as bytes of which no texts have been made yet.

/** Bytes of texts that are made once and found again, and how many of these there are. */
const [longestKnown, mostKnown] = [24, 512];

/** Rows of equally many fields in a piece of UTF-8. */
export class CsvFields {
  bytes: Buffer = Buffer.alloc(0);
  rows = 0;
  /** Fields of each row. */
  width = 0;
  /** For each row the number of its line, the position before it, and those after each field: `stride` numbers. */
  places = new Int32Array(0);

  /** Texts by their bytes: most columns of texts have few. */
  readonly #known: string[] = new Array(mostKnown).fill('');

  /**
   * @param trim whether spaces around texts without quotes are left out
   * @param quote the byte that texts in quotes begin and end with, which no other text has
   */
  constructor(
    private readonly trim: boolean,
    private readonly quote: number | null,
  ) {}

  get stride(): number {
    return this.width + 2;
  }

  /** The field of a row as a text. */
  text(row: number, field: number): string {
    const place = row * this.stride + field + 1;
    const begin = (this.places[place] as number) + 1;
    const end = this.places[place + 1] as number;
    const isQuoted = begin < end && this.bytes[begin] === this.quote;
    const [from, to] = isQuoted ? [begin + 1, end - 1] : [begin, end];
    const isTrimmed = this.trim && !isQuoted;
    if (to - from > longestKnown) return this.#decode(from, to, isTrimmed);
    let hash = 0;
    for (let i = from; i < to; i++) hash = (31 * hash + (this.bytes[i] as number)) | 0;
    const slot = hash & (mostKnown - 1);
    const known = this.#known[slot] as string;
    if (this.#isAt(known, from, to)) return known;
    const text = this.#decode(from, to, isTrimmed);
    // One with spaces around it would be found without quotes, too.
    if (!isQuoted || !this.trim || text === text.trim()) this.#known[slot] = text;
    return text;
  }

  /** Whether these bytes are ASCII characters of a text, and all of it. */
  #isAt(text: string, from: number, to: number): boolean {
    if (text.length !== to - from) return false;
    for (let i = 0; i < text.length; i++) {
      const byte = this.bytes[from + i] as number;
      if (byte !== text.charCodeAt(i) || byte > 127) return false;
    }
    return true;
  }

  #decode(from: number, to: number, isTrimmed: boolean): string {
    const text = this.bytes.toString('utf8', from, to);
    return isTrimmed ? text.trim() : text;
  }

  /** The fields of a row as texts. */
  texts(row: number): string[] {
    return Array.from({ length: this.width }, (_, field) => this.text(row, field));
  }

  /** The number of a row's line. */
  lineOf(row: number): number {
    return this.places[row * this.stride] as number;
  }
}
