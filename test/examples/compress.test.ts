import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import * as lenet from '../../examples/compress/lenet.js';
import * as spam from '../../examples/compress/spam-transformer.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-compress-'));
afterAll(() => rmSync(output, { recursive: true }));

const quiet = { output, stream: { write: () => true } };
type Reached = Awaited<ReturnType<typeof lenet.run>>;

/** What holds for each network: the sizes that were asked for, and files of eight bits that are below this share of the first one's. */
function expectSmaller(reached: Reached, picture: string, share: number) {
  const { costs } = reached;
  const of = (name: string) => costs[name] as NonNullable<(typeof costs)[string]>;
  const { weights, bytes } = of('whole');
  expect(of('pruned').weights).toBe(weights - Math.round(0.8 * weights));
  expect(of('clustered').weights).toBe(of('pruned').weights);
  expect(of('student').weights).toBeLessThan(weights / 10);
  for (const name of ['int8-dynamic', 'int8-static', 'int8-trained']) {
    expect(of(name).bytes, name).toBeLessThan(share * bytes);
  }
  expect(readFileSync(join(output, picture), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
}

test('LeNet is made smaller, and hardly worse', { timeout: 240_000 }, async () => {
  const reached = await lenet.run({ ...lenet.small, ...quiet });
  expect(reached.teacher).toBeGreaterThan(85);
  // The student is compared with the whole network, of which it has a tenth: beside the same one without a teacher chance decides, as README.md says.
  for (const key of ['pruned', 'clustered', 'channels', 'dynamic', 'static', 'trained', 'taught'] as const) {
    expect(reached[key], key).toBeGreaterThan(reached.teacher - 2.5);
  }
  expectSmaller(reached, 'compress-lenet.svg', 0.265);
  expect(reached.costs.whole?.weights).toBe(61_470); // without biases
  expect(reached.costs.channels?.weights).toBeLessThan(0.5 * 61_470);
});

test('the spam transformer is made smaller, and hardly worse', { timeout: 240_000 }, async () => {
  const reached = await spam.run({ ...spam.small, ...quiet });
  expect(reached.teacher).toBeGreaterThan(reached.majority + 5);
  for (const key of ['pruned', 'clustered', 'channels', 'dynamic', 'static', 'trained', 'taught'] as const) {
    expect(reached[key], key).toBeGreaterThan(reached.teacher - 5);
    expect(reached[key], key).toBeGreaterThan(reached.majority + 3);
  }
  expectSmaller(reached, 'compress-spam.svg', 0.3);
  const { whole, channels } = reached.costs;
  // Half of the 48 outputs of the one feed-forward part, from 24 numbers and back to as many.
  expect(channels?.weights).toBe(Number(whole?.weights) - 2 * 24 * 24);
});
