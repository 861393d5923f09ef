import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { data, FileError, nn, optim, randn, type Tensor, tensor, train } from '../../lib/index.js';
import { decodeEvent, encode } from '../../lib/train/record.js';
import { smooth } from '../../lib/train/report-curves.js';
import { calibrationOf, rocOf } from '../../lib/train/run-classes.js';
import { histogramOf } from '../../lib/train/run-log.js';
import { RunReader } from '../../lib/train/run-reader.js';
import { Browser, chromium, needed } from '../support/browser.js';
import { recordRun } from '../support/runs.js';

const evil = '<script>document.title = "hacked"</script>&"\'';
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'adjoint-runs-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (name: string) => new RunReader('report', join(folder, name)).run;

describe('a record', () => {
  it('is read as it was written', () => {
    const log = recordRun(join(folder, 'whole', 'a'), 'a', { lr: 0.1 });
    const run = read('whole/a');
    expect(run.name).toBe('a');
    expect(run.configuration).toEqual({ lr: 0.1 });
    expect(run.environment).toMatchObject({ node: process.version });
    expect(run.step.get('loss')?.y).toEqual(Array.from({ length: 1000 }, (_, i) => 1 / (i + 1)));
    expect(run.validate.get('validation.loss')?.x).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
    expect(run.classes?.confusion).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 1, 1],
    ]);
    // Of each title the newest pictures.
    const of = (width: number, height: number, caption = '', marked = false) => ({ width, height, caption, marked });
    const shown = Array.from(run.pictures.values(), ({ title, columns, size, pictures }) => {
      return [title, columns, size, pictures.map(({ image: _, ...rest }) => rest)];
    });
    expect(shown).toEqual([
      ['Filters', 2, 40, [of(2, 2, 'of a'), of(1, 3, '', true), of(1, 3)]],
      ['', 10, 84, [of(1, 3)]],
    ]);
    expect(Object.keys(run.gradients?.tensors ?? {})).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(run.end).toBe(undefined);
    log.onEnd({ result: { stopped: 'signal', reason: 'SIGINT' } });
    expect(read('whole/a').end).toBe('signal: SIGINT');
  });

  it('is what train.fit tells', async () => {
    const model = nn.sequential(new nn.Linear(3, 1));
    const x = randn([32, 3]);
    const dataset = new data.TensorDataset(x, x.sum(1, { keepDim: true }));
    const loader = new data.DataLoader(dataset, { batchSize: 8 });
    const log: train.Callback = new train.RunLog(join(folder, 'fit'));
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const { history } = await train.fit(model, {
      ...{ data: loader, loss: nn.functional.mseLoss, optimizer, epochs: 3, validate: loader, callbacks: [log] },
    });
    const run = read('fit');
    expect(run.end).toBe('completed: all epochs were made');
    expect(run.at).toMatchObject({ epoch: 3, step: 12 });
    expect(run.epoch.get('loss')?.y).toEqual(history.map(({ values }) => values.loss));
    expect(run.validate.get('validation.loss')?.y).toEqual(history.map(({ values }) => values['validation.loss']));
    expect(await train.report(join(folder, 'fit'))).toBe(join(folder, 'fit', 'report.html'));
  });

  it('keeps what is not finite', () => {
    const log = new train.RunLog(join(folder, 'odd'));
    const values = { a: Number.NaN, b: Number.POSITIVE_INFINITY, c: Number.NEGATIVE_INFINITY };
    log.onStep({ epoch: 1, step: 1, values });
    const run = read('odd');
    expect(Object.keys(values).map((name) => run.step.get(name)?.y[0])).toEqual(Object.values(values));
    expect(run.name).toBe('odd');
  });

  it('forgets what came after the step from which a training goes on', () => {
    const log = new train.RunLog(join(folder, 'resumed'));
    for (const step of [1, 2, 3, 4]) log.onStep({ epoch: 1, step, values: { loss: step } });
    const again = new train.RunLog(join(folder, 'resumed'));
    again.onStart({ epoch: 0, step: 2 });
    again.onStep({ epoch: 1, step: 3, values: { loss: 30 } });
    expect(read('resumed').step.get('loss')).toEqual({ x: [1, 2, 3], y: [1, 2, 30] });
  });

  it('may end in the middle of a line, and is followed', () => {
    const log = new train.RunLog(join(folder, 'grows'));
    log.onStep({ epoch: 1, step: 1, values: { loss: 1 } });
    const path = join(folder, 'grows', 'events.jsonl');
    const line = readFileSync(path);
    const reader = new RunReader('report', join(folder, 'grows'));
    expect(reader.update()).toBe(false);
    appendFileSync(path, line.subarray(0, 20));
    expect(reader.update()).toBe(false);
    appendFileSync(path, line.subarray(20));
    expect(reader.update()).toBe(true);
    expect(reader.run.step.get('loss')?.y).toEqual([1, 1]);
  });

  it('of many steps takes little memory', { timeout: 120_000 }, () => {
    const log = new train.RunLog(join(folder, 'long'));
    log.onStart({ epoch: 0, step: 0 });
    const lines = Array.from({ length: 50_000 }, (_, i) =>
      encode({ type: 'step', epoch: 1, step: i + 1, time: 1, values: { loss: i } }),
    );
    appendFileSync(join(folder, 'long', 'events.jsonl'), `${lines.join('\n')}\n`);
    const { x = [], y = [] } = read('long').step.get('loss') ?? {};
    expect(x.length).toBeLessThanOrEqual(20_000);
    expect(y.every((v, i) => Math.abs(v - ((x[i] as number) - 1)) < 1e-6)).toBe(true); // means lie on the same line
    expect(x.at(-1)).toBeGreaterThan(49_000);
  });
});

