import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { run as flights, small as smallFlights } from '../../examples/many-outputs/flights.js';
import { run as multiLabel, small as smallMultiLabel } from '../../examples/many-outputs/multi-label.js';
import { run as multiTask, small as smallMultiTask } from '../../examples/many-outputs/multi-task.js';
import { run as ordinal, small as smallOrdinal } from '../../examples/many-outputs/ordinal.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-many-outputs-'));
afterAll(() => rmSync(output, { recursive: true }));
const rest = { output, stream: { write: () => true } };
const timeout = 240_000; // the machine may be busy: each takes a few seconds alone

let picture = '';
afterEach(() => {
  expect(readFileSync(join(output, picture), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
});

test('three tasks share a network, each of which is learned', { timeout }, async () => {
  picture = 'multi-task.svg';
  const { variances, ...reached } = await multiTask({ ...smallMultiTask, ...rest });
  for (const way of ['equal', 'uncertainty', 'surgery'] as const) {
    expect(reached[way]?.digits, way).toBeGreaterThan(20); // by chance 10
    expect(reached[way]?.distance, way).toBeLessThan(1.8); // the distances' own deviation is 2.2
    // Beside three networks of their own, with three times the weights: digits suffer, as they do at full size. Which way is the best is chance there, too.
    expect(reached[way]?.digits, way).toBeGreaterThan(0.5 * reached.alone.digits);
    expect(reached[way]?.distance, way).toBeLessThan(1.2 * reached.alone.distance);
  }
  // The tasks whose errors are larger get less weight: a variance is where its loss is as likely as can be, at twice a cross
  // entropy of digits, and at the square of the error of distances, which is smaller.
  const [left, right, distance] = variances as [number, number, number];
  expect(variances.length).toBe(3);
  expect(Math.min(left, right)).toBeGreaterThan(1.5 * distance);
  expect(distance).toBeGreaterThan(reached.uncertainty.distance ** 2); // which it follows as the error falls
  expect(distance).toBeLessThan(2 * reached.uncertainty.distance ** 2);
});

test('a threshold for each label finds rare ones', { timeout }, async () => {
  picture = 'multi-label.svg';
  const { half, own, always } = await multiLabel({ ...smallMultiLabel, ...rest });
  expect(own.macro).toBeGreaterThan(half.macro + 5);
  expect(half.micro).toBeGreaterThan(always.micro + 10);
  expect(own.micro).toBeGreaterThan(always.micro + 10);
});

test('quantiles of delays, of numbers and airports', { timeout }, async () => {
  picture = 'flights.svg';
  const { constant, plain, network } = (await flights({ ...smallFlights, ...rest })) as Record<
    string,
    { pinball: number; coverage: number; auc: number }
  >;
  expect(network?.pinball).toBeLessThan((constant?.pinball as number) - 0.03);
  expect(network?.pinball).toBeLessThan((plain?.pinball as number) - 0.3);
  expect(Math.abs((network?.coverage as number) - 80)).toBeLessThan(8);
  expect(network?.auc).toBeGreaterThan(60);
});

test('grades', { timeout }, async () => {
  picture = 'ordinal.svg';
  const { corn, number, always } = (await ordinal({ ...smallOrdinal, ...rest })) as Record<
    string,
    { error: number; kappa: number }
  >;
  expect(corn?.error).toBeLessThan(0.75 * (always?.error as number));
  expect(corn?.error).toBeLessThan(number?.error as number);
  expect(corn?.kappa).toBeGreaterThan(0.5);
});
