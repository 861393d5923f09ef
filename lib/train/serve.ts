import { statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ArgumentError, checkInteger, FileError } from '../errors.js';
import { checkPath, systemError } from '../io/files.js';
import { checkOptions } from '../options.js';
import { policy } from './report-text.js';
import { client } from './serve-client.js';
import { Runs } from './serve-runs.js';

/** Options of {@link serve}. */
export interface ServeOptions {
  /** Default 6007; 0 for any that is free. */
  port?: number;
  /** Default `127.0.0.1`: this machine alone. There is no password. */
  host?: string;
}

/** Serves pages about runs until it is closed. */
export interface RunServer {
  /** Where it is, such as `http://127.0.0.1:6007/`. */
  url: string;
  port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

const mostFollowers = 100;
const interval = 1000;
const loopback = new Set(['127.0.0.1', 'localhost', '::1']);

/**
 * Serves the runs in a folder, each as `report` shows it, and beside each other; open pages follow them as they train. The
 * server reads the records ({@link RunLog}), so that it may run in another process than the training.
 *
 * @param folder holds a folder for each run
 * @throws ArgumentError for a port or host that cannot be had, FileError when there is no such folder
 * @example
 * new train.RunLog('runs/third');
 * const server = await train.serve('runs', { port: 0 });
 * await server.close();
 */
export async function serve(folder: string, options?: ServeOptions): Promise<RunServer> {
  checkPath('serve', folder, 'folder');
  checkOptions('serve', options, ['port', 'host']);
  const wanted = checkInteger('serve', 'port', options?.port ?? 6007, 0, 65_535);
  const host = checkPath('serve', options?.host ?? '127.0.0.1', 'host');
  checkFolder(folder);
  const site = new Site(new Runs(folder), host);
  const server = createServer((request, response) => void site.answer(request, response));
  server.on('clientError', (_, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
  await listen(server, wanted, host);
  const { port } = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  const close = async () => {
    site.close();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
    });
  };
  return { url: `http://${shown}:${port}/`, port, close };
}

function checkFolder(folder: string): void {
  try {
    if (statSync(folder).isDirectory()) return;
  } catch (cause) {
    throw systemError('serve', 'read', folder, cause);
  }
  throw new FileError(`serve: ${JSON.stringify(folder)} must be a folder, got a file`);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new ArgumentError(`serve: host and port must be free, got ${host} and ${port} (${cause.message})`, { cause }),
      );
    });
    server.listen(port, host, resolve);
  });
}

const html = 'text/html; charset=utf-8';

class Site {
  readonly #followers = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;
  #told = 0;

  constructor(
    private readonly runs: Runs,
    private readonly host: string,
  ) {}

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { status, type, text } = await this.#find(request, response);
      if (response.headersSent) return;
      send(response, status, type, request.method === 'HEAD' ? '' : text);
    } catch (error) {
      // A folder that has gone, for example: what is wrong stands in the answer, and the server goes on.
      if (!response.headersSent)
        send(response, 500, 'text/plain', error instanceof FileError ? error.message : 'error');
      else response.destroy();
    }
  }

  async #find(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<{ status: number; type: string; text: string }> {
    const plain = (status: number, text: string) => ({ status, type: 'text/plain; charset=utf-8', text });
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      response.setHeader('Connection', 'close'); // whatever follows is not read
      return plain(405, 'GET only');
    }
    if (!this.#isOurs(request.headers.host)) return plain(421, 'the request is for another host');
    const url = parse(request.url);
    if (url === undefined) return plain(400, 'a bad address');
    if (url.path === '/app.js') return { status: 200, type: 'text/javascript; charset=utf-8', text: client };
    if (url.path === '/events') return this.#follow(request, response) ?? plain(503, 'too many followers');
    this.runs.update();
    // Names are looked up among the runs that there are: none leads to another place.
    const found = url.path.startsWith('/run/')
      ? await this.runs.report(url.path.slice(5))
      : url.path === '/' && (await this.runs.overview(url.runs));
    return found ? { status: 200, type: html, text: found } : plain(404, 'there is no such page');
  }

  /** A page of another site must not read this one by a name of its own for this address. */
  #isOurs(given: string | undefined): boolean {
    if (!loopback.has(this.host)) return true;
    return loopback.has((given ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'));
  }

  #follow(
    request: IncomingMessage,
    response: ServerResponse,
  ): { status: number; type: string; text: string } | undefined {
    if (this.#followers.size >= mostFollowers) return undefined;
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const nothing = { status: 200, type: '', text: '' };
    if (request.method === 'HEAD') {
      response.end();
      return nothing;
    }
    response.write(': hello\n\n');
    this.#followers.add(response);
    response.on('close', () => {
      this.#followers.delete(response);
      if (this.#followers.size === 0) clearInterval(this.#timer);
    });
    if (this.#followers.size === 1) this.#timer = setInterval(() => this.#tell(), interval);
    return nothing;
  }

  #tell(): void {
    try {
      this.runs.update();
    } catch {} // the page will say what is wrong
    const isNew = this.runs.version !== this.#told;
    this.#told = this.runs.version;
    for (const follower of this.#followers) {
      // Nothing is queued for one that does not read.
      if (!follower.writableNeedDrain) follower.write(isNew ? 'data: new\n\n' : ': still here\n\n');
    }
  }

  close(): void {
    clearInterval(this.#timer);
    for (const follower of this.#followers) follower.end();
  }
}

/** The path and the chosen runs of an address; undefined for one that cannot be read. */
function parse(url: string | undefined): { path: string; runs: string[] } | undefined {
  try {
    const { pathname, searchParams } = new URL(url ?? '', 'http://host');
    return { path: decodeURIComponent(pathname), runs: searchParams.getAll('run') };
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  const own = "script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'";
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Security-Policy': policy(own),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  });
  response.end(text);
}
