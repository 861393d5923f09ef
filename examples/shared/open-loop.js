// Load at a fixed rate: requests leave on schedule whether or not earlier ones were answered, and latency counts from the
// scheduled time. So a server that stalls is charged for every request that came meanwhile.
import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const patience = 10_000; // milliseconds, then the request counts as an error

/**
 * One request with an optional JSON body.
 * @param {string} url @param {string} path @param {{ body?: string, method?: string }} [options]
 * @returns {Promise<{ status: number, text: string }>}
 */
export function exchange(url, path, { body, method = body === undefined ? 'GET' : 'POST' } = {}) {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const outgoing = request(new URL(path, url), { agent, method, headers, timeout: patience }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${patience / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/**
 * Sends requests at a fixed rate and measures.
 *
 * @param {{ rate: number, seconds: number, send: (index: number) => Promise<unknown> }} options
 *   rate: requests a second; send: one request, rejects when it failed
 * @returns {Promise<{ sent: number, errors: unknown[], latencies: Float64Array, late: Float64Array }>} milliseconds, sorted:
 *   latencies from the scheduled time to the answer; late: by how much the sender itself was late
 */
export async function openLoop({ rate, seconds, send }) {
  const total = Math.round(rate * seconds);
  const latencies = new Float64Array(total).fill(Number.POSITIVE_INFINITY);
  const late = new Float64Array(total);
  /** @type {unknown[]} */
  const errors = [];
  const under = new Set();
  const start = performance.now();
  const due = (/** @type {number} */ i) => start + (1000 * i) / rate;
  for (let i = 0; i < total; ) {
    const now = performance.now();
    if (now < due(i)) {
      await new Promise((resolve) => setTimeout(resolve, due(i) - now));
      continue;
    }
    const index = i++;
    late[index] = now - due(index);
    const answer = send(index).then(
      () => {
        latencies[index] = performance.now() - due(index);
      },
      (error) => void errors.push(error),
    );
    under.add(answer);
    answer.finally(() => under.delete(answer));
  }
  await Promise.all(under);
  return { sent: total, errors, latencies: latencies.filter(Number.isFinite).sort(), late: late.sort() };
}

/** A quantile of sorted numbers. @param {Float64Array} sorted @param {number} share */
export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
