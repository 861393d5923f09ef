import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Table } from '../../lib/data/table.js';
import { FileError } from '../../lib/errors.js';
import { type TabularOptions, tabular } from '../../lib/train/tabular.js';
import { settingsOf } from '../../lib/train/tabular-settings.js';
import { drawSettings, type TabularTrial } from '../../lib/train/tabular-tune.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-tune-'));
const log = join(folder, 'tune.jsonl');
afterAll(() => rmSync(folder, { recursive: true }));

const table = Table.fromRows(
  Array.from({ length: 120 }, (_, i) => ({ x: Math.sin(i), y: Math.cos(1.3 * i), z: Math.sin(i) * Math.cos(1.3 * i) })),
);

async function tuned(options: Partial<TabularOptions> = {}) {
  const trials: TabularTrial[] = [];
  const onTrial = (trial: TabularTrial) => void trials.push(trial);
  const settings = { hidden: [8], epochs: 3 };
  const model = await tabular(table, {
    target: 'z',
    ensemble: 4,
    tune: 5,
    tuneLog: log,
    settings,
    onTrial,
    ...options,
  });
  return { model, trials: trials.sort((a, b) => a.trial - b.trial) };
}

it('draws sound settings, the same for the same seed', () => {
  const base = settingsOf('tune', {}, { rows: 1000, isNumber: true });
  expect(drawSettings(base, 3, 0)).toEqual(base);
  const drawn = Array.from({ length: 200 }, (_, trial) => drawSettings(base, 3, trial + 1));
  expect(drawn.map((_, trial) => drawSettings(base, 3, trial + 1))).toEqual(drawn);
  for (const settings of drawn) {
    expect(settingsOf('tune', settings, { rows: 1000, isNumber: true })).toEqual(settings);
    expect(settings.lr).toBeGreaterThanOrEqual(0.29 * base.lr);
    expect(settings.lr).toBeLessThanOrEqual(3.01 * base.lr);
  }
  expect(new Set(drawn.map(({ hidden }) => hidden.join())).size).toBe(4);
});

it('trains with the best of the trials, and goes on where a search was interrupted', async () => {
  const whole = await tuned();
  expect(whole.trials.map(({ trial }) => trial)).toEqual([0, 1, 2, 3, 4]);
  const best = [...whole.trials].sort((a, b) => a.loss - b.loss).slice(0, 3);
  const used = whole.model.provenance.members.map(({ settings }) => settings);
  expect(used).toEqual([0, 1, 2, 0].map((i) => best[i]?.settings));

  // The first three trials and a line that was cut off by the end of the process; the losses show which were read.
  const lines = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(5);
  const marked = lines
    .filter(({ trial }) => trial < 3)
    .map((line) => JSON.stringify({ ...line, loss: 1000 + line.trial }));
  writeFileSync(log, `${marked.join('\n')}\n{"key": "x`);
  const rest = await tuned();
  expect(
    readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).trial),
  ).toHaveLength(5);
  expect(rest.trials.map(({ loss }) => loss)).toEqual([
    1000,
    1001,
    1002,
    ...whole.trials.slice(3).map(({ loss }) => loss),
  ]);
});

it('goes on after trials of which the loss was never a number, which are not used', async () => {
  rmSync(log);
  const settings = { hidden: [8], epochs: 2, lr: 1e30 };
  const options = { ensemble: 1, tune: 2, settings };
  await expect(tuned(options)).rejects.toThrow('tabular: the validation loss must be a number');
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).loss)).toEqual([null, null]);
  await expect(tuned(options)).rejects.toThrow('tabular: the validation loss must be a number');
  expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual(lines);
});

it('a log of another search, or a damaged one, is an error', async () => {
  rmSync(log);
  await tuned({ ensemble: 1, tune: 2 });
  await expect(tuned({ seed: 1 })).rejects.toThrow(
    'must be of a search on this table with these options; give another tuneLog',
  );
  writeFileSync(log, 'words\n');
  await expect(tuned()).rejects.toThrow(FileError);
  await expect(tuned({ tuneLog: folder })).rejects.toThrow(FileError);
});
