// Memory refused by any limit is an immediate typed error, and training, recording and loading go on afterwards.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { runFixture } from '../fixtures/children.mjs';

const megabyte = 2 ** 20;
const fixture = fileURLToPath(new URL('../fixtures/refused.mjs', import.meta.url));

/** Runs the fixture behind a few words of the shell. */
function behind(words: string, threads: number): string {
  const { stdout, stderr, signal } = spawnSync('sh', ['-c', `${words}; exec "$0" "$1"`, process.execPath, fixture], {
    encoding: 'utf8',
    timeout: 100_000,
    env: { ...process.env, ADJOINT_NUM_THREADS: `${threads}` },
  });
  return `${signal ?? ''}${stdout}${stderr}`;
}

/** A new memory cgroup, where this process may make one. */
function makeGroup(bytes: number): { folder: string; join: string } | null {
  const own = readFileSync('/proc/self/cgroup', 'utf8');
  const version1 = /^\d+:memory:(.*)$/m.exec(own);
  const version2 = /^0::(.*)$/m.exec(own);
  for (const [root, limit] of [
    [version1 === null ? '' : '/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    [version2 === null ? '' : join('/sys/fs/cgroup', version2[1] as string), 'memory.max'],
  ] as const) {
    const folder = join(root, `adjoint-${process.pid}`);
    if (root === '' || !existsSync(root)) continue;
    try {
      mkdirSync(folder);
      if (existsSync(join(folder, limit))) {
        writeFileSync(join(folder, limit), `${bytes}`);
        return { folder, join: `echo $$ > ${join(folder, 'cgroup.procs')}` };
      }
      rmdirSync(folder);
    } catch {
      // not root, or a hierarchy that cannot be written
    }
  }
  return null;
}

const ok = /^ok, 10 refusals\n$/;

describe.each([1, 4])('%i threads: memory that is refused', (threads) => {
  it('by setMemoryLimit', { timeout: 120_000 }, async () => {
    const env = { ADJOINT_NUM_THREADS: `${threads}` };
    const { output, errors } = await runFixture('refused.mjs', ['limit'], { env, timeoutMs: 100_000 });
    expect(errors + output).toMatch(ok);
  });

  describe.skipIf(process.platform !== 'linux' || process.env.ADJOINT_CHECK)('by the system', () => {
    let before: [size: number, data: number]; // kilobytes of address space, without any work buffer of OpenBLAS
    let after: [size: number, data: number];

    beforeAll(async () => {
      const env = { ADJOINT_NUM_THREADS: `${threads}` };
      const { output } = await runFixture('refused.mjs', ['probe'], { env, timeoutMs: 100_000 });
      ({ before, after } = JSON.parse(output));
      expect(after[1]).toBeGreaterThan(before[1]);
    }, 120_000);

    // OpenBLAS wants 128 MB a thread, and tries for ever when it does not get them.
    it('data segment with room for a part of OpenBLAS', { timeout: 120_000 }, () => {
      expect(behind(`ulimit -d ${before[1] + 400 * 1024}`, threads)).toMatch(ok);
    });

    it('data segment without room for OpenBLAS', { timeout: 120_000 }, () => {
      expect(behind(`ulimit -d ${before[1] + 160 * 1024}`, threads)).toMatch(ok);
    });

    it('address space', { timeout: 120_000 }, () => {
      expect(behind(`ulimit -v ${after[0] + 400 * 1024}`, threads)).toMatch(ok);
    });

    it('a cgroup', { timeout: 120_000 }, ({ skip }) => {
      const group = makeGroup(400 * megabyte);
      if (group === null) return skip('this process may not make a cgroup');
      try {
        expect(behind(group.join, threads)).toMatch(ok);
      } finally {
        rmdirSync(group.folder);
      }
    });
  });
});
