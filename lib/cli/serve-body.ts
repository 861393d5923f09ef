// Bodies of requests: read up to a limit; what is not wanted is dropped, up to a limit as well.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { RequestError } from './serve-rows.js';

/** What is dropped, and for how long, of a body that is too long, before the connection is closed. */
const mostDropped = { bytes: 2 ** 24, milliseconds: 2000 };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The body as text; one that is too long is not read to its end. */
export async function bodyOf(request: IncomingMessage, most: number): Promise<string> {
  if (isLong(request, most)) throw tooLong(most);
  const bytes = await bytesOf(request, most);
  try {
    return utf8.decode(bytes);
  } catch {
    throw new RequestError(400, 'the body must be UTF-8');
  }
}

const tooLong = (most: number): RequestError => new RequestError(413, `the body must have at most ${most} bytes`);

// Events in place of for await, which takes as long as the rest of reading a small body.
function bytesOf(request: IncomingMessage, most: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= most) {
        chunks.push(chunk);
        return;
      }
      request.off('data', take);
      reject(tooLong(most));
    };
    request.on('data', take);
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

/** Whether the head of a request says that its body has more than so many bytes. */
function isLong({ headers }: IncomingMessage, most: number): boolean {
  return Number(headers['content-length'] ?? 0) > most;
}

/** Whether more of a body may be to come than is worth reading for the next request of the connection. */
export function hasMore(request: IncomingMessage, most: number): boolean {
  return !request.complete && (isLong(request, most) || request.headers['transfer-encoding'] !== undefined);
}

/**
 * Ends a response when the rest of the request's body has been dropped, up to a limit: who is still sending when the connection is
 * closed does not see the answer.
 */
export function endDropping(request: IncomingMessage, response: ServerResponse, text: string): void {
  response.write(text);
  let bytes = 0;
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, mostDropped.milliseconds);
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > mostDropped.bytes) end();
  });
  request.on('close', end); // after its end, too
}
