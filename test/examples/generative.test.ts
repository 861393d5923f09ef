// Each model that makes samples, small, against what needs no training.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import * as autoencoder from '../../examples/generative/autoencoder.js';
import * as diffusion from '../../examples/generative/diffusion.js';
import * as flow from '../../examples/generative/flow.js';
import * as gan from '../../examples/generative/gan.js';
import * as vae from '../../examples/generative/vae.js';

const output = mkdtempSync(join(tmpdir(), 'adjoint-generative-'));
afterAll(() => rmSync(output, { recursive: true }));
const quiet = { output, stream: { write: () => true } };
const isPng = (name: string) => readFileSync(join(output, name)).subarray(1, 4).toString() === 'PNG';

test('autoencoders beat PCA, and take noise away', { timeout: 240_000 }, async () => {
  const reached = await autoencoder.run({ ...autoencoder.small, ...quiet });
  expect(reached.autoencoder).toBeLessThan(0.9 * reached.pca);
  expect(reached.denoising).toBeLessThan(reached.projected);
  expect(reached.projected).toBeLessThan(0.1 * reached.noisy);
  expect(isPng('autoencoder.png')).toBe(true);
});

test('a VAE bounds the likelihood above that of pixels on their own', { timeout: 240_000 }, async () => {
  const reached = await vae.run({ ...vae.small, ...quiet });
  expect(reached.elbo).toBeGreaterThan(reached.baseline + 30);
  expect(reached.divergence).toBeGreaterThan(3); // the code says something
  expect(isPng('vae.png')).toBe(true);
});

test('diffusion draws digits that are clearer than those of a Gaussian', { timeout: 240_000 }, async () => {
  const reached = await diffusion.run({ ...diffusion.small, ...quiet });
  expect(reached.frechet).toBeLessThan(reached.ofCodes.frechet);
  expect(reached.inception).toBeGreaterThan(reached.gaussian.inception);
  expect(reached.real.frechet).toBeLessThan(0.5 * reached.frechet);
  expect(isPng('diffusion.png')).toBe(true);
});

test('a flow needs fewer nats than a Gaussian, and no fewer than the truth', { timeout: 240_000 }, async () => {
  const reached = await flow.run({ ...flow.small, ...quiet });
  expect(reached.flow).toBeLessThan(reached.truth + 0.5 * (reached.gaussian - reached.truth));
  expect(reached.flow).toBeGreaterThan(reached.truth);
  expect(isPng('flow.png')).toBe(true);
});

test('a Wasserstein GAN draws the digits that are asked for, clearer than a Gaussian of the pixels', {
  timeout: 240_000,
}, async () => {
  const reached = await gan.run({ ...gan.small, ...quiet });
  expect(reached.wasserstein?.agreement).toBeGreaterThan(30); // of ten digits
  expect(reached.wasserstein?.inception).toBeGreaterThan(2);
  expect(reached.wasserstein?.frechet).toBeLessThan(0.95 * reached.gaussian.frechet);
  expect(reached.wasserstein?.inception).toBeGreaterThan(reached.gaussian.inception + 1);
  expect(isPng('gan.png')).toBe(true);
});