it('probabilities may be rounded, and scores are refused', () => {
  const log = new train.RunLog(join(folder, 'rounded'));
  const record = (p: number) =>
    log.recordClasses({
      classes: ['a', 'b'],
      target: tensor([0], { dtype: 'int32' }),
      probabilities: tensor([[p, 0]]),
    });
  record(1.000001);
  expect(read('rounded').classes?.calibration.x).toEqual([1]);
  for (const p of [2, -1, Number.NaN]) {
    expect(() => record(p)).toThrow(`recordClasses: probabilities must be from 0 to 1, got ${p}; apply softmax`);
  }
});

describe('a damaged record', () => {
  const good = { type: 'step', epoch: 1, step: 1, time: 1, values: { loss: 1 } };
  const picture = { image: 'aaaa', width: 1, height: 1, caption: '', marked: false };
  const sample = { target: 'a', prediction: 'b', isWrong: true };
  it.each([
    ['no JSON', '{', 'must be JSON'],
    ['a list', '[]', 'must be an object'],
    ['no type', '{}', 'type: must be a text'],
    ['a step that is no number', encode({ ...good, step: 'x' }), 'step: step: must be an integer of at least 0'],
    ['a value that is no number', encode({ ...good, values: { loss: '1' } }), 'values: loss: must be a number'],
    [
      'a picture that is markup',
      encode({ ...good, type: 'samples', samples: [{ ...sample, image: '"><script>' }] }),
      'image: must be base64',
    ],
    [
      'a picture that is a page',
      encode({
        ...good,
        type: 'pictures',
        title: '',
        columns: 1,
        size: 84,
        pictures: [{ ...picture, image: '"/><a' }],
      }),
      'pictures: image: must be base64',
    ],
    [
      'pictures without columns',
      encode({ ...good, type: 'pictures', title: '', columns: 0, size: 84, pictures: [picture] }),
      'columns: must be an integer of at least 1',
    ],
    [
      'a list that is too long',
      encode({ ...good, type: 'samples', samples: Array(10_001).fill(sample) }),
      'at most 10000',
    ],
  ])('%s is an error that names the line', (_, line, message) => {
    const place = join(folder, 'damaged');
    rmSync(place, { recursive: true, force: true });
    new train.RunLog(place);
    writeFileSync(join(place, 'events.jsonl'), `${encode(good)}\n${line}\n`);
    expect(() => new RunReader('report', place)).toThrow(FileError);
    expect(() => new RunReader('report', place)).toThrow(message);
    expect(() => new RunReader('report', place)).toThrow('line 2');
  });

  it('events of later kinds are passed over', () => {
    expect(decodeEvent('{"type":"video"}')).toBe(undefined);
    expect(decodeEvent('{"type":"__proto__"}')).toBe(undefined);
  });

  it('a header of a later version is an error', async () => {
    const place = join(folder, 'later');
    mkdirSync(place);
    writeFileSync(
      join(place, 'run.json'),
      encode({ version: 2, name: '', started: '', configuration: {}, environment: {} }),
    );
    await expect(train.report(place)).rejects.toThrow('must be of version 1, got 2');
    await expect(train.report(join(folder, 'none'))).rejects.toThrow(FileError);
  });

  it('is passed over in comparisons', async () => {
    recordRun(join(folder, 'beside', 'a'), 'a');
    mkdirSync(join(folder, 'beside', 'b'));
    writeFileSync(join(folder, 'beside', 'b', 'run.json'), 'no JSON');
    expect(readFileSync(await train.report(join(folder, 'beside', 'a')), 'utf8')).not.toContain('Comparison');
  });
});

