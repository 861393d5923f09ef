// By which of its addresses others reach this machine.
import { networkInterfaces } from 'node:os';
import type { Store } from './store.js';
import { TCPStore } from './tcp-store.js';

const isLoopback = (address: string): boolean => /^127\.|^::1$|^localhost$/.test(address);

/** @internal An address that other machines may reach, where the way to the store does not tell. */
export function anyAddress(): string {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry !== undefined && entry.family === 'IPv4' && !entry.internal);
  return found?.address ?? '127.0.0.1';
}

/** @internal That on the way to the store. */
export function addressTo(store: Store): string {
  if (!(store instanceof TCPStore)) return anyAddress();
  const { localAddress, host } = store;
  // A host's own name may lead to its loopback.
  return isLoopback(localAddress) && !isLoopback(host) ? anyAddress() : localAddress;
}
