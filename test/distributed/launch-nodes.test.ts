// `adjoint run` on several machines, which are agents on this one.
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type Launched, launch, living, told, until } from '../support/launch.js';
import { describeRuns, freePort, isThorough } from '../support/ranks.js';

const timeout = 60_000;
const env = { ADJOINT_TOKEN: 'a secret of the tests', ADJOINT_NUM_THREADS: '1' };

/** Agents that meet at one port; one more can come later. */
async function nodes(count: number, options: readonly string[], work: readonly string[]) {
  const port = await freePort();
  const start = (more: readonly string[] = [], variables: Record<string, string> = {}): Launched =>
    launch(['--rdzv', `127.0.0.1:${port}`, ...options, ...more], work, { ...env, ...variables });
  return { port, start, all: Array.from({ length: count }, (_, i) => start(['--node-rank', `${i}`])) };
}

const codes = async (all: readonly Launched[]): Promise<(number | null)[]> =>
  (await Promise.all(all.map(({ ended }) => ended))).map(({ code }) => code);

const generationsOf = (all: readonly Launched[]): number[] => [
  ...new Set(all.flatMap((one) => told(one).map(({ generation }) => Number(generation)))),
];

/** Waits until all ranks of a generation have entered the run. */
const entered = (all: readonly Launched[], generation: number, size: number): Promise<void> =>
  until(() => all.flatMap(told).filter((one) => one.generation === generation && one.size === size).length === size);

