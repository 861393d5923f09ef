import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualSeed, rand, tensor } from 'adjoint';
import { afterAll, expect, test } from 'vitest';
import { imagesOf, MaskedAutoencoder, patchesOf } from '../../examples/self-supervision/masked.js';
import { linearProbe } from '../../examples/self-supervision/probe.js';
import { run, small } from '../../examples/self-supervision/train.js';
import { withClothes } from '../support/clothes.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-self-supervision-'));
afterAll(() => rmSync(output, { recursive: true }));
const stream = { write: () => true };

test('patches are squares of the image, and come together again', () => {
  manualSeed(1);
  const images = rand([2, 1, 28, 28]);
  const patches = patchesOf(images);
  expect(patches.shape).toEqual([2, 16, 49]);
  const pixels = images.toTypedArray();
  // Patch 6 is in the second row and third column; its pixel 9 in its second row and third column.
  expect(patches.toTypedArray()[(16 + 6) * 49 + 9]).toBe(pixels[784 + (7 + 1) * 28 + 14 + 2]);
  expect(Array.from(imagesOf(patches).toTypedArray())).toEqual(Array.from(pixels));
});

test('what is hidden has no influence on what is drawn', () => {
  manualSeed(2);
  const model = new MaskedAutoencoder().eval();
  const images = rand([3, 1, 28, 28]);
  manualSeed(3);
  const { drawn, isHidden } = model.draw(images);
  expect(isHidden.sum({ dim: 1 }).toArray()).toEqual([[11], [11], [11]]);
  const draw = (change: number, where: 'hidden' | 'seen') => {
    const place = where === 'hidden' ? isHidden : isHidden.neg().add(1);
    const changed = imagesOf(patchesOf(images).add(place.mul(change))).reshape([3, 1, 28, 28]);
    manualSeed(3); // hides the same patches
    return model.draw(changed).drawn.sub(drawn).abs().max().item();
  };
  expect(draw(1, 'hidden')).toBe(0);
  expect(draw(1, 'seen')).toBeGreaterThan(1e-3);
});

test('a linear layer finds what is linear in the features', () => {
  manualSeed(4);
  const part = (count: number) => {
    const images = rand([count, 3]);
    return { images, labels: tensor(Int32Array.from(argmaxes(images.toArray() as number[][]))) };
  };
  const [labelled, unseen] = [part(300), part(200)];
  expect(linearProbe((x) => x.mul(5).add(2), labelled, unseen)).toBeGreaterThan(95);
});

const argmaxes = (rows: number[][]) => rows.map((row) => row.indexOf(Math.max(...row)));

withClothes(
  'features that were learned without labels are worth more than those of random weights, and than the labels alone',
  {
    timeout: 240_000,
  },
  async () => {
    const reached = await run({ ...small, output, stream });
    expect(reached.contrast).toBeGreaterThan((reached.contrastUntrained as number) + 2);
    expect(reached.masked).toBeGreaterThan(reached.maskedUntrained as number);
    expect(reached.contrast).toBeGreaterThan((reached.contrastScratch as number) + 2);
    expect(reached.masked).toBeGreaterThan(reached.maskedScratch as number);
    expect(readFileSync(join(output, 'self-supervision.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
  },
);
