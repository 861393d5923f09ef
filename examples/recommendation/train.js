// Says which films people will like next: matrix factorisation, neural collaborative filtering and two towers, beside popularity and least squares.
// Run it with `npm run example -- recommendation`. It leaves output/recommendation.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { arange, charts, manualSeed, matmul, metrics, nn, noGrad, optim, rand, randint, randn, tensor } from 'adjoint';
import { main, stepOf } from '../shared/main.js';
import { learnFrom } from '../shared/minibatches.js';
import { madeUp, movieLens, newestApart } from './data.js';
import { Factors, leastSquares, logShares, NeuralFilter, TwoTowers } from './networks.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('./data.js').Likes} Likes */
/** @typedef {{ recall: number, ndcg: number }} Score */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { made: { users: 250, items: 150, each: 15 }, width: 16, epochs: 1, rounds: 4 };

/**
 * @param {{ made?: { users: number, items: number, each: number }, width?: number, epochs?: number, rounds?: number, share?: number,
 *   development?: boolean, seed?: number, output?: string, eager?: boolean, stream?: import('adjoint').train.ProgressStream }} [options]
 *   made: sizes of a made-up set instead of MovieLens; epochs: a factor for those of all networks; rounds: of least squares; share: of each person's
 *   likes, the newest, to test with; development: tests on likes that are otherwise learned from
 */
