// What ranks write: whole lines that say whose they are, and files of their own.
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** A line is cut after so many bytes: a rank may write without end. */
const longest = 2 ** 20;
/** How many lines are kept for the report of a failure. */
const kept = 12;

/** Passes on what a rank writes to one of its streams. */
export class Lines {
  /** The newest lines. */
  readonly last: string[] = [];
  #parts: Buffer[] = [];
  #length = 0;
  readonly #file: WriteStream | null;

  constructor(
    source: Readable,
    public prefix: string,
    private readonly target: NodeJS.WritableStream,
    path: string | null,
  ) {
    this.#file = path === null ? null : createWriteStream(path);
    this.#file?.on('error', (error) => {
      process.stderr.write(`adjoint run: ${this.prefix.trim()} cannot write its log: ${error.message}\n`);
    });
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('error', () => {});
    source.once('close', () => this.end());
  }

  #take(chunk: Buffer): void {
    if (this.#file?.destroyed === false) this.#file.write(chunk);
    let begin = 0;
    for (;;) {
      const end = chunk.indexOf(10, begin);
      if (end < 0) break;
      this.#add(chunk.subarray(begin, end));
      this.#flush();
      begin = end + 1;
    }
    this.#add(chunk.subarray(begin));
    if (this.#length > longest) this.#flush();
  }

  #add(part: Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
  }

  #flush(): void {
    const line = Buffer.concat(this.#parts).toString();
    this.#parts = [];
    this.#length = 0;
    this.last.push(line);
    if (this.last.length > kept) this.last.shift();
    this.target.write(`${this.prefix}${line}\n`);
  }

  /** The last line may have no end. */
  end(): void {
    if (this.#length > 0) this.#flush();
    this.#file?.end();
  }
}

/** The files of a rank: `<folder>/<generation>/rank1.stdout.log`. */
export function logFile(folder: string | undefined, generation: number, rank: number, stream: string): string | null {
  if (folder === undefined) return null;
  const path = join(folder, String(generation));
  mkdirSync(path, { recursive: true });
  return join(path, `rank${rank}.${stream}.log`);
}
