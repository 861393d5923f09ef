// Digits out of noise by diffusion: an autoencoder makes them codes, and a network learns to take noise away from codes.
// Run it with `npm run example -- generative/diffusion`. It leaves output/diffusion.png: drawn digits, and walks from noise to noise.
import { cat, linspace, manualSeed, models, nn, noGrad, optim, randn, tensor } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { autoencoder } from './autoencoder.js';
import { digits, gaussianLike, learn, writeRows } from './digits.js';
import { judgeOf, scoreTable } from './judge.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = {
  images: 2000,
  tests: 300,
  epochs: 5,
  diffusionEpochs: 30,
  drawn: 300,
  judgeEpochs: 2,
  hidden: 128,
};

/**
 * Trains both, and returns the scores of digits drawn by DDIM in 50 and in 10 steps and by DDPM in all.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, diffusionEpochs?: number, code?: number, hidden?: number, timesteps?: number, drawn?: number,
 *   judgeEpochs?: number, seed?: number, output?: string, eager?: boolean, stream?: import('./digits.js').ProgressStream }} [options]
 *   epochs: of the autoencoder; code: its width; hidden: the width of the diffusion's network
 */
export async function run(options = {}) {
  const { images = 12_000, tests = 5000, epochs = 4, diffusionEpochs = 30, code = 16, hidden = 256 } = options;
  const { timesteps = 200, drawn = 2000, judgeEpochs = 2, seed = 1 } = options;
  const { eager, output = 'output', stream = process.stdout } = options;
  const { seen, unseen } = digits(images, tests);
  const judge = await judgeOf(seen, { output, epochs: judgeEpochs, stream });
  manualSeed(seed);
  const { encode, decode } = await autoencoder(seen.x, {
    ...{ title: `Autoencoder: ${code} numbers a digit`, code, noise: 0, epochs, eager, stream },
  });
  const codes = noGrad(() => encode(seen.x));
  const [center, spread] = [codes.mean(0), codes.std(0)];
  const scaled = codes.sub(center).div(spread);
  const image = (/** @type {Tensor} */ z) => noGrad(() => decode(z.mul(spread).add(center)));

  const diffusion = new models.Diffusion(new Denoiser(code, hidden, timesteps), { timesteps });
  const optimizer = new optim.Adam(diffusion.parameters(), { lr: 2e-3 });
  const step = stepOf((/** @type {Tensor} */ z) => {
    const loss = diffusion.loss(z);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  }, eager);
  await learn([scaled], step, { title: 'Diffusion of codes', epochs: diffusionEpochs, batchSize: 256, stream });

  const noise = randn([drawn, code]);
  const drawing = { clip: 4 };
  const made = diffusion.sample(noise, { ...drawing, steps: 50 });
  const scores = {
    'real digits not seen': judge.score(unseen.x.slice({ end: drawn })),
    'real digits through the code': judge.score(noGrad(() => decode(encode(unseen.x.slice({ end: drawn }))))),
    'DDIM, 50 steps': judge.score(image(made)),
    'DDIM, 10 steps': judge.score(image(diffusion.sample(noise, { ...drawing, steps: 10 }))),
    [`DDPM, ${timesteps} steps`]: judge.score(image(diffusion.sample(noise, { ...drawing, eta: 1 }))),
    'a Gaussian of the codes': judge.score(image(gaussianLike(scaled, drawn))),
    'a Gaussian of the pixels': judge.score(gaussianLike(seen.x, drawn)),
  };
  const rows = [0, 1, 2, 3].map((i) => image(made.slice({ start: 12 * i, end: 12 * i + 12 })));
  const walks = [0, 1, 2, 3].map((i) => image(diffusion.sample(walk(noise, 2 * i), { ...drawing, steps: 50 })));
  writeRows(`${output}/diffusion.png`, [...rows, ...walks]);
  stream.write(`\n${scoreTable(scores)}saved ${output}/diffusion.png: digits drawn, and walks from noise to noise\n`);
  const [real, through, ddim, few, ddpm, ofCodes, gaussian] = Object.values(scores);
  return { ...ddim, real, through, few, ddpm, ofCodes, gaussian };
}

/** Tells the noise in codes from them and from the time, which comes as waves. */
class Denoiser extends nn.Module {
  /**
   * @param {number} code
   * @param {number} hidden
   * @param {number} timesteps
   */
  constructor(code, hidden, timesteps) {
    super();
    this.waves = new nn.Buffer(tensor([[1, 2, 4, 8]]).mul(Math.PI / timesteps));
    this.layers = nn.sequential(
      new nn.Linear(code + 8, hidden),
      new nn.SiLU(),
      new nn.Linear(hidden, hidden),
      new nn.SiLU(),
      new nn.Linear(hidden, hidden),
      new nn.SiLU(),
      new nn.Linear(hidden, code),
    );
  }

  /**
   * @override
   * @param {Tensor} z
   * @param {Tensor} t
   */
  forward(z, t) {
    const angles = t.to('float32').unsqueeze(1).mul(this.waves);
    return this.layers.forward(cat([z, angles.sin(), angles.cos()], 1));
  }
}

/**
 * From one noise to the next in twelve steps, each of them as normal as both.
 *
 * @param {Tensor} noise
 * @param {number} at
 */
function walk(noise, at) {
  const [from, to] = /** @type {[Tensor, Tensor]} */ (noise.slice({ start: at, end: at + 2 }).chunk(2, 0));
  const angle = linspace(0, Math.PI / 2, 12).unsqueeze(1);
  return from.mul(angle.cos()).add(to.mul(angle.sin()));
}

await main(import.meta.url, run, small);