export async function run(options = {}) {
  const { made, width = 32, epochs = 1, rounds = 8, share = 0.2, development = false, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  mkdirSync(output, { recursive: true });
  const likes = made
    ? madeUp({ ...made, random: () => rand([1]).item() })
    : movieLens(join(output, 'movielens'), stream);
  const apart = newestApart(likes, share);
  const { seen, held } = development ? newestApart({ ...likes, pairs: apart.seen }, share) : apart;
  const judge = judgeOf(likes, seen, held);
  const [user, item] = [0, 1].map((k) => tensor(Int32Array.from(seen, (pair) => pair[k])));
  const counts = new Float64Array(likes.items);
  for (const [, i] of seen) counts[i]++;

  const items = arange(likes.items, { dtype: 'int32' });

  /** @type {Record<string, Score>} */
  const reached = baselines(likes, seen, counts, { width, rounds }, judge);

  /**
   * @param {string} title
   * @param {Factors | NeuralFilter | TwoTowers} model
   * @param {{ lr: number, weightDecay: number, epochs: number, batchSize: number }} how
   * @param {(user: Tensor, item: Tensor) => Tensor} lossOf
   */
  const learned = async (title, model, { lr, weightDecay, epochs: count, batchSize }, lossOf) => {
    const optimizer = new optim.AdamW(model.parameters(), { lr, weightDecay });
    const step = stepOf((/** @type {Tensor} */ user, /** @type {Tensor} */ item) => {
      const loss = lossOf(user, item);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    }, eager);
    const rows = { epochs: Math.ceil(count * epochs), batchSize, stream, title };
    await learnFrom(step, [user, item], rows);
    model.eval();
    return judge((users) => model.scores(users, items));
  };
  const others = (/** @type {Tensor} */ like) => randint(0, likes.items, like.shape, { dtype: 'int32' });

  const factors = new Factors(likes.users, likes.items, width);
  const softmax = { lr: 5e-3, weightDecay: 0.1, epochs: 15, batchSize: 512 };
  // There are few enough films here to compare what is liked with all others.
  reached.factors = await learned('matrix factorisation', factors, softmax, (user, item) =>
    nn.functional.crossEntropy(factors.scores(user, items), item),
  );

  const filter = new NeuralFilter(likes.users, likes.items, width);
  const pointwise = { lr: 2e-3, weightDecay: 0.3, epochs: 10, batchSize: Math.min(512, Math.floor(seen.length / 40)) };
  reached.neural = await learned('neural collaborative filtering', filter, pointwise, (user, item) => {
    const wanted = nn.functional.logsigmoid(filter.forward(user, item));
    const rest = [0, 1, 2, 3].map(() => nn.functional.logsigmoid(filter.forward(user, others(item)).neg()));
    return rest
      .reduce((sum, part) => sum.add(part), wanted)
      .mean()
      .neg();
  });

  const features = { userFeatures: tensor(likes.userFeatures), itemFeatures: tensor(likes.itemFeatures) };
  const towers = new TwoTowers({ ...features, width: 2 * width });
  const logQ = logShares(counts);
  const batch = { lr: 3e-3, weightDecay: 0.05, epochs: 20, batchSize: Math.min(512, Math.floor(seen.length / 4)) };
  reached.towers = await learned('two towers', towers, batch, (user, item) => towers.loss(user, item, logQ));

  writeFileSync(`${output}/recommendation.svg`, await picture(reached));
  stream.write(`\n${table(reached)}\nsaved ${output}/recommendation.svg\n`);
  return reached;
}

/**
 * What most like, and alternating least squares.
 *
 * @param {Likes} likes
 * @param {readonly (readonly [number, number])[]} seen
 * @param {Float64Array} counts how many like each film
 * @param {{ width: number, rounds: number }} options
 * @param {(scores: (users: Tensor) => Tensor) => Score} judge
 */
function baselines({ users, items }, seen, counts, { width, rounds }, judge) {
  const most = tensor(Float32Array.from(counts)).reshape([1, -1]);
  const all = new Float32Array(users * items);
  for (const [user, item] of seen) all[user * items + item] = 1;
  const liked = tensor(all, { shape: [users, items] });
  const first = randn([items, width]).mul(0.1);
  const solved = noGrad(() => leastSquares(liked, { width, rounds, alpha: 10, lambda: 20 }, first));
  return {
    popularity: judge((users) => most.expand([users.shape[0], items])),
    als: judge((users) => matmul(solved.users.indexSelect(0, users), solved.items, { transposeB: true })),
  };
}

/**
 * Judges scores by what people liked later: the films that they had liked before are left out of their lists.
 *
 * @param {Likes} likes
 * @param {readonly (readonly [number, number])[]} seen
 * @param {readonly (readonly [number, number])[]} held
 * @returns {(scores: (users: Tensor) => Tensor) => Score} scores: of all items, for some users
 */
function judgeOf({ users, items }, seen, held) {
  const known = Array.from({ length: users }, () => /** @type {number[]} */ ([]));
  const wanted = Array.from({ length: users }, () => /** @type {number[]} */ ([]));
  for (const [user, item] of seen) known[user].push(item);
  for (const [user, item] of held) wanted[user].push(item);
  const tested = [...wanted.keys()].filter((user) => wanted[user].length > 0);
  return (scores) => {
    const [recall, ndcg] = [new metrics.RecallAtK({ k: 20 }), new metrics.Ndcg({ k: 20 })];
    for (let start = 0; start < tested.length; start += 64) {
      const some = tested.slice(start, start + 64);
      const given = noGrad(() => scores(tensor(Int32Array.from(some))));
      const values = /** @type {Float32Array} */ (given.toTypedArray());
      const truth = new Float32Array(some.length * items);
      some.forEach((user, row) => {
        for (const item of known[user]) values[row * items + item] = -1e9;
        for (const item of wanted[user]) truth[row * items + item] = 1;
      });
      const shape = [some.length, items];
      for (const metric of [recall, ndcg]) metric.update(tensor(values, { shape }), tensor(truth, { shape }));
    }
    return { recall: 100 * recall.compute(), ndcg: 100 * ndcg.compute() };
  };
}

const names = /** @type {const} */ ({
  popularity: 'what most like',
  als: 'least squares',
  factors: 'matrix factorisation',
  neural: 'neural filtering',
  towers: 'two towers',
});

/** @param {Record<string, Score>} reached */
function table(reached) {
  const lines = Object.entries(names).map(([key, name]) => {
    const { recall, ndcg } = reached[key];
    return `${name.padEnd(22)}${recall.toFixed(2).padStart(10)}${ndcg.toFixed(2).padStart(10)}`;
  });
  return `${''.padEnd(22)}${'recall@20'.padStart(10)}${'NDCG@20'.padStart(10)}   in %\n${lines.join('\n')}\n`;
}

/** @param {Record<string, Score>} reached */
async function picture(reached) {
  const bars = (/** @type {'recall' | 'ndcg'} */ key, /** @type {string} */ title) =>
    charts.bars({
      ...{ title, names: Object.values(names), horizontal: true, axis: { label: 'percent' } },
      values: Object.keys(names).map((name) => reached[name][key]),
    });
  const both = [bars('recall', 'Recall among the first 20'), bars('ndcg', 'NDCG of the first 20')];
  return charts.sideBySide(await Promise.all(both), { columns: 2 });
}

await main(import.meta.url, run, small);
