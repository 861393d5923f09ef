// A server that keeps texts and numbers by their keys, such as Redis, for fixtures/distributed/own-store.mjs.
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** @returns its port, the keys that it has, and how to close it */
export async function serveTexts(): Promise<{ port: number; keys: () => string[]; close: () => void }> {
  const values = new Map<string, string>();
  const answers: Record<string, (key: string, value: never) => unknown> = {
    set: (key, value: string) => void values.set(key, value),
    get: (key) => values.get(key),
    add: (key, amount: number) => {
      values.set(key, `${Number(values.get(key) ?? 0) + amount}`);
      return Number(values.get(key));
    },
  };
  const server = createServer((socket) => {
    socket.on('error', () => {});
    const lines = createInterface(socket).on('error', () => {}); // of one that was killed
    lines.on('line', (line) => {
      const [op, key, value] = JSON.parse(line) as [string, string, never];
      socket.write(`${JSON.stringify(answers[op]?.(key, value) ?? null)}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, keys: () => [...values.keys()], close: () => server.close() };
}
