// Digits by a variational autoencoder: what it gives up of the likelihood is bounded, its code is nearly normal, and between two codes lie digits.
// Run it with `npm run example -- generative/vae`. It leaves output/vae.png: drawn digits, and walks from one real digit to another.
import { distributions, linspace, manualSeed, nn, noGrad, optim, randn, tensor } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { digits, gaussianLike, learn, writeRows } from './digits.js';
import { judgeOf, scoreTable } from './judge.js';
import { decoder, encoder } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 2000, tests: 300, epochs: 5, warmUp: 2, drawn: 300, code: 8, judgeEpochs: 2 };

/**
 * Trains, and returns the evidence lower bound of test images in nats, which baselines it has to beat, and scores of drawn digits. The pixels
 * are made black or white, so that the bound is one of a probability.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, code?: number, beta?: number, warmUp?: number, drawn?: number,
 *   judgeEpochs?: number, seed?: number, output?: string, eager?: boolean, stream?: import('./digits.js').ProgressStream }} [options]
 *   code: its width; beta: what the code's divergence counts; warmUp: over how many epochs it comes to that
 */
export async function run(options = {}) {
  const {
    images = 12_000,
    tests = 5000,
    epochs = 10,
    code = 16,
    beta = 1,
    warmUp = 3,
    drawn = 2000,
    seed = 1,
  } = options;
  const { judgeEpochs = 2, eager, output = 'output', stream = process.stdout } = options;
  const { seen, unseen } = digits(images, tests);
  const judge = await judgeOf(seen, { output, epochs: judgeEpochs, stream });
  manualSeed(seed);
  const [x, test] = [seen.x, unseen.x].map((part) => part.gt(0.5).to('float32'));

  const [encode, decode] = [encoder(2 * code), decoder(code)];
  const normal = new distributions.Normal(0, 1);
  const codeOf = (/** @type {Tensor} */ given) => {
    const [mean, logDeviation] = /** @type {[Tensor, Tensor]} */ (encode.forward(given).chunk(2, 1));
    return new distributions.Normal(mean, logDeviation.exp());
  };
  /** What a pixel costs, and what the code, in nats an image. @param {Tensor} given @returns {[Tensor, Tensor]} */
  const terms = (given) => {
    const q = codeOf(given);
    const logits = decode.forward(q.rsample());
    const n = given.shape[0] ?? 1;
    const error = nn.functional.binaryCrossEntropyWithLogits(logits, given, { reduction: 'sum' }).div(n);
    return [error, distributions.klDivergence(q, normal).sum().div(n)];
  };
  const optimizer = new optim.Adam([...encode.parameters(), ...decode.parameters()], { lr: 1e-3 });
  const step = stepOf((/** @type {Tensor} */ given, /** @type {Tensor} */ weight) => {
    const [error, divergence] = terms(given);
    optimizer.zeroGrad();
    error.add(divergence.mul(weight)).backward();
    optimizer.step();
    return error.add(divergence);
  }, eager);
  let steps = 0;
  const stepsToBeta = warmUp * Math.floor(images / 64);
  await learn([/** @type {Tensor} */ (x)], (given) => step(given, tensor(beta * Math.min(1, ++steps / stepsToBeta))), {
    ...{ title: `VAE: -ELBO of a code of ${code} numbers`, epochs, stream },
  });

  const bound = noGrad(() => terms(/** @type {Tensor} */ (test)).map((term) => term.item()));
  const [error = 0, divergence = 0] = bound;
  const made = noGrad(() => decode.forward(randn([drawn, code])).sigmoid());
  const scores = {
    'real digits not seen': judge.score(unseen.x.slice({ end: drawn })),
    VAE: judge.score(made),
    'a Gaussian of the pixels': judge.score(gaussianLike(seen.x, drawn)),
  };
  const walks = Array.from({ length: 4 }, (_, i) => walk(/** @type {Tensor} */ (test), 2 * i, codeOf, decode));
  writeRows(
    `${output}/vae.png`,
    [0, 1, 2, 3].map((i) => made.slice({ start: 12 * i, end: 12 * i + 12 })).concat(walks),
  );
  const baseline = -pixelsAlone(/** @type {Tensor} */ (x), /** @type {Tensor} */ (test));
  stream.write(`
${scoreTable(scores)}ELBO of test digits: ${-(error + divergence)} nats, of which the code has ${divergence}; each pixel on its own: ${baseline}
saved ${output}/vae.png: digits drawn, and walks from one test digit to another
`);
  return {
    elbo: -(error + divergence),
    divergence,
    baseline,
    ...scores.VAE,
    real: scores['real digits not seen'],
    gaussian: scores['a Gaussian of the pixels'],
  };
}

/** Nats of a test image if each pixel has the probability that it has among the seen images. @param {Tensor} x @param {Tensor} test */
function pixelsAlone(x, test) {
  const p = x
    .sum(0)
    .add(1)
    .div((x.shape[0] ?? 1) + 2);
  return nn.functional.binaryCrossEntropy(p.unsqueeze(0).expand(test.shape), test).item() * 784;
}

/**
 * From one digit to the next in twelve steps, straight through the code.
 *
 * @param {Tensor} x
 * @param {number} at
 * @param {(x: Tensor) => import('adjoint').distributions.Normal} codeOf
 * @param {{ forward(z: Tensor): Tensor }} decode
 */
function walk(x, at, codeOf, decode) {
  return noGrad(() => {
    const [from, to] = /** @type {[Tensor, Tensor]} */ (codeOf(x.slice({ start: at, end: at + 2 })).mean.chunk(2, 0));
    const share = linspace(0, 1, 12).unsqueeze(1);
    return decode.forward(from.add(to.sub(from).mul(share))).sigmoid();
  });
}

await main(import.meta.url, run, small);
