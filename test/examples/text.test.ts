import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile, io, manualSeed, nn, noGrad, optim, randint, type Tensor, tensor } from 'adjoint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeInputs, encodeOutputs, inputLength, makeDates, outputLength } from '../../examples/dates/data.js';
import { DateTranslator } from '../../examples/dates/model.js';
import { run as dates, small as smallDates } from '../../examples/dates/train.js';
import { CharacterGPT } from '../../examples/moby-dick-gpt/model.js';
import { run as gpt, small as smallGPT } from '../../examples/moby-dick-gpt/train.js';
import { CharacterLSTM } from '../../examples/moby-dick-lstm/model.js';
import { run as lstm, small as smallLSTM } from '../../examples/moby-dick-lstm/train.js';
import { draw, mobyDick } from '../../examples/shared/moby-dick.js';
import { plainText, readMail } from '../../examples/spam/mail.js';
import { SpamGRU } from '../../examples/spam/model.js';
import { small as smallSpam, run as spam } from '../../examples/spam/train.js';
import { SpamTransformer } from '../../examples/spam-transformer/model.js';
import { small as smallTransformer, run as spamTransformer } from '../../examples/spam-transformer/train.js';

// The machine may be busy: each takes a few seconds alone.
const patience = 240_000;

let output = '';
const quiet = { write: () => true };
beforeAll(() => {
  output = mkdtempSync(join(tmpdir(), 'adjoint-examples-'));
});
afterAll(() => rmSync(output, { recursive: true }));

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** What every example leaves: weights that load, a picture, and losses that have fallen. */
function expectLearnt(name: string, losses: number[], share: number): void {
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(mean(losses.slice(-10))).toBeLessThan(share * mean(losses.slice(0, 10)));
  expect(io.load(join(output, `${name}.safetensors`)).size).toBeGreaterThan(2);
  expect(readFileSync(join(output, `${name}.svg`), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
}

describe('the small versions of the text examples learn', () => {
  test('spam', { timeout: patience }, async () => {
    const { losses, score } = await spam({ ...smallSpam, output, stream: quiet });
    expectLearnt('spam', losses, 0.8);
    expect(score.predictions.length).toBe(160);
    expect(score.accuracy).toBeGreaterThan(85); // three quarters are no spam
    expect(score.f1).toBeGreaterThan(60);
  });

  test('spam-transformer', { timeout: patience }, async () => {
    const { losses, score } = await spamTransformer({ ...smallTransformer, output, stream: quiet });
    expectLearnt('spam-transformer', losses, 0.8);
    expect(score.accuracy).toBeGreaterThan(80);
    expect(score.f1).toBeGreaterThan(50);
  });

  test('moby-dick-gpt', { timeout: patience }, async () => {
    const { losses, nats, sample } = await gpt({ ...smallGPT, output, stream: quiet });
    expectLearnt('moby-dick-gpt', losses, 0.8);
    expect(nats).toBeLessThan(2.7); // 3.9 for a blind guess, 2.9 by the frequencies of characters
    expect(sample.startsWith('The whale ')).toBe(true);
  });

  test('moby-dick-lstm', { timeout: patience }, async () => {
    const { losses, nats, sample } = await lstm({ ...smallLSTM, output, stream: quiet });
    expectLearnt('moby-dick-lstm', losses, 0.8);
    expect(nats).toBeLessThan(2.5);
    expect(sample.length).toBeGreaterThan(800);
  });

  test('dates', { timeout: patience }, async () => {
    const { losses, exact } = await dates({ ...smallDates, output, stream: quiet });
    expectLearnt('dates', losses, 0.1);
    expect(exact).toBeGreaterThan(75);
  });
});

/** Trains a model for some steps, and returns the bits of the losses and of all weights. */
async function bits(
  isCompiled: boolean,
  model: nn.Module,
  lossOf: (...inputs: Tensor[]) => Tensor,
  batches: Tensor[][],
): Promise<number[]> {
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-2 });
  const step = (...inputs: Tensor[]): Tensor => {
    const loss = lossOf(...inputs);
    optimizer.zeroGrad();
    loss.backward();
    nn.utils.clipGradNorm_(model.parameters(), 1);
    optimizer.step();
    return loss;
  };
  const losses: number[] = [];
  const compiled = compile(step);
  for (const batch of batches) losses.push((isCompiled ? await compiled(...batch) : step(...batch)).item());
  return [...losses, ...model.parameters().flatMap((p) => [...p.toTypedArray()])];
}

