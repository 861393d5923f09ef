// Two half rings by a normalising flow, whose density is exact; beside a Gaussian, a mixture of Gaussians, and the truth.
// Run it with `npm run example -- generative/flow`. It leaves output/flow.png: the densities, and what the flow draws.
import { mkdirSync } from 'node:fs';
import { cat, distributions, manualSeed, models, noGrad, optim, rand, randn, stack, tensor } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { learn, writeRows } from './digits.js';
import { mixtureOf } from './mixture.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { points: 4000, epochs: 30, layers: 6, hidden: 32 };

/**
 * Trains, and returns how many nats a point needs by the flow and by the others.
 *
 * @param {{ points?: number, epochs?: number, layers?: number, hidden?: number, seed?: number, output?: string, eager?: boolean,
 *   stream?: import('./digits.js').ProgressStream }} [options] points: to learn from
 */
export async function run(options = {}) {
  const { points = 20_000, epochs = 45, layers = 8, hidden = 64, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  mkdirSync(output, { recursive: true });
  manualSeed(seed);
  const [seen, unseen] = [rings(points), rings(20_000)];

  const flow = new models.RealNVP(2, { layers, hiddenFeatures: hidden });
  const optimizer = new optim.Adam(flow.parameters(), { lr: 2e-3 });
  const batchSize = 200;
  const rate = new optim.lrScheduler.CosineAnnealingLR(optimizer, epochs * Math.floor(points / batchSize));
  const step = stepOf((/** @type {Tensor} */ x) => {
    const loss = flow.loss(x);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    rate.step();
    return loss;
  }, eager);
  await learn([seen], step, { title: 'RealNVP: nats a point', epochs, batchSize, stream });

  const center = seen.mean(0);
  const centred = seen.sub(center);
  const covariance = centred.transpose(0, 1).matmul(centred).div(points);
  const gaussian = new distributions.MultivariateNormal(center, { covarianceMatrix: covariance });
  const mixture = mixtureOf(seen, { components: 8, rounds: 60 });
  /** @type {Record<string, (x: Tensor) => Tensor>} */
  const densities = {
    truth: logDensity,
    flow: (x) => flow.logProb(x),
    mixture: (x) => mixture.logProb(x),
    gaussian: (x) => gaussian.logProb(x),
  };
  const nats = Object.fromEntries(
    Object.entries(densities).map(([name, of]) => [name, -noGrad(() => of(unseen).mean().item())]),
  );
  const drawn = noGrad(() => flow.sample(20_000));
  const row = cat([...Object.values(densities).map(density), counts(drawn)]);
  writeRows(`${output}/flow.png`, [row], { side, scale: 2 });
  const lines = Object.entries(nats).map(([name, value]) => `${name.padEnd(12)}${value.toFixed(4)}`);
  stream.write(`
nats a point, of 20,000 that were not seen
${lines.join('\n')}
saved ${output}/flow.png: densities of ${Object.keys(densities).join(', ')}, and points drawn by the flow
`);
  return /** @type {Record<'truth' | 'flow' | 'mixture' | 'gaussian', number>} */ (nats);
}

const [radius, thickness] = [1, 0.1];
const shift = /** @type {const} */ ([0.5, 0.25]); // of the upper half ring to the left and down, of the lower one to the right and up

/** Points about two half rings, one of which begins within the other. @param {number} count */
function rings(count) {
  return noGrad(() => {
    const side = rand([count]).gt(0.5).to('float32').mul(2).sub(1);
    const angle = rand([count]).mul(Math.PI);
    const r = randn([count]).mul(thickness).add(radius);
    return stack([r.mul(angle.cos()).sub(side.mul(shift[0])), r.mul(angle.sin()).sub(shift[1]).mul(side)], 1);
  });
}

/** The density that they have: of each half ring that of its radius over the half circle's length, π r. @param {Tensor} x */
function logDensity(x) {
  const radii = new distributions.Normal(radius, thickness);
  const halves = [1, -1].map((side) => {
    const [across, up] = /** @type {[Tensor, Tensor]} */ (x.chunk(2, 1).map((part) => part.squeeze(1)));
    const [u, v] = [across.add(side * shift[0]), up.mul(side).add(shift[1])];
    const r = u.square().add(v.square()).sqrt().clamp({ min: 1e-6 });
    const log = radii.logProb(r).sub(r.mul(2 * Math.PI).log());
    return log.add(v.ge(0).to('float32').add(1e-30).log());
  });
  return stack(halves, 0).logsumexp(0);
}

const [side, edge] = [120, 2];

/** What a pixel of the picture is worth: densities up to that of the rings' middle. @param {(x: Tensor) => Tensor} of */
function density(of) {
  const at = (/** @type {number} */ i) => ((i + 0.5) / side - 0.5) * 2 * edge;
  const grid = Array.from({ length: side ** 2 }, (_, i) => [at(i % side), -at(Math.floor(i / side))]);
  return noGrad(() => of(tensor(grid)).exp().mul(1.6).clamp({ max: 1 }));
}

/** How many points are in each pixel. @param {Tensor} points */
function counts(points) {
  const values = new Float32Array(side ** 2);
  for (const [x = 0, y = 0] of /** @type {number[][]} */ (points.toArray())) {
    const [column, line] = [x, -y].map((v) => Math.floor((v / (2 * edge) + 0.5) * side));
    if (column === undefined || line === undefined || Math.min(column, line) < 0 || Math.max(column, line) >= side)
      continue;
    values[line * side + column] = Math.min(1, (values[line * side + column] ?? 0) + 0.25);
  }
  return tensor(values);
}

await main(import.meta.url, run, small);
