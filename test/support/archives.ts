// Zip archives that tests make of their own files, and take apart.
import { readFileSync } from 'node:fs';
import { readNow } from '../../lib/io/reading.js';
import { contentOf, listZip } from '../../lib/io/zip.js';
import { zipOf } from '../../lib/io/zip-write.js';

/** An archive of files, whose texts are latin1. */
export function archive(files: Record<string, string | Buffer>): Buffer {
  const parts = Object.entries(files).map(([name, text]) => {
    const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1');
    return { name, size: bytes.length, pieces: () => [bytes] };
  });
  return Buffer.concat([...zipOf(parts)]);
}

/** The files of an archive. */
export function filesIn(path: string): Record<string, Buffer> {
  const entries = readNow('load', listZip({ path, begin: 0, size: readFileSync(path).length }));
  return Object.fromEntries([...entries].map(([name, entry]) => [name, readNow('load', contentOf(entry, 2 ** 24))]));
}
