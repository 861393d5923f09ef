import { once } from 'node:events';
import { unwatchFile, watchFile } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setNumThreads, train } from '../index.js';
import type { Command } from './arguments.js';
import { print, printJson } from './output.js';
import { type Served, serverOf } from './serve-http.js';

/** How often the model's file is looked at. */
const watchMs = 500;
/** How long requests under way are waited for at the end. */
const graceMs = 10_000;

export const serveCommand: Command = {
  summary:
    'Answers predictions by HTTP: POST /predict; GET /schema, /health, /metrics (Prometheus) and a page to try it, /.',
  positionals: ['<model>'],
  options: {
    port: { value: '<n>', about: 'default 3000; 0 takes a free one' },
    host: { value: '<name>', about: 'the address to listen at; default 127.0.0.1' },
    'max-body': { value: '<bytes>', about: 'of a request; default 1048576' },
    'max-rows': { value: '<n>', about: 'of a request; default 1000' },
    concurrency: { value: '<n>', about: 'predictions under way, beyond which requests get 503; default 64' },
    threads: { value: '<n>', about: 'default 1' },
    json: { about: 'what is logged as JSON' },
  },
  more: `A new model file at the same path is loaded while the server runs. SIGTERM and SIGINT end it when the requests under way are answered.

  adjoint serve model.safetensors --port 3000
  curl localhost:3000/predict -H 'content-type: application/json' -d '{"area": 71, "district": "north"}'`,
  async run(given) {
    const path = given.positionals[0] as string;
    const port = given.integer('port', 0, 65_535) ?? 3000;
    const host = given.text('host') ?? '127.0.0.1';
    const limits = {
      maxBody: given.integer('max-body', 1) ?? 2 ** 20,
      maxRows: given.integer('max-rows', 1) ?? 1000,
      concurrency: given.integer('concurrency', 1) ?? 64,
    };
    setNumThreads(given.integer('threads', 1, 1024) ?? 1);
    const log = (event: string, more: Record<string, unknown>): void => {
      if (given.flag('json')) printJson({ time: new Date().toISOString(), event, ...more });
      else print([event, ...Object.values(more)].join(' '));
    };
    const served = await servedFrom(path);
    const server = serverOf(served, limits);
    server.listen(port, host);
    await once(server, 'listening');
    const { address, family, port: taken } = server.address() as AddressInfo;
    log('listening', { url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}` });
    const reload = watch(path, served, log);
    const signal = await firstOf('SIGINT', 'SIGTERM');
    log('ending', { signal });
    unwatchFile(path, reload);
    await close(server);
  },
};

/** Loads a model, and records the programs for the usual sizes before the first request. */
async function servedFrom(path: string): Promise<Served> {
  const model = train.TabularModel.load(path);
  const row = Object.fromEntries(model.columns.map(({ name }) => [name, null]));
  for (const count of [1, 8, 64]) await model.predict(new Array(count).fill(row));
  return { model, loaded: new Date() };
}

function watch(path: string, served: Served, log: (event: string, more: Record<string, unknown>) => void): () => void {
  const reload = (): void => {
    Promise.resolve()
      .then(() => servedFrom(path))
      .then((loaded) => {
        Object.assign(served, loaded);
        log('reloaded', { file: path });
      })
      .catch((error: unknown) =>
        log('not reloaded, the earlier model goes on:', { error: String((error as Error).message) }),
      );
  };
  watchFile(path, { interval: watchMs }, reload);
  return reload;
}

function firstOf(...signals: NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, resolve);
  });
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
