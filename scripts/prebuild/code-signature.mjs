// The ad-hoc signature at the end of a Mach-O file: a SHA-256 of each of its pages. The system ends a process that loads a
// page which another hash belongs to.
import { createHash } from 'node:crypto';

const [superBlob, codeDirectory, sha256] = [0xfade0cc0, 0xfade0c02, 2];

/** Per page of a file: { stored, right: its hash in the signature at `start` and the one that it has }. */
export function pageHashes(bytes, start) {
  if (bytes.readUInt32BE(start) !== superBlob) throw new Error('the signature is none that this script knows');
  const directory = start + bytes.readUInt32BE(start + 16);
  const number = (offset) => bytes.readUInt32BE(directory + offset);
  if (number(0) !== codeDirectory || bytes[directory + 37] !== sha256) {
    throw new Error('the signature has no hashes by SHA-256');
  }
  const [hashes, count, end, size] = [directory + number(16), number(28), number(32), 2 ** bytes[directory + 39]];
  if (end !== start || count !== Math.ceil(end / size)) throw new Error('the signature does not cover the whole file');
  return Array.from({ length: count }, (_, page) => ({
    stored: bytes.subarray(hashes + page * 32, hashes + page * 32 + 32),
    right: createHash('sha256')
      .update(bytes.subarray(page * size, Math.min(end, page * size + size)))
      .digest(),
  }));
}
