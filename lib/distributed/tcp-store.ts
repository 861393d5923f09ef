import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { DistributedError } from '../errors.js';
import { threadFile, threadOptions } from '../thread-file.js';
import { type Door, dial, limits, receive, send } from './frames.js';
import type { HeartData, HeartNews, HeartRequest } from './heart.js';
import type { Store } from './store.js';

/** @internal Where the server of a store is, and how to enter. */
export interface StoreAddress extends Door {
  readonly token: string;
  /** Which run is entered: a process that is faster than rank 0 finds the server of the last one. */
  readonly run?: string;
  /** Who holds the server. */
  readonly holder: 'rank 0' | 'the launcher';
}

/** Whether an error code is about certificates: trying again is of no use. */
const isCertificate = (reason: string): boolean => /CERT|SSL|TLS|ISSUER|SIGNATURE/.test(reason);

function refusal(reason: string, timeout: number): string {
  if (reason === 'token') {
    const hint = 'give all processes the same ADJOINT_TOKEN, and all of them tls or none';
    return `must know this process's token, and does not; ${hint}`;
  }
  if (isCertificate(reason)) {
    return `must show a certificate that tls.ca has signed, got ${reason}; give all processes certificates of one authority`;
  }
  return `must answer within ${timeout} ms, got ${reason}; is rank 0 running, can its port be reached, and have all processes tls or none?`;
}

interface Question {
  readonly resolve: (answer: { value?: unknown }) => void;
  readonly reject: (error: Error) => void;
}

/** @internal A connection to the server of a run, which the first process or the launcher holds. */
export class TCPStore implements Store {
  readonly #socket: Socket;
  readonly #questions = new Map<number, Question>();
  readonly #address: StoreAddress;
  #next = 1;
  #gone: DistributedError | null = null;
  #heart: Worker | null = null;
  /** Called once it has been joined and the holder is lost. */
  onGone: ((reason: string) => void) | null = null;

  private constructor(address: StoreAddress, socket: Socket) {
    this.#address = address;
    this.#socket = socket;
    socket.unref();
    socket.on('error', () => {});
    socket.on('close', () => this.#end());
    receive(
      socket,
      () => limits.member,
      (message) => this.#answered(message),
    );
  }

  /**
   * Connects, again and again until the time is over: processes start in any order.
   *
   * @throws DistributedError when there is no server, or it knows another token
   */
  static async connect(address: StoreAddress, timeout: number): Promise<TCPStore> {
    const { host, port } = address;
    const deadline = performance.now() + timeout;
    for (;;) {
      const reason = await TCPStore.#try(address, Math.max(100, deadline - performance.now()));
      if (reason instanceof TCPStore) return reason;
      const isFinal = reason === 'token' || isCertificate(reason);
      if (isFinal || performance.now() > deadline) {
        throw new DistributedError(`distributed.init: the store at ${host}:${port} ${refusal(reason, timeout)}`);
      }
      await delay(100);
    }
  }

  static async #try(address: StoreAddress, timeout: number): Promise<TCPStore | string> {
    const { token, run } = address;
    let socket!: Socket;
    const connected = new Promise<void>((resolve, reject) => {
      socket = dial(address, resolve).once('error', reject);
    });
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), Math.min(timeout, 10_000));
    try {
      await connected;
      return await new Promise<TCPStore | string>((resolve) => {
        const self = new TCPStore(address, socket);
        socket.ref();
        socket.once('close', () => resolve('no answer')); // from a server that is ending, say
        self.#questions.set(0, {
          resolve: ({ value }) => resolve(value === undefined ? self : String(value)),
          reject: () => {},
        });
        send(socket, { token, run });
      });
    } catch (error) {
      socket.destroy();
      const { code, message } = error as NodeJS.ErrnoException;
      return code ?? message;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What it was reached by. */
  get host(): string {
    return this.#address.host;
  }

  /** The address of this machine on the way to the server: one that others can reach. */
  get localAddress(): string {
    return this.#socket.localAddress as string;
  }

  /**
   * Says who this process is, and from then on that it lives.
   *
   * @param addon the file of the native addon, for a process that has groups
   */
  async join(member: string, heartbeat: number, addon = ''): Promise<void> {
    const workerData: HeartData = { address: this.#address, member, heartbeat, addon };
    this.#heart = new Worker(threadFile('distributed/heart'), threadOptions(workerData));
    const heard = new Promise<void>((resolve, reject) =>
      this.#heart
        ?.on('message', (news: HeartNews) => (news === 'joined' ? resolve() : this.onGone?.(news.gone)))
        .once('error', reject)
        .once('exit', () => reject(this.#gone ?? new DistributedError('distributed: the store is gone'))),
    );
    await heard; // before that nobody would notice that it is stopped
    this.#heart.on('error', () => {}).unref();
  }

  #answered({ id, value, welcome, refused }: Record<string, unknown>): void {
    const number = welcome === true || refused !== undefined ? 0 : Number(id);
    const question = this.#questions.get(number);
    this.#questions.delete(number);
    if (this.#questions.size === 0) this.#socket.unref();
    question?.resolve({ value: value ?? refused });
  }

  #end(): void {
    const { host, port, holder } = this.#address;
    this.#gone ??= new DistributedError(`distributed: ${holder} has ended, which held the store at ${host}:${port}`);
    for (const { reject } of this.#questions.values()) reject(this.#gone);
    this.#questions.clear();
  }

  /** The heart ends a group for the reason that this key gets. */
  _abortOn(key: string, group: number): void {
    this.#heart?.postMessage({ key, group } satisfies HeartRequest);
  }

  #ask(message: object): Promise<{ value?: unknown }> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const id = this.#next++;
    this.#socket.ref();
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { resolve, reject });
      send(this.#socket, { id, ...message });
    });
  }

  async set(key: string, value: string): Promise<void> {
    await this.#ask({ op: 'set', key, value });
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#ask({ op: 'get', key })).value as string | undefined;
  }

  async add(key: string, amount: number): Promise<number> {
    return (await this.#ask({ op: 'add', key, value: amount })).value as number;
  }

  /** The timeout may be infinite. */
  async wait(keys: readonly string[], timeout: number): Promise<void> {
    const answer = this.#ask({ op: 'wait', keys });
    if (timeout === Number.POSITIVE_INFINITY) {
      await answer;
      return;
    }
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<never>((_, reject) => {
      const error = new DistributedError(`distributed: ${keys.join(', ')} must be set within ${timeout} ms`);
      timer = setTimeout(() => reject(error), timeout);
    });
    answer.catch(() => {}); // it may come after the end
    try {
      await Promise.race([answer, over]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Says goodbye, so that nobody takes this process for dead. */
  async close(): Promise<void> {
    const heart = this.#heart;
    this.#heart = null;
    if (heart !== null) {
      const ended = new Promise<void>((resolve) => heart.once('exit', () => resolve()));
      heart.ref();
      heart.postMessage('leave' satisfies HeartRequest);
      const timer = setTimeout(() => void heart.terminate(), 1000);
      await ended;
      clearTimeout(timer);
    }
    this.#gone ??= new DistributedError('distributed: the store was closed');
    this.#socket.end(() => this.#socket.destroy()); // a holder that hangs does not close its side
  }
}
