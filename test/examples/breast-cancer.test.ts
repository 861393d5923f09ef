// The program of a new user: from a CSV file with missing values to predictions in another process.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const at = (name: string): string => fileURLToPath(new URL(`../../examples/breast-cancer/${name}`, import.meta.url));
const run = (name: string, ...args: string[]): string =>
  execFileSync(process.execPath, [at(name), ...args], { encoding: 'utf8' });

it('trains, evaluates, saves and predicts in at most 15 lines', () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-breast-cancer-'));
  try {
    const model = join(folder, 'model.safetensors');
    const [, auc, f1] = /^AUC (\S+), F1 (\S+) on 143 rows\n$/.exec(run('train.js', model)) ?? [];
    expect(Number(auc)).toBeGreaterThan(0.97);
    expect(Number(f1)).toBeGreaterThan(0.9);
    const csv = at('breast-cancer.csv');
    const truth = readFileSync(csv, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.slice(line.lastIndexOf(',') + 1));
    const predicted = run('predict.js', model, csv).trim().split('\n');
    const right = predicted.filter((label, i) => label === truth[i]).length / truth.length;
    expect([predicted.length, right > 0.94]).toEqual([569, true]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const lines = ['train.js', 'predict.js'].flatMap((name) => readFileSync(at(name), 'utf8').split('\n'));
  expect(lines.filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(15);
}, 120_000);
