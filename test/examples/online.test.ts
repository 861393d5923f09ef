// The service of examples/online as its users run it: a process of its own that is asked by HTTP and ended by signals.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { payments } from '../../examples/online/payments.js';
import { exchange, openLoop } from '../../examples/shared/open-loop.js';
import { io } from '../../lib/index.js';
import { hasSignals, skipWithoutSignals } from '../support/signals.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-online-'));
afterAll(() => rmSync(folder, { recursive: true }));

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

interface Service {
  url: string;
  /** Sends a signal; resolves with how the process ended. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; output: string }>;
}

/** Runs one of the example's programs; `output` grows as it writes. */
function run(program: string, args: string[]) {
  const file = fileURLToPath(new URL(`../../examples/online/${program}`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const written = { output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      written.output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  return { child, written, ended };
}

async function startService(checkpoint: string, ...more: string[]): Promise<Service> {
  const small = ['--hidden', '16,16', '--batch', '32'];
  const { child, written, ended } = run('server.js', ['--port', '0', '--checkpoint', checkpoint, ...small, ...more]);
  let gone = false;
  ended.then(() => {
    gone = true;
  });
  const listening = () => /listening on (\S+)/.exec(written.output)?.[1];
  await until(() => listening() !== undefined || gone);
  const url = listening();
  if (url === undefined) throw new Error(`the service did not start: ${written.output}`);
  return {
    url,
    end: async (signal) => {
      child.kill(signal);
      return { code: await ended, output: written.output };
    },
  };
}

async function until(holds: () => boolean | Promise<boolean>, milliseconds = 10_000): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('waited too long');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function ask(url: string, path: string, content?: unknown) {
  const { status, text } = await exchange(url, path, content === undefined ? {} : { body: JSON.stringify(content) });
  return { status, answer: JSON.parse(text) };
}

const source = payments({ seed: 7, turn: 1e9 });
const some = (count: number) => Array.from({ length: count }, () => source.next().value);
const eventsOf = (list: ReturnType<typeof some>) => list.map(({ payment, fraud }) => ({ ...payment, fraud }));
const [one] = some(1).map(({ payment }) => payment);

async function logLoss(url: string, list: ReturnType<typeof some>): Promise<number> {
  let sum = 0;
  for (const { payment, fraud } of list) {
    const { status, answer } = await ask(url, '/predict', payment);
    expect(status).toBe(200);
    sum -= Math.log(fraud ? answer.probability : 1 - answer.probability);
  }
  return sum / list.length;
}

const rests = async (url: string) => (await ask(url, '/health')).answer.status === 'waiting for events';

describe('the online service', () => {
  test('learns while it answers, ends with its checkpoint on SIGTERM, and goes on from it', async ({ skip }) => {
    skipWithoutSignals(skip);
    const checkpoint = join(folder, 'fraud.safetensors');
    const first = await startService(checkpoint);
    expect((await ask(first.url, '/health')).answer).toMatchObject({
      status: 'waiting for events',
      steps: 0,
      loss: null,
    });
    const unseen = some(150);
    const before = await logLoss(first.url, unseen);
    expect(before).toBeGreaterThan(0.6);

    expect(await ask(first.url, '/events', eventsOf(some(3000)))).toEqual({
      status: 202,
      answer: { accepted: 3000, events: 3000 },
    });
    expect((await ask(first.url, '/predict', one)).status).toBe(200);
    await until(() => rests(first.url));
    expect(await logLoss(first.url, unseen)).toBeLessThan(0.75 * before);

    const health = (await ask(first.url, '/health')).answer;
    expect(health.steps).toBe((3000 * 16) / 32);
    expect(health.meanLoss).toBeLessThan(0.5);
    const { probability } = (await ask(first.url, '/predict', one)).answer;
    const { code, output } = await first.end('SIGTERM');
    expect(output).toContain(`stopped after ${health.steps} steps`);
    expect(code).toBe(0);
    expect(io.loadMetadata(checkpoint)).toMatchObject({ steps: '1500', events: '3000' });

    const second = await startService(checkpoint);
    expect((await ask(second.url, '/predict', one)).answer.probability).toBe(probability);
    await ask(second.url, '/events', eventsOf(some(500)));
    await until(() => rests(second.url));
    expect((await ask(second.url, '/health')).answer).toMatchObject({ steps: 1750, events: 3500 });
    expect((await ask(second.url, '/checkpoint', {})).answer).toEqual({ steps: 1750, path: checkpoint });
    expect((await second.end('SIGINT')).code).toBe(0);
    expect(readdirSync(folder)).toEqual(['fraud.safetensors']); // no temporary file stays
  });

  test('says what is wrong with a request', async () => {
    const { url, end } = await startService(join(folder, 'wrong.safetensors'));
    const wrong = async (path: string, content: unknown) => {
      const { status, answer } = await ask(url, path, content);
      expect(status).toBe(400);
      return answer.message;
    };
    const { amount: _, ...lacking } = one as NonNullable<typeof one>;
    expect(await wrong('/predict', lacking)).toBe("body must have required property 'amount'");
    expect(await wrong('/predict', { ...one, hour: 25 })).toBe('body/hour must be <= 24, got 25');
    expect(await wrong('/predict', { ...one, amount: '12' })).toBe('body/amount must be number, got "12"');
    expect(await wrong('/predict', { ...one, minuts: 1 })).toBe(
      'body must NOT have additional properties, got "minuts"',
    );
    expect(await wrong('/events', { ...one })).toBe("body/0 must have required property 'fraud'");
    expect(await wrong('/events', [{ ...one, fraud: 1 }])).toBe('body/0/fraud must be boolean, got 1');
    expect(await wrong('/events', [])).toBe('body must NOT have fewer than 1 items');
    expect((await exchange(url, '/predict', { body: '{"amount": 1' })).status).toBe(400);
    expect((await ask(url, '/health')).answer).toMatchObject({ status: 'waiting for events', events: 0 });
    expect((await end('SIGTERM')).code).toBe(hasSignals ? 0 : null);
    expect(existsSync(join(folder, 'wrong.safetensors'))).toBe(false); // nothing was learned
  });

  test('ends well in the midst of training and of requests', async ({ skip }) => {
    skipWithoutSignals(skip);
    const checkpoint = join(folder, 'midst.safetensors');
    const { url, end } = await startService(checkpoint, '--hidden', '1024,1024', '--batch', '512', '--every', '0.2');
    await ask(url, '/events', eventsOf(some(8000)));
    const { errors } = await openLoop({
      rate: 100,
      seconds: 1,
      send: async () => expect((await ask(url, '/predict', one)).status).toBe(200),
    });
    expect(errors).toEqual([]);
    expect(existsSync(checkpoint)).toBe(true); // written while training went on
    expect((await ask(url, '/health')).answer.status).toBe('training');
    const under = Promise.allSettled(Array.from({ length: 20 }, () => ask(url, '/predict', one)));
    const { code, output } = await end('SIGTERM');
    await under;
    expect(code).toBe(0);
    expect(output).toContain(`stopped after ${io.loadMetadata(checkpoint).steps} steps`);
  });

  test('does not start from a checkpoint that does not fit, and leaves it as it is', async () => {
    const checkpoint = join(folder, 'other.safetensors');
    io.save(checkpoint, {});
    await expect(startService(checkpoint)).rejects.toThrow(
      'loadStateDict: state must fit the module: missing 0.weight',
    );
    writeFileSync(checkpoint, 'damaged');
    await expect(startService(checkpoint)).rejects.toThrow(/online: .*other\.safetensors/);
  });

  test('its load script reports and ends with 0; without a service it says what to do', async () => {
    const { url } = await startService(join(folder, 'load.safetensors'));
    const load = run('load.js', ['--url', url, '--rate', '200', '--seconds', '1.5']);
    expect(await load.ended).toBe(0);
    expect(load.written.output).toMatch(/300 sent, 0 errors/);
    expect(load.written.output).toMatch(/p99 [\d.]+ ms/);
    const lost = run('load.js', ['--url', 'http://127.0.0.1:1', '--seconds', '1']);
    expect(await lost.ended).toBe(1);
    expect(lost.written.output).toContain('start the service first');
  });
});
