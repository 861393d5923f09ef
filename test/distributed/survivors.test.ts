// Runs that go on when processes are lost: from the state of the most advanced rank, or from checkpoints.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type Launched, launch, told, until } from '../support/launch.js';
import { describeRuns, freePort, isThorough } from '../support/ranks.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-survivors-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** How often processes are killed; `npm run test:distributed` does it twenty times. */
const kills = Number(process.env.ADJOINT_ROUNDS ?? 2);
const steps = 5 * (kills + 2);
const timeout = 60_000 + 10_000 * kills;
const env = { ADJOINT_TOKEN: 'a secret of the tests', ADJOINT_NUM_THREADS: '1' };

interface Step {
  rank: number;
  pid: number;
  step: number;
  loss: number;
  size: number;
}
interface Beginning {
  rank: number;
  pid: number;
  /** The process's own step, and that of the most advanced one. */
  began: number;
  from: number;
  generation: number;
}

const stepsOf = (run: Launched): Step[] => told(run).filter((line) => 'loss' in line) as unknown as Step[];
const beginnings = (run: Launched): Beginning[] => told(run).filter((line) => 'from' in line) as unknown as Beginning[];

describeRuns('a training whose processes are killed and join again', () => {
  it.each(['survive', 'restart'])('%s: has the losses of one that is not disturbed', { timeout }, async (mode) => {
    const options = ['--nproc', '2', '--max-restarts', `${kills}`];
    const keep = mode === 'survive' ? ['--keep-survivors'] : [];
    const whole = launch(options, ['survivor', 'alone', `${steps}`, '0', folder]);
    const run = launch([...options, ...keep], ['survivor', mode, `${steps}`, `${kills}`, folder]);
    expect((await whole.ended).code, whole.err).toBe(0);
    expect((await run.ended).code, run.err).toBe(0);
    const wanted = new Map(stepsOf(whole).map(({ rank, step, loss }) => [`${rank} ${step}`, loss]));
    expect(wanted.size).toBe(2 * steps);
    const got = stepsOf(run);
    for (const { rank, step, loss } of got)
      expect(loss, `rank ${rank}, step ${step}`).toBe(wanted.get(`${rank} ${step}`));
    expect(new Set(got.map(({ step }) => step)).size).toBe(steps);
    const all = beginnings(run);
    for (let generation = 1; generation <= kills; generation++) {
      const those = all.filter((one) => one.generation === generation);
      expect(those.map(({ rank }) => rank).sort()).toEqual([0, 1]);
      for (const { from, began } of those) {
        expect(from).toBe(Math.max(...those.map((one) => one.began)));
        expect(from).toBeGreaterThanOrEqual(5 * generation);
        if (mode === 'survive') expect([0, from, from - 1]).toContain(began);
      }
    }
    const processes = new Set(all.map(({ pid }) => pid)).size;
    expect(processes).toBe(mode === 'survive' ? 2 + kills : 2 + 2 * kills);
  });

  it.runIf(isThorough)('goes on with one alone, and with those who come to it', { timeout }, async () => {
    const port = await freePort();
    const options = ['--rdzv', `127.0.0.1:${port}`, '--nnodes', '1:2', '--max-restarts', '9', '--keep-survivors'];
    const start = (): Launched => launch(options, ['survivor', 'survive', '1000000', '0', folder], env);
    const reaches = (run: Launched, size: number): Promise<void> =>
      until(() => stepsOf(run).filter((one) => one.size === size).length > 20);
    const first = start();
    await reaches(first, 1);
    const second = start();
    await reaches(second, 2);
    second.child.kill('SIGKILL');
    const before = stepsOf(first).length;
    await until(
      () =>
        stepsOf(first)
          .slice(before)
          .filter(({ size }) => size === 1).length > 20,
    );
    const third = start();
    await reaches(third, 2);
    first.child.kill('SIGTERM');
    await Promise.all([first.ended, third.ended]);
    const own = stepsOf(first);
    expect(new Set(own.map(({ pid }) => pid)).size).toBe(1);
    // It lost a step at most where the other one was ahead, and did none twice.
    own.forEach(({ step }, i) => {
      expect([1, 2]).toContain(step - (own[i - 1]?.step ?? -1));
    });
    for (const newcomer of [second, third]) {
      const [{ began, from }] = beginnings(newcomer) as [Beginning];
      expect(began).toBe(0);
      expect(from).toBeGreaterThan(20);
      expect(stepsOf(newcomer)[0]?.step).toBe(from);
    }
  });
});
