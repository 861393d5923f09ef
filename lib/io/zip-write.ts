// Writing zip archives of stored files, whose data begins at multiples of 64 bytes; Zip64 where sizes need it.
import { crc32 } from 'node:zlib';

/** @internal A file of an archive: its size is known before its bytes. */
export interface ZipPart {
  name: string;
  size: number;
  pieces: () => Iterable<Uint8Array>;
}

const alignment = 64;

/** @internal The bytes of an archive, in order. */
export function* zipOf(parts: readonly ZipPart[]): Iterable<Uint8Array> {
  const directory: Buffer[] = [];
  let position = 0;
  for (const { name, size, pieces } of parts) {
    const header = localHeader(name, position);
    yield header;
    let sum = 0;
    for (const piece of pieces()) {
      sum = crc32(piece, sum);
      yield piece;
    }
    // The sum is known only now: it follows the data.
    const after = Buffer.alloc(24);
    after.write('PK\x07\x08', 'latin1');
    after.writeUInt32LE(sum, 4);
    after.writeBigUInt64LE(BigInt(size), 8);
    after.writeBigUInt64LE(BigInt(size), 16);
    yield after;
    directory.push(entryOf(name, sum, size, position));
    position += header.length + size + after.length;
  }
  const list = Buffer.concat(directory);
  yield list;
  yield endOf(parts.length, list.length, position);
}

const flags = 0x0808; // the sum follows the data; names in UTF-8
const version = 45; // Zip64

function localHeader(name: string, position: number): Buffer {
  const text = Buffer.from(name);
  // Zip64 sizes, which say that those after the data have 64 bits, and as much as the alignment takes.
  const fixed = 30 + text.length + 20 + 4;
  const padding = (alignment - ((position + fixed) % alignment)) % alignment;
  const header = Buffer.alloc(fixed + padding);
  header.write('PK\x03\x04', 'latin1');
  header.writeUInt16LE(version, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(0xffffffff, 18);
  header.writeUInt32LE(0xffffffff, 22);
  header.writeUInt16LE(text.length, 26);
  header.writeUInt16LE(24 + padding, 28);
  text.copy(header, 30);
  const extra = 30 + text.length;
  header.writeUInt16LE(1, extra);
  header.writeUInt16LE(16, extra + 2);
  header.write('FB', extra + 20, 'latin1');
  header.writeUInt16LE(padding, extra + 22);
  return header;
}

function entryOf(name: string, sum: number, size: number, position: number): Buffer {
  const text = Buffer.from(name);
  const entry = Buffer.alloc(46 + text.length + 28);
  entry.write('PK\x01\x02', 'latin1');
  entry.writeUInt16LE(version, 4);
  entry.writeUInt16LE(version, 6);
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt32LE(sum, 16);
  for (const field of [20, 24, 42]) entry.writeUInt32LE(0xffffffff, field);
  entry.writeUInt16LE(text.length, 28);
  entry.writeUInt16LE(28, 30);
  text.copy(entry, 46);
  const extra = 46 + text.length;
  entry.writeUInt16LE(1, extra);
  entry.writeUInt16LE(24, extra + 2);
  for (const [i, value] of [size, size, position].entries()) entry.writeBigUInt64LE(BigInt(value), extra + 4 + 8 * i);
  return entry;
}

function endOf(count: number, length: number, position: number): Buffer {
  const end = Buffer.alloc(56 + 20 + 22);
  end.write('PK\x06\x06', 'latin1');
  end.writeBigUInt64LE(44n, 4);
  end.writeUInt16LE(version, 12);
  end.writeUInt16LE(version, 14);
  for (const [i, value] of [count, count, length, position].entries()) end.writeBigUInt64LE(BigInt(value), 24 + 8 * i);
  end.write('PK\x06\x07', 56, 'latin1');
  end.writeBigUInt64LE(BigInt(position + length), 64);
  end.writeUInt32LE(1, 72);
  end.write('PK\x05\x06', 76, 'latin1');
  end.writeUInt16LE(0xffff, 84);
  end.writeUInt16LE(0xffff, 86);
  end.writeUInt32LE(0xffffffff, 88);
  end.writeUInt32LE(0xffffffff, 92);
  return end;
}
