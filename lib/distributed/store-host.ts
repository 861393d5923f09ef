// The thread of a store's server, as the process sees it that started it.
import { Worker } from 'node:worker_threads';
import { DistributedError } from '../errors.js';
import type { ServerOptions } from './store-server.js';
import { threadFile } from './thread-file.js';

/** @internal */
export class StoreHost {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** @throws DistributedError when the port is taken */
  static async listen(options: ServerOptions): Promise<StoreHost> {
    const worker = new Worker(threadFile('store-worker'), { workerData: options });
    const answer = await next<{ error?: string }>(worker);
    if (answer.error === undefined) {
      worker.unref();
      return new StoreHost(worker);
    }
    await worker.terminate();
    const text = `MASTER_PORT must be a free port, got ${options.port} (${answer.error})`;
    throw new DistributedError(`distributed.init: ${text}`);
  }

  /** Waits until the other members have left. */
  async close(timeout: number): Promise<void> {
    this.#worker.ref();
    this.#worker.postMessage({ timeout });
    await next(this.#worker);
    await this.#worker.terminate();
  }
}

function next<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
}
