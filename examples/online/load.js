// Puts load on the running service: every payment is first asked about and later posted as an event with what became of
// it. Prints how wrong the predictions are as time goes by, and how long the answers take.
import { parseArgs } from 'node:util';
import { exchange, openLoop, quantile } from '../shared/open-loop.js';
import { payments } from './payments.js';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:3000' },
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
  },
});
const rate = Number(values.rate);
const seconds = Number(values.seconds);

const every = 5; // one request of five posts events, the others ask
const lot = 32; // events in such a request
const source = payments({ seed: Number(values.seed) });

/** Sums over the predictions of a stretch of time. */
function newStretch() {
  return { count: 0, loss: 0, bestLoss: 0, right: 0, frauds: 0 };
}
let stretch = newStretch();
/** Events that wait to be posted. @type {object[]} */
let outcomes = [];

/** Log loss of a prediction. @param {number} probability @param {boolean} fraud */
const logLoss = (probability, fraud) => -Math.log(Math.max(1e-7, fraud ? probability : 1 - probability));

/** @param {string} path @param {object} content @param {number} expected */
async function post(path, content, expected) {
  const { status, text } = await exchange(values.url, path, { body: JSON.stringify(content) });
  if (status !== expected) throw new Error(`POST ${path}: status must be ${expected}, got ${status} ${text}`);
  return JSON.parse(text);
}

async function ask() {
  const { payment, fraud, probability: truth } = source.next().value;
  const { probability } = await post('/predict', payment, 200);
  if (!(probability >= 0 && probability <= 1)) throw new Error(`/predict: not a probability: ${probability}`);
  outcomes.push({ ...payment, fraud });
  stretch.count++;
  stretch.loss += logLoss(probability, fraud);
  stretch.bestLoss += logLoss(truth, fraud);
  stretch.right += Number(probability > 0.5 === fraud);
  stretch.frauds += Number(fraud);
}

async function tell() {
  const events = outcomes;
  outcomes = [];
  while (events.length < lot) {
    const { payment, fraud } = source.next().value;
    events.push({ ...payment, fraud });
  }
  await post('/events', events, 202);
}

async function health() {
  const { text } = await exchange(values.url, '/health');
  return JSON.parse(text);
}

function report(/** @type {number} */ second) {
  const { count, loss, bestLoss, right, frauds } = stretch;
  stretch = newStretch();
  if (count === 0) return;
  const share = frauds / count;
  const guess = -share * Math.log(share) - (1 - share) * Math.log(1 - share);
  const cells = [loss / count, bestLoss / count, guess].map((value) => value.toFixed(3).padStart(9));
  const rights = `${((100 * right) / count).toFixed(1)} %`.padStart(9);
  console.log(`${`${second} s`.padStart(6)}${cells[0]}${rights}${cells[1]}${cells[2]}`);
}

async function main() {
  const before = await health();
  const started = performance.now();
  console.log(`${rate} requests a second for ${seconds} s to ${values.url}, one of ${every} with ${lot} events\n`);
  console.log('         log loss   right  of truth  of guess   (of truth: by the true probabilities)');
  let halves = 0;
  const timer = setInterval(() => {
    halves++;
    if (halves <= 2 || halves % 4 === 0) report(halves / 2); // most is learned at the start
  }, 500);
  const { sent, errors, latencies, late } = await openLoop({
    rate,
    seconds,
    send: (i) => (i % every === 0 ? tell() : ask()),
  });
  clearInterval(timer);
  report(seconds);
  const after = await health();
  const stepsPerSecond = (1000 * (after.steps - before.steps)) / (performance.now() - started);
  const milliseconds = (/** @type {number} */ value) => `${value.toFixed(2)} ms`;
  console.log(`
latency    p50 ${milliseconds(quantile(latencies, 0.5))}, p99 ${milliseconds(quantile(latencies, 0.99))}, max ${milliseconds(quantile(latencies, 1))}, from the scheduled time
sender     late by ${milliseconds(quantile(late, 0.5))} at the median, ${milliseconds(quantile(late, 0.99))} at p99, included above
requests   ${sent} sent, ${errors.length} errors
training   ${stepsPerSecond.toFixed(0)} steps/s, ${after.steps} steps in all, mean loss ${after.meanLoss?.toFixed(3)}, ${Math.round(after.memory.rss / 2 ** 20)} MB`);
  for (const error of errors.slice(0, 5)) console.error(String(error));
  process.exitCode = errors.length > 0 ? 1 : 0;
}

await main().catch((error) => {
  const hint = error.code === 'ECONNREFUSED' ? '; start the service first: npm run example:online' : '';
  console.error(`load: ${error.message}${hint}`);
  process.exit(1);
});
