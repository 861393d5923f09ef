import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Progress } from '../../lib/train/progress.js';

/** A stream that notes what is written, and a clock that stands until it is moved. */
function screen(options: { isTTY?: boolean; columns?: number } = {}) {
  const written: string[] = [];
  const clock = { time: 5000 };
  return { written, clock, now: () => clock.time, stream: { ...options, write: (text: string) => written.push(text) } };
}

describe('Progress on a terminal', () => {
  it('redraws one line at most ten times a second', () => {
    const { written, clock, now, stream } = screen({ isTTY: true, columns: 100 });
    const progress = new Progress({ steps: 1000, epochs: 5, stream, now });
    for (let step = 0; step < 1000; step++) {
      clock.time += 2; // two seconds in all
      progress.step(64, 0.5);
    }
    expect(written.length).toBe(20);
    // 501 steps in 1.002 s of 5 · 1000: 64 a step
    expect(written[10]).toBe(
      '\repoch 1/5  [==============>               ]   50 %  loss 0.5000  32,000 samples/s  9.0 s left\x1b[K',
    );
    progress.endEpoch('test accuracy 97.4 %');
    expect(written.at(-1)).toBe('\r\x1b[Kepoch 1/5  loss 0.5000  32,000 samples/s  2.0 s  test accuracy 97.4 %\n');
    progress.step(64, 0.25);
    expect(written.at(-1)).toContain('epoch 2/5');
    progress.log('a line');
    expect(written.at(-1)).toBe('\r\x1b[Ka line\n');
  });

  it('never fills the last column', () => {
    const any = {
      columns: fc.integer({ min: 1, max: 200 }),
      loss: fc.double(),
      steps: fc.integer({ min: 1, max: 100_000 }),
      epochs: fc.integer({ min: 1, max: 1e9 }),
      milliseconds: fc.double({ min: 0, max: 1e10, noNaN: true }),
    };
    fc.assert(
      fc.property(fc.record(any), ({ columns, loss, steps, epochs, milliseconds }) => {
        const { written, clock, now, stream } = screen({ isTTY: true, columns });
        const progress = new Progress({ steps, epochs, stream, now });
        clock.time += milliseconds;
        progress.step(64, loss);
        expect(written.length).toBe(1);
        const line = written[0]!.slice('\r'.length, -'\x1b[K'.length);
        expect(line).toMatch(/^[ -~]+$/);
        expect(line.length).toBeLessThanOrEqual(Math.max(1, columns - 1));
      }),
    );
  });

  it('fetches the loss only when it draws', () => {
    const { clock, now, stream } = screen({ isTTY: true });
    const progress = new Progress({ steps: 10, stream, now });
    let fetched = 0;
    for (let step = 0; step < 10; step++) {
      clock.time += 30;
      progress.step(1, () => ++fetched);
    }
    expect(fetched).toBe(3); // at 30, 150 and 270 ms
  });
});

describe('Progress elsewhere', () => {
  it('prints a plain line each tenth', () => {
    const { written, clock, now, stream } = screen();
    const progress = new Progress({ steps: 100, epochs: 1, stream, now });
    for (let step = 0; step < 100; step++) {
      clock.time += 200;
      progress.step(10, 2);
    }
    progress.endEpoch();
    expect(written.length).toBe(10); // nine tenths and the end
    expect(written[0]).toBe('epoch 1/1   10 %  loss 2.0000  50 samples/s  18 s left\n');
    expect(written[9]).toBe('epoch 1/1  loss 2.0000  50 samples/s  20 s\n');
    expect(written.join('')).not.toMatch(/[^ -~\n]/);
  });

  it('prints no more than one line a second when epochs are short, and one each ten seconds when they are long', () => {
    const short = screen();
    const quick = new Progress({ steps: 100, stream: short.stream, now: short.now });
    for (let step = 0; step < 100; step++) {
      short.clock.time += 1;
      quick.step(1);
    }
    expect(short.written).toEqual([]);
    const long = screen();
    const slow = new Progress({ steps: 1_000_000, stream: long.stream, now: long.now });
    for (let step = 0; step < 60; step++) {
      long.clock.time += 1000;
      slow.step(1);
    }
    expect(long.written.length).toBe(6);
    expect(long.written[5]).toBe('epoch 1/1    0 %  1.0 samples/s  277:45:40 left\n');
  });

  it('shows losses of any size and keeps a summary on one line', () => {
    for (const [loss, text] of [
      [Number.NaN, 'loss NaN'],
      [Number.POSITIVE_INFINITY, 'loss Infinity'],
      [0, 'loss 0.0000'],
      [1.234e-5, 'loss 1.23e-5'],
      [1e9, 'loss 1.00e+9'],
    ] as const) {
      const { written, clock, now, stream } = screen();
      const progress = new Progress({ steps: 1, stream, now });
      clock.time += 1000;
      progress.step(1, loss);
      progress.endEpoch('two\nlines\x1b[2J');
      expect(written).toEqual([`epoch 1/1  ${text}  1.0 samples/s  1.0 s  two lines [2J\n`]);
    }
  });

  it('refuses wrong options', () => {
    expect(() => new Progress({ steps: 0 })).toThrow('Progress: steps must be an integer of at least 1, got 0');
    expect(() => new Progress({ steps: 1, epochs: 1.5 })).toThrow(
      'Progress: epochs must be an integer of at least 1, got 1.5',
    );
    expect(() => new Progress({ steps: 1, total: 2 } as never)).toThrow(
      'Progress: unknown option "total"; known are steps, epochs, stream, now',
    );
  });
});