describe('what a report computes', () => {
  it('ROC curves: the area is the share of pairs in the right order, half of those that are equal', () => {
    const scores = Array.from({ length: 60 }, (_, i) => Math.round(10 * Math.abs(Math.sin(i * i))) / 10); // with ties
    const isTrue = scores.map((score, i) => (score + Math.cos(i)) / 2 > 0.4);
    let [right, pairs] = [0, 0];
    scores.forEach((a, i) => {
      scores.forEach((b, j) => {
        if (!isTrue[i] || isTrue[j]) return;
        pairs++;
        right += a > b ? 1 : a === b ? 0.5 : 0;
      });
    });
    const { x, y, auc } = rocOf(isTrue, scores);
    expect(auc).toBeCloseTo(right / pairs, 12);
    expect([x[0], y[0], x.at(-1), y.at(-1)]).toEqual([0, 0, 1, 1]);
    expect(rocOf([true, true], [1, 2]).auc).toBeNaN();
  });

  it('calibration: by hand', () => {
    const { x, y, counts, error } = calibrationOf([true, false, true], [0.95, 0.97, 0.55]);
    expect(counts).toEqual([1, 2]);
    expect(x).toEqual([0.55, expect.closeTo(0.96, 12)]);
    expect(y).toEqual([1, 0.5]);
    expect(error).toBeCloseTo((1 / 3) * 0.45 + (2 / 3) * 0.46, 12);
  });

  it('histograms count every finite value once', () => {
    const values = Array.from({ length: 500 }, (_, i) => Math.sin(i)).concat(Number.NaN, Number.POSITIVE_INFINITY);
    const { low, high, counts } = histogramOf(values);
    expect(counts.reduce((a, b) => a + b)).toBe(500);
    const width = (high - low) / 40;
    expect(counts[3]).toBe(values.filter((v) => v >= low + 3 * width && v < low + 4 * width).length);
    expect(histogramOf([2, 2]).counts.reduce((a, b) => a + b)).toBe(2);
    expect(histogramOf([]).counts.every((count) => count === 0)).toBe(true);
  });

  it('smoothing leaves a constant as it is, and gaps', () => {
    expect(smooth([3, 3, Number.NaN, 3])).toEqual(
      [3, 3, Number.NaN, 3].map((v) => (v === 3 ? expect.closeTo(3, 12) : v)),
    );
  });
});

describe('permutationImportance', () => {
  const names = ['a', 'b', 'c'];
  it('of a linear model is twice the squared weight times the variance, and 0 of what is not used', async () => {
    const x = randn([4000, 3]);
    const weights = tensor([3, 1, 0]);
    const y = x.matmul(weights.reshape([3, 1]));
    const metric = (p: Tensor, target: Tensor) => -nn.functional.mseLoss(p, target).item();
    const predict = (input: Tensor) => input.matmul(weights.reshape([3, 1]));
    const result = await train.permutationImportance(predict, { x, y, names }, metric, { nRepeats: 8 });
    const [a, b, c] = result.importancesMean as [number, number, number];
    expect(Math.abs(a / 18 - 1)).toBeLessThan(0.1);
    expect(Math.abs(b / 2 - 1)).toBeLessThan(0.1);
    expect(c).toBe(0);
    expect(result.importances.map((list) => list.length)).toEqual([8, 8, 8]);
    const again = await train.permutationImportance(predict, { x, y }, metric, { nRepeats: 8 });
    expect(again.importances).toEqual(result.importances);
    expect(again.names).toEqual(['0', '1', '2']);
  });

  it('refuses other shapes, names and metrics', async () => {
    const [x, y] = [randn([4, 2]), randn([4])];
    const call = (given: object, metric: () => unknown = () => 1) =>
      train.permutationImportance((t) => t, { x, y, ...given }, metric as () => number);
    await expect(call({ x: y })).rejects.toThrow('x must be [n, features], got x [4]');
    await expect(call({ names: ['a'] })).rejects.toThrow('names must be one for each column, got 1 for 2 columns');
    await expect(call({}, () => 'x')).rejects.toThrow('metric must give a number, got "x"');
  });
});

