// Environments in a thread of their own, as the process sees them.
import { Worker } from 'node:worker_threads';
import { StateError } from '../errors.js';
import { threadFile, threadOptions } from '../thread-file.js';
import type { WorkerRequest, WorkerTask } from './environment-worker.js';

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** @internal */
export class WorkerGroup {
  readonly #worker: Worker;
  readonly #name: string;
  #waiting: Waiting | null = null;
  #lost: StateError | null = null;

  constructor(task: WorkerTask) {
    this.#name = `the thread of environments ${task.first} to ${task.first + task.count - 1}`;
    this.#worker = new Worker(threadFile('rl/environment-worker'), threadOptions(task));
    this.#worker.unref(); // a vector that nobody waits for keeps no process alive
    this.#worker.on('message', (answer: { result?: unknown; error?: string }) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#end(`has failed: ${error.message}`));
    this.#worker.on('exit', (code) => this.#end(`has ended with code ${code}`));
  }

  /** @throws StateError when an environment fails, or the thread is lost */
  ask<T>(request: WorkerRequest): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.#lost !== null) {
        reject(this.#lost);
        return;
      }
      this.#waiting = { resolve, reject };
      this.#worker.ref();
      this.#worker.postMessage(request);
    }) as Promise<T>;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle({ result, error }: { result?: unknown; error?: string }): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#worker.unref();
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new StateError(`VectorEnvironment: an environment has failed: ${error}`));
  }

  #end(how: string): void {
    if (this.#lost !== null) return;
    this.#lost = new StateError(`VectorEnvironment: ${this.#name} ${how}; make a new VectorEnvironment`);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(this.#lost);
  }
}
