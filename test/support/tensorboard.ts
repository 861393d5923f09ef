// A reader of TensorBoard's files, written from their description and apart from the writer.

/** The polynomial division of CRC-32C (RFC 3720), bit by bit. */
export function crc32c(bytes: Uint8Array): number {
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  }
  return ~value >>> 0;
}

const masked = (bytes: Uint8Array): number => {
  const crc = BigInt(crc32c(bytes));
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
};

/** The records of a file; a wrong checksum or length is an error. */
export function recordsOf(file: Uint8Array): Buffer[] {
  const buffer = Buffer.from(file);
  const records: Buffer[] = [];
  for (let at = 0; at < buffer.length; ) {
    const length = Number(buffer.readBigUInt64LE(at));
    if (buffer.readUInt32LE(at + 8) !== masked(buffer.subarray(at, at + 8)))
      throw new Error('wrong checksum of length');
    const data = buffer.subarray(at + 12, at + 12 + length);
    if (buffer.readUInt32LE(at + 12 + length) !== masked(data)) throw new Error('wrong checksum of data');
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** The fields of a message by their numbers: integers as bigint, fixed sizes as buffers of 4 or 8, all others as buffers. */
export function fieldsOf(message: Buffer): Record<number, (bigint | Buffer)[]> {
  const fields: Record<number, (bigint | Buffer)[]> = {};
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    if (at > message.length) throw new Error('the end of a message is missing');
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const kinds: Record<number, () => bigint | Buffer> = {
      0: varint,
      1: () => take(8),
      2: () => take(Number(varint())),
      5: () => take(4),
    };
    const read = kinds[tag % 8];
    if (read === undefined) throw new Error(`unknown kind ${tag % 8}`);
    const list = fields[Math.floor(tag / 8)] ?? [];
    list.push(read());
    fields[Math.floor(tag / 8)] = list;
  }
  return fields;
}

/** An entry of a summary, with what the tests look at. */
export interface Entry {
  time: number;
  step: number;
  tag: string;
  /** Of the kind that it has: 2 a number, 4 an image, 5 a histogram, 8 a tensor. */
  fields: Record<number, (bigint | Buffer)[]>;
}

/** The entries of all summaries of a file. */
export function entriesOf(file: Uint8Array): Entry[] {
  return recordsOf(file).flatMap((data) => {
    const event = fieldsOf(data);
    const [seconds] = event[1] as [Buffer];
    const time = seconds.readDoubleLE();
    const step = Number(event[2]?.[0] ?? 0n);
    const summary = event[5] === undefined ? {} : fieldsOf(event[5][0] as Buffer);
    return (summary[1] ?? []).map((value) => {
      const fields = fieldsOf(value as Buffer);
      return { time, step, tag: String(fields[1]?.[0]), fields };
    });
  });
}
