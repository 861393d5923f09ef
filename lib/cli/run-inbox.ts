// How the agents of a run talk: by keys of the store, which each of them is connected to.
import type { TCPStore } from '../distributed/tcp-store.js';

/** What has happened, in order, for the one who waits for it. */
export class Inbox<Event> {
  readonly #events: Event[] = [];
  #wake: (() => void) | null = null;

  push(event: Event): void {
    this.#events.push(event);
    this.#wake?.();
  }

  async next(): Promise<Event> {
    while (this.#events.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#events.shift() as Event;
  }
}

/** Messages to one agent, which are numbered keys: none is lost, and none comes before an earlier one. */
export class Letters<Message extends object> {
  #sent = 0;

  constructor(
    private readonly path: string,
    private readonly set: (key: string, value: string) => void,
  ) {}

  send(message: Message): void {
    this.set(`${this.path}/${this.#sent++}`, JSON.stringify(message));
  }
}

/** The value of a key, when it has one. */
export async function awaited(store: TCPStore, key: string): Promise<string> {
  await store.wait([key], Number.POSITIVE_INFINITY);
  return (await store.get(key)) as string;
}

/** Calls `use` with each message, until the store is lost, of which it tells by onGone. */
export async function listen<Message>(store: TCPStore, path: string, use: (message: Message) => void): Promise<void> {
  try {
    for (let i = 0; ; i++) use(JSON.parse(await awaited(store, `${path}/${i}`)) as Message);
  } catch {
    // The run is over.
  }
}

/** Where the messages of an agent are, and the sign of its life, by its name among the agents. */
export const keysOf = (id: string): { reports: string; orders: string; life: string } => ({
  reports: `agents/${id}/reports`,
  orders: `agents/${id}/orders`,
  life: `agents/${id}`,
});

/** What a node says to the host. */
export type Report =
  | { readonly type: 'hello'; readonly name: string; readonly nproc: number; readonly nodeRank?: number }
  /** Its ranks are stopped. */
  | { readonly type: 'ready' }
  /** All of its ranks have ended with 0. */
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly why: string; readonly code: number }
  | { readonly type: 'leaving'; readonly why: string; readonly code: number };

/** What the host asks a node for. */
export type Order =
  | {
      readonly type: 'start';
      readonly generation: number;
      /** The rank of its first process. */
      readonly first: number;
      readonly worldSize: number;
      /** The place of this node. */
      readonly node: number;
    }
  | { readonly type: 'stop'; readonly why: string }
  | { readonly type: 'end'; readonly why: string; readonly code: number };
