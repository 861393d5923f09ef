// A thread with some of a vector's environments: answers `reset` and `step`, one at a time.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Environment } from './environment.js';
import * as environments from './environments.js';
import { EnvironmentGroup } from './group.js';

/** @internal What a thread makes: `name` is an export of `module`, or of the library. */
export interface WorkerTask {
  name: string;
  module: string | undefined;
  settings: unknown;
  first: number;
  count: number;
}

/** @internal */
export type WorkerRequest = { reset: { seed?: number } } | { step: Float64Array };

const { name, module, settings, first, count } = workerData as WorkerTask;
const port = parentPort as MessagePort;
const found = (module === undefined ? environments : await import(module)) as Record<string, unknown>;
const Class = found[name] as (new (settings: unknown) => Environment) | undefined;
if (typeof Class !== 'function') throw new Error(`${module} must export ${name}`);
const made = Array.from({ length: count }, () => (settings === undefined ? new (Class as new () => Environment)() : new Class(settings))); // biome-ignore format: one line
const group = new EnvironmentGroup(made, first);

port.on('message', (request: WorkerRequest) => {
  try {
    port.postMessage({ result: 'step' in request ? group.step(request.step) : group.reset(request.reset.seed) });
  } catch (error) {
    port.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
});
