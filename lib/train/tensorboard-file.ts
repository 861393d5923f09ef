// The file of events: records with checksums, each written whole.
import { closeSync, fsyncSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { StateError } from '../errors.js';
import { systemError } from '../io/files.js';
import { makeFolder } from '../io/make-folder.js';
import { type Bytes, event } from './tensorboard-proto.js';

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

/** CRC-32C, masked as TFRecord files have it: a checksum over checksums would be weak. */
function maskedCrc(bytes: Bytes): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 255] as number);
  const final = ~crc >>> 0;
  return (((final >>> 15) | (final << 17)) + 0xa282ead8) >>> 0;
}

/** A TFRecord: the length, its checksum, the data, its checksum. */
function record(data: Bytes): Buffer {
  const framed = Buffer.alloc(data.length + 16);
  framed.writeBigUInt64LE(BigInt(data.length));
  framed.writeUInt32LE(maskedCrc(framed.subarray(0, 8)), 8);
  framed.set(data, 12);
  framed.writeUInt32LE(maskedCrc(data), data.length + 12);
  return framed;
}

let files = 0;

/** A file that TensorBoard finds by its name and follows as it grows. */
export class EventFile {
  readonly path: string;
  #descriptor: number;
  #length = 0;
  #isOpen = true;

  /** Makes the folder if there is none, and in it a new file that begins with these events; or leaves no file. */
  constructor(
    readonly folder: string,
    time: number,
    first: readonly Bytes[],
  ) {
    const seconds = String(Math.floor(time)).padStart(10, '0');
    this.path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${files++}`);
    try {
      makeFolder(folder);
      this.#descriptor = openSync(this.path, 'wx');
    } catch (cause) {
      throw systemError('TensorBoard', 'write', this.path, cause);
    }
    try {
      for (const data of [event.version(time), ...first]) this.write('TensorBoard', data);
    } catch (error) {
      this.close();
      rmSync(this.path, { force: true });
      throw error;
    }
  }

  /** Appends an event, or leaves the file as it was. */
  write(operation: string, data: Bytes): void {
    this.checkOpen(operation);
    const framed = record(data);
    try {
      for (let done = 0; done < framed.length; ) {
        done += writeSync(this.#descriptor, framed, done, framed.length - done, this.#length + done);
      }
    } catch (cause) {
      try {
        ftruncateSync(this.#descriptor, this.#length);
      } catch {
        // a reader stops at the part of a record
      }
      throw systemError(operation, 'write', this.path, cause);
    }
    this.#length += framed.length;
  }

  /** Waits until all is on the disk. */
  flush(operation: string): void {
    this.checkOpen(operation);
    try {
      fsyncSync(this.#descriptor);
    } catch (cause) {
      throw systemError(operation, 'write', this.path, cause);
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#descriptor);
  }

  /** Throws after `close`. */
  checkOpen(operation: string): void {
    if (!this.#isOpen) throw new StateError(`${operation}: the writer of ${JSON.stringify(this.path)} is closed`);
  }
}
