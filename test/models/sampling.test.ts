// The choice of the next token against transformers' processors, and by chi-squared.
import { describe, expect, it } from 'vitest';
import { ArgumentError, Generator, models, nn } from '../../lib/index.js';
import { chooseToken, processScores } from '../../lib/models/sampling.js';
import { expectNumbers, type Golden, readGolden } from '../support/golden.js';
import { uniform } from '../support/seeded.js';

interface Processed {
  options: { repetitionPenalty?: number; temperature?: number; topK?: number; topP?: number };
  scale: number;
  before: number[];
  y: Golden;
}

const { processed } = readGolden<{ processed: Processed[] }>('language_models');
const plain = { temperature: 1, topK: null, topP: 1, repetitionPenalty: 1 };

describe("scores are processed as by transformers' processors", () => {
  it.each(processed.map((row) => [JSON.stringify(row.options), row.scale, row] as const))(
    '%s, ±%i',
    (_, scale, row) => {
      const scores = Float32Array.from(
        uniform(`scores ${scale}`, 50),
        (u) => Math.fround(Math.fround(u) - 0.5) * scale,
      );
      const got = processScores(scores, row.before, { ...plain, ...row.options });
      expectNumbers(Array.from(got), row.y.data, 'float32');
    },
  );
});

it('tokens are drawn by their probabilities', () => {
  const scores = Float32Array.from([0.1, 0.2, 0.3, 0.4], Math.log);
  const generator = new Generator(7);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 4000; i++) (counts[chooseToken(scores, 1, generator)] as number)++;
  const chi = counts.reduce((sum, n, i) => sum + (n - 400 * (i + 1)) ** 2 / (400 * (i + 1)), 0);
  expect(chi).toBeLessThan(16.3); // 1 in 1,000
  expect(chooseToken(Float32Array.of(-Infinity, -1, -Infinity), 1, generator)).toBe(1);
  expect(chooseToken(Float32Array.of(2, 3, 3), 0, generator)).toBe(1);
});

describe('generate', () => {
  const model = new models.GPT2LMHeadModel({ vocabSize: 30, nPositions: 24, nEmbd: 8, nLayer: 1, nHead: 2 }).eval();

  it('is repeated by its seed, and follows topK 1', async () => {
    const write = (seed: number) => models.generate(model, [1, 2], { maxNewTokens: 12, temperature: 3, seed });
    const [a, b, c] = [await write(1), await write(1), await write(2)];
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
    expect(await models.generate(model, [1, 2], { topK: 1 })).toEqual(await models.generate(model, [1, 2]));
  });

  it('ends at a token, at one of several, by a function, and by a signal', async () => {
    const options = { maxNewTokens: 20, temperature: 3, seed: 5 };
    const all = await models.generate(model, [1], options);
    const [third] = all.slice(2);
    const end = all.indexOf(third as number) + 1;
    for (const stop of [third as number, [29 + 1, third as number]]) {
      expect(await models.generate(model, [1], { ...options, stop })).toEqual(all.slice(0, end));
    }
    expect(await models.generate(model, [1], { ...options, stop: (w) => w.length === 4 })).toEqual(all.slice(0, 4));
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(models.generate(model, [1], { ...options, signal: aborted })).rejects.toThrow('enough');
  });

  it('lets timers run between two tokens', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    for await (const _ of models.generateStream(model, [1], { maxNewTokens: 20 }))
      await new Promise((r) => setTimeout(r, 2));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  it.each([
    [{ maxNewTokens: 24 }, 'generateStream: ids and maxNewTokens must be at most 24 together, got 1 + 24'],
    [{ temperature: -1 }, 'generateStream: temperature must be a finite number of at least 0, got -1'],
    [{ topP: 2 }, 'generateStream: topP must be a finite number of at least 0 and at most 1, got 2'],
    [{ topK: 0 }, 'generateStream: topK must be an integer of at least 1, got 0'],
    [{ generator: new Generator(1), seed: 1 }, 'generateStream: generator and seed must not both be given'],
  ])('%o is refused', (options, message) => {
    expect(() => models.generateStream(model, [1], options)).toThrow(new ArgumentError(message));
  });

  it('refuses empty ids and other models', async () => {
    expect(() => models.generateStream(model, [])).toThrow('ids must be a list of at least one token');
    await expect(models.generate(new nn.Linear(2, 2) as never, [1])).rejects.toThrow('model must score the next token');
  });
});
