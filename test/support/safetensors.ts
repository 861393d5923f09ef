// Safetensors files, made without the library.

/** A file from a header text (or bytes) and data. */
export function file(header: string | Uint8Array, dataLength = 0, claimed?: bigint): Uint8Array {
  const text = Buffer.from(header);
  const bytes = Buffer.alloc(8 + text.length + dataLength);
  bytes.writeBigUInt64LE(claimed ?? BigInt(text.length));
  bytes.set(text, 8);
  return bytes;
}

/** A tensor's entry of a header. */
export const entry = (dtype: string, shape: unknown, offsets: unknown) =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });
