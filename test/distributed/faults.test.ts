import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { serveTexts } from '../support/own-store.js';
import { after, describeRuns, freePort, isThorough, runRanks } from '../support/ranks.js';

interface Seen {
  name?: string;
  message?: string;
  rank?: number;
  /** When it failed, or was killed. */
  at?: number;
  /** A process that lives longer than the one that has started it. */
  child?: number;
  /** Its descriptors that have come from the run. */
  held?: string[];
}

interface How {
  size?: number;
  victim?: number;
  /** How many files the victim may open. */
  files?: number;
  env?: (rank: number) => Record<string, string>;
}

const run = async (work: string, fault: string, { size = 3, victim = 1, env, files }: How = {}) =>
  runRanks('faults', size, {
    ...{ args: [work, fault, `${victim}`], timeout: 25_000 },
    ...(env && { env }),
    ...(files && { wrap: (rank, command) => (rank === victim ? after(`ulimit -n ${files}`, command) : command) }),
  });

const survivors = (ends: Awaited<ReturnType<typeof run>>, victim = 1): Seen[] =>
  ends.filter((_, rank) => rank !== victim).map(({ result }) => result as Seen);

/** A run with the store that rank 0 holds, or with one of the user's, whose keys must have been used. */
async function withStore<T>(whose: 'ours' | 'own', use: (env: How['env']) => Promise<T>): Promise<T> {
  if (whose === 'ours') return use(undefined);
  const { port, keys, close } = await serveTexts();
  try {
    const result = await use(() => ({ OWN_STORE: `${port}`, MASTER_ADDR: '', ADJOINT_ADDRESS: '127.0.0.1' }));
    expect(keys().filter((key) => /\/rank\/[012]$/.test(key))).toHaveLength(3);
    return result;
  } finally {
    close();
  }
}

/** How often each is tried: npm run test:distributed. */
const repeats = Number(process.env.ADJOINT_ROUNDS ?? 1) - 1;

describeRuns('a process that is lost', { repeats }, () => {
  const ways = [
    ['broadcast', 'SIGKILL', 'own'],
    ['compiled', 'SIGKILL', 'ours'],
    ['allReduce', 'throw', 'ours'],
    ['compiled', 'terminate', 'ours'],
  ] as const;
  const others = [
    ['allReduce', 'SIGKILL', 'ours'],
    ['eager', 'SIGKILL', 'ours'],
    ['compiled', 'exit', 'ours'],
    ['allReduce', 'exit', 'ours'],
    ['allReduce', 'terminate', 'ours'],
    ['broadcast', 'SIGKILL', 'ours'],
    ['compiled', 'SIGKILL', 'own'],
  ] as const;
  it.each(isThorough ? [...ways, ...others] : ways)(
    'during %s by %s, with a store of %s: the others say who it was',
    { timeout: 60_000 },
    async (work, fault, whose) => {
      const ends = await withStore(whose, (env) => run(work, fault, { env }));
      for (const { name, message, rank } of survivors(ends)) {
        expect(name).toBe('DistributedError');
        expect(message).toMatch(/rank 1 has ended$/);
        expect(rank).toBe(1);
      }
    },
  );

  // 0 holds the store; `eager` waits on the main thread.
  const stops = [
    ['eager', 0, 'ours'],
    ['eager', 1, 'own'],
    ['allReduce', 1, 'ours'],
    ['allReduce', 0, 'ours'],
    ['eager', 1, 'ours'],
    ['compiled', 0, 'ours'],
    ['allReduce', 0, 'own'],
    ['compiled', 1, 'own'],
  ] as const;
  it.each(isThorough ? stops : stops.slice(0, 2))(
    'during %s by SIGSTOP of rank %i, with a store of %s: within the heartbeat',
    { timeout: 60_000 },
    async (work, victim, whose) => {
      const ends = await withStore(whose, (env) => run(work, 'SIGSTOP', { victim, env }));
      for (const { message, rank } of survivors(ends, victim)) {
        expect(message).toMatch(`rank ${victim} has given no sign of life for 800 ms`);
        expect(rank).toBe(victim);
      }
    },
  );

  it.each(isThorough ? ['compiled', 'allReduce', 'eager'] : ['compiled'])(
    'rank 0, which holds the store: during %s',
    async (work) => {
      const ends = await run(work, 'SIGKILL', { victim: 0 });
      for (const { message, rank } of survivors(ends, 0)) {
        expect(message).toMatch(/rank 0 has ended/);
        expect(rank).toBe(0);
      }
    },
    60_000,
  );

  // Nobody else tells them then: they see what becomes of their connections.
  const alone = [
    ['that has read half of 40 MB', 'large', 2, 1, false],
    ['while what it has started lives on', 'allReduce', 3, 1, true],
    ['that has sent half of 40 MB', 'large', 2, 0, false],
    ['during small sums', 'allReduce', 3, 1, false],
  ] as const;
  it.each(isThorough ? alone : alone.slice(0, 3))(
    '%s, in a run without a server of ours: within a second',
    { timeout: 60_000 },
    async (...row) => {
      const [, work, size, victim, hasChild] = row;
      const folder = mkdtempSync(join(tmpdir(), 'adjoint-'));
      const env = () => ({ FOLDER: folder, ...(hasChild && { CHILD: '1' }) });
      const ends = await run(work, 'SIGKILL', { size, victim, env });
      rmSync(folder, { recursive: true });
      const { child, held, at: killed } = ends.map(({ result }) => result as Seen)[victim] as Seen;
      if (child !== undefined) process.kill(child, 'SIGKILL'); // it lives
      if (hasChild) expect(held).toEqual([]);
      for (const { message, rank, at } of survivors(ends, victim)) {
        expect(message).toMatch(new RegExp(`rank ${victim} has ended$`));
        expect(rank).toBe(victim);
        expect(Number(at) - Number(killed)).toBeLessThan(1000);
      }
    },
  );

  it('because it leaves while others wait for it', { timeout: 60_000 }, async () => {
    const ends = await run('allReduce', 'destroy');
    for (const { message, rank } of survivors(ends)) {
      expect(message).toMatch(/rank 1 has called distributed.destroy$/);
      expect(rank).toBe(1);
    }
  });

  it('because it does not take part in time', { timeout: 60_000 }, async () => {
    const ends = await run('late', 'none', { env: () => ({ TIMEOUT: '1600' }) });
    for (const { message, rank } of survivors(ends)) {
      expect(message).toMatch(/rank 1 must take part within 1600 ms/);
      expect(rank).toBe(1);
    }
  });
});

// At the same time: most of it is waiting, and nothing here must happen within a second.
describeRuns('processes that differ', { repeats, concurrent: true }, () => {
  const everybody = (ends: Awaited<ReturnType<typeof run>>): string[] =>
    ends.map(({ result }) => `${(result as Seen).message}`);

  it('in the size of a tensor', { timeout: 60_000 }, async () => {
    for (const message of everybody(await run('sizes', 'none'))) {
      expect(message).toMatch(/allReduce_ sum float32 \[[89]\]: all members must give tensors of one shape and dtype/);
    }
  });

  it('in the size of what one gives all others, who get less than they expect', { timeout: 60_000 }, async () => {
    const ends = await run('short', 'none');
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
    for (const { message } of survivors(ends, 0)) {
      expect(message).toMatch('broadcast_ float32 [5]: all members must give tensors of one shape and dtype');
    }
  });

  it('in the order of collectives', { timeout: 60_000 }, async () => {
    for (const message of everybody(await run('order', 'none', { size: 2 }))) {
      expect(message).toMatch(
        /rank 0 is in broadcast_ float32 \[3\], rank 1 in allReduce_ sum float32 \[3\]|rank 1 is in .*rank 0 in/,
      );
    }
  });

  it('in what they do with one tensor at a time', { timeout: 60_000 }, async () => {
    const ends = await run('locked', 'none', { size: 2 });
    for (const { result } of ends) expect((result as Seen).message).toMatch(/^broadcast_: a tensor is in use by/);
  });

  it('in the length of a message', { timeout: 60_000 }, async () => {
    const ends = await run('message', 'none', { size: 2 });
    expect((ends[1] as { result: Seen }).result.message).toMatch(
      /a message of 20 bytes was expected from rank 0, got one of 16/,
    );
  });

  it('in their models', { timeout: 60_000 }, async () => {
    const messages = everybody(await run('models', 'none', { size: 2 }));
    expect(messages.some((message) => /all processes must have the same model/.test(message))).toBe(true);
  });

  it.sequential('in who has come: a barrier names those who are missing', { timeout: 60_000 }, async () => {
    for (const { message, rank } of survivors(await run('meeting', 'none'))) {
      expect(message).toBe('monitoredBarrier: rank 1 must come within 300 ms');
      expect(rank).toBe(1);
    }
  });
});

describeRuns('a run that does not begin', { repeats }, () => {
  it('because one has no descriptors left', { timeout: 60_000 }, async () => {
    const ends = await run('allReduce', 'starve', { files: 1000, env: () => ({ TIMEOUT: '3000' }) });
    for (const { code, result } of ends) {
      expect(code).toBe(0);
      expect((result as Seen).message).toMatch(/EMFILE|rank 1 |too many open files/i);
    }
  });

  it('because a rank never comes', { timeout: 60_000 }, async () => {
    const ends = await run('allReduce', 'none', { size: 2, env: () => ({ WORLD_SIZE: '3', TIMEOUT: '1500' }) });
    for (const { result } of ends)
      expect((result as Seen).message).toMatch(/distributed.init: rank 2 must come within 1500 ms/);
  });

  it('because two have one rank', { timeout: 60_000 }, async () => {
    const ends = await run('allReduce', 'none', { env: (rank) => ({ RANK: `${Math.min(rank, 1)}`, TIMEOUT: '3000' }) });
    const messages = ends.map(({ result }) => (result as Seen).message);
    expect(messages.filter((m) => /rank 1 must be one process's alone/.test(`${m}`))).toHaveLength(1);
  });

  it('because one has another token', { timeout: 60_000 }, async () => {
    const ends = await run('allReduce', 'none', {
      size: 2,
      env: (rank) => ({ ADJOINT_TOKEN: `secret${rank}`, TIMEOUT: '1500' }),
    });
    expect((ends[1] as { result: Seen }).result.message).toMatch(/must know this process's token, and does not/);
  });
});

describeRuns('strangers', { repeats }, () => {
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
    expect(ends.map(({ code, errors }) => [code, errors])).toEqual(Array(2).fill([0, '']));
  });
});
