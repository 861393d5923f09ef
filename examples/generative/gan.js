// Digits on demand by two conditional generators: one learns from a judge of real or made, the other from a critic with a gradient penalty.
// Run it with `npm run example -- generative/gan`. It leaves output/gan.png: a digit of each kind in each column.
import { cat, manualSeed, nn, noGrad, optim, randn, tensor } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { digits, gaussianLike, learn, writeRows } from './digits.js';
import { judgeOf, scoreTable } from './judge.js';
import { decoder, encoder } from './model.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {(real: Tensor, made: Tensor, label: Tensor) => Tensor} Loss of the images' judge */
/** @typedef {{ title: string, critics: number, dropout: number, lossOf: (judge: (x: Tensor, label: Tensor) => Tensor) => { judge: Loss, generator: (score: Tensor) => Tensor } }} Kind */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = {
  ...{ images: 2000, tests: 300, epochs: 6, lr: 1e-3, drawn: 300, judgeEpochs: 2 },
  kinds: ['wasserstein'], // the other takes longer to beat a Gaussian
};

const noiseWidth = 32;

/**
 * Trains both, and returns the scores of drawn digits, and how often the LeNet sees the digit that was asked for, in percent.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, lr?: number, critics?: number, kinds?: string[], drawn?: number, judgeEpochs?: number, seed?: number, output?: string,
 *   eager?: boolean, stream?: import('./digits.js').ProgressStream }} [options]
 *   critics: how many steps of the critic the Wasserstein GAN takes for one of the generator; kinds: which of both are trained
 */
export async function run(options = {}) {
  const {
    images = 12_000,
    tests = 5000,
    epochs = 3,
    lr = 5e-4,
    critics = 2,
    drawn = 2000,
    judgeEpochs = 2,
    seed = 1,
  } = options;
  const { kinds = ['conditional', 'wasserstein'], eager, output = 'output', stream = process.stdout } = options;
  const { seen, unseen } = digits(images, tests);
  const judge = await judgeOf(seen, { output, epochs: judgeEpochs, stream });
  const real = judge.score(unseen.x.slice({ end: drawn }));
  /** @type {Record<string, import('./judge.js').Score & { agreement: number }>} */
  const reached = {};
  /** @type {Tensor[]} */
  const rows = [];
  for (const name of kinds) {
    manualSeed(seed);
    const draw = await trained(name === 'conditional' ? classic() : wasserstein(critics), seen, {
      epochs,
      lr,
      eager,
      stream,
    });
    const labels = Int32Array.from({ length: drawn }, (_, i) => i % 10);
    const made = draw(tensor(labels));
    reached[name] = { ...judge.score(made), agreement: judge.agreement(made, labels) };
    for (let i = 0; i < 4; i++) rows.push(made.slice({ start: 10 * i, end: 10 * i + 10 }));
  }
  const gaussian = judge.score(gaussianLike(seen.x, drawn));
  writeRows(`${output}/gan.png`, rows);
  const asked = Object.entries(reached).map(([name, { agreement }]) => `${name} ${agreement.toFixed(1)} %`);
  stream.write(`
${scoreTable({ 'real digits not seen': real, ...reached, 'a Gaussian of the pixels': gaussian })}digits that are those asked for: ${asked.join(', ')}
saved ${output}/gan.png: four rows of each
`);
  return { real, gaussian, conditional: reached.conditional, wasserstein: reached.wasserstein };
}

/** The judge says how probably an image is real; the generator makes that likely (Goodfellow et al. 2014; Mirza and Osindero 2014). @returns {Kind} */
function classic() {
  const loss = nn.functional.binaryCrossEntropyWithLogits;
  return {
    title: 'conditional GAN',
    critics: 1,
    dropout: 0.3,
    lossOf: (judge) => ({
      judge: (real, made, label) => {
        const [right, wrong] = [judge(real, label), judge(made, label)];
        return loss(right, right.mul(0).add(0.9)).add(loss(wrong, wrong.mul(0)));
      },
      generator: (score) => loss(score, score.mul(0).add(1)),
    }),
  };
}

/** The critic's scores of real and made images lie as far apart as its slope of 1 allows (Gulrajani et al. 2017). @param {number} critics @returns {Kind} */
function wasserstein(critics) {
  return {
    title: 'Wasserstein GAN, gradient penalty',
    critics,
    dropout: 0,
    lossOf: (judge) => ({
      judge: (real, made, label) => {
        const penalty = nn.functional.gradientPenalty((x) => judge(x, label), real, made);
        return judge(made, label).mean().sub(judge(real, label).mean()).add(penalty.mul(10));
      },
      generator: (score) => score.mean().neg(),
    }),
  };
}

/**
 * Trains a generator and its judge, and gives a function that draws digits for labels.
 *
 * @param {Kind} kind
 * @param {import('./digits.js').Digits} seen
 * @param {{ epochs: number, lr: number, eager: boolean | undefined, stream: import('./digits.js').ProgressStream }} options
 */
async function trained({ title, critics, dropout, lossOf }, seen, { epochs, lr, eager, stream }) {
  const [generator, judge] = [decoder(noiseWidth + 10, { norm: true }), encoder(1, { inputs: 784 + 10, dropout })];
  // As loud as a digit, which has about a hundred pixels of ink.

  const kindOf = (/** @type {Tensor} */ label) => nn.functional.oneHot(label, 10).to('float32').mul(4);
  const draw = (/** @type {Tensor} */ label) =>
    generator.forward(cat([randn([label.size, noiseWidth]), kindOf(label)], 1)).sigmoid();
  const losses = lossOf((x, label) => judge.forward(cat([x, kindOf(label)], 1)));
  const rates = /** @type {const} */ ({ lr, betas: [0.5, 0.9] });
  const [forGenerator, forJudge] = [generator, judge].map((net) => new optim.Adam(net.parameters(), rates));
  const judged = stepOf((/** @type {Tensor} */ x, /** @type {Tensor} */ label) => {
    const loss = losses.judge(
      x,
      noGrad(() => draw(label)),
      label,
    );
    forJudge?.zeroGrad();
    loss.backward();
    forJudge?.step();
    return loss;
  }, eager);
  const generated = stepOf((/** @type {Tensor} */ label) => {
    const made = draw(label);
    judge.requiresGrad_(false); // this step is not its own
    const loss = losses.generator(judge.forward(cat([made, kindOf(label)], 1)));
    judge.requiresGrad_(true);
    forGenerator?.zeroGrad();
    loss.backward();
    forGenerator?.step();
    return loss;
  }, eager);
  let steps = 0;
  const both = async (/** @type {Tensor} */ x, /** @type {Tensor} */ label) => {
    const loss = await judged(x, label);
    if (++steps % critics === 0) await generated(label);
    return loss;
  };
  await learn([seen.x, seen.labels], /** @type {any} */ (both), {
    title,
    epochs,
    batchSize: 32,
    stream,
  });
  generator.eval();
  return (/** @type {Tensor} */ label) => noGrad(() => draw(label));
}

await main(import.meta.url, run, small);