describe("the examples' models, eager and compiled, agree bit for bit", () => {
  const ids = (high: number, shape: number[]) => randint(1, high, shape);
  const mails = () => {
    const lengths = Int32Array.from([12, 5, 1, 12]);
    const words = Int32Array.from({ length: 48 }, (_, i) => (i % 12 < (lengths[Math.floor(i / 12)] ?? 0) ? 2 + i : 0));
    return [tensor(words, { shape: [4, 12] }), tensor(lengths), tensor([1, 0, 0, 1])];
  };
  const classify =
    (model: SpamGRU | SpamTransformer) =>
    (words?: Tensor, lengths?: Tensor, labels?: Tensor): Tensor =>
      nn.functional.binaryCrossEntropyWithLogits(model.forward(words as Tensor, lengths as Tensor), labels as Tensor);
  const flat = (scores: Tensor, target: Tensor) =>
    nn.functional.crossEntropy(scores.reshape([-1, scores.shape.at(-1) as number]), target.reshape([-1]));
  const cases: Record<string, () => [nn.Module, (...inputs: Tensor[]) => Tensor, () => Tensor[]]> = {
    SpamGRU: () => {
      const model = new SpamGRU(60, { width: 8, hidden: 8 });
      return [model, classify(model), mails];
    },
    SpamTransformer: () => {
      const model = new SpamTransformer(60, { width: 16, heads: 2 });
      return [model, classify(model), mails];
    },
    CharacterGPT: () => {
      const model = new CharacterGPT(20, { context: 12, width: 16, layers: 2, heads: 2, dropout: 0.1 });
      return [
        model,
        (x, y) => flat(model.forward(x as Tensor), y as Tensor),
        () => [ids(20, [3, 12]), ids(20, [3, 12])],
      ];
    },
    CharacterLSTM: () => {
      const model = new CharacterLSTM(20, { width: 8, hidden: 12, layers: 2, dropout: 0.2 });
      const state = model.start(3);
      const loss = (x?: Tensor, y?: Tensor) => flat(model.forward(x as Tensor, state)[0], y as Tensor);
      return [model, loss, () => [ids(20, [3, 10]), ids(20, [3, 10])]];
    },
    DateTranslator: () => {
      const model = new DateTranslator(20, { width: 8, hidden: 12 });
      const loss = (x?: Tensor, y?: Tensor) => flat(model.forward(x as Tensor, y as Tensor), y as Tensor);
      return [model, loss, () => [ids(20, [3, 9]), ids(12, [3, 10])]];
    },
  };
  test.each(Object.keys(cases))('%s', async (name) => {
    const both: number[][] = [];
    for (const isCompiled of [false, true]) {
      manualSeed(3);
      const [model, loss, batch] = (cases[name] as () => [nn.Module, (...i: Tensor[]) => Tensor, () => Tensor[]])();
      const batches = [batch(), batch(), batch(), batch()];
      both.push(await bits(isCompiled, model, loss, batches));
    }
    expect(both[1]).toEqual(both[0]);
  });
});

