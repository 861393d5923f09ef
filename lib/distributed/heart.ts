// A thread that says that its process lives, and ends what waits when another one has failed: the main thread may compute for
// minutes, or wait inside of a backward pass. Stopping the process stops both.
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { dial, limits, receive, send } from './frames.js';
import type { StoreAddress } from './tcp-store.js';

/** @internal What the thread is made with. */
export interface HeartData {
  readonly address: StoreAddress;
  /** `<the keys of its run>:<rank>`. */
  readonly member: string;
  /** After how many milliseconds without a sign of life a process counts as dead. */
  readonly heartbeat: number;
  /** The file of the native addon, which groups need. */
  readonly addon: string;
}

/** @internal What the thread is asked for: to end a group for the reason that this key gets, or to take its leave. */
export type HeartRequest = { readonly key: string; readonly group: number } | 'leave';

/** @internal What it says: that the store knows of the process, or what has become of its holder. */
export type HeartNews = 'joined' | { readonly gone: string };

interface Addon {
  groups: { abort(number: number, reason: string): void };
}

const port = parentPort as NonNullable<typeof parentPort>;
const { address, member, heartbeat, addon } = workerData as HeartData;
const { token, run, holder } = address;
const period = Math.max(20, heartbeat / 5);
/** Groups by the numbers of what was asked about them; the first one is the whole run. */
const watched: number[] = [];
let heard = performance.now();
let ticked = heard;
let isLeaving = false;

/** Ends a group; the end of the first is that of all. */
function end(which: number, reason: string): void {
  const numbers = which === 0 ? watched : watched.slice(which, which + 1);
  if (numbers.length === 0) return; // a launcher's agent has no groups
  const { groups } = createRequire(import.meta.url)(addon) as Addon;
  for (const number of numbers) groups.abort(number, reason);
}

function lose(reason: string): void {
  end(0, reason);
  port.postMessage({ gone: reason } satisfies HeartNews);
}

const socket = dial(address, () => {
  send(socket, { token, run });
  send(socket, { op: 'join', value: member });
}).on('error', () => {});

receive(
  socket,
  () => limits.member,
  ({ joined, id, value }) => {
    heard = performance.now();
    if (joined === true) port.postMessage('joined' satisfies HeartNews);
    if (typeof id === 'number') end(id, String(value));
  },
);

/** A tick that comes late says that this process was busy or stopped: the holder may have answered all the same. */
const timer = setInterval(() => {
  const now = performance.now();
  heard += Math.max(0, now - ticked - 2 * period);
  ticked = now;
  send(socket, { op: 'beat' });
  if (now - heard > heartbeat) lose(`${holder} has given no sign of life for ${heartbeat} ms`);
}, period);

socket.on('close', () => {
  clearInterval(timer);
  if (!isLeaving) lose(`${holder} has ended`);
});

port.on('message', (request: HeartRequest) => {
  if (request === 'leave') {
    isLeaving = true;
    port.close();
    send(socket, { op: 'leave' });
    socket.end();
    return;
  }
  send(socket, { op: 'watch', id: watched.length, key: request.key });
  watched.push(request.group);
});
