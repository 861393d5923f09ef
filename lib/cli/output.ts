// What commands write.

/** One line of JSON on the standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Names and values, one a line. */
export function printPairs(pairs: Iterable<readonly [string, unknown]>): void {
  const rows = [...pairs];
  const width = rows.reduce((most, [name]) => Math.max(most, name.length), 0);
  for (const [name, value] of rows)
    print(`  ${name.padEnd(width)}  ${typeof value === 'number' ? short(value) : value}`);
}

/** Four significant digits, or all of an integer. */
export function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

const redrawMs = 100;
const plainMs = 5000;

/** A line that is redrawn on a terminal; elsewhere a new one from time to time. On the standard error, beside the results. */
export class StatusLine {
  #told = Number.NEGATIVE_INFINITY;
  readonly #isTerminal = process.stderr.isTTY === true;

  constructor(private readonly isQuiet: boolean) {}

  update(text: string, isLast = false): void {
    const now = performance.now();
    if (this.isQuiet || (!isLast && now - this.#told < (this.#isTerminal ? redrawMs : plainMs))) return;
    this.#told = now;
    const { columns = 80 } = process.stderr;
    process.stderr.write(this.#isTerminal ? `\r${text.slice(0, columns - 1)}\x1b[K` : `${text}\n`);
  }

  end(): void {
    if (!this.isQuiet && this.#isTerminal) process.stderr.write('\r\x1b[K');
  }
}

/** What errors of the library advise, and how it is said on the command line. */
const advice: readonly (readonly [RegExp, string])[] = [
  [/give types: \{ "([^"]*)": … \}/, 'give --types $1=…'],
  [/give types: \{ "([^"]*)": 'text' \} or a larger maxCategories/, 'give --types $1=text'],
  [/add it to missing\b/, 'add it to --missing'],
  [/give task: '(\w+)'/, 'give --task $1'],
  [/ignore columns, or give a smaller ensemble$/, '--ignore columns, or give a smaller --ensemble'],
  [/; give columns$/, '; rename one'],
];

/** The message of an error of the library with flags in place of options. */
export function withFlags(message: string): string {
  return advice.reduce((text, [pattern, flags]) => text.replace(pattern, flags), message);
}
