// Stores: where processes of a run find each other. Any object with these four methods will do.

/**
 * A place for texts that all processes of a run share: that of rank 0, a {@link FileStore}, or one of
 * yours, on Redis or etcd say.
 */
export interface Store {
  /** Sets a value. */
  set(key: string, value: string): Promise<void>;
  /** The value, or undefined when there is none. */
  get(key: string): Promise<string | undefined>;
  /** Adds to a number, which is 0 at first, and gives the sum; no other process comes in between. */
  add(key: string, amount: number): Promise<number>;
  /**
   * Resolves when all keys have values.
   *
   * @param timeout in milliseconds
   * @throws any error when it is over
   */
  wait(keys: readonly string[], timeout: number): Promise<void>;
  /** Frees what the store holds in this process. */
  close?(): void | Promise<void>;
  /** @internal Ends a group for the reason that a key gets, whatever the main thread does. Beside one without it, rank 0 holds one that can. */
  _abortOn?(key: string, group: number): void;
}

/** @internal A store whose keys begin with a text. */
export function prefixed(store: Store, prefix: string): Store {
  const name = (key: string): string => `${prefix}/${key}`;
  return {
    set: (key, value) => store.set(name(key), value),
    get: (key) => store.get(name(key)),
    add: (key, amount) => store.add(name(key), amount),
    wait: (keys, timeout) => store.wait(keys.map(name), timeout),
    ...(store._abortOn && { _abortOn: (key: string, group: number) => store._abortOn?.(name(key), group) }),
  };
}

/** @internal A key that is given once: whoever comes later gets the first one's value. */
export async function setOnce(store: Store, key: string, value: string): Promise<void> {
  if ((await store.add(`${key}/claims`, 1)) === 1) await store.set(key, value);
}
