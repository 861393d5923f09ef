// Messages of the store: a length of 4 bytes, and JSON.
import type { Socket } from 'node:net';

/** What a message may be long before its sender has shown the token, and afterwards, in bytes. */
export const limits = { stranger: 4096, member: 16 * 2 ** 20 };

export function send(socket: Socket, message: object): void {
  const text = Buffer.from(JSON.stringify(message));
  const frame = Buffer.allocUnsafe(4 + text.length);
  frame.writeUInt32BE(text.length);
  text.copy(frame, 4);
  socket.write(frame);
}

/**
 * Calls `use` with each message that arrives. What is no message ends the connection: a stranger's, most likely.
 *
 * @param limit how long the next message may be
 */
export function receive(socket: Socket, limit: () => number, use: (message: Record<string, unknown>) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && !socket.destroyed) {
      const length = rest.readUInt32BE(0);
      if (length > limit()) {
        socket.destroy();
        return;
      }
      if (rest.length < 4 + length) return;
      const message = parse(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
      if (message === null) socket.destroy();
      else use(message);
    }
  });
}

function parse(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
