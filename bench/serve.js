// npm run bench:serve [-- --seconds 10] [--rate 500]
// `adjoint serve` with a model of a table while `adjoint train` runs beside it: latency of predictions at a fixed rate, then garbage.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { data } from 'adjoint';
import { exchange, openLoop, quantile } from '../examples/shared/open-loop.js';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, rate: { type: 'string', default: '500' } },
});
const [seconds, rate] = [Number(values.seconds), Number(values.rate)];
const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const csv = fileURLToPath(new URL('../examples/breast-cancer/breast-cancer.csv', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'adjoint-serve-'));
const model = join(folder, 'model.safetensors');
const training = ['train', csv, '--target', 'diagnosis', '--ignore', 'id', '--threads', '1', '--quiet'];
execFileSync(process.execPath, [cli, ...training, '--output', model], { stdio: 'ignore' });

const start = (/** @type {string[]} */ ...args) =>
  spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
const server = start('--single-threaded-gc', cli, 'serve', model, '--port', '0');
const url = await new Promise((resolve) => {
  server.stdout.on('data', (text) => resolve(/http:\S+/.exec(`${text}`)?.[0]));
});
const beside = start(cli, ...training, '--epochs', '1000000', '--output', join(folder, 'other.safetensors'));
try {
  const rows = [...(await data.csv(csv)).drop('diagnosis', 'id').rows()].map((row) => JSON.stringify(row));
  const predict = async (/** @type {number} */ i) => {
    const { status, text } = await exchange(url, '/predict', { body: rows[i % rows.length] });
    if (status !== 200) throw new Error(`status must be 200, got ${status} ${text}`);
  };
  const metric = async (/** @type {string} */ name) =>
    Number(new RegExp(`^adjoint_${name} (\\S+)$`, 'm').exec((await exchange(url, '/metrics')).text)?.[1]);
  const memory = async () => (await metric('resident_memory_bytes')) / 2 ** 20;
  await openLoop({ rate, seconds: 3, send: predict });
  const before = await memory();
  const cpu = await metric('cpu_seconds_total');
  const { sent, errors, latencies, late } = await openLoop({ rate, seconds, send: predict });
  const at = (/** @type {Float64Array} */ list, /** @type {number} */ share) => quantile(list, share).toFixed(2);
  console.log(
    `${sent} predictions, ${rate} a second, beside a training: p50 ${at(latencies, 0.5)} ms, p99 ${at(latencies, 0.99)} ms, max ${at(latencies, 1)} ms`,
  );
  const perRequest = ((await metric('cpu_seconds_total')) - cpu) / sent;
  console.log(
    `processor time of the server: ${(1e6 * perRequest).toFixed(0)} µs a request; load ${loadavg()[0]?.toFixed(1)}`,
  );
  console.log(`sender late: p50 ${at(late, 0.5)} ms, p99 ${at(late, 0.99)} ms; errors ${errors.length}`);
  const between = await memory();
  /** @type {Record<string, number>} */
  const statuses = {};
  const garbage = [
    '',
    '{',
    '[]',
    '3',
    '[[]]',
    '{"x":1}',
    `${'['.repeat(50_000)}`,
    `[${'{},'.repeat(1500)}{}]`,
    rows[0].replace(/\d+\.\d+/, '"x"'),
    'x'.repeat(2 ** 21),
  ];
  for (let i = 0; i < 2000; i++) {
    const { status } = await exchange(url, '/predict', { body: garbage[i % garbage.length] }).catch(() => ({
      status: 0,
    }));
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  console.log(`garbage by status (0: connection closed): ${JSON.stringify(statuses)}`);
  const [after, alive] = [await memory(), (await exchange(url, '/health')).status];
  console.log(
    `memory ${before.toFixed(0)} MB, ${between.toFixed(0)} MB after the load, ${after.toFixed(0)} MB after the garbage; health ${alive}`,
  );
} finally {
  server.kill('SIGKILL');
  beside.kill('SIGKILL');
  rmSync(folder, { recursive: true });
}
process.exit();
