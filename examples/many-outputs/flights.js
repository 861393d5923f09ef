// How late a flight will be: two kinds of inputs (numbers, and the airports), and two kinds of outputs (quantiles of the delay, and whether it is half an
// hour or more). Run it with `npm run example -- many-outputs/flights`. It leaves output/flights.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cat, charts, manualSeed, metrics, nn, noGrad, optim, tensor } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { learnFrom } from '../shared/minibatches.js';
import { TableNetwork } from '../shared/table-network.js';
import { flights, parted } from '../shared/vega.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {{ numbers: Tensor, airports: Tensor, delay: Float32Array }} Part */
/** @typedef {{ pinball: number, coverage: number, width: number, auc: number }} Score minutes; percent within the 80 % interval; its minutes; AUC in percent */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { epochs: 3 };

const quantiles = [0.1, 0.25, 0.5, 0.75, 0.9];
const late = 30;

/** Quantiles that never cross, in units of 20 minutes, and the logit of being late. */
class Delay extends nn.Module {
  /** @param {{ numbers: number, cardinalities: readonly number[] }} inputs */
  constructor(inputs) {
    super();
    this.network = new TableNetwork(inputs, { outputs: quantiles.length + 1, dropout: 0.2, most: 3 });
  }

  /** @param {Tensor} numbers @param {Tensor} airports @returns {Tensor} [n, quantiles + 1] */
  forward(numbers, airports) {
    const out = this.network.forward(numbers, airports);
    const gaps = nn.functional.softplus(out.slice({ dim: 1, start: 1, end: quantiles.length }));
    const rising = cat([out.slice({ dim: 1, end: 1 }), gaps], 1).cumsum(1);
    return cat([rising, out.slice({ dim: 1, start: quantiles.length })], 1);
  }
}

/**
 * @param {{ epochs?: number, development?: boolean, seed?: number, output?: string, eager?: boolean,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 *   development: tests on the rows for development, to choose settings
 */
