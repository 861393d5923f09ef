// A program of one process, trained by as many as there are: `fit` with the option `distributed`.
import { watchLeaves } from '../backward/watch.js';
import { DataLoader } from '../data/loader.js';
import { destroy, getWorldSize, init, isInitialized } from '../distributed/init.js';
import { ArgumentError, describe, isPlain } from '../errors.js';
import { DistributedDataParallel, type DistributedDataParallelOptions } from '../nn/data-parallel.js';
import type { Module } from '../nn/module.js';
import type { FitOptions } from './options.js';

/** What `distributed` is given: whether, and how gradients are averaged. */
type Wanted = boolean | DistributedDataParallelOptions | undefined;

/** @internal Checks the option; how gradients are averaged, or null where it is not wanted. */
export function wantedOf(name: string, wanted: Wanted): DistributedDataParallelOptions | null {
  if (wanted === undefined || wanted === false) return null;
  if (wanted === true) return {};
  if (isPlain(wanted)) return wanted;
  const rule = 'distributed must be true, or options of nn.DistributedDataParallel';
  throw new ArgumentError(`${name}: ${rule}, got ${describe(wanted)}`);
}

/**
 * @internal Enters the run, unless the program has done so, trains in all its processes, and leaves it. The model is wrapped, and loaders
 * read this process's part of their data. A run of one process is the program as it would be without.
 */
export async function* together<T>(
  model: Module,
  options: FitOptions,
  how: DistributedDataParallelOptions,
  train: (model: Module, options: FitOptions) => AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  const isOurs = !isInitialized();
  if (isOurs) await init();
  try {
    const isWrapped = model instanceof DistributedDataParallel;
    const { data, validate } = options;
    const seed = options.seed ?? 0;
    const isShared = getWorldSize() > 1;
    const part = <D>(source: D): D => (isShared && source instanceof DataLoader ? (source._shared(seed) as D) : source);
    try {
      const parallel = isWrapped ? model : new DistributedDataParallel(model, how);
      yield* train(parallel, { ...options, data: part(data), ...(validate && { validate: part(validate) }) });
    } finally {
      if (!isWrapped) watchLeaves(model.parameters(), null); // it is the program's again
    }
  } finally {
    if (isOurs) await destroy();
  }
}
