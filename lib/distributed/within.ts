import { setTimeout as delay } from 'node:timers/promises';

/**
 * @internal What a promise gives; nothing if it fails, or takes longer. No timer is left that would keep the process from
 * its end.
 */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  const end = delay(milliseconds, undefined, { signal: over.signal });
  try {
    return await Promise.race([promise, end]);
  } catch {
    return undefined;
  } finally {
    end.catch(() => {});
    over.abort();
  }
}
