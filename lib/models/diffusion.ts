import { allOrNothing } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import {
  ArgumentError,
  checkChoice,
  checkInteger,
  checkNumber,
  DTypeError,
  describe,
  formatShape,
  ShapeError,
} from '../errors.js';
import { Buffer, functional, Module } from '../nn/index.js';
import { full, generate } from '../ops/creation.js';
import type { Generator } from '../ops/generator.js';
import { rows } from '../ops/indexing.js';
import { checkGenerator, randint } from '../ops/random.js';
import { randnLike } from '../ops/random-like.js';
import { checkOptions } from '../options.js';
import { sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';

/** A network that is given noisy samples [n, …] and their times, int32 [n], and tells the noise in them, [n, …]. */
export type Denoiser = Module & { forward(x: Tensor, t: Tensor): Tensor };

/** Options of `Diffusion`. */
export interface DiffusionOptions {
  /** From how many levels of noise the network learns; default 1000. */
  timesteps?: number;
  /** How the noise grows: `cosine` (Nichol and Dhariwal), or `linear` from β = 1e-4 to 0.02 (Ho et al.); default `cosine`. */
  schedule?: 'cosine' | 'linear';
}

/** Options of `Diffusion.sample`. */
export interface DiffusionSampleOptions {
  /** How many times the network is asked; default: at each of the model's timesteps. */
  steps?: number;
  /** How much new noise comes in on the way: none with 0 (DDIM, the default), as much as in DDPM with 1. */
  eta?: number;
  /** If samples lie in [-clip, clip]: that, so that guesses of them do, too; default: they may be anything. */
  clip?: number;
  generator?: Generator;
}

/**
 * A denoising diffusion model: samples become noise little by little, and a network learns to tell what was added, so that noise can be
 * turned into samples. With ᾱ from 1 to nearly 0 over the times t,
 *
 *     x_t = √ᾱ_t x + √(1 - ᾱ_t) ε    loss = (network(x_t, t) - ε)²
 *     cosine: ᾱ_t = f(t) / f(0), f(t) = cos²((t / T + 0.008) / 1.008 · π / 2), each β_t = 1 - ᾱ_t / ᾱ_(t-1) at most 0.999
 *
 * Ho, Jain and Abbeel, "Denoising diffusion probabilistic models", 2020, https://arxiv.org/abs/2006.11239; Nichol and Dhariwal, "Improved
 * denoising diffusion probabilistic models", 2021, https://arxiv.org/abs/2102.09672; Song, Meng and Ermon, "Denoising diffusion implicit
 * models", 2020, https://arxiv.org/abs/2010.02502
 *
 * @throws ArgumentError for what is no module, and wrong options
 * @example
 * class Net extends nn.Module {
 *   layer = new nn.Linear(3, 2);
 *   forward(x: Tensor, t: Tensor) {
 *     return this.layer.forward(cat([x, t.to('float32').div(100).unsqueeze(1)], 1));
 *   }
 * }
 * const diffusion = new models.Diffusion(new Net(), { timesteps: 100 });
 * diffusion.loss(randn([8, 2])).backward();
 * diffusion.sample(randn([5, 2]), { steps: 10 }); // [5, 2]
 */
export class Diffusion extends Module {
  readonly network: Denoiser;
  readonly timesteps: number;
  /** ᾱ of the times 0 … timesteps - 1: the share of a sample's variance that is left. */
  readonly alphasCumprod: readonly number[];
  private readonly shares: Tensor; // √ᾱ and √(1 - ᾱ) of each time, [timesteps, 2]

  /** @param options timesteps (1000), schedule (`cosine`) */
  constructor(network: Denoiser, options: DiffusionOptions = {}) {
    super();
    if (!(network instanceof Module)) {
      throw new ArgumentError(`Diffusion: network must be a module, got ${describe(network)}`);
    }
    checkOptions('Diffusion', options, ['timesteps', 'schedule']);
    this.timesteps = checkInteger('Diffusion', 'timesteps', options.timesteps ?? 1000, 1, 1e6);
    const schedule = checkChoice('Diffusion', 'schedule', options.schedule ?? 'cosine', ['cosine', 'linear']);
    const left = alphas(schedule, this.timesteps);
    const share = (i: number): number =>
      Math.sqrt(i % 2 === 0 ? (left[i >> 1] as number) : 1 - (left[i >> 1] as number));
    this.network = network;
    this.alphasCumprod = Object.freeze(left);
    this.shares = new Buffer(generate([this.timesteps, 2], 'float64', share), { persistent: false });
  }

  /** The noise that the network sees in x at the times t. */
  forward(x: Tensor, t: Tensor): Tensor {
    checkTimes('Diffusion.forward', x, t);
    const noise = this.network.forward(x, t);
    if (sameShape(checkTensor('Diffusion', 'the noise', noise).dims, x.dims)) return noise;
    const got = `x ${formatShape(x.dims)} and noise ${formatShape(noise.dims)}`;
    throw new ShapeError(`Diffusion: network must give noise in the shape of x, got ${got}`);
  }

  /** √ᾱ_t x + √(1 - ᾱ_t) noise, for x and noise [n, …] and t int32 [n]. */
  addNoise(x: Tensor, t: Tensor, noise: Tensor): Tensor {
    const name = 'Diffusion.addNoise';
    checkTimes(name, x, t);
    checkTensor(name, 'noise', noise);
    checkSameDType(name, ['x', 'noise'], [x, noise]);
    if (!sameShape(x.dims, noise.dims)) {
      const got = `x ${formatShape(x.dims)} and noise ${formatShape(noise.dims)}`;
      throw new ShapeError(`${name}: noise must have the shape of x, got ${got}`);
    }
    const shares = rows(this.shares, t, 0)
      .to(x.dtype)
      .reshape([t.size, 2, ...x.dims.slice(1).fill(1)]);
    return x.mul(shares.select(1, 0)).add(noise.mul(shares.select(1, 1)));
  }

  /** The mean squared error of the noise that the network sees, at times drawn at random. x [n, …], about 0 and about 1 in size. */
  loss(x: Tensor): Tensor {
    checkSamples('Diffusion.loss', 'x', x);
    return allOrNothing(() => {
      const t = randint(this.timesteps, [x.dims[0] as number]);
      const noise = randnLike(x);
      return functional.mseLoss(this.forward(this.addNoise(x, t, noise), t), noise);
    });
  }

  /**
   * Samples for normal noise [n, …], by DDIM in a few steps or, with `eta` 1 and all steps, by DDPM.
   *
   * @param options steps (default timesteps), eta (0), clip, generator
   */
  sample(noise: Tensor, options: DiffusionSampleOptions = {}): Tensor {
    const name = 'Diffusion.sample';
    checkSamples(name, 'noise', noise);
    checkOptions(name, options, ['steps', 'eta', 'clip', 'generator']);
    const steps = checkInteger(name, 'steps', options.steps ?? this.timesteps, 1, this.timesteps);
    const eta = checkNumber(name, 'eta', options.eta ?? 0, { min: 0, max: 1 });
    const clip =
      options.clip === undefined ? undefined : checkNumber(name, 'clip', options.clip, { min: 0, open: true });
    const generator = checkGenerator(name, options.generator);
    const times = Array.from({ length: steps }, (_, i) => Math.round(((i + 1) * this.timesteps) / steps) - 1);
    const draw = (): Tensor => {
      let x = noise;
      for (let i = steps - 1; i >= 0; i--) {
        const before = i === 0 ? 1 : (this.alphasCumprod[times[i - 1] as number] as number);
        x = this.step(x, times[i] as number, before, { eta, clip, generator });
      }
      return x;
    };
    return allOrNothing(() => noGrad(draw));
  }

  // From the noise of a time to that where ᾱ is `before`.
  private step(
    x: Tensor,
    t: number,
    before: number,
    o: { eta: number; clip: number | undefined; generator: Generator },
  ): Tensor {
    const left = this.alphasCumprod[t] as number;
    let noise = this.forward(x, full([x.dims[0] as number], t, { dtype: 'int32' }));
    let guess = x.sub(noise.mul(Math.sqrt(1 - left))).div(Math.sqrt(left));
    if (o.clip !== undefined) {
      guess = guess.clamp(-o.clip, o.clip);
      noise = x.sub(guess.mul(Math.sqrt(left))).div(Math.sqrt(1 - left));
    }
    const deviation = o.eta * Math.sqrt(((1 - before) / (1 - left)) * (1 - left / before));
    const next = guess.mul(Math.sqrt(before)).add(noise.mul(Math.sqrt(Math.max(0, 1 - before - deviation ** 2))));
    return deviation > 0 ? next.add(randnLike(x, { generator: o.generator }).mul(deviation)) : next;
  }
}

function alphas(schedule: 'cosine' | 'linear', timesteps: number): number[] {
  const f = (t: number): number => Math.cos((((t / timesteps + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  const rise = (0.02 - 1e-4) / Math.max(1, timesteps - 1);
  let left = 1;
  return Array.from({ length: timesteps }, (_, t) => {
    const beta = schedule === 'linear' ? 1e-4 + t * rise : Math.min(1 - f(t + 1) / f(t), 0.999);
    left *= 1 - beta;
    return left;
  });
}

function checkSamples(operation: string, name: string, x: Tensor): void {
  checkFloat(operation, name, checkTensor(operation, name, x));
  if (x.rank > 0 && x.size > 0) return;
  throw new ShapeError(`${operation}: ${name} must be [n, …] and not empty, got ${name} ${formatShape(x.dims)}`);
}

function checkTimes(operation: string, x: Tensor, t: Tensor): void {
  checkSamples(operation, 'x', x);
  if (checkTensor(operation, 't', t).dtype !== 'int32') {
    throw new DTypeError(`${operation}: t must be int32, got ${t.dtype}`);
  }
  if (sameShape(t.dims, [x.dims[0] as number])) return;
  throw new ShapeError(`${operation}: t must be [${x.dims[0]}], a time for each sample, got t ${formatShape(t.dims)}`);
}
