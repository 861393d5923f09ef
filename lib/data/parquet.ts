import { fileURLToPath } from 'node:url';
import type * as Hyparquet from 'hyparquet';
import { isArrayOf } from '../arrays.js';
import { AdjointError, ArgumentError, describe, FileError } from '../errors.js';
import { checkPath } from '../io/files.js';
import { checkOptions } from '../options.js';
import { optionalPackage } from './optional-package.js';
import { nameOf } from './sources.js';
import { Table } from './table.js';
import { type TableOptions, tableOptions } from './table-builder.js';
import { rowsBuilder } from './table-rows.js';

/**
 * Reads a Parquet file into a table, by the package `hyparquet`, which you install. Types are those of the file's values, as by
 * `Table.fromRows`.
 *
 * @param source a path, a file URL, or the file's bytes
 * @throws StateError when `hyparquet` is not installed, FileError for a damaged file or one whose values do not fit a table
 * @example
 * const load = (path: string) => data.parquet(path, { types: { price: 'number' } });
 */
export async function parquet(
  source: string | { readonly href: string; readonly protocol: string } | Uint8Array,
  options: TableOptions = {},
): Promise<Table> {
  checkOptions('parquet', options, tableOptions);
  const path = source instanceof URL && source.protocol === 'file:' ? fileURLToPath(source) : source;
  if (typeof path === 'string') checkPath('parquet', path);
  else if (!isArrayOf('uint8', path)) {
    throw new ArgumentError(`parquet: source must be a path, a file URL or bytes, got ${describe(source)}`);
  }
  const builder = rowsBuilder('parquet', options, { isStream: false, error: FileError });
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = (await optionalPackage(
    'parquet',
    'hyparquet',
  )) as typeof Hyparquet & { asyncBufferFromFile(path: string): Promise<Hyparquet.AsyncBuffer> };
  try {
    const file = typeof path === 'string' ? await asyncBufferFromFile(path) : bufferOf(path as Uint8Array);
    const metadata = await parquetMetadataAsync(file);
    // One group of rows after the other, so that not all objects are in memory.
    let from = 0;
    for (const group of metadata.row_groups) {
      const to = from + Number(group.num_rows);
      for (const row of await parquetReadObjects({ file, metadata, rowStart: from, rowEnd: to })) builder.add(row);
      from = to;
    }
    return new Table(builder.take());
  } catch (cause) {
    if (cause instanceof AdjointError) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new FileError(`parquet: cannot read ${nameOf(source)} (${text})`, { cause });
  }
}

function bufferOf(bytes: Uint8Array): Hyparquet.AsyncBuffer {
  const copy = Uint8Array.from(bytes).buffer;
  return { byteLength: copy.byteLength, slice: (start, end) => copy.slice(start, end) };
}
