// Diffusion against the formulas of its papers, and against a Gaussian for which the best network is known.
import { expect, it } from 'vitest';
import {
  cat,
  compile,
  Generator,
  manualSeed,
  models,
  nn,
  optim,
  randn,
  ShapeError,
  type Tensor,
  tensor,
} from '../../lib/index.js';

const double = { dtype: 'float64' } as const;

/** The best network for samples of N(mean, deviation²), each number on its own. */
class Exact extends nn.Module {
  alphas: readonly number[] = [];
  constructor(
    readonly mean: number,
    readonly deviation: number,
  ) {
    super();
  }
  forward(x: Tensor, t: Tensor): Tensor {
    const left = this.alphas[t.toTypedArray()[0] as number] as number;
    const variance = left * this.deviation ** 2 + 1 - left;
    return x.sub(Math.sqrt(left) * this.mean).mul(Math.sqrt(1 - left) / variance);
  }
}

function exact(mean: number, deviation: number, timesteps: number, schedule: 'cosine' | 'linear' = 'cosine') {
  const network = new Exact(mean, deviation);
  const diffusion = new models.Diffusion(network, { timesteps, schedule });
  network.alphas = diffusion.alphasCumprod;
  return diffusion;
}

it('has the cosine schedule of Nichol and Dhariwal, and the linear one of Ho et al.', () => {
  const cosine = exact(0, 1, 1000).alphasCumprod;
  const f = (t: number) => Math.cos(((t / 1000 + 0.008) / (1 + 0.008)) * (Math.PI / 2)) ** 2;
  // ᾱ itself, but for the last of the thousand, where β is cut at 0.999.
  for (const t of [0, 1, 250, 500, 900, 998])
    expect(Math.abs((cosine[t] as number) / (f(t + 1) / f(0)) - 1)).toBeLessThan(1e-9);
  expect((cosine[999] as number) / (cosine[998] as number)).toBeCloseTo(0.001, 12);
  const linear = exact(0, 1, 1000, 'linear').alphasCumprod;
  expect(linear[0]).toBeCloseTo(1 - 1e-4, 12);
  expect((linear[999] as number) / (linear[998] as number)).toBeCloseTo(0.98, 12);
  expect(linear[499]).toBeCloseTo(
    Array.from({ length: 500 }, (_, t) => 1 - 1e-4 - (t * (0.02 - 1e-4)) / 999).reduce((a, b) => a * b),
    12,
  );
});

it("adds the noise of each sample's own time", () => {
  const diffusion = exact(0, 1, 100);
  const [x, noise] = [randn([3, 2, 2], double), randn([3, 2, 2], double)];
  const times = [0, 57, 99];
  const noisy = diffusion.addNoise(x, tensor(Int32Array.from(times)), noise).toTypedArray();
  const [clean, added] = [x.toTypedArray(), noise.toTypedArray()];
  let worst = 0;
  times.forEach((t, i) => {
    const left = diffusion.alphasCumprod[t] as number;
    for (let k = 4 * i; k < 4 * i + 4; k++) {
      const wanted = Math.sqrt(left) * (clean[k] as number) + Math.sqrt(1 - left) * (added[k] as number);
      worst = Math.max(worst, Math.abs((noisy[k] as number) - wanted));
    }
  });
  expect(worst).toBeLessThan(1e-12);
});

it('DDIM draws nothing and moves noise along the known way to a Gaussian', () => {
  const diffusion = exact(1.5, 0.4, 300);
  const noise = randn([200], { ...double, generator: new Generator(1) });
  const generator = new Generator(5);
  const first = diffusion.sample(noise, { generator });
  expect(diffusion.sample(noise, { generator }).equal(first)).toBe(true);
  expect(generator.state.equal(new Generator(5).state)).toBe(true);
  // The flow of the probability keeps each sample's distance from the mean, in deviations.
  const last = diffusion.alphasCumprod[299] as number;
  const wanted = noise
    .sub(Math.sqrt(last) * 1.5)
    .mul(0.4 / Math.sqrt(last * 0.16 + 1 - last))
    .add(1.5);
  expect(first.sub(wanted).abs().max().item()).toBeLessThan(0.02);
  const few = diffusion.sample(noise, { steps: 20 });
  expect(few.sub(wanted).abs().mean().item()).toBeLessThan(0.05);
});

