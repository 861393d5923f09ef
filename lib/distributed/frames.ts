// Messages of the store: a length of 4 bytes, and JSON.
import { connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';

/** What a message may be long before its sender has shown the token, and afterwards, in bytes. */
export const limits = { stranger: 4096, member: 16 * 2 ** 20 };

/** Where the server of a store is, and what it is shown; PEM texts. */
export interface Door {
  readonly host: string;
  readonly port: number;
  /** A member is known by the authority that has signed its certificate, whatever name that bears. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string } | undefined;
}

/** @param use called once it is connected */
export function dial({ host, port, tls }: Door, use: () => void): Socket {
  const socket =
    tls === undefined
      ? connect({ host, port })
      : connectSecurely({ host, port, ...tls, checkServerIdentity: () => undefined });
  return socket.setNoDelay(true).once(tls === undefined ? 'connect' : 'secureConnect', use);
}

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