describeRuns('adjoint run on several nodes', () => {
  it('numbers the ranks over all of them', { timeout }, async () => {
    const { all } = await nodes(2, ['--nnodes', '2', '--nproc', '2'], ['launched', 'place']);
    expect(await codes(all)).toEqual([0, 0]);
    for (const [node, one] of all.entries()) {
      const places = told(one) as { rank: number; sum: number; size: number; env: Record<string, string> }[];
      expect(places.map(({ rank }) => rank).sort()).toEqual([2 * node, 2 * node + 1]);
      expect(places.map(({ sum }) => sum)).toEqual([6, 6]);
      for (const { rank, env } of places) {
        expect(env).toMatchObject({ LOCAL_RANK: `${rank % 2}`, WORLD_SIZE: '4', LOCAL_WORLD_SIZE: '2' });
        expect(env.GROUP_RANK).toBe(`${node}`);
      }
      expect(one.err).toBe('');
    }
  });

  it('lets whoever comes first hold the run together', { timeout }, async () => {
    const { start } = await nodes(0, ['--nnodes', '3'], ['launched', 'place']);
    const all = [start(), start(), start()];
    expect(await codes(all)).toEqual([0, 0, 0]);
    expect(all.flatMap(told).map(({ sum }) => sum)).toEqual([3, 3, 3]);
  });

  it('says everywhere which rank has failed, and on which node how', { timeout }, async () => {
    const { all } = await nodes(2, ['--nnodes', '2', '--nproc', '2'], ['launched', 'fail', '7']);
    expect(await codes(all)).toEqual([7, 7]);
    expect(all[0]?.err).toContain('adjoint run: rank 1 has ended with code 7; its last lines:\n  what was wrong\n');
    expect(all[1]?.err).toMatch(/^adjoint run: rank 1 has ended with code 7 \(.+\)\n$/);
    expect(all.flatMap(living)).toEqual([]);
  });

  it('names a node that has never come', { timeout }, async () => {
    const { all } = await nodes(2, ['--nnodes', '3', '--join-timeout', '2'], ['launched', 'place']);
    expect(await codes(all)).toEqual([1, 1]);
    for (const { err } of all) expect(err).toMatch(/adjoint run: node 2 must come within 2 s, got node [01] \(.*\n$/);
  });

  it('names two that have one number', { timeout }, async () => {
    const { all, start } = await nodes(2, ['--nnodes', '3'], ['launched', 'place']);
    const both = [all.pop() as Launched, start(['--node-rank', '1'])];
    const [refused] = (await Promise.race(both.map((one) => one.ended.then(() => [one])))) as [Launched];
    expect((await refused.ended).code).toBe(2);
    expect(refused.err).toMatch(/--node-rank 1 must be one node's alone, but .+ has it/);
    all.push(...both.filter((one) => one !== refused));
    all.push(start(['--node-rank', '2']));
    expect(await codes(all)).toEqual([0, 0, 0]);
  });

  it('says when another program has the port, or another secret', { timeout }, async () => {
    const server = createServer((socket) => socket.end('220 hello\r\n').on('error', () => {}));
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    const options = ['--nnodes', '2', '--join-timeout', '2', '--rdzv', `127.0.0.1:${port}`];
    const host = launch([...options, '--node-rank', '0'], ['launched', 'place'], env);
    expect((await host.ended).code).toBe(2);
    expect(host.err).toContain('--rdzv must have a free port of this machine, got 127.0.0.1');
    const guest = launch([...options, '--node-rank', '1'], ['launched', 'place'], env);
    expect((await guest.ended).code).toBe(1);
    expect(guest.err).toContain(`run: the first node at 127.0.0.1:${port} must answer within 2000 ms`);
    server.close();
    const { all, start } = await nodes(1, ['--nnodes', '2'], ['launched', 'place']);
    const stranger = start(['--node-rank', '1'], { ADJOINT_TOKEN: 'guessed' });
    expect((await stranger.ended).code).toBe(1);
    expect(stranger.err).toMatch(/the first node at .* must know this process's token, and does not/);
    all.push(start(['--node-rank', '1']));
    expect(await codes(all)).toEqual([0, 0]);
  });

  it('shows nothing of what it sends with certificates, and turns plain guests away', { timeout }, async () => {
    const pem = (name: string): string => fileURLToPath(new URL(`../golden/tls/${name}.pem`, import.meta.url));
    const tls = { ADJOINT_TLS_KEY: pem('key'), ADJOINT_TLS_CERT: pem('cert'), ADJOINT_TLS_CA: pem('ca') };
    const { start, port } = await nodes(0, ['--nnodes', '2', '--join-timeout', '20'], ['launched', 'place']);
    const all = [start(['--node-rank', '0'], tls)];
    const heard = await new Promise<string>((resolve) => {
      const call = (): void => {
        let text = '';
        const socket = connect(port, '127.0.0.1', () => socket.end(`\0\0\0\x21{"token":"${env.ADJOINT_TOKEN}"}`));
        socket
          .on('error', () => {})
          .on('data', (chunk) => {
            text += chunk;
          });
        socket.on('close', () => (socket.bytesWritten > 0 ? resolve(text) : setTimeout(call, 50)));
      };
      call();
    });
    expect(heard).not.toContain('welcome');
    all.push(start(['--node-rank', '1'], tls));
    expect(await codes(all)).toEqual([0, 0]);
    expect(all.flatMap(told).map(({ sum }) => sum)).toEqual([1, 1]);
    const half = start(['--node-rank', '0'], { ADJOINT_TLS_KEY: tls.ADJOINT_TLS_KEY });
    expect((await half.ended).code).toBe(2);
    expect(half.err).toContain('ADJOINT_TLS_CERT must be set as the others of ADJOINT_TLS_KEY');
  });

  it('names a node that has died, or hangs', { timeout }, async () => {
    const ways = [
      ['SIGKILL', 'has ended'],
      ['SIGSTOP', 'has given no sign of life for 1000 ms'],
    ] as const;
    for (const [signal, why] of isThorough ? ways : ways.slice(0, 1)) {
      const { all } = await nodes(2, ['--nnodes', '2', '--heartbeat', '1'], ['launched', 'alone']);
      await until(() => all.every((one) => told(one).length === 1));
      const [first, second] = all as [Launched, Launched];
      second.child.kill(signal);
      expect((await first.ended).code).toBe(1);
      expect(first.err).toMatch(new RegExp(`^adjoint run: node 1 \\(.*\\) ${why}\\n$`));
      await until(() => all.flatMap(living).length === 0);
      second.child.kill('SIGKILL');
    }
  });

  it('ends everywhere when the node that holds it together is gone', { timeout }, async () => {
    const { all } = await nodes(2, ['--nnodes', '2'], ['launched', 'alone']);
    await until(() => all.every((one) => told(one).length === 1));
    const [first, second] = all as [Launched, Launched];
    first.child.kill('SIGKILL');
    expect((await second.ended).code).toBe(1);
    expect(second.err).toContain('adjoint run: the node that holds the run together has ended\n');
    await until(() => all.flatMap(living).length === 0);
  });

  it('ends elsewhere when that node hangs', { timeout }, async () => {
    const { all } = await nodes(2, ['--nnodes', '2', '--heartbeat', '1'], ['launched', 'alone']);
    await until(() => all.every((one) => told(one).length === 1));
    const [first, second] = all as [Launched, Launched];
    first.child.kill('SIGSTOP');
    expect((await second.ended).code).toBe(1);
    expect(second.err).toContain('the node that holds the run together has given no sign of life for 1000 ms\n');
    await until(() => all.flatMap(living).length === 0);
    first.child.kill('SIGKILL');
  });

  it('ends everywhere by a signal to the first, which its ranks take well', { timeout }, async () => {
    const { all } = await nodes(2, ['--nnodes', '2'], ['launched', 'signal', 'end']);
    await until(() => all.every((one) => told(one).length === 1));
    all[0]?.child.kill('SIGTERM');
    expect(await codes(all)).toEqual([0, 0]);
    expect(all.map((one) => told(one).length)).toEqual([2, 2]);
  });
});

describeRuns('an elastic run', () => {
  it('goes on without a node that is lost, and with one that comes', { timeout: 2 * timeout }, async () => {
    const { start } = await nodes(0, ['--nnodes', '1:3', '--max-restarts', '3'], ['launched', 'loop']);
    const all = [start(), start(), start()];
    await until(() => all.flatMap(told).length >= 3);
    const last = Math.max(...generationsOf(all));
    await entered(all, last, 3);
    const lost = all.find((one) => !one.err.includes('has come') && told(one).some(({ rank }) => rank === 2));
    lost?.child.kill('SIGKILL');
    const left = all.filter((one) => one !== lost);
    await entered(left, last + 1, 2);
    const newcomer = start();
    await entered([...left, newcomer], last + 2, 3);
    const [host] = left;
    expect(`${host?.err}${left[1]?.err}`).toMatch(/node \d \(.*\) has ended; restart 1 of 3\n/);
    expect(`${host?.err}${left[1]?.err}`).toMatch(/node 3 \(.*\) has come\n/);
    for (const one of [...left, newcomer]) one.child.kill('SIGKILL');
    await until(() => [...all, newcomer].flatMap(living).length === 0);
  });
});