describe.skipIf(!chromium)(`a report in Chromium${needed}`, { timeout: 180_000 }, () => {
  let browser: Browser;
  let path = '';
  beforeAll(async () => {
    const place = join(folder, 'pages');
    recordRun(join(place, 'first'), 'first', { lr: 0.1, seed: 1 });
    recordRun(join(place, 'evil'), evil, { lr: 0.2, seed: 1, note: evil });
    path = await train.report(join(place, 'evil'));
    browser = new Browser();
  });
  afterAll(() => browser.close());

  test.each([
    ['light', false],
    ['dark', true],
  ])('is whole and %s, needs no script and no network', async (name, dark) => {
    const page = await browser.page({ dark, scripts: false });
    await page.open(pathToFileURL(path).href);
    await page.screenshot(`report-${name}`);
    expect(page.requests.filter((url) => !url.startsWith('data:')).length).toBe(1);
    expect(page.complaints).toEqual([]);
    const colour = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(colour).toBe(dark ? 'rgb(13, 17, 23)' : 'rgb(255, 255, 255)');
    const curve = await page.evaluate(`getComputedStyle(document.querySelector('svg path[stroke="#0072b2"]')).stroke`);
    expect(curve).toBe(dark ? 'rgb(88, 176, 240)' : 'rgb(0, 114, 178)');
  });

  it('has every section, and the texts as texts', async () => {
    const page = await browser.page();
    await page.open(pathToFileURL(path).href);
    const headings = `[...document.querySelectorAll('h2')].map((h) => h.textContent)`;
    expect(await page.evaluate(headings)).toEqual([
      'Curves',
      'Classes',
      'Importance of features',
      'Predictions',
      'Worst errors',
      'Pictures',
      'Weights',
      'Gradients',
      'Comparison',
      'Configuration',
      'Environment',
    ]);
    expect(await page.evaluate('document.querySelector("h1").textContent')).toBe(evil);
    expect(await page.evaluate('document.title')).toBe(evil);
    expect(await page.evaluate('document.scripts.length')).toBe(0);
    const drawn = `[...document.querySelectorAll('#pictures svg')].map((svg) => [svg.getAttribute('aria-label'),
      [...svg.querySelectorAll('image')].map((image) => image.getBoundingClientRect().height),
      [...svg.querySelectorAll('text')].map((text) => text.textContent)])`;
    expect(await page.evaluate(drawn)).toEqual([
      ['Filters', [40, 120, 120], ['Filters', expect.stringContaining('of <script>'), '', '']],
      ['', [252], ['']],
    ]);
    expect(await page.evaluate('document.querySelectorAll("[style], style").length')).toBe(1);
    const cell = `[...document.querySelectorAll('#curves tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))`;
    expect(await page.evaluate(cell)).toEqual([
      ['loss', '0.001', '0.001', '1000', '1', '1'],
      ['loss, validation', '0.002', '0.002', '1000', '0.02', '100'],
      ['lr', '0', '0', '1000', '0.999', '1'],
    ]);
    const compared = `[...document.querySelectorAll('#comparison tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))`;
    const [first, second] = (await page.evaluate(compared)) as string[][];
    expect(first?.slice(-3)).toEqual(['0.002', '0.1', '']);
    expect(second?.slice(-3)).toEqual(['0.002', '0.2', JSON.stringify(evil)]);
    const ids = `[...document.querySelectorAll('[id]')].map((e) => e.id)`;
    const all = (await page.evaluate(ids)) as string[];
    expect(new Set(all).size).toBe(all.length);
    // Nothing is wider than the page, also on a telephone.
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    const small = await browser.page({ width: 380 });
    await small.open(pathToFileURL(path).href);
    expect(await small.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(380);
    await small.screenshot('report-narrow');
  });

  it('runs no script that a name smuggles in, by its policy alone', async () => {
    const bad = path.replace('report.html', 'bad.html');
    writeFileSync(bad, readFileSync(path, 'utf8').replace('</main>', `${evil}<img src="http://127.0.0.1:9/x"></main>`));
    const page = await browser.page();
    await page.open(pathToFileURL(bad).href);
    expect(await page.evaluate('document.title')).toBe(evil);
    expect(page.complaints.join()).toContain('Content Security Policy');
  });

  it('is reached by the keyboard', async () => {
    const page = await browser.page();
    await page.open(pathToFileURL(path).href);
    const focused = 'document.activeElement.textContent';
    await page.press('Tab');
    expect(await page.evaluate(focused)).toBe('To the content');
    await page.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
    const reached: string[] = [];
    for (let i = 0; i < 8; i++) {
      await page.press('Tab');
      reached.push((await page.evaluate('document.activeElement.getAttribute("aria-label") ?? ""')) as string);
    }
    expect(reached).toContain('Values');
  });
});
