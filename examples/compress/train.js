// Makes LeNet smaller in every way that there is, and puts size, speed and accuracy beside each other: MNIST.
// Run it with `npm run example -- compress`. It leaves output/compress.svg and the weights of each model.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { charts, compress, data, io, manualSeed, nn, noGrad, optim, train } from 'adjoint';
import { leNet } from '../lenet/model.js';
import { first, outputsOf, percentRight, planes, predictAll } from '../shared/classifier.js';
import { main, stepOf } from '../shared/main.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('../shared/classifier.js').Classifier} Classifier */
/** @typedef {{ name: string, accuracy: number, weights: number, bytes: number, packed: number, milliseconds: number }} Row */

/** Sizes with which it takes a few seconds, for the tests. */
export const small = { images: 2000, tests: 500, epochs: 2, pruned: 0.8 };

/**
 * Trains a teacher, makes it smaller, and returns the accuracy of each model on the test images, in percent.
 *
 * @param {{ images?: number, tests?: number, epochs?: number, pruned?: number, seed?: number, output?: string, eager?: boolean,
 *   stream?: import('adjoint').train.ProgressStream }} [options]
 *   images and tests: how many to learn from, and to test with; epochs: of each training; pruned: the share of weights
 */
export async function run(options = {}) {
  const { images = 60_000, tests = 10_000, epochs = 4, pruned = 0.9, seed = 1, eager } = options;
  const { output = 'output', stream = process.stdout } = options;
  manualSeed(seed);
  mkdirSync(output, { recursive: true });
  const digits = data.mnist();
  const [seen, unseen] = [first(digits.train, images), first(digits.test, tests)];
  const [x, test] = [planes(data.standardise, seen.images), planes(data.standardise, unseen.images)];
  const labels = unseen.labels.toTypedArray();

  /** @type {Row[]} */
  const rows = [];
  const measure = (/** @type {string} */ name, /** @type {Classifier} */ model) => {
    rows.push({ name, ...measured(model.eval(), `${output}/compress-${name}.safetensors`, test, labels) });
    return rows.at(-1)?.accuracy ?? Number.NaN;
  };
  /**
   * @param {string} name
   * @param {Classifier} model
   * @param {{ lr?: number, epochs?: number, teacher?: Tensor, schedule?: compress.PruningSchedule }} [how] teacher: its logits
   */
  const learn = async (name, model, { lr = 4e-3, epochs: count = epochs, teacher, schedule } = {}) => {
    stream.write(`\n${name}\n`);
    const parts = [x, seen.labels, teacher ?? seen.labels];
    const loader = new data.DataLoader(new data.TensorDataset(...parts), {
      batchSize: 64,
      shuffle: true,
      dropLast: true,
    });
    const optimizer = new optim.Adam(model.parameters(), { lr });
    const rate = new optim.lrScheduler.CosineAnnealingLR(optimizer, count * loader.length);
    const step = stepOf((/** @type {Tensor} */ image, /** @type {Tensor} */ label, /** @type {Tensor} */ logits) => {
      const scores = model.forward(image);
      const loss =
        teacher === undefined
          ? nn.functional.crossEntropy(scores, label)
          : compress.distillationLoss(scores, logits, { labels: label, temperature: 4, alpha: 0.9 });
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      rate.step();
      return loss;
    }, eager);
    const progress = new train.Progress({ steps: loader.length, epochs: count, stream });
    model.train();
    for (let epoch = 0; epoch < count; epoch++) {
      for await (const [image, label, logits] of loader) {
        const loss = await step(image, label, logits);
        progress.step(64, loss.item());
      }
      schedule?.step();
      progress.endEpoch(
        schedule === undefined ? '' : `${(100 * compress.sparsity(model).share).toFixed(0)} % are zero`,
      );
    }
  };

  const teacher = leNet();
  await learn('LeNet', teacher);
  const reached = { teacher: measure('LeNet', teacher) };
  const again = () => /** @type {typeof teacher} */ (teacher.clone());

  const sparse = again();
  const schedule = new compress.PruningSchedule(sparse, { amount: pruned, to: Math.max(1, epochs - 1) });
  await learn(`${100 * pruned} % pruned`, sparse, { lr: 2e-3, schedule });
  const shared = /** @type {typeof teacher} */ (sparse.clone());
  const small = { pruned: measure('pruned', compress.makePermanent(sparse)) };

  compress.cluster(shared, { clusters: 16 });
  await learn('pruned, and 16 values a layer', shared, { lr: 5e-4, epochs: 1 });
  const clustered = measure('clustered', shared);

  const dynamic = measure('int8-dynamic', compress.quantizeDynamic(again().eval()));
  const calibrated = compress.prepare(again().eval());
  noGrad(() => calibrated.forward(x.slice({ end: 500 })));
  const fixed = measure('int8-static', compress.convert(calibrated));
  const aware = compress.prepareQat(again());
  await learn('eight bits, trained for them', aware, { lr: 5e-4, epochs: 1 });
  const trained = measure('int8-trained', compress.convert(aware.eval()));

  const logits = outputsOf((given) => teacher.eval().forward(given), x);
  const student = tiny();
  await learn('a student of a tenth of the weights', student, { epochs: 2 * epochs, teacher: logits });
  const taught = measure('student', student);
  const alone = tiny();
  await learn('the same without a teacher', alone, { epochs: 2 * epochs });
  const untaught = measure('untaught', alone);

  writeFileSync(`${output}/compress.svg`, await picture(rows));
  stream.write(
    `\n${table(rows)}\nsaved ${output}/compress.svg, and the weights of each as ${output}/compress-….safetensors\n`,
  );
  return { ...reached, ...small, clustered, dynamic, static: fixed, trained, taught, untaught, rows };
}

