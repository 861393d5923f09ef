import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { encodePng, writePng } from '../../lib/io/png.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-io-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('PNG', () => {
  /** The polynomial division of the PNG specification, bit by bit. */
  function crc(bytes: Uint8Array): number {
    let value = ~0;
    for (const byte of bytes) {
      value ^= byte;
      for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    }
    return ~value >>> 0;
  }

  function decode(bytes: Uint8Array) {
    const buffer = Buffer.from(bytes);
    expect(buffer.toString('hex', 0, 8)).toBe('89504e470d0a1a0a');
    const chunks: [string, Buffer][] = [];
    for (let at = 8; at < buffer.length; ) {
      const length = buffer.readUInt32BE(at);
      expect(buffer.readUInt32BE(at + 8 + length)).toBe(crc(buffer.subarray(at + 4, at + 8 + length)));
      chunks.push([buffer.toString('latin1', at + 4, at + 8), buffer.subarray(at + 8, at + 8 + length)]);
      at += 12 + length;
    }
    expect(chunks.map(([type]) => type)).toEqual(['IHDR', 'IDAT', 'IEND']);
    const header = chunks[0]![1];
    const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
    const rows = inflateSync(chunks[1]![1]);
    const rowLength = rows.length / height;
    const pixels: number[] = [];
    for (let y = 0; y < height; y++) {
      expect(rows[y * rowLength]).toBe(0);
      pixels.push(...rows.subarray(y * rowLength + 1, (y + 1) * rowLength));
    }
    return { width, height, rest: [...header.subarray(8)], pixels };
  }

  it.each([
    ['grey', 1, 0],
    ['RGB', 3, 2],
  ])('%s decodes to the same pixels', (_, channels, colourType) => {
    const data = Uint8Array.from({ length: 5 * 3 * channels }, (__, i) => (i * 37) % 256);
    const got = decode(encodePng({ width: 5, height: 3, data }));
    expect(got).toEqual({ width: 5, height: 3, rest: [8, colourType, 0, 0, 0], pixels: [...data] });
  });

  it('is written to a file', () => {
    const path = join(folder, 'one.png');
    writePng(path, { width: 1, height: 1, data: Uint8Array.of(7) });
    expect(decode(readFileSync(path)).pixels).toEqual([7]);
  });

  it('refuses data that does not fit', () => {
    expect(() => encodePng({ width: 2, height: 2, data: new Uint8Array(5) })).toThrow(
      'encodePng: data must be a Uint8Array of width·height (grey) or 3·width·height (RGB) bytes, got 5 bytes; 2×2 needs 4 or 12',
    );
    expect(() => encodePng({ width: 0, height: 2, data: new Uint8Array(0) })).toThrow(
      'encodePng: width must be an integer',
    );
  });
});