export async function run(options = {}) {
  const { epochs = 12, development = false, seed = 1, eager, output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  mkdirSync(output, { recursive: true });
  const { seen, asked, airports } = partsOf(seed, development);

  /** @param {string} title @param {readonly number[]} cardinalities @param {(out: Tensor, delay: Tensor) => Tensor} lossOf */
  const learned = async (title, cardinalities, lossOf) => {
    const model = new Delay({ numbers: seen.numbers.shape[1], cardinalities });
    const optimizer = new optim.AdamW(model.parameters(), { lr: 2e-3, weightDecay: 0.05 });
    const step = stepOf(
      (/** @type {Tensor} */ numbers, /** @type {Tensor} */ airports, /** @type {Tensor} */ delay) => {
        const loss = lossOf(model.forward(numbers, airports), delay);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      },
      eager,
    );
    const delay = tensor(seen.delay.map((minutes) => minutes / 20));
    await learnFrom(step, [seen.numbers, seen.airports, delay], { epochs, batchSize: 128, stream, title });
    model.eval();
    return /** @type {number[][]} */ (noGrad(() => model.forward(asked.numbers, asked.airports)).toArray());
  };
  const both = (/** @type {Tensor} */ out, /** @type {Tensor} */ delay) => {
    const isLate = nn.functional.binaryCrossEntropyWithLogits(
      out.select(1, quantiles.length),
      delay.ge(late / 20).to('float32'),
    );
    const levels = nn.functional.pinballLoss(out.slice({ dim: 1, end: quantiles.length }), delay, quantiles);
    return levels.mul(2).add(isLate);
  };
  // Plain regression: the mean by squared error, and about it the quantiles of a normal distribution with the deviation of what was learned.
  const mean = (/** @type {Tensor} */ out, /** @type {Tensor} */ delay) =>
    nn.functional.mseLoss(out.select(1, 0), delay);

  const z = [-1.2816, -0.6745, 0, 0.6745, 1.2816];
  const deviation = Math.sqrt(seen.delay.reduce((sum, v) => sum + v * v, 0) / seen.delay.length);
  const sorted = Float32Array.from(seen.delay).sort();
  const usual = quantiles.map((q) => sorted[Math.floor(q * sorted.length)]);
  const outputs = (/** @type {number[][]} */ out) => ({
    levels: out.map((row) => row.slice(0, quantiles.length).map((v) => v * 20)),
    scores: out.map((row) => row[quantiles.length]),
  });
  const plain = (await learned('plain regression', airports, mean)).map(([v]) => v * 20);
  const network = outputs(await learned('quantiles and lateness', airports, both));
  /** @type {Record<string, Score>} */
  const reached = {
    constant: scoreOf({ levels: plain.map(() => usual), scores: plain.map(() => 0) }, asked.delay),
    plain: scoreOf({ levels: plain.map((v) => z.map((z) => v + z * deviation)), scores: plain }, asked.delay),
    numbers: scoreOf(outputs(await learned('the same without airports', [], both)), asked.delay),
    network: scoreOf(network, asked.delay),
  };
  writeFileSync(`${output}/flights.svg`, await picture(network.levels, asked));
  stream.write(`\n${table(reached)}\nsaved ${output}/flights.svg\n`);
  return reached;
}

/** What is learned from and tested on, and how many airports there are at each end. @param {number} seed @param {boolean} development */
function partsOf(seed, development) {
  const all = flights();
  const rows = parted(all.length, seed);
  const names = [...new Set(rows.train.flatMap((i) => [all[i].origin, all[i].destination]))];
  const ids = new Map(names.map((name, i) => [name, i + 1])); // 0 is an airport that was not seen
  const partOf = (/** @type {number[]} */ which) =>
    partFrom(
      which.map((i) => all[i]),
      ids,
    );
  const asked = partOf(development ? rows.development : rows.test);
  return { seen: partOf(rows.train), asked, airports: [ids.size + 1, ids.size + 1] };
}

/** @param {readonly { date: string, delay: number, distance: number, origin: string, destination: string }[]} rows @param {Map<string, number>} ids @returns {Part} */
function partFrom(rows, ids) {
  const numbers = rows.map(({ date, distance }) => {
    const [, , month, day, hour, minute] = /** @type {string[]} */ (/(\d+)\/(\d+)\/(\d+) (\d+):(\d+)/.exec(date));
    const angle = (2 * Math.PI * (Number(hour) + Number(minute) / 60)) / 24;
    const weekday = new Date(Date.UTC(2001, Number(month) - 1, Number(day))).getUTCDay();
    const days = Array.from({ length: 7 }, (_, i) => Number(i === weekday));
    return [Math.sin(angle), Math.cos(angle), Math.log(distance + 1) - 6.3, (Number(day) - 15) / 10, ...days];
  });
  const airports = rows.map(({ origin, destination }) => [ids.get(origin) ?? 0, ids.get(destination) ?? 0]);
  return {
    numbers: tensor(numbers),
    airports: tensor(airports, { dtype: 'int32' }),
    delay: Float32Array.from(rows, ({ delay }) => delay),
  };
}

/** @param {{ levels: number[][], scores: number[] }} predicted @param {Float32Array} delay @returns {Score} */
function scoreOf({ levels, scores }, delay) {
  const losses = quantiles.map((alpha, k) =>
    metrics.meanPinballLoss(
      levels.map((row) => row[k]),
      delay,
      { alpha },
    ),
  );
  const last = quantiles.length - 1;
  const within = levels.filter((row, i) => delay[i] >= row[0] && delay[i] <= row[last]).length;
  return {
    pinball: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    coverage: (100 * within) / levels.length,
    width: levels.reduce((sum, row) => sum + row[last] - row[0], 0) / levels.length,
    auc:
      100 *
      metrics.rocAucScore(
        scores,
        Float32Array.from(delay, (v) => Number(v >= late)),
      ),
  };
}

const names = {
  constant: 'the same for all',
  plain: 'plain regression',
  numbers: 'without airports',
  network: 'both inputs',
};

/** @param {Record<string, Score>} reached */
function table(reached) {
  const cells = (/** @type {string[]} */ list) => list.map((cell) => cell.padStart(13)).join('');
  const lines = Object.entries(names).map(([key, name]) => {
    const { pinball, coverage, width, auc } = reached[key];
    return `${name.padEnd(20)}${cells([pinball.toFixed(3), coverage.toFixed(1), width.toFixed(1), auc.toFixed(2)])}`;
  });
  return `${''.padEnd(20)}${cells(['pinball min', 'coverage %', 'width min', 'late, AUC %'])}\n${lines.join('\n')}\n`;
}

/** The quantiles over the day, each the mean of an hour. @param {number[][]} levels @param {Part} asked */
function picture(levels, { numbers }) {
  const hours = /** @type {number[][]} */ (numbers.toArray()).map(([sin, cos]) => {
    return Math.floor((((Math.atan2(sin, cos) / Math.PI) * 12 + 24) % 24) + 1e-6);
  });
  const day = Array.from({ length: 18 }, (_, i) => i + 6);
  const mean = (/** @type {number} */ hour, /** @type {number} */ k) => {
    const rows = levels.filter((_, i) => hours[i] === hour);
    return rows.reduce((sum, row) => sum + row[k], 0) / rows.length;
  };
  return charts.lines({
    ...{ title: 'Delay as foreseen, by the hour of departure', x: { label: 'hour' }, y: { label: 'minutes' } },
    lines: quantiles.map((q, k) => ({
      ...{ name: `${100 * q} % are less late`, x: day, y: day.map((hour) => mean(hour, k)) },
      style: /** @type {'both' | 'dashed'} */ (q === 0.5 ? 'both' : 'dashed'),
    })),
  });
}

await main(import.meta.url, run, small);
