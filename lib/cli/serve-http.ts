// The HTTP server of a model.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { train } from '../index.js';
import { jsonOf, predictionsOf } from './predictions.js';
import { bodyOf, endDropping, hasMore } from './serve-body.js';
import { Counters } from './serve-counters.js';
import { pageOf } from './serve-page.js';
import { RequestError, rowsOf, schemaOf } from './serve-rows.js';

/** Limits of a server. */
export interface Limits {
  /** Bytes of a body. */
  readonly maxBody: number;
  /** Rows of a request. */
  readonly maxRows: number;
  /** Predictions that may be under way; further ones are refused with 503. */
  readonly concurrency: number;
}

/** The model that answers now; it changes when its file does. */
export interface Served {
  model: train.TabularModel;
  loaded: Date;
}

const methods: Readonly<Record<string, readonly string[]>> = {
  '/': ['GET', 'HEAD'],
  '/health': ['GET', 'HEAD'],
  '/metrics': ['GET', 'HEAD'],
  '/schema': ['GET', 'HEAD'],
  '/predict': ['POST'],
};

export function serverOf(served: Served, limits: Limits): Server {
  const counters = new Counters();
  let running = 0;
  const server = createServer((request, response) => {
    const began = performance.now();
    const path = (request.url ?? '/').split('?')[0] as string;
    response.on('close', () =>
      counters.note(Object.hasOwn(methods, path) ? path : 'other', response.statusCode, began),
    );
    answer(request, response, path).catch((error: unknown) => fail(request, response, limits.maxBody, error));
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 5000;
  server.maxHeadersCount = 100;

  async function answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const allowed = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (allowed === undefined)
      throw new RequestError(404, `there is no ${path.slice(0, 100)}; there are ${Object.keys(methods).join(', ')}`);
    if (!allowed.includes(request.method ?? '')) {
      response.setHeader('allow', allowed.join(', '));
      throw new RequestError(405, `${path} takes ${allowed.join(' and ')}, got ${request.method}`);
    }
    if (path === '/predict') return predict(request, response);
    const { model, loaded } = served;
    if (path === '/health')
      sendJson(response, 200, { status: 'ok', target: model.target, loaded: loaded.toISOString() });
    else if (path === '/schema') sendJson(response, 200, schemaOf(model));
    else if (path === '/metrics') send(response, 200, 'text/plain; version=0.0.4', counters.text(running, loaded));
    else sendPage(response, model);
  }

  async function predict(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
    if (type !== 'application/json') throw new RequestError(415, 'the content-type must be application/json');
    if (running >= limits.concurrency) {
      response.setHeader('retry-after', '1');
      throw new RequestError(503, `there are ${running} predictions under way, as many as may be`);
    }
    running++;
    try {
      const body = await bodyOf(request, limits.maxBody);
      const { model } = served; // the same for all of this request
      const { rows, isList } = rowsOf(body, model.schema, limits.maxRows);
      const predictions = (await predictionsOf(model, rows)).map((prediction) => jsonOf(model, prediction));
      counters.rows += rows.length;
      sendJson(response, 200, isList ? predictions : predictions[0]);
    } finally {
      running--;
    }
  }
  return server;
}

function fail(request: IncomingMessage, response: ServerResponse, maxBody: number, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const status = error instanceof RequestError ? error.status : 500;
  if (status === 500) process.stderr.write(`serve: ${error instanceof Error ? error.stack : error}\n`);
  const message = status === 500 ? 'the prediction failed; the server has logged why' : (error as Error).message;
  const text = JSON.stringify({ error: message });
  const closes = hasMore(request, maxBody);
  if (closes) response.setHeader('connection', 'close');
  writeHead(response, status, json, text);
  if (closes) endDropping(request, response, text);
  else response.end(text);
}

const json = 'application/json; charset=utf-8';

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, json, JSON.stringify(value));
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  writeHead(response, status, type, text);
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

function writeHead(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
}

function sendPage(response: ServerResponse, model: train.TabularModel): void {
  const nonce = randomBytes(16).toString('base64');
  const own = `'nonce-${nonce}'`;
  const policy = `default-src 'none'; style-src ${own}; script-src ${own}; connect-src 'self'; base-uri 'none'; form-action 'none'`;
  response.setHeader('content-security-policy', policy);
  send(response, 200, 'text/html; charset=utf-8', pageOf(model, nonce));
}
