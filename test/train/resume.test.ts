// A training that was resumed gives the bits of one that was never interrupted, wherever it was interrupted.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getNumThreads, manualSeed, setNumThreads, train } from '../../lib/index.js';
import { bitsOf, make, makeElsewhere, type Trained, trainings, valuesOf } from '../support/training.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-resume-'));
const threads = getNumThreads();
beforeAll(() => setNumThreads(2));
afterAll(() => {
  setNumThreads(threads);
  rmSync(folder, { recursive: true });
});

const epochs = 3;

describe('bit for bit, at 2 threads', () => {
  for (const name of Object.keys(trainings)) {
    for (const compile of [false, true]) {
      const run = (t: Trained, options: Partial<train.FitOptions> = {}) =>
        train.fit(t.model, { ...t.options, epochs, logEvery: 4, compile, ...options });

      it(`${name}, ${compile ? 'compiled' : 'eager'}`, { timeout: 60_000 }, async () => {
        const whole = make(name);
        const path = join(folder, `${name}${compile}`);
        const checkpoints: string[] = [];
        const onCheckpoint = (event: train.CheckpointEvent) => checkpoints.push(event.path);
        const saver = new train.Checkpoint(path, { every: 3, keep: 100 });
        const due = valuesOf(await run(whole, { callbacks: [{ onCheckpoint }, saver] }));
        const bits = bitsOf(whole);
        expect(checkpoints.length).toBeGreaterThan(3);
        for (const resume of checkpoints) {
          const resumed = makeElsewhere(name);
          const result = await run(resumed, { resume, callbacks: [{ everySteps: 3, onStep() {} }] });
          expect(bitsOf(resumed), resume).toEqual(bits);
          expect(valuesOf(result), resume).toEqual(due);
        }
      });

      it(`${name}, ${compile ? 'compiled' : 'eager'}, aborted in the midst of an epoch and between two`, async () => {
        const whole = make(name);
        await run(whole);
        const bits = bitsOf(whole);
        for (const after of [1, 2, 4, 5]) {
          const path = join(folder, `${name}${compile}${after}`);
          const controller = new AbortController();
          const part = make(name);
          let batches = 0;
          const data = part.options.data as AsyncIterable<unknown> & { length: number };
          const counted = {
            ...{ length: data.length },
            async *[Symbol.asyncIterator]() {
              for await (const batch of data) {
                if (++batches === after) controller.abort('enough');
                yield batch;
              }
            },
            ...('stateDict' in data && {
              stateDict: () => (data as never as { stateDict(): unknown }).stateDict(),
              loadStateDict: (s: never) => (data as never as { loadStateDict(s: never): void }).loadStateDict(s),
            }),
          };
          const callbacks = [new train.Checkpoint(path)];
          const { stopped, reason, steps } = await run(part, { signal: controller.signal, data: counted, callbacks });
          expect([stopped, reason]).toEqual(['signal', 'aborted: enough']);
          expect(steps).toBe(Math.ceil(after / (part.options.accumulate ?? 1)));
          const resumed = makeElsewhere(name);
          await run(resumed, { resume: path });
          expect(bitsOf(resumed), `${after}`).toEqual(bits);
        }
      });
    }
  }
});

it('with `resume: true`, the first run begins and the next ones go on', async () => {
  const path = join(folder, 'again');
  const once = (epochs: number) => {
    const t = make('tabular');
    const callbacks = [new train.Checkpoint(path, { keep: 1 })];
    return train.fit(t.model, { ...t.options, epochs, resume: true, callbacks }).then((r) => [r, bitsOf(t)] as const);
  };
  const [first] = await once(1);
  const [second, bits] = await once(3);
  manualSeed(9);
  const [third, same] = await once(3);
  expect([first.steps, second.steps, third.steps]).toEqual([6, 18, 18]);
  expect(valuesOf(third)).toEqual(valuesOf(second));
  expect(same).toEqual(bits);
});
