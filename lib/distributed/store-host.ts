// The thread of a store's server, as the process sees it that started it.
import { Worker } from 'node:worker_threads';
import { DistributedError } from '../errors.js';
import { threadFile, threadOptions } from '../thread-file.js';
import type { ServerOptions } from './store-server.js';

interface HostOptions extends Omit<ServerOptions, 'port'> {
  readonly ports: readonly [first: number, last: number];
}

/** @internal */
export class StoreHost {
  readonly #worker: Worker;

  private constructor(
    worker: Worker,
    readonly port: number,
  ) {
    this.#worker = worker;
  }

  /**
   * Listens on the first port of a range that is free.
   *
   * @throws DistributedError when there is none
   */
  static async listen({ ports: [first, last], ...options }: HostOptions): Promise<StoreHost> {
    let error = '';
    for (let port = first; port <= last; port++) {
      const worker = new Worker(threadFile('distributed/store-worker'), threadOptions({ ...options, port }));
      const answer = await next<{ port: number } | { error: string }>(worker);
      if ('port' in answer) {
        worker.unref();
        return new StoreHost(worker, answer.port);
      }
      await worker.terminate();
      ({ error } = answer);
      if (error !== 'EADDRINUSE') break;
    }
    const text =
      first === last
        ? `MASTER_PORT must be a free port, got ${first} (${error})`
        : `ports must have a free one, got ${first} to ${last} (${error})`;
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
