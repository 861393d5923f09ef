// Says how likely a bird that strikes an aircraft damages it: one strike in ten does. Focal loss, class weights, and honest probabilities.
// Run it with `npm run example -- risk`. It leaves output/risk.svg and output/risk-columns.svg.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { charts, data, manualSeed, metrics, nn, noGrad, optim, tensor } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { learnFrom } from '../shared/minibatches.js';
import { TableNetwork } from '../shared/table-network.js';
import { birdStrikes, parted } from '../shared/vega.js';
import { isotonic, scaled } from './calibrate.js';
import { sharesOf, usualRow, withoutColumns } from './shares.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ auc: number, precision: number, logLoss: number, ece: number }} Score */
/** @typedef {{ numbers: Tensor, categories: Tensor, y: Tensor, truth: Float64Array }} Part */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { epochs: 6, explained: 100, permutations: 5 };

/**
 * @param {{ epochs?: number, explained?: number, permutations?: number, development?: boolean, seed?: number, output?: string, eager?: boolean,
 *   stream?: import('adjoint').train.ProgressStream }} [options] explained: test rows whose risk is shared among the columns, in so
 *   many random orders of these; development: tests on the rows for development, to choose settings
 */
export async function run(options = {}) {
  const { epochs = 12, explained = 1000, permutations = 25, development = false, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  mkdirSync(output, { recursive: true });
  const table = await birdStrikes();
  const rows = parted(table.length, seed);
  const features = new data.Features({ columns: { 'Flight Date': 'dateParts' } });
  features.fit(table.select(rows.train).drop('Effect Amount of damage'));
  const partOf = (/** @type {number[]} */ which) => partFrom(features, table.select(which));
  const [seen, held] = [partOf(rows.train), partOf(rows.development)];
  const tests = development ? held : partOf(rows.test);
  const inputs = { numbers: features.featureNames.length, cardinalities: features.cardinalities };
  const positive = seen.truth.reduce((sum, y) => sum + y, 0) / seen.truth.length;

  /** @type {Record<string, Score>} */
  const reached = {
    constant: scoreOf(new Float64Array(tests.truth.length).fill(positive), tests.truth),
    ...boostingOf(seed),
  };
  const linear = logistic(seen);
  reached.logistic = scoreOf(linear(tests).map(sigmoid), tests.truth);

  const posWeight = tensor([(1 - positive) / positive]);
  const losses = {
    network: (/** @type {Tensor} */ z, /** @type {Tensor} */ y) => nn.functional.binaryCrossEntropyWithLogits(z, y),
    weighted: (/** @type {Tensor} */ z, /** @type {Tensor} */ y) =>
      nn.functional.binaryCrossEntropyWithLogits(z, y, { posWeight }),
    focal: (/** @type {Tensor} */ z, /** @type {Tensor} */ y) =>
      nn.functional.sigmoidFocalLoss(z, y, { alpha: 0.75, gamma: 2, reduction: 'mean' }),
  };
  /** @type {[name: string, probabilities: Float64Array][]} */
  const curves = [];
  /** @type {TableNetwork[]} */
  const models = [];
  for (const [name, lossOf] of Object.entries(losses)) {
    const model = new TableNetwork(inputs, { outputs: 1 });
    const optimizer = new optim.AdamW(model.parameters(), { lr: 2e-3, weightDecay: 0.02 });
    const step = stepOf((/** @type {Tensor} */ numbers, /** @type {Tensor} */ categories, /** @type {Tensor} */ y) => {
      const loss = lossOf(model.forward(numbers, categories).squeeze(1), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    }, eager);
    const how = { epochs, batchSize: 64, stream, title: titles[/** @type {keyof typeof titles} */ (name)] };
    await learnFrom(step, [seen.numbers, seen.categories, seen.y], how);
    models.push(model.eval());
    const logits = (/** @type {Part} */ part) =>
      Float64Array.from(noGrad(() => model.forward(part.numbers, part.categories)).toTypedArray());
    const [known, asked] = [logits(held), logits(tests)];
    const variants = {
      [name]: asked.map(sigmoid),
      [`${name}-temperature`]: scaled(known, held.truth, { shift: false })(asked),
      [`${name}-platt`]: scaled(known, held.truth, { shift: true })(asked),
      [`${name}-isotonic`]: isotonic(known, held.truth)(asked),
    };
    for (const [variant, p] of Object.entries(variants)) reached[variant] = scoreOf(p, tests.truth);
    curves.push([name, variants[name]], [`${name}-platt`, variants[`${name}-platt`]]);
  }
  writeFileSync(`${output}/risk.svg`, await picture(curves, tests.truth));
  stream.write(`\n${tableOf(reached)}\n`);

  const focal = /** @type {TableNetwork} */ (models.at(-1));
  const some = {
    numbers: tests.numbers.slice({ end: explained }),
    categories: tests.categories.slice({ end: explained }),
  };
  const shares = sharesOf(focal, some, usualRow(seen), { permutations, seed }).abs().mean({ dim: 0 }).toTypedArray();
  const ranked = [...features.featureNames, ...features.categoryNames]
    .map((name, column) => ({ name, column, share: shares[column] ?? 0 }))
    .sort((a, b) => b.share - a.share);
  // Whether these columns matter: what is left of the order of the risks without the first three, and without the last three.
  const aucWithout = (/** @type {typeof ranked} */ which) => {
    const { numbers, categories } = withoutColumns(tests, which.map(({ column }) => column)); // biome-ignore format: one line
    const logits = Float64Array.from(noGrad(() => focal.forward(numbers, categories)).toTypedArray());
    return scoreOf(logits.map(sigmoid), tests.truth).auc;
  };
  const without = { first: aucWithout(ranked.slice(0, 3)), last: aucWithout(ranked.slice(-3)) };
  writeFileSync(`${output}/risk-columns.svg`, await columnsPicture(ranked.slice(0, 12)));
  stream.write(`mean share in the logit, of ${ranked.length} columns:\n`);
  for (const { name, share } of ranked.slice(0, 5)) stream.write(`${name.padEnd(34)} ${share.toFixed(3)}\n`);
  stream.write(
    `AUC without the first three ${without.first.toFixed(2)} %, without the last three ${without.last.toFixed(2)} %\n`,
  );
  stream.write(`saved ${output}/risk.svg and ${output}/risk-columns.svg\n`);
  return { ...reached, without };
}

const titles = {
  network: 'network',
  weighted: 'network, class weights',
  focal: 'network, focal loss',
};

const sigmoid = (/** @type {number} */ z) => 1 / (1 + Math.exp(-z));

/** @param {import('adjoint').data.Features} features @param {import('adjoint').data.Table} table @returns {Part} */
function partFrom(features, table) {
  const { numbers, categories } = features.transform(table);
  const truth = Float64Array.from(table.rows(), (row) => Number(row['Effect Amount of damage'] !== 'None'));
  return { numbers, categories, y: tensor(Float32Array.from(truth)), truth };
}

/**
 * Logistic regression on numbers and on a column for each category, by L-BFGS, with weights held small as in scikit-learn (C = 1).
 *
 * @param {Part} seen
 * @returns {(part: Part) => Float64Array} logits
 */
function logistic(seen) {
  const counts = Array.from(
    { length: seen.categories.shape[1] },
    (_, i) => seen.categories.select(1, i).max().item() + 1,
  );
  const tables = counts.map((count) => new nn.Embedding(count, 1));
  for (const table of tables) nn.init.zeros_(table.weight);
  const linear = new nn.Linear(seen.numbers.shape[1], 1);
  const forward = (/** @type {Part} */ { numbers, categories }) =>
    tables
      .map((table, i) => table.forward(categories.select(1, i).clamp({ max: counts[i] - 1 })))
      .reduce((sum, part) => sum.add(part), linear.forward(numbers))
      .squeeze(1);
  const all = [linear.weight, ...tables.map((table) => table.weight)];
  const optimizer = new optim.LBFGS([...all, ...linear.parameters().slice(1)], {
    lineSearchFn: 'strongWolfe',
    maxIter: 200,
  });
  optimizer.step(() => {
    optimizer.zeroGrad();
    const penalty = all.map((w) => w.square().sum()).reduce((sum, part) => sum.add(part));
    const loss = nn.functional
      .binaryCrossEntropyWithLogits(forward(seen), seen.y)
      .add(penalty.div(2 * seen.truth.length));
    loss.backward();
    return loss;
  });
  return (part) => Float64Array.from(noGrad(() => forward(part)).toTypedArray());
}

/** What scikit-learn reached on the same rows; boosting.py has written it. @param {number} seed @returns {Record<string, Score>} */
function boostingOf(seed) {
  const all = JSON.parse(readFileSync(new URL('boosting.json', import.meta.url), 'utf8'));
  return seed in all ? { boosting: all[seed] } : {};
}

/** @param {Float64Array} probabilities @param {Float64Array} truth @returns {Score} */
function scoreOf(probabilities, truth) {
  return {
    auc: 100 * metrics.rocAucScore(probabilities, truth),
    precision: 100 * metrics.averagePrecisionScore(probabilities, truth),
    logLoss: metrics.logLoss(probabilities, truth),
    ece: 100 * metrics.expectedCalibrationError(probabilities, truth, { nBins: 10 }),
  };
}

/** @param {Record<string, Score>} reached */
function tableOf(reached) {
  const cells = (/** @type {string[]} */ list) => list.map((cell) => cell.padStart(12)).join('');
  const lines = Object.entries(reached).map(([name, { auc, precision, logLoss, ece }]) => {
    const numbers = [auc.toFixed(2), precision.toFixed(2), logLoss.toFixed(4), ece.toFixed(2)];
    return `${name.padEnd(22)}${cells(numbers)}`;
  });
  return `${''.padEnd(22)}${cells(['AUC %', 'AP %', 'log loss', 'ECE %'])}\n${lines.join('\n')}\n`;
}

/** @param {readonly [name: string, probabilities: Float64Array][]} curves @param {Float64Array} truth */
function picture(curves, truth) {
  const lines = curves.map(([name, p]) => {
    const { probTrue, probPred } = metrics.calibrationCurve(p, truth, { nBins: 10 });
    return { name, x: probPred, y: probTrue, style: /** @type {const} */ ('both') };
  });
  const axis = (/** @type {string} */ label) => ({ label, range: /** @type {[number, number]} */ ([0, 1]) });
  return charts.lines({
    title: 'Damage foreseen, and what came',
    ...{ x: axis('probability as predicted'), y: axis('share that was damaged') },
    lines: [{ name: 'honest', x: [0, 1], y: [0, 1], style: /** @type {const} */ ('dashed') }, ...lines],
  });
}

/** @param {readonly { name: string, share: number }[]} ranked */
function columnsPicture(ranked) {
  return charts.bars({
    title: 'What the risk comes from',
    names: ranked.map(({ name }) => name),
    values: ranked.map(({ share }) => share),
    ...{ axis: { label: 'mean size of the share in the logit' }, horizontal: true, height: 420 },
  });
}

await main(import.meta.url, run, small);
