// An HTTP service that learns from the events posted to it while it answers predictions. Run it with
// `npm run example:online`, then `npm run example:online:load` beside it.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fastify } from 'fastify';
import { defaults, Learner } from './learner.js';
import { properties } from './payments.js';

const names = Object.keys(properties);
const payment = { type: 'object', additionalProperties: false, required: names, properties };
const event = {
  type: 'object',
  additionalProperties: false,
  required: [...names, 'fraud'],
  properties: { ...properties, fraud: { type: 'boolean' } },
};
const events = { type: 'array', minItems: 1, maxItems: 10_000, items: event };

/** What was wrong with a request, and what was found there. @param {any[]} errors @param {string} part */
function explain(errors, part) {
  const { instancePath, message, keyword, params, data } = errors[0];
  const found = keyword === 'additionalProperties' ? params.additionalProperty : data;
  const got = keyword === 'required' || keyword === 'minItems' ? '' : `, got ${JSON.stringify(found)?.slice(0, 100)}`;
  return new Error(`${part}${instancePath} ${message}${got}`);
}

/**
 * The routes over a learner.
 * @param {Learner} learner @param {() => { steps: number, path: string }} checkpoint writes one
 */
export function createApp(learner, checkpoint) {
  const app = fastify({
    bodyLimit: 4 * 2 ** 20,
    // A text is no number here, and a misspelt feature is an error: both would teach nonsense.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, verbose: true } },
    schemaErrorFormatter: (errors, part) => explain(errors, part),
  });

  app.post('/predict', { schema: { body: payment } }, (request, reply) => {
    const probability = learner.predict(/** @type {import('./payments.js').Payment} */ (request.body));
    reply.send({ probability });
  });

  app.post(
    '/events',
    {
      schema: { body: events },
      preValidation: async (request) => {
        if (!Array.isArray(request.body)) request.body = [request.body];
      },
    },
    (request, reply) => {
      const list = /** @type {(import('./payments.js').Payment & { fraud: boolean })[]} */ (request.body);
      for (const one of list) learner.add(one, one.fraud);
      reply.code(202).send({ accepted: list.length, events: learner.events });
    },
  );

  app.post('/checkpoint', (_, reply) => {
    reply.send(checkpoint());
  });

  app.get('/health', (_, reply) => {
    const { failure, steps, events, loss, meanLoss, isTraining } = learner;
    const status = failure !== undefined ? 'failed' : isTraining ? 'training' : 'waiting for events';
    const { rss, external, heapUsed } = process.memoryUsage();
    reply.code(failure === undefined ? 200 : 503).send({
      status,
      ...(failure !== undefined && { error: String(failure) }),
      steps,
      loss,
      meanLoss,
      events,
      memory: { rss, external, heapUsed },
      uptime: process.uptime(),
    });
  });
  return app;
}

/**
 * Starts the service; resolves when it listens.
 * @param {{ port: number, host: string, checkpoint: string, every: number } & Partial<import('./learner.js').Settings>}
 *   options every: seconds between checkpoints
 */
export async function start({ port, host, checkpoint: path, every, ...settings }) {
  const learner = new Learner(settings);
  mkdirSync(dirname(path), { recursive: true });
  if (learner.load(path)) console.log(`goes on from ${path}: ${learner.steps} steps, ${learner.events} events`);

  let saved = learner.steps;
  const checkpoint = () => {
    if (learner.steps !== saved) saved = learner.save(path);
    return { steps: saved, path };
  };
  const app = createApp(learner, checkpoint);
  const url = await app.listen({ port, host });
  const abort = new AbortController();
  const training = learner.train(abort.signal).then(() => {
    if (learner.failure !== undefined) console.error(`training ended: ${learner.failure}; predictions go on`);
  });
  const timer = setInterval(() => {
    try {
      checkpoint();
    } catch (error) {
      console.error(String(error)); // a full disk must not end the service; the next one may do better
    }
  }, 1000 * every);

  /** Takes no more requests, ends those under way and the steps that are queued, and writes what was learned. */
  const stop = async () => {
    clearInterval(timer);
    await app.close();
    learner.stop();
    await training;
    return checkpoint();
  };
  return { url, learner, stop, abort };
}

/** @returns {Promise<void>} */
async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '3000' },
      host: { type: 'string', default: '127.0.0.1' },
      checkpoint: { type: 'string', default: 'output/online.safetensors' },
      every: { type: 'string', default: '30' },
      hidden: { type: 'string', default: defaults.hidden.join(',') },
      batch: { type: 'string', default: `${defaults.batch}` },
    },
  });
  const service = await start({
    ...values,
    port: Number(values.port),
    every: Number(values.every),
    hidden: values.hidden.split(',').map(Number),
    batch: Number(values.batch),
  });
  console.log(`listening on ${service.url}`);

  let stopping = false;
  const onSignal = async (/** @type {string} */ signal) => {
    if (stopping) return service.abort.abort(); // a second time: not even the queued steps
    stopping = true;
    try {
      const { steps, path } = await service.stop();
      console.log(`${signal}: stopped after ${steps} steps, saved ${path}`);
      process.exit(0);
    } catch (error) {
      console.error(String(error));
      process.exit(1);
    }
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error) => {
    console.error(`online: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  });
}