describe('what the examples are made of', () => {
  test('a mail: its parts, decoded; tags, links, numbers and comments', () => {
    const encoded = Buffer.from('<a href="http://x">Buy</a> V<!-- no -->iagra now').toString('base64');
    const text = [
      ...['From: a@b.c', 'Subject: Hello', '\tthere', 'Content-Type: multipart/mixed; boundary="xx"', '', 'nothing'],
      ...['--xx', 'Content-Type: text/plain', 'Content-Transfer-Encoding: quoted-printable', '', 'only =245=', '00!'],
      ...['--xx', 'Content-Type: image/gif', 'Content-Transfer-Encoding: base64', '', 'R0lGODlh'],
      ...['--xx', 'Content-Type: text/html', 'Content-Transfer-Encoding: base64', '', encoded, '--xx--'],
    ].join('\n');
    const { subject, envelope, words } = readMail(text);
    expect(subject).toBe('Hello there');
    expect(envelope).toEqual(['from:a', 'from:at', 'from:b', 'from:c', 'subject:hello', 'subject:there']);
    expect(words).toEqual(['only', '$', '000', '!', '<a', 'buy', 'viagra', 'now']);
    expect(plainText(text)).toBe('a at b c\nHello there\nonly $0!\nurl Buy Viagra now');
  });

  test('a mail as sentences: links, addresses, pictures and lines of signs are short, other tags and entities are gone', () => {
    const body =
      '-------- Tom &amp; <tom@b.c> said:\n\n\n<p class="x">See <IMG src="a.gif"> at https://a.b/c?d=1, 10&nbsp;&#36;</p>';
    expect(plainText(`Subject: So\nContent-Type: text/html\n\n${body}`)).toBe(
      'So\n--- Tom & < address > said:\nSee image at url 0 $',
    );
  });

  test('dates: held-out days never occur in training, all fit, the same seed gives the same', () => {
    const make = () => {
      let state = 1;
      return makeDates({ seen: 3000, held: 500 }, () => {
        state = (state * 16807) % 2147483647;
        return state / 2147483647;
      });
    };
    const { seen, held } = make();
    const days = new Set(seen.map(({ iso }) => iso));
    expect(held.some(({ iso }) => days.has(iso))).toBe(false);
    expect(encodeInputs(seen.map(({ written }) => written)).length).toBe(3000 * inputLength);
    expect(encodeOutputs(seen.map(({ iso }) => iso)).length).toBe(3000 * outputLength);
    expect(make()).toEqual({ seen, held });
  });

  test('Moby Dick: chapters of both parts, an alphabet that spells them', () => {
    const { alphabet, seen, held } = mobyDick();
    expect(alphabet.decode(seen.slice(0, 44))).toBe('CHAPTER 1. Loomings.\n\nCall me Ishmael. Some ');
    expect(alphabet.decode(held.slice(0, 10))).toBe('CHAPTER 10');
    expect(held.length / seen.length).toBeCloseTo(0.084, 2);
    expect(held.filter((id) => id === 0).length).toBeLessThan(100);
  });

  test('draw follows the probabilities, and never takes the unknown character', () => {
    const scores = [9, Math.log(1), Math.log(3)];
    expect([0, 0.24, 0.26, 0.99].map((random) => draw(scores, 1, random))).toEqual([1, 1, 2, 2]);
    expect(draw(scores, 0.01, 0.01)).toBe(2);
  });

  test('the GPT writes with its cache what it writes without', () => {
    manualSeed(1);
    const model = new CharacterGPT(9, { context: 8, width: 16, layers: 2, heads: 2 });
    model.eval();
    const beginning = Int32Array.of(1, 2, 3);
    const text = model.generate(beginning, 5, { temperature: 1e-3 });
    const slow = [...beginning];
    for (let i = 0; i < 5; i++) {
      const scores = noGrad(() => model.forward(tensor([slow], { dtype: 'int32' })));
      slow.push(1 + scores.slice({ dim: 1, start: -1 }).reshape([-1]).slice({ start: 1 }).argmax().item());
    }
    expect(text).toEqual(slow);
    expect(model.generate(beginning, 20).length).toBe(23); // beyond its context
  });

  test('every example can be started by its name', () => {
    const script = fileURLToPath(new URL('../../scripts/example.mjs', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [script, 'nothing'], { encoding: 'utf8' });
    expect(status).toBe(1);
    for (const name of ['dates', 'moby-dick-gpt', 'moby-dick-lstm', 'spam', 'spam-transformer']) {
      expect(stderr).toContain(`${name}, `);
    }
    expect(stderr).toContain('got nothing');
  });
});
