// The server of a TCPStore: the first process of a run holds it, or the launcher's agent.
import { createHash, timingSafeEqual } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer as createSecureServer, type TlsOptions } from 'node:tls';
import { limits, receive, send } from './frames.js';

/** Options of {@link StoreServer}. */
export interface ServerOptions {
  readonly port: number;
  readonly host?: string | undefined;
  /** What members must know. */
  readonly token: string;
  readonly tls?: TlsOptions | undefined;
  /** After how many milliseconds without a sign of life a member counts as dead. */
  readonly heartbeat: number;
  /** The only run that it serves; undefined: any. */
  readonly run?: string | undefined;
}

/** A connection that has shown the token; `member` once it has said who it is. */
interface Member {
  member: string | null;
  seen: number;
  leaving: boolean;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** How long a stranger may take to show the token, in milliseconds. */
const patience = 10_000;
/** How many strangers may be connected at one time. */
const maxStrangers = 256;

export class StoreServer {
  readonly #values = new Map<string, string>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #members = new Map<Socket, Member>();
  readonly #strangers = new Set<Socket>();
  readonly #server: Server;
  readonly #options: ServerOptions;
  readonly #token: Buffer;
  readonly #watch: NodeJS.Timeout;
  #ticked = performance.now();
  /** Called with each value that is set: whoever holds the server need not ask for it. */
  onSet: ((key: string, value: string) => void) | null = null;

  private constructor(options: ServerOptions) {
    this.#options = options;
    this.#token = digest(options.token);
    const accept = (socket: Socket) => this.#accept(socket);
    this.#server = options.tls === undefined ? createServer(accept) : createSecureServer(options.tls, accept);
    this.#server.on('tlsClientError', () => {});
    this.#watch = setInterval(() => this.#look(), Math.max(50, options.heartbeat / 4)).unref();
  }

  /** @throws the system's error when the port is taken */
  static async listen(options: ServerOptions): Promise<StoreServer> {
    const self = new StoreServer(options);
    try {
      await new Promise<void>((resolve, reject) => {
        self.#server.once('error', reject).listen(options.port, options.host, resolve);
      });
    } catch (error) {
      clearInterval(self.#watch);
      throw error;
    }
    self.#server.on('error', () => {}); // accept() without a free descriptor, say: it comes again
    self.#server.unref();
    return self;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when all members have left, or when the time is over. */
  async empty(timeout: number): Promise<void> {
    const deadline = performance.now() + timeout;
    const isHere = ({ member, leaving }: Member): boolean => member !== null && !leaving;
    while ([...this.#members.values()].some(isHere) && performance.now() < deadline) await delay(10);
  }

  close(): void {
    clearInterval(this.#watch);
    this.#server.close();
    for (const socket of [...this.#members.keys(), ...this.#strangers]) socket.destroy();
  }

  set(key: string, value: string): void {
    this.#values.set(key, value);
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const look of waiting ?? []) look();
    this.onSet?.(key, value);
  }

  /** Tells the others of a member, `<its group's keys>:<rank>`, unless they know of a failure already. */
  #lose(member: string, reason: string): void {
    const [path, rank] = member.split(':');
    const claims = Number(this.#values.get(`${path}/failure/claims`) ?? 0) + 1;
    this.set(`${path}/failure/claims`, String(claims));
    if (claims === 1) this.set(`${path}/failure`, `rank ${rank} ${reason}`);
  }

  /** A timer that comes late says that this process was busy or stopped: members may have called all the same. */
  #look(): void {
    const now = performance.now();
    const late = now - this.#ticked - this.#options.heartbeat / 4;
    this.#ticked = now;
    for (const [socket, member] of this.#members) {
      if (member.member === null || member.leaving) continue;
      if (late > this.#options.heartbeat / 4) member.seen += late;
      if (now - member.seen < this.#options.heartbeat) continue;
      member.leaving = true;
      this.#lose(member.member, `has given no sign of life for ${this.#options.heartbeat} ms`);
      socket.destroy();
    }
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true).setMaxListeners(0).unref();
    socket.on('error', () => {});
    // A member shows its token at once: whoever has waited for longest is none.
    if (this.#strangers.size >= maxStrangers) [...this.#strangers][0]?.destroy();
    this.#strangers.add(socket);
    const timer = setTimeout(() => socket.destroy(), patience).unref();
    let member: Member | null = null;
    socket.on('close', () => {
      clearTimeout(timer);
      this.#strangers.delete(socket);
      this.#members.delete(socket);
      if (member?.member && !member.leaving) this.#lose(member.member, 'has ended');
    });
    const limit = (): number => (member === null ? limits.stranger : limits.member);
    receive(socket, limit, (message) => {
      if (member !== null) {
        member.seen = performance.now();
        this.#answer(socket, member, message);
      } else if (typeof message.token === 'string' && timingSafeEqual(digest(message.token), this.#token)) {
        clearTimeout(timer);
        const { run } = this.#options;
        if (run !== undefined && message.run !== undefined && message.run !== run) {
          send(socket, { refused: `another run (${run})` });
          socket.end();
          return;
        }
        this.#strangers.delete(socket);
        member = { member: null, seen: performance.now(), leaving: false };
        this.#members.set(socket, member);
        send(socket, { welcome: true });
      } else {
        send(socket, { refused: 'token' });
        socket.end();
      }
    });
  }

  #answer(socket: Socket, member: Member, { op, id, key, value, keys }: Record<string, unknown>): void {
    const reply = (answer: object): void => send(socket, { id, ...answer });
    if (op === 'wait' && Array.isArray(keys)) {
      this.#wait(socket, keys.map(String), () => reply({}));
    } else if (op === 'join' && typeof value === 'string') {
      member.member = value;
      send(socket, { joined: true });
    } else if (op === 'leave') {
      member.leaving = true;
    } else if (op === 'get' && typeof key === 'string') {
      reply({ value: this.#values.get(key) });
    } else if (op === 'set' && typeof key === 'string' && typeof value === 'string') {
      this.set(key, value);
      reply({});
    } else if (op === 'add' && typeof key === 'string' && typeof value === 'number') {
      const sum = Number(this.#values.get(key) ?? 0) + value;
      this.set(key, String(sum));
      reply({ value: sum });
    } else if (op === 'watch' && typeof key === 'string') {
      this.#wait(socket, [key], () => reply({ value: this.#values.get(key) }));
    } else if (op === 'beat') {
      send(socket, {});
    } else {
      socket.destroy();
    }
  }

  #wait(socket: Socket, keys: readonly string[], done: () => void): void {
    const look = (): void => {
      const missing = keys.find((key) => !this.#values.has(key));
      if (socket.destroyed) return;
      if (missing === undefined) {
        done();
        return;
      }
      const waiting = this.#waiting.get(missing) ?? new Set();
      waiting.add(look);
      this.#waiting.set(missing, waiting);
      socket.once('close', () => waiting.delete(look));
    };
    look();
  }
}
