import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { rl, StateError } from 'adjoint';
import { afterEach, describe, expect, it } from 'vitest';
import * as own from '../fixtures/rl/environments.mjs';

const module = new URL('../fixtures/rl/environments.mjs', import.meta.url).href;
const opened: { close(): Promise<void> }[] = [];
const open: typeof make = (Class, options) => {
  const vector = make(Class, options);
  opened.push(vector);
  return vector;
};
const make = <Settings>(
  Class: new (settings?: Settings) => rl.Environment,
  options: rl.VectorEnvironmentOptions<Settings>,
) => new rl.VectorEnvironment(Class, options);
afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));

const places = [0, 1, 3];

describe.each(places)('with %i workers', (workers) => {
  it('does what single environments do, and begins anew where one ends', async () => {
    const count = 4;
    const vector = open(rl.CartPole, { count, workers });
    const single = Array.from({ length: count }, () => new rl.CartPole());
    let want = single.map((one, i) => one.reset({ seed: 10 + i }).observation);
    const rows = (list: readonly Float32Array[]) => list.flatMap((row) => Array.from(row));
    let ended = 0;
    expect(Array.from(await vector.reset({ seed: 10 }))).toEqual(rows(want));
    const sums = single.map(() => 0);
    for (let t = 0; t < 60; t++) {
      const actions = Int32Array.from(single, (_, i) => Number((t * 7 + i * 3) % 5 < 2));
      const got = await vector.step(actions);
      const steps = single.map((one, i) => one.step(actions[i] as number));
      expect(Array.from(got.nextObservations)).toEqual(rows(steps.map((step) => step.observation)));
      expect(Array.from(got.terminated)).toEqual(steps.map((step) => Number(step.terminated)));
      expect(Array.from(got.rewards)).toEqual(steps.map((step) => step.reward));
      const episodes: rl.Episode[] = [];
      want = steps.map((step, i) => {
        sums[i] = (sums[i] as number) + step.reward;
        if (!step.terminated) return step.observation;
        episodes.push({ environment: i, return: sums[i] as number, length: sums[i] as number });
        sums[i] = 0;
        return (single[i] as rl.CartPole).reset().observation;
      });
      expect(got.episodes).toEqual(episodes);
      ended += episodes.length;
      expect(Array.from(got.observations)).toEqual(rows(want));
    }
    expect(ended).toBeGreaterThan(4);
  });

  it('passes settings, and numbers of boxes', async () => {
    const vector = open(rl.Pendulum, { count: 3, workers, settings: { maxSteps: 2 } });
    await vector.reset({ seed: 1 });
    expect(Array.from((await vector.step([1, -2, 5])).truncated)).toEqual([0, 0, 0]);
    const { truncated, episodes } = await vector.step(new Float32Array(3));
    expect([Array.from(truncated), episodes.map((one) => one.length)]).toEqual([[1, 1, 1], [2, 2, 2]]); // biome-ignore format: one line
  });

  it('refuses steps before reset, wrong actions, two steps at once, and all after close', async () => {
    const vector = open(rl.CartPole, { count: 3, workers });
    await expect(vector.step([0, 0, 0])).rejects.toThrow('VectorEnvironment.step: call reset first');
    await vector.reset();
    await expect(vector.step([0, 0])).rejects.toThrow('VectorEnvironment.step: actions must be 3 numbers, got 2');
    await expect(vector.step([0, 0, 2])).rejects.toThrow('action must be an integer from 0 to 1, got 2');
    await expect(vector.step(new Array(3))).rejects.toThrow('action must be an integer from 0 to 1, got undefined');
    const running = vector.step([0, 0, 0]);
    await expect(vector.step([0, 0, 0])).rejects.toThrow(/await the call before, which is under way$/);
    expect((await running).rewards.length).toBe(3);
    await vector.close();
    await vector.close();
    await expect(vector.reset()).rejects.toThrow(StateError);
    await expect(vector.step([0, 0, 0])).rejects.toThrow(/the environments are closed; make new ones$/);
  });

  it('says when an environment fails, and goes on after a reset', async () => {
    const vector = open(own.Fails, { count: 4, workers, module });
    await vector.reset();
    const failed = vector.step([0, 1, 0, 0]);
    await expect(failed).rejects.toThrow(StateError);
    await expect(failed).rejects.toThrow('VectorEnvironment: an environment has failed: broken');
    await expect(vector.step([0, 0, 0, 0])).rejects.toThrow('VectorEnvironment.step: call reset first');
    await vector.reset();
    expect((await vector.step([0, 0, 0, 0])).rewards.length).toBe(4);
  });
});

describe('a thread', () => {
  it('that dies is named, and nothing hangs', { timeout: 10_000 }, async () => {
    const vector = open(own.Fails, { count: 4, workers: 2, module });
    await vector.reset();
    const text = 'the thread of environments 2 to 3 has ended with code 3; make a new VectorEnvironment';
    await expect(vector.step([0, 0, 0, 2])).rejects.toThrow(text);
    await expect(vector.reset()).rejects.toThrow(StateError);
    await vector.close();
  });

  it('that cannot begin is named, too', async () => {
    for (const [from, text] of [
      ['data:text/javascript,', /has failed: .* must export Counts/],
      [pathToFileURL('nowhere.mjs').href, /environments 0 to 1 has failed: .*nowhere/],
    ] as const) {
      const vector = open(own.Counts, { count: 2, workers: 1, module: from });
      await expect(vector.reset()).rejects.toThrow(text);
      await expect(vector.reset()).rejects.toThrow(text);
    }
  });

  it('is not asked for what it cannot find or be sent', () => {
    const local = class extends own.Counts {};
    expect(() => make(local, { count: 2, workers: 1 })).toThrow(
      'VectorEnvironment: a thread must find the class local; give module: import.meta.url of the module that exports it',
    );
    const settings = { opponent: () => 1 };
    expect(() => make(rl.ConnectFour as never, { count: 2, workers: 1, settings })).toThrow(/plain data/);
    expect(() => make(rl.CartPole, { count: 2, workers: 3 })).toThrow(/workers must be an integer .* at most 2, got 3/);
    expect(() => make((() => new rl.CartPole()) as never, { count: 2 })).toThrow(
      /Class must be a class of environments/,
    );
  });

  it('that is closed during a step rejects it', async () => {
    const vector = open(own.Counts, { count: 2, workers: 1, module });
    await vector.reset();
    const running = vector.step([1, 1]);
    const closing = vector.close();
    await expect(running).rejects.toThrow(StateError);
    await closing;
  });

  it('keeps no process alive', { timeout: 20_000 }, () => {
    const program = `
import { rl } from ${JSON.stringify(new URL('../../dist/adjoint.js', import.meta.url).href)};
const vector = new rl.VectorEnvironment(rl.CartPole, { count: 2, workers: 2 });
await vector.reset({ seed: 1 });
console.log((await vector.step([0, 1])).rewards.join());`;
    const args = ['--input-type=module', '-e', program];
    expect(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 15_000 })).toBe('1,1\n');
  });
});
