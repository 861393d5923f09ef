// CSV files piece by piece.
import { StringDecoder } from 'node:string_decoder';
import { FileError } from '../errors.js';
import { Turns } from '../event-loop.js';
import type { CsvPlan } from './csv-options.js';
import { CsvReader, guessBytes } from './csv-reader.js';
import { type ByteSource, bytesOf, nameOf } from './sources.js';
import type { TableBuilder } from './table-builder.js';

/** Gives the builder of the table after each piece of the file that had records. */
export async function* parseCsv(source: ByteSource, plan: CsvPlan): AsyncGenerator<TableBuilder> {
  const reader = new CsvReader(source, plan);
  const turns = new Turns();
  for await (const piece of textOf(bytesOf(plan.rules.operation, source, plan.maxBytes), plan)) {
    await reader.write(piece);
    if (reader.builder !== null && reader.builder.length > 0) yield reader.builder;
    if (turns.isDue) await turns.give();
  }
  await reader.end();
  if (reader.builder === null || reader.builder.isEmpty) {
    const got = plan.hasHeader ? 'at most a line of names' : 'none';
    throw new FileError(`${plan.rules.operation}: ${nameOf(source)} must have rows, got ${got}`);
  }
  if (reader.builder.length > 0) yield reader.builder;
}

/** A file in UTF-8, without a byte order mark; the first piece has all that the delimiter is guessed from. */
async function* textOf(pieces: AsyncIterable<Buffer>, { encoding }: CsvPlan): AsyncGenerator<Buffer> {
  let head: Buffer | null = Buffer.alloc(0);
  let decoder: StringDecoder | null = null;
  const decode = (bytes: Buffer) => (decoder === null ? bytes : Buffer.from(decoder.write(bytes)));
  const begin = (bytes: Buffer) => {
    const isUtf8 = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
    const chosen = isUtf8 ? 'utf8' : isUtf16 ? 'utf16le' : encoding;
    if (chosen !== 'utf8') decoder = new StringDecoder(chosen);
    return decode(bytes.subarray(isUtf8 ? 3 : isUtf16 ? 2 : 0));
  };
  for await (const piece of pieces) {
    if (head === null) {
      yield decode(piece);
      continue;
    }
    head = Buffer.concat([head, piece]);
    if (head.length < guessBytes) continue;
    yield begin(head);
    head = null;
  }
  if (head !== null) yield begin(head);
  if (decoder !== null) yield Buffer.from((decoder as StringDecoder).end());
}
