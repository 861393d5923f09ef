import { mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ArgumentError, DistributedError, describe, FileError } from '../errors.js';
import { makeFolder } from '../io/make-folder.js';
import type { Store } from './store.js';

/** How often a file is looked for, in milliseconds. */
const period = 20;

/**
 * A store in a folder that all processes of a run share: one machine's, or a network's file system. Each run needs a folder
 * of its own, because nothing is removed.
 *
 * @param folder is made when it does not exist
 * @throws FileError when the folder cannot be made
 * @example
 * const store = new distributed.FileStore('rendezvous');
 */
export class FileStore implements Store {
  readonly #folder: string;
  #written = 0;

  constructor(folder: string) {
    if (typeof folder !== 'string' || folder === '') {
      throw new ArgumentError(`FileStore: folder must be a path, got ${describe(folder)}`);
    }
    this.#folder = folder;
    try {
      makeFolder(folder);
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  #failed(cause: unknown): FileError {
    const folder = JSON.stringify(this.#folder);
    return new FileError(`FileStore: ${folder} must be a folder that can be written, got ${(cause as Error).message}`, {
      cause,
    });
  }

  #path(key: string): string {
    return join(this.#folder, encodeURIComponent(key).replaceAll('*', '%2A'));
  }

  async set(key: string, value: string): Promise<void> {
    this.#write(key, value);
  }

  #write(key: string, value: string): void {
    const path = this.#path(key);
    const part = `${path}.${process.pid}-${this.#written++}.part`;
    try {
      writeFileSync(part, value);
      renameSync(part, path);
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  #read(key: string): string | undefined {
    try {
      return readFileSync(this.#path(key), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw this.#failed(error);
    }
  }

  async get(key: string): Promise<string | undefined> {
    return this.#read(key);
  }

  async add(key: string, amount: number): Promise<number> {
    const lock = `${this.#path(key)}.lock`;
    for (let tries = 0; ; tries++) {
      try {
        mkdirSync(lock);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw this.#failed(error);
        if (tries > 1500) throw new DistributedError(`FileStore: ${lock} must be free, but another process died in it`);
        await delay(period);
      }
    }
    try {
      const sum = Number(this.#read(key) ?? 0) + amount;
      this.#write(key, String(sum));
      return sum;
    } finally {
      rmdirSync(lock);
    }
  }

  async wait(keys: readonly string[], timeout: number): Promise<void> {
    const deadline = performance.now() + timeout;
    for (;;) {
      const missing = keys.find((key) => this.#read(key) === undefined);
      if (missing === undefined) return;
      if (performance.now() > deadline) {
        throw new DistributedError(`FileStore: ${missing} must be set within ${timeout} ms`);
      }
      await delay(period);
    }
  }
}
