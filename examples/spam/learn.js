// Training and testing of a network that tells spam from other mail, whatever it is made of.
import { mkdirSync, writeFileSync } from 'node:fs';
import { compile, io, manualSeed, nn, noGrad, optim, train } from 'adjoint';
import { lossChart, smoothed } from '../shared/curves.js';
import { batchesOf, readMails, vocabularyOf } from './data.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('./data.js').Mail} Mail */
/** @typedef {import('adjoint').nn.Module & { forward(ids: Tensor, lengths: Tensor): Tensor }} Classifier */
/**
 * @typedef {object} Score
 * @property {number} accuracy in percent
 * @property {number} precision the share of true spam in what was taken for spam, in percent
 * @property {number} recall the share of spam that was found, in percent
 * @property {number} f1 their harmonic mean, in percent
 * @property {{ mail: Mail, probability: number }[]} predictions
 */

/**
 * Trains a model on four fifths of the mails, tests it on the others, prints the figures, and saves weights and a chart
 * of the loss under its name.
 *
 * @param {string} name
 * @param {(words: number) => Classifier} makeModel
 * @param {{ mails: number | undefined, words: number | undefined, epochs: number, batchSize: number, lr: number, seed: number, output: string,
 *   stream: import('adjoint').train.ProgressStream }} options mails: how many to use; words: of each that are read; seed: also of who is held out
 */
export async function runSpamFilter(name, makeModel, { mails, words, seed, output, stream, ...options }) {
  manualSeed(seed);
  const all = readMails(mails, words);
  const held = all.slice(0, Math.round(all.length / 5));
  const seen = all.slice(held.length);
  const vocabulary = vocabularyOf(seen);
  const model = makeModel(vocabulary.size + 2); // and padding, and the unknown word
  const spam = all.filter((mail) => mail.spam).length;
  const weights = model.parameters().reduce((sum, p) => sum + p.size, 0);
  stream.write(
    `${all.length} different mails, ${spam} of them spam; ${held.length} held out; ${vocabulary.size} words; `,
  );
  stream.write(`${weights.toLocaleString('en-US')} weights\n\n`);

  const test = testOn(model, held, vocabulary, options.batchSize);
  let score = scoreOf([]);
  const onEpoch = () => {
    score = test();
    return `held-out mails: accuracy ${score.accuracy.toFixed(2)} %, F1 ${score.f1.toFixed(2)} %`;
  };
  const losses = await learn(model, seen, vocabulary, { ...options, stream, onEpoch });
  mkdirSync(output, { recursive: true });
  io.save(`${output}/${name}.safetensors`, model.stateDict());
  writeFileSync(`${output}/${name}.svg`, await lossChart(name, [smoothed('training', losses)]));
  stream.write(`${report(score)}\nsaved ${output}/${name}.safetensors and ${output}/${name}.svg\n`);
  return { losses, score };
}

/**
 * Trains a model; `onEpoch` gives what is to be said of an epoch.
 *
 * @param {Classifier} model
 * @param {Mail[]} mails
 * @param {Map<string, number>} vocabulary
 * @param {{ epochs: number, batchSize: number, lr: number, stream: import('adjoint').train.ProgressStream, onEpoch?: () => string }} options
 * @returns {Promise<number[]>} the loss of each step
 */
export async function learn(model, mails, vocabulary, { epochs, batchSize, lr, stream, onEpoch }) {
  const optimizer = new optim.AdamW(model.parameters(), { lr, weightDecay: 0.01 });
  const steps = batchesOf(mails, vocabulary, { batchSize, shuffle: true }).length;
  const schedule = new optim.lrScheduler.OneCycleLR(optimizer, lr, { totalSteps: epochs * steps, pctStart: 0.1 });
  const step = compile((/** @type {Tensor} */ ids, /** @type {Tensor} */ lengths, /** @type {Tensor} */ labels) => {
    const loss = nn.functional.binaryCrossEntropyWithLogits(model.forward(ids, lengths), labels);
    optimizer.zeroGrad();
    loss.backward();
    nn.utils.clipGradNorm_(model.parameters(), 1);
    optimizer.step();
    schedule.step();
    return loss;
  });
  const progress = new train.Progress({ steps, epochs, stream });
  /** @type {number[]} */
  const losses = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    model.train();
    const batches = batchesOf(mails, vocabulary, { batchSize, shuffle: true });
    const inputs = batches.map(({ ids, lengths, labels }) => [ids, lengths, labels]);
    await step.run(inputs, {
      onStep: (loss) => {
        losses.push(loss.item());
        progress.step(batchSize, losses.at(-1));
      },
    });
    progress.endEpoch(onEpoch?.());
  }
  return losses;
}

/**
 * What tests a model on mails that it was never trained on.
 *
 * @param {Classifier} model
 * @param {Mail[]} held
 * @param {Map<string, number>} vocabulary
 * @param {number} batchSize
 * @returns {() => Score}
 */
export function testOn(model, held, vocabulary, batchSize) {
  const predict = compile((/** @type {Tensor} */ ids, /** @type {Tensor} */ lengths) =>
    noGrad(() => model.forward(ids, lengths).sigmoid()),
  );
  const batches = batchesOf(held, vocabulary, { batchSize, shuffle: false });
  return () => {
    model.eval();
    return scoreOf(
      batches.flatMap(({ ids, lengths, mails }) => {
        const probabilities = predict.sync(ids, lengths).toTypedArray();
        return mails.map((mail, i) => ({ mail, probability: probabilities[i] ?? 0 }));
      }),
    );
  };
}

/**
 * @param {{ mail: Mail, probability: number }[]} predictions
 * @returns {Score}
 */
function scoreOf(predictions) {
  const count = (/** @type {boolean} */ spam, /** @type {boolean} */ taken) =>
    predictions.filter(({ mail, probability }) => mail.spam === spam && probability > 0.5 === taken).length;
  const [found, missed, wrong, right] = [
    count(true, true),
    count(true, false),
    count(false, true),
    count(false, false),
  ];
  return {
    accuracy: (100 * (found + right)) / predictions.length,
    precision: (100 * found) / (found + wrong),
    recall: (100 * found) / (found + missed),
    f1: (200 * found) / (2 * found + wrong + missed),
    predictions,
  };
}

/**
 * The figures, and the mails that the network is most wrong about.
 *
 * @param {Score} score
 */
function report({ accuracy, precision, recall, f1, predictions }) {
  const error = (/** @type {{ mail: Mail, probability: number }} */ { mail, probability }) =>
    Math.abs(Number(mail.spam) - probability);
  const wrong = predictions.filter((p) => error(p) > 0.5).sort((a, b) => error(b) - error(a));
  const lines = wrong.slice(0, 8).map(({ mail, probability }) => {
    const percent = `${(100 * probability).toFixed(1)} %`.padStart(7);
    return `  ${mail.spam ? 'spam' : 'mail'}  ${percent}  ${mail.subject.slice(0, 80)}`;
  });
  return `
${predictions.length} held-out mails: accuracy ${accuracy.toFixed(2)} %, F1 ${f1.toFixed(2)} % (precision ${precision.toFixed(2)} %, recall ${recall.toFixed(2)} %)

Most wrong: what it is, the probability of spam, the subject
${lines.join('\n')}
`;
}