/** A network for digits with fewer than a tenth of LeNet's 61,706 weights. */
function tiny() {
  return nn.sequential(
    new nn.Conv2d(1, 4, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2), // 4 × 12 × 12
    new nn.Conv2d(4, 8, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2), // 8 × 4 × 4
    new nn.Flatten(),
    new nn.Linear(128, 34),
    new nn.ReLU(),
    new nn.Linear(34, 10),
  );
}

/**
 * What a model costs, and what it reaches.
 *
 * @param {Classifier} model
 * @param {string} path
 * @param {Tensor} test
 * @param {ArrayLike<number>} labels
 */
function measured(model, path, test, labels) {
  io.save(path, model.stateDict());
  const file = readFileSync(path);
  // Values that are shared need not be looked up each time.
  const plain = /** @type {Classifier} */ (compress.makePermanent(model.clone()));
  const step = stepOf((/** @type {Tensor} */ x) => noGrad(() => plain.forward(x)), false);
  const one = test.slice({ end: 1 });
  const times = Array.from({ length: 60 }, () => {
    const started = performance.now();
    step.sync(one);
    return performance.now() - started;
  }).sort((a, b) => a - b);
  const predictions = predictAll((x) => step.sync(x).argmax({ dim: 1 }), test);
  const { total, zeros } = compress.sparsity(model);
  return {
    accuracy: percentRight(predictions, labels),
    weights: total - zeros,
    bytes: file.length,
    packed: gzipSync(file, { level: 9 }).length,
    milliseconds: times[30] ?? Number.NaN,
  };
}

/** @param {readonly Row[]} rows */
function table(rows) {
  const lines = rows.map(({ name, accuracy, weights, bytes, packed, milliseconds }) => {
    const cells = [accuracy.toFixed(2), weights.toLocaleString('en-US'), bytes.toLocaleString('en-US')];
    const more = [packed.toLocaleString('en-US'), milliseconds.toFixed(3)];
    return `${name.padEnd(14)}${[...cells, ...more].map((cell) => cell.padStart(12)).join('')}`;
  });
  const head = ['accuracy %', 'weights', 'bytes', 'gzipped', 'ms an image'].map((cell) => cell.padStart(12)).join('');
  return `${''.padEnd(14)}${head}\n${lines.join('\n')}\n`;
}

/** @param {readonly Row[]} rows */
async function picture(rows) {
  const names = rows.map(({ name }) => name);
  const size = await charts.bars({
    ...{ title: 'Size of the file, gzipped', names, horizontal: true },
    ...{ values: rows.map(({ packed }) => packed / 1024), axis: { label: 'KiB' } },
  });
  const wrong = await charts.bars({
    ...{ title: 'Digits that it gets wrong', names, horizontal: true },
    ...{ values: rows.map(({ accuracy }) => 100 - accuracy), axis: { label: 'percent' } },
  });
  return charts.sideBySide([size, wrong], { columns: 2 });
}

await main(import.meta.url, run, small);
