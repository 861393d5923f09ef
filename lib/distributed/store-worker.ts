// A thread that holds the server of a store, so that it answers while the first process computes.
import { parentPort, workerData } from 'node:worker_threads';
import { type ServerOptions, StoreServer } from './store-server.js';

/** @internal What the thread is asked for: to wait until all members have left, for so many milliseconds, and to end. */
export interface StoreRequest {
  readonly timeout: number;
}

const port = parentPort as NonNullable<typeof parentPort>;

try {
  const server = await StoreServer.listen(workerData as ServerOptions);
  port.postMessage({ port: server.port });
  port.once('message', async ({ timeout }: StoreRequest) => {
    await server.empty(timeout);
    server.close();
    port.postMessage({ closed: true });
  });
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  port.postMessage({ error: code ?? message });
}