it('with eta 1 is DDPM: means and deviations of the posterior, step by step', () => {
  const diffusion = exact(0.5, 0.8, 12, 'linear');
  const alphas = diffusion.alphasCumprod;
  const noise = randn([50], { ...double, generator: new Generator(1) });
  const drawn = new Generator(9);
  let x = noise;
  for (let t = 11; t >= 0; t--) {
    const [left, before] = [alphas[t] as number, t === 0 ? 1 : (alphas[t - 1] as number)];
    const beta = 1 - left / before;
    const seen = diffusion.forward(x, tensor(new Int32Array(50).fill(t)));
    // Ho et al., algorithm 2, with the posterior's deviation
    x = x.sub(seen.mul(beta / Math.sqrt(1 - left))).div(Math.sqrt(1 - beta));
    const deviation = Math.sqrt(((1 - before) / (1 - left)) * beta);
    if (t > 0) x = x.add(randn([50], { ...double, generator: drawn }).mul(deviation));
  }
  const got = diffusion.sample(noise, { eta: 1, generator: new Generator(9) });
  expect(got.sub(x).abs().max().item()).toBeLessThan(1e-10);
});

it('with eta 1 draws the Gaussian that the network knows', () => {
  const diffusion = exact(-1, 0.5, 200);
  const options = { ...double, generator: new Generator(3) };
  const drawn = diffusion.sample(randn([4000], options), { eta: 1, generator: options.generator });
  expect(Math.abs(drawn.mean().item() + 1)).toBeLessThan(0.03);
  expect(Math.abs(drawn.std().item() - 0.5)).toBeLessThan(0.02);
  expect(
    diffusion
      .sample(randn([100], double), { clip: 0.9, steps: 20 })
      .abs()
      .max()
      .item(),
  ).toBeLessThan(0.9 + 1e-9);
});

it('learns two clusters in compiled steps', () => {
  manualSeed(1);
  class Net extends nn.Module {
    readonly layers = nn.sequential(
      new nn.Linear(2, 64),
      new nn.SiLU(),
      new nn.Linear(64, 64),
      new nn.SiLU(),
      new nn.Linear(64, 1),
    );
    forward(x: Tensor, t: Tensor): Tensor {
      return this.layers.forward(cat([x, t.to('float32').div(25).sub(1).unsqueeze(1)], 1));
    }
  }
  const diffusion = new models.Diffusion(new Net(), { timesteps: 50 });
  const optimizer = new optim.Adam(diffusion.parameters(), { lr: 5e-3 });
  const step = compile(() => {
    const side = randn([256, 1]).gt(0).to('float32').mul(2).sub(1);
    const loss = diffusion.loss(side.add(randn([256, 1]).mul(0.1)));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  });
  for (let i = 0; i < 400; i++) step.sync();
  const draw = compile((noise: Tensor) => diffusion.sample(noise, { steps: 25, clip: 1.5 }));
  const sizes = draw.sync(randn([500, 1])).abs();
  // Of the same Gaussian, 24 % are that near to either side.
  expect(sizes.sub(1).abs().lt(0.3).to('float32').mean().item()).toBeGreaterThan(0.8);
});

it('says what does not fit', () => {
  const diffusion = new models.Diffusion(new nn.Linear(2, 3) as never, { timesteps: 10 });
  expect(() => diffusion.loss(randn([4, 2]))).toThrow(
    new ShapeError('Diffusion: network must give noise in the shape of x, got x [4, 2] and noise [4, 3]'),
  );
  const t = tensor(Int32Array.of(1, 2));
  expect(() => diffusion.addNoise(randn([3, 2]), t, randn([3, 2]))).toThrow(
    'Diffusion.addNoise: t must be [3], a time for each sample, got t [2]',
  );
  expect(() => diffusion.addNoise(randn([2, 2]), t.add(9), randn([2, 2]))).toThrow(/10/);
  expect(() => diffusion.sample(randn([2, 2]), { steps: 11 })).toThrow(
    'Diffusion.sample: steps must be an integer of at least 1 and at most 10, got 11',
  );
});
