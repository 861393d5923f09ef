import { crc32, deflateSync } from 'node:zlib';
import { isArrayOf } from '../arrays.js';
import { ArgumentError, checkInteger, describe } from '../errors.js';
import { writeFileAtomic } from './atomic.js';
import { checkPath } from './files.js';

/** Rows of pixels from the top left: 1 byte a pixel (grey) or 3 (red, green, blue), decided by the length of `data`. */
export interface Image {
  width: number;
  height: number;
  data: Uint8Array;
}

/**
 * The bytes of a PNG file (8 bits a sample, grey or RGB, lossless).
 * @throws ArgumentError when `data` is neither width·height nor 3·width·height long.
 */
export function encodePng(image: Image): Uint8Array {
  if (typeof image !== 'object' || image === null) {
    throw new ArgumentError(`encodePng: image must be { width, height, data }, got ${describe(image)}`);
  }
  const width = checkInteger('encodePng', 'width', image.width, 1, 2 ** 31 - 1);
  const height = checkInteger('encodePng', 'height', image.height, 1, 2 ** 31 - 1);
  const { data } = image;
  if (!isArrayOf('uint8', data) || (data.length !== width * height && data.length !== 3 * width * height)) {
    const got = isArrayOf('uint8', data) ? `${data.length} bytes` : describe(data);
    throw new ArgumentError(
      `encodePng: data must be a Uint8Array of width·height (grey) or 3·width·height (RGB) bytes, got ${got}; ` +
        `${width}×${height} needs ${width * height} or ${3 * width * height}`,
    );
  }
  const rowLength = data.length / height;
  const filtered = new Uint8Array(height * (rowLength + 1)); // each row begins with its filter: 0, none
  for (let y = 0; y < height; y++) {
    filtered.set(data.subarray(y * rowLength, (y + 1) * rowLength), y * (rowLength + 1) + 1);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = rowLength === width ? 0 : 2; // colour type: grey or RGB
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(filtered, { level: 9 })),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/**
 * Writes a PNG file; a crash leaves the old file or the whole new one.
 * @throws ArgumentError like `encodePng`, FileError when writing fails.
 */
export function writePng(path: string, image: Image): void {
  checkPath('writePng', path);
  writeFileAtomic('writePng', path, [encodePng(image)]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}
