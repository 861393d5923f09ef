// How well a film is liked, in five grades. Grades have an order, which classes have not; and unlike numbers, they need not be equally far apart.
// Run it with `npm run example -- many-outputs/ordinal`. It leaves output/ordinal.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { charts, data, manualSeed, metrics, nn, noGrad, optim, tensor } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { learnFrom } from '../shared/minibatches.js';
import { TableNetwork } from '../shared/table-network.js';
import { films, parted } from '../shared/vega.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ numbers: Tensor, categories: Tensor, grades: Int32Array }} Part */
/** @typedef {{ error: number, kappa: number, right: number }} Score error: mean distance in grades; kappa with squared weights; right: percent */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { epochs: 15 };

const grades = ['below 5', 'from 5', 'from 6', 'from 7', 'from 8'];
const bounds = [5, 6, 7, 8];

/**
 * @param {{ epochs?: number, development?: boolean, seed?: number, output?: string, eager?: boolean,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 *   development: tests on the rows for development, to choose settings
 */
export async function run(options = {}) {
  const { epochs = 30, development = false, seed = 1, eager, output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  mkdirSync(output, { recursive: true });
  const table = data.Table.fromRows(films());
  const rows = parted(table.length, seed);
  const features = new data.Features().fit(table.select(rows.train).drop('rating'));
  const partOf = (/** @type {number[]} */ which) => partFrom(features, table.select(which));
  const seen = partOf(rows.train);
  const asked = partOf(development ? rows.development : rows.test);
  const inputs = { numbers: features.featureNames.length, cardinalities: features.cardinalities };

  /** @param {string} title @param {number} outputs @param {(out: Tensor, grade: Tensor) => Tensor} lossOf */
  const learned = async (title, outputs, lossOf) => {
    const model = new TableNetwork(inputs, { outputs, dropout: 0.4, most: 4 });
    const optimizer = new optim.AdamW(model.parameters(), { lr: 2e-3, weightDecay: 0.05 });
    const step = stepOf(
      (/** @type {Tensor} */ numbers, /** @type {Tensor} */ categories, /** @type {Tensor} */ grade) => {
        const loss = lossOf(model.forward(numbers, categories), grade);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      },
      eager,
    );
    const parts = [seen.numbers, seen.categories, tensor(seen.grades)];
    await learnFrom(step, parts, { epochs, batchSize: 64, stream, title });
    model.eval();
    return noGrad(() => model.forward(asked.numbers, asked.categories));
  };
  const list = (/** @type {Tensor} */ t) => Array.from(t.toTypedArray());
  const median = (/** @type {Tensor} */ p) => list(p.cumsum(1).lt(0.5).to('float32').sum(1));
  const f = nn.functional;
  const corn = await learned('conditional questions (CORN)', bounds.length, (out, grade) => f.cornLoss(out, grade));
  const classes = await learned('classes', grades.length, (out, grade) => f.crossEntropy(out, grade));
  const number = await learned('a number', 1, (out, grade) => f.mseLoss(out.squeeze(1), grade.to('float32')));
  const most = mode(seen.grades);
  const guesses = {
    corn: median(f.cornProbabilities(corn)),
    classes: list(classes.argmax({ dim: 1 })),
    number: list(number.squeeze(1).round().clamp({ min: 0, max: bounds.length })),
    always: Array.from(asked.grades, () => most),
  };
  const reached = /** @type {Record<keyof typeof guesses, Score>} */ ({});
  for (const [name, given] of Object.entries(guesses)) {
    reached[/** @type {keyof typeof guesses} */ (name)] = scoreOf(given, asked.grades);
  }
  const confusion = metrics.confusionMatrix(guesses.corn, asked.grades, { normalize: 'true' });
  const format = (/** @type {number} */ share) => `${(100 * share).toFixed(0)} %`;
  const heat = { title: 'Ratings (rows), and what was foreseen', rows: grades, columns: grades, format };
  writeFileSync(`${output}/ordinal.svg`, await charts.heatmap({ ...heat, values: confusion }));
  stream.write(`\n${tableOf(reached)}\nsaved ${output}/ordinal.svg\n`);
  return reached;
}

/** @param {import('adjoint').data.Features} features @param {import('adjoint').data.Table} table @returns {Part} */
function partFrom(features, table) {
  const { numbers, categories } = features.transform(table);
  const given = Int32Array.from(table.rows(), (row) => bounds.filter((bound) => Number(row.rating) >= bound).length);
  return { numbers, categories, grades: given };
}

/** The grade that most have. @param {Int32Array} given */
function mode(given) {
  const counts = grades.map((_, grade) => given.filter((v) => v === grade).length);
  return counts.indexOf(Math.max(...counts));
}

/** @param {number[]} guess @param {Int32Array} truth @returns {Score} */
function scoreOf(guess, truth) {
  return {
    error: metrics.meanAbsoluteError(guess, truth),
    kappa: metrics.cohenKappaScore(guess, truth, { weights: 'quadratic' }),
    right: 100 * metrics.accuracyScore(guess, truth),
  };
}

const names = { always: 'the most common one', number: 'a number', classes: 'classes', corn: 'grades (CORN)' };

/** @param {Record<string, Score>} reached */
function tableOf(reached) {
  const cells = (/** @type {string[]} */ list) => list.map((cell) => cell.padStart(14)).join('');
  const lines = Object.entries(names).map(([key, name]) => {
    const { error, kappa, right } = reached[key];
    return `${name.padEnd(20)}${cells([error.toFixed(3), kappa.toFixed(3), right.toFixed(2)])}`;
  });
  return `${''.padEnd(20)}${cells(['grades off', 'kappa', 'right %'])}\n${lines.join('\n')}\n`;
}

await main(import.meta.url, run, small);
