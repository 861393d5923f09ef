// The client of bench/http.js, a process of its own: for each message { url, rate, seconds } one stretch of load, answered
// with what it measured.
import { exchange, openLoop } from '../examples/shared/open-loop.js';
import { fillClasses } from './peers/peer.js';

const images = new Uint8ClampedArray(64 * 784);
fillClasses(images, { map: (value) => 128 + 40 * value });
const bodies = Array.from({ length: 64 }, (_, i) =>
  JSON.stringify({ pixels: [...images.subarray(784 * i, 784 * (i + 1))] }),
);

/** @param {string} url @param {number} i */
async function predict(url, i) {
  const { status, text } = await exchange(url, '/predict', { body: bodies[i % bodies.length] });
  if (status !== 200) throw new Error(`status must be 200, got ${status} ${text}`);
  const { probabilities } = JSON.parse(text);
  const sum = probabilities.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
  if (!(Math.abs(sum - 1) < 1e-4)) throw new Error(`probabilities must have the sum 1, got ${sum}`);
}

process.on('message', async (/** @type {'state' | { url: string, rate: number, seconds: number }} */ message) => {
  if (message === 'state') {
    process.send?.({ cpu: process.cpuUsage() });
    return;
  }
  const { url, rate, seconds } = message;
  const { sent, errors, latencies, late } = await openLoop({ rate, seconds, send: (i) => predict(url, i) });
  process.send?.({ sent, errors: errors.map(String), latencies: [...latencies], late: [...late] });
});
process.on('disconnect', () => process.exit(0));
