// What Gloo's own connections carry, heard by a relay in front of each process. A repair of scripts/prebuild/gloo.mjs stands
// behind each: TLS that is silently off, that ends when sockets are full, and ports that garbage stops.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { after, describeRuns, isThorough, runRanks } from '../support/ranks.js';

interface Result {
  message?: string;
  starved?: string;
  ends: boolean[];
  bytes: number;
  plain: number;
  records: number;
}

async function run(args: string[], size = 2, env: Record<string, string> = {}): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-'));
  const wrap = (rank: number, command: string[]): string[] =>
    env.STARVED === '1' && rank === 1 ? after('ulimit -n 1000', command) : command;
  const ends = await runRanks('wire', size, { args, timeout: 50_000, wrap, env: () => ({ FOLDER: folder, ...env }) });
  rmSync(folder, { recursive: true });
  return ends.map(({ result }) => result as Result);
}

/** The bytes of all relays together: who calls whom is by rank. */
const sum = (results: Result[], what: 'bytes' | 'plain' | 'records'): number =>
  results.reduce((total, result) => total + result[what], 0);

describeRuns('between processes', () => {
  it('values can be read without certificates', { timeout: 60_000 }, async () => {
    const results = await run(['plain', '100000']);
    for (const { message, ends } of results) expect([message, ends]).toEqual([undefined, [true, true]]);
    expect(sum(results, 'plain')).toBeGreaterThan(0);
  });

  it('and not with them', { timeout: 60_000 }, async () => {
    const results = await run(['tls', '100000']);
    for (const { message, ends } of results) expect([message, ends]).toEqual([undefined, [true, true]]);
    expect(sum(results, 'bytes')).toBeGreaterThan(400_000);
    expect(sum(results, 'plain')).toBe(0);
    expect(sum(results, 'records')).toBeGreaterThan(0);
  });

  it('both may send more than sockets hold, encrypted', { timeout: 60_000 }, async () => {
    // 40 MB each way: the sockets of loopback hold about 6.
    const results = await run(['tls', '10000000'], 2, { MESSAGES: '1' });
    for (const { message, ends } of results) expect([message, ends]).toEqual([undefined, [true, true]]);
  });

  // In each run, one of three processes has no descriptor left besides.
  it.runIf(isThorough)('garbage on their ports disturbs nobody', { timeout: 60_000 }, async () => {
    const results = await run(['plain', '1000'], 3, { STRANGER: '1' });
    for (const { message, ends } of results) expect([message, ends]).toEqual([undefined, [true, true]]);
  });

  it('they do not keep who says nothing of use, or let a stranger take a place', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'adjoint-'));
    const ends = await runRanks('strangers', 2, { timeout: 25_000, env: () => ({ FOLDER: folder }) });
    rmSync(folder, { recursive: true });
    const results = ends.map(({ result }) => result as { message?: string; sum?: number; costs?: number[] });
    expect(results.map(({ message, sum }) => [message, sum])).toEqual([
      [undefined, 2],
      [undefined, 2],
    ]);
    const [garbage, numbers, few, none, silent, gone] = results[1]?.costs ?? [];
    for (const cost of [garbage, numbers, few, none, gone]) expect(cost).toBeLessThan(5);
    expect(silent).toBeGreaterThan(200);
    expect(silent).toBeLessThan(262);
  });

  it('garbage on their ports disturbs nobody, nor a process that has no descriptor left for who calls', {
    timeout: 60_000,
  }, async () => {
    const results = await run(['plain', '1000'], 3, { STRANGER: '1', STARVED: '1' });
    for (const { message, ends } of results) expect([message, ends]).toEqual([undefined, [true, true]]);
    expect(results.map(({ starved }) => starved)).toEqual([undefined, 'EMFILE', undefined]);
  });
});
