// Iterators that give a promise of the next value only where it has to be waited for.

/** @internal One pass over values; a value that is at hand comes without a promise. */
export interface Pulled<T> {
  next(): IteratorResult<T> | Promise<IteratorResult<T>>;
  return?(): unknown;
}

/** @internal Begins a pass over an iterable, as `for await` does. */
export function pull<T>(source: Iterable<T> | AsyncIterable<T>): Pulled<T> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}
