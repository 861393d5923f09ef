// `adjoint run` on one machine.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getNumThreads } from 'adjoint';
import { afterAll, expect, it } from 'vitest';
import { launch, living, told, until } from '../support/launch.js';
import { describeRuns, freePort } from '../support/ranks.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

const timeout = 60_000;

describeRuns('adjoint run', () => {
  it('tells each process its place, and a secret that nobody else sees', { timeout }, async () => {
    const run = launch(['--nproc', '3'], ['launched', 'place', '--nproc', '7', '--', 'x'], { ADJOINT_NUM_THREADS: '' });
    expect(await run.ended).toEqual({ code: 0, signal: null });
    const places = told(run) as { rank: number; sum: number; env: Record<string, string>; argv: string[] }[];
    expect(places.map(({ rank }) => rank).sort()).toEqual([0, 1, 2]);
    const tokens = places.map(({ env }) => env.ADJOINT_TOKEN);
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toMatch(/^[0-9a-f]{48}$/);
    for (const { rank, sum, env, argv } of places) {
      expect(sum).toBe(3);
      expect(env).toMatchObject({ LOCAL_RANK: `${rank}`, WORLD_SIZE: '3', LOCAL_WORLD_SIZE: '3', GROUP_RANK: '0' });
      expect(env).toMatchObject({ MASTER_ADDR: '127.0.0.1', TORCHELASTIC_USE_AGENT_STORE: 'True' });
      expect(env.ADJOINT_GENERATION).toBe('0');
      expect(argv.slice(3)).toEqual(['--nproc', '7', '--', 'x']);
      expect(argv.join()).not.toContain(tokens[0]);
    }
    expect(run.err).toBe('');
  });

  it('gives each process its share of the cores, or what was said', { timeout }, async () => {
    const env = { ADJOINT_NUM_THREADS: '' };
    for (const [given, wanted] of [
      [{}, `${Math.max(1, Math.floor(getNumThreads() / 2))}`],
      [{ ADJOINT_NUM_THREADS: '3' }, '3'],
    ] as const) {
      const run = launch(['--nproc-per-node=2'], ['launched', 'place'], { ...env, ...given });
      await run.ended;
      expect(told(run).map(({ env }) => (env as Record<string, string>).ADJOINT_NUM_THREADS)).toEqual([wanted, wanted]);
    }
  });

  it('passes on whole lines with the rank, and keeps them in files', { timeout }, async () => {
    const run = launch(['--nproc', '3', '--log-dir', join(folder, 'logs')], ['launched', 'lines']);
    expect((await run.ended).code).toBe(0);
    const lines = run.out.trimEnd().split('\n');
    for (const rank of [0, 1, 2]) {
      const wanted = Array.from({ length: 500 }, (_, i) => `line ${i} of ${rank} ü€😀`);
      const prefix = `[rank ${rank}] `;
      expect(lines.filter((line) => line.startsWith(prefix))).toEqual(wanted.map((line) => prefix + line));
      expect(readFileSync(join(folder, 'logs', '0', `rank${rank}.stdout.log`), 'utf8')).toBe(wanted.join('\n'));
    }
    expect(lines).toHaveLength(1500);
  });

  it.each([
    ['SIGKILL', 137, 'was killed by SIGKILL'],
    ['7', 7, 'has ended with code 7'],
    ['throw', 1, 'has ended with code 1'],
  ])('a rank that ends by %s ends all within a second', { timeout }, async (fault, code, why) => {
    const run = launch(['--nproc', '3'], ['launched', 'fail', fault]);
    await until(() => run.err.includes('what was wrong'));
    const began = performance.now();
    expect(await run.ended).toEqual({ code, signal: null });
    expect(performance.now() - began).toBeLessThan(1000);
    expect(run.err).toContain(`adjoint run: rank 1 ${why}; its last lines:\n  what was wrong\n`);
    expect(living(run)).toEqual([]);
  });

  it('a rank may end well before the others', { timeout }, async () => {
    const run = launch(['--nproc', '2'], ['launched', 'early']);
    expect((await run.ended).code).toBe(0);
    expect(told(run).map(({ rank }) => rank)).toEqual([1, 0]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s is for the ranks, once', { timeout }, async (signal) => {
    const run = launch(['--nproc', '2'], ['launched', 'signal', 'end']);
    await until(() => told(run).length === 2);
    run.child.kill(signal);
    expect((await run.ended).code).toBe(0);
    expect(told(run).filter((line) => line.signal === signal)).toHaveLength(2);
  });

  it('ranks that do not heed it are killed when the grace is over, or by a second one', { timeout }, async () => {
    for (const grace of ['1', '30']) {
      const run = launch(['--nproc', '2', '--grace', grace], ['launched', 'signal']);
      await until(() => told(run).length === 2);
      const began = performance.now();
      run.child.kill('SIGTERM');
      await until(() => told(run).length === 4);
      if (grace === '30') run.child.kill('SIGTERM');
      expect((await run.ended).code).toBe(137);
      expect(performance.now() - began).toBeLessThan(5000);
      expect(living(run)).toEqual([]);
    }
  });

  it('leaves no process behind when it is killed itself', { timeout }, async () => {
    const run = launch(['--nproc', '2'], ['launched', 'alone']);
    await until(() => told(run).length === 2);
    expect(living(run)).toHaveLength(2);
    run.child.kill('SIGKILL');
    await until(() => living(run).length === 0);
  });

  it('starts all anew, as often as it may', { timeout }, async () => {
    const well = launch(['--nproc', '2', '--max-restarts', '2'], ['launched', 'restarts', '2']);
    expect((await well.ended).code).toBe(0);
    const generations = (rank: number) => told(well).filter((line) => line.rank === rank);
    expect(generations(0).map(({ generation }) => generation)).toEqual([0, 1, 2]);
    expect(generations(1).map(({ generation }) => generation)).toEqual([0, 1, 2]);
    expect(well.err).toMatch(/adjoint run: rank [01] has ended with code 1 \(.*\); restart 2 of 2\n/);
    const ill = launch(['--nproc', '2', '--max-restarts', '1'], ['launched', 'restarts', '5']);
    expect((await ill.ended).code).toBe(1);
    expect(told(ill).map(({ generation }) => generation)).toContain(1);
    expect(told(ill).map(({ generation }) => generation)).not.toContain(2);
  });
});

describeRuns('strangers', () => {
  it('at the port of a run neither stop it nor take a place', { timeout }, async () => {
    const port = await freePort();
    const idle = Array.from({ length: 300 }, () => null);
    const run = launch(['--nproc', '2', '--rdzv', `localhost:${port}`], ['launched', 'loop', '300']);
    const frame = (text: string): Buffer => {
      const body = Buffer.from(text);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(body.length);
      return Buffer.concat([head, body]);
    };
    const garbage = [
      Buffer.from(Array.from({ length: 300 }, () => Math.random() * 256)),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0xff, 0xff, 0xff, 0xff]),
      frame('{"op":"set","key":"agents/x/reports/0","value":"{}"}'),
      frame('{"token":""}'),
      frame('{"token":"guessed"}'),
      frame('{"token":["guessed"]}'),
      frame('null'),
    ];
    const call = (what: Buffer | null): void => {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      if (what !== null) socket.end(what);
      else void run.ended.then(() => socket.destroy());
    };
    let calls = 0;
    const timer = setInterval(() => call(garbage[calls++ % garbage.length] as Buffer), 2);
    setTimeout(() => idle.forEach(call), 100);
    expect(await run.ended).toEqual({ code: 0, signal: null });
    clearInterval(timer);
    expect(calls).toBeGreaterThan(100);
    expect(told(run).filter((line) => line.mean === 1)).toHaveLength(2);
  });
});
