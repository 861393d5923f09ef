import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { describeRuns, freePort, runRanks } from '../support/ranks.js';

interface Seen {
  name?: string;
  message?: string;
  rank?: number;
}

const run = async (work: string, fault: string, size = 3, env?: (rank: number) => Record<string, string>) =>
  runRanks('faults', size, { args: [work, fault], timeout: 25_000, ...(env && { env }) });

const survivors = (ends: Awaited<ReturnType<typeof run>>): Seen[] =>
  ends.filter((_, rank) => rank !== 1).map(({ result }) => result as Seen);

describeRuns('a process that is lost', () => {
  const cases = [
    ['allReduce', 'SIGKILL'],
    ['broadcast', 'SIGKILL'],
    ['eager', 'SIGKILL'],
    ['compiled', 'SIGKILL'],
    ['compiled', 'exit'],
    ['allReduce', 'throw'],
  ] as const;
  it.each(cases)('during %s by %s: the others say who it was', { timeout: 60_000 }, async (work, fault) => {
    const ends = await run(work, fault);
    for (const { name, message, rank } of survivors(ends)) {
      expect(name).toBe('DistributedError');
      expect(message).toMatch(/rank 1 has ended$/);
      expect(rank).toBe(1);
    }
  });

  it('by SIGSTOP: within the heartbeat', { timeout: 60_000 }, async () => {
    const ends = await run('allReduce', 'SIGSTOP');
    for (const { message, rank } of survivors(ends)) {
      expect(message).toMatch(/rank 1 has given no sign of life for 800 ms$/);
      expect(rank).toBe(1);
    }
  });
});

describeRuns('processes that differ', () => {
  const everybody = (ends: Awaited<ReturnType<typeof run>>): string[] =>
    ends.map(({ result }) => `${(result as Seen).message}`);

  it('in the size of a tensor', { timeout: 60_000 }, async () => {
    for (const message of everybody(await run('sizes', 'none'))) {
      expect(message).toMatch(/allReduce_ sum float32 \[[89]\]: all members must give tensors of one shape and dtype/);
    }
  });

  it('in the order of collectives', { timeout: 60_000 }, async () => {
    for (const message of everybody(await run('order', 'none', 2))) {
      expect(message).toMatch(
        /rank 0 is in broadcast_ float32 \[3\], rank 1 in allReduce_ sum float32 \[3\]|rank 1 is in .*rank 0 in/,
      );
    }
  });

  it('in the length of a message', { timeout: 60_000 }, async () => {
    const ends = await run('message', 'none', 2);
    expect((ends[1] as { result: Seen }).result.message).toMatch(
      /a message of 20 bytes was expected from rank 0, got one of 16/,
    );
  });

  it('in their models', { timeout: 60_000 }, async () => {
    const messages = everybody(await run('models', 'none', 2));
    expect(messages.some((message) => /all processes must have the same model/.test(message))).toBe(true);
  });

  it('in who has come: a barrier names those who are missing', { timeout: 60_000 }, async () => {
    for (const { message, rank } of survivors(await run('meeting', 'none'))) {
      expect(message).toBe('monitoredBarrier: rank 1 must come within 300 ms');
      expect(rank).toBe(1);
    }
  });
});

describeRuns('a run that does not begin', () => {
  it('because a rank never comes', { timeout: 60_000 }, async () => {
    const ends = await run('allReduce', 'none', 2, () => ({ WORLD_SIZE: '3', TIMEOUT: '1500' }));
    for (const { result } of ends)
      expect((result as Seen).message).toMatch(/distributed.init: rank 2 must come within 1500 ms/);
  });

  it('because two have one rank', { timeout: 60_000 }, async () => {
    const ends = await run('allReduce', 'none', 3, (rank) => ({ RANK: `${Math.min(rank, 1)}`, TIMEOUT: '1500' }));
    const messages = ends.map(({ result }) => (result as Seen).message);
    expect(messages.filter((m) => /rank 1 must be one process's alone/.test(`${m}`))).toHaveLength(1);
  });

  it('because one has another token', { timeout: 60_000 }, async () => {
    const ends = await run('allReduce', 'none', 2, (rank) => ({ ADJOINT_TOKEN: `secret${rank}`, TIMEOUT: '1500' }));
    expect((ends[1] as { result: Seen }).result.message).toMatch(/must know this process's token, and does not/);
  });
});

describeRuns('strangers', () => {
  it('garbage on the port of the store disturbs nobody', { timeout: 60_000 }, async () => {
    const port = await freePort();
    const running = runRanks('parallel', 2, {
      args: ['mlp', 'sgd', 'eager', '1', '40'],
      env: () => ({ MASTER_PORT: `${port}` }),
    });
    const timer = setInterval(() => {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      socket.end(Buffer.from(Array.from({ length: 300 }, () => Math.random() * 256)));
    }, 5);
    const ends = await running;
    clearInterval(timer);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  });
});
