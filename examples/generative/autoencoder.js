// Digits through a code of 32 numbers and back, and digits out of noise; beside the best that linear maps can do: PCA and Wiener's filter.
// Run it with `npm run example -- generative/autoencoder`. It leaves output/autoencoder.png.
import { mkdirSync } from 'node:fs';
import { cov, linalg, manualSeed, noGrad, optim, randnLike } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { digits, learn, writeRows } from './digits.js';
import { decoder, encoder } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 3000, tests: 300, epochs: 5, code: 8 };

/**
 * Trains both, and returns the mean squared errors of a pixel on the test images, times 1000.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, code?: number, noise?: number, seed?: number, output?: string,
 *   eager?: boolean, stream?: import('./digits.js').ProgressStream }} [options]
 *   code: its width; noise: the deviation of what is added to pixels from 0 to 1
 */
export async function run(options = {}) {
  const { images = 12_000, tests = 5000, epochs = 6, code = 32, noise = 1, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  mkdirSync(output, { recursive: true });
  manualSeed(seed);
  const { seen, unseen } = digits(images, tests);
  const noisy = noGrad(() => unseen.x.add(randnLike(unseen.x).mul(noise)));
  const error = (/** @type {Tensor} */ y) => noGrad(() => 1000 * y.sub(unseen.x).square().mean().item());

  const how = { code, epochs, eager, stream };
  const plain = await autoencoder(seen.x, { ...how, title: `Autoencoder: ${code} numbers a digit`, noise: 0 });
  const title = `Denoising autoencoder: noise of deviation ${noise}`;
  const denoising = await autoencoder(seen.x, { ...how, title, noise });
  const [through, cleaned] = noGrad(() => [
    plain.decode(plain.encode(unseen.x)),
    denoising.decode(denoising.encode(noisy)),
  ]);
  const { pca, wiener } = linear(seen.x, code, noise);
  const [projected, filtered] = [pca(unseen.x), wiener(noisy)];

  const reached = { autoencoder: error(through), pca: error(projected) };
  const cleaning = {
    ...{ denoising: error(cleaned), wiener: error(filtered), projected: error(pca(noisy)), noisy: error(noisy) },
  };
  const rows = [unseen.x, through, projected, noisy, cleaned, filtered].map((row) => row.slice({ end: 16 }));
  writeRows(`${output}/autoencoder.png`, rows);
  const line = (/** @type {Record<string, number>} */ of) =>
    Object.entries(of).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  stream.write(`
squared error of a test pixel, times 1000
through a code of ${code}: ${line(reached).join(', ')}
out of noise: ${line(cleaning).join(', ')}
saved ${output}/autoencoder.png: digits, autoencoder, PCA; with noise, denoising autoencoder, Wiener's filter
`);
  return { ...reached, ...cleaning };
}

/**
 * Trains an autoencoder that is given pixels with noise and is to give them without.
 *
 * @param {Tensor} x pixels [n, 784]
 * @param {{ code: number, noise: number, epochs: number, title: string, eager: boolean | undefined, stream: import('./digits.js').ProgressStream }} options
 */
export async function autoencoder(x, { code, noise, epochs, title, eager, stream }) {
  const [encoding, decoding] = [encoder(code), decoder(code)];
  const encode = (/** @type {Tensor} */ pixels) => encoding.forward(pixels);
  const decode = (/** @type {Tensor} */ z) => decoding.forward(z).sigmoid();
  const optimizer = new optim.Adam([...encoding.parameters(), ...decoding.parameters()], { lr: 2e-3 });
  const step = stepOf((/** @type {Tensor} */ pixels) => {
    const given = noise === 0 ? pixels : pixels.add(randnLike(pixels).mul(noise));
    const loss = decode(encode(given)).sub(pixels).square().mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  }, eager);
  await learn([x], step, { title, epochs, stream });
  return { encode, decode };
}

/**
 * The best linear maps: onto the first principal components, and from noisy pixels to clean ones, which keeps λ / (λ + noise²) of each component.
 *
 * @param {Tensor} x
 * @param {number} components
 * @param {number} noise
 */
function linear(x, components, noise) {
  return noGrad(() => {
    const center = x.mean(0);
    const { eigenvalues, eigenvectors } = linalg.eigh(cov(x.to('float64').transpose(0, 1)));
    const variances = eigenvalues.clamp({ min: 0 }).to('float32');
    const all = eigenvectors.to('float32');
    const largest = all.slice({ dim: 1, start: 784 - components, end: 784 });
    const kept = variances.div(variances.add(noise ** 2));
    /** @param {Tensor} axes @param {Tensor | number} share @returns {(y: Tensor) => Tensor} */
    const map = (axes, share) => (y) =>
      noGrad(() => y.sub(center).matmul(axes).mul(share).matmul(axes, { transposeB: true }).add(center));
    return { pca: map(largest, 1), wiener: map(all, kept) };
  });
}

await main(import.meta.url, run, small);
