// Makes a trained network smaller in every way that there is, and puts size, speed and accuracy beside each other.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { charts, compile, compress, io, nn, noGrad, optim, train } from 'adjoint';
import { stepOf } from '../shared/main.js';

/** @typedef {import('adjoint').Tensor} Tensor */
/** @typedef {import('adjoint').nn.Module & { forward(...inputs: any[]): Tensor }} Model */
/**
 * @typedef {{ name: string, accuracy: number, weights: number, bytes: number, packed: number, one: number, many: number }} Row
 *   bytes: of the file of the weights; packed: gzipped; one and many: milliseconds for one sample and for 64
 */
/**
 * @typedef {object} Task
 * @property {string} name of the files in the folder of the results
 * @property {string} title
 * @property {Model} teacher not trained yet
 * @property {() => Model} student a network of a tenth of its parameters
 * @property {() => Iterable<Tensor[]> & { length: number } | { length: number, [Symbol.asyncIterator](): AsyncIterator<readonly Tensor[]> }} epoch
 *   batches: the model's inputs and, last, the labels
 * @property {(scores: Tensor, labels: Tensor) => Tensor} loss
 * @property {(scores: Tensor) => Tensor} logits one for each class, for distillation
 * @property {(predict: (...inputs: Tensor[]) => Tensor) => number} accuracy on what was not learned from, in percent, from scores
 * @property {Tensor[]} typical inputs to measure ranges with
 * @property {(count: number) => Tensor[]} some inputs whose time is taken
 * @property {nn.utils.NamePattern} weights that are pruned
 * @property {nn.utils.NamePattern} outputs names of the weights of layers that can lose outputs
 * @property {{ teacher: number, pruned: number, channels: number, student: number }} epochs
 * @property {number} lr of the teacher
 * @property {number} batchSize
 */

/**
 * Trains the teacher, makes it smaller, and returns the accuracy of each model in percent, and the table.
 *
 * @param {Task} task
 * @param {{ pruned: number, output: string, eager?: boolean, stream: import('adjoint').train.ProgressStream }} options
 *   pruned: the share of weights that goes
 */
export async function makeSmaller(task, { pruned, output, eager, stream }) {
  mkdirSync(output, { recursive: true });
  /** @type {Row[]} */
  const rows = [];
  const measure = (/** @type {string} */ name, /** @type {Model} */ model) => {
    rows.push({ name, ...measured(task, model.eval(), `${output}/${task.name}-${name}.safetensors`) });
    return rows.at(-1)?.accuracy ?? Number.NaN;
  };
  const learn = learnerOf(task, eager, stream);
  const { teacher, epochs, lr, weights } = task;

  await learn('the whole network', teacher, { lr, epochs: epochs.teacher });
  const reached = { teacher: measure('whole', teacher) };
  const again = () => /** @type {Model} */ (teacher.clone()).train();

  const sparse = again();
  const gradual = (
    /** @type {compress.PruneOptions} */ what,
    /** @type {number} */ count,
    /** @type {Model} */ model,
  ) => new compress.PruningSchedule(model, { ...what, to: Math.max(1, Math.ceil(count / 2)) });
  const schedule = gradual({ amount: pruned, names: weights }, epochs.pruned, sparse);
  await learn(`${100 * pruned} % pruned`, sparse, { lr, epochs: epochs.pruned, schedule });
  const shared = /** @type {Model} */ (sparse.clone());
  const small = { pruned: measure('pruned', compress.makePermanent(sparse)) };
  compress.cluster(shared, { clusters: 16, names: weights });
  await learn('pruned, and 16 values a layer', shared, { lr: lr / 8, epochs: 1 });
  const clustered = measure('clustered', shared);

  const narrow = again();
  const halved = gradual({ amount: 0.5, dim: 0, names: task.outputs }, epochs.channels, narrow);
  await learn('half of the outputs of each layer', narrow, { lr: lr / 2, epochs: epochs.channels, schedule: halved });
  const channels = measure('channels', compress.shrink(narrow.eval()));

  const dynamic = measure('int8-dynamic', compress.quantizeDynamic(again().eval()));
  const calibrated = compress.prepare(again().eval());
  noGrad(() => calibrated.forward(...task.typical));
  const fixed = measure('int8-static', compress.convert(calibrated));
  const aware = compress.prepareQat(again());
  await learn('eight bits, trained for them', aware, { lr: lr / 8, epochs: 1 });
  const trained = measure('int8-trained', compress.convert(aware.eval()));

  const student = task.student();
  await learn('a student of a tenth of the weights', student, { lr, epochs: epochs.student, teacher: teacher.eval() });
  const taught = measure('student', student);
  const alone = task.student();
  await learn('the same without a teacher', alone, { lr, epochs: epochs.student });
  const untaught = measure('untaught', alone);

  writeFileSync(`${output}/${task.name}.svg`, await picture(task, rows));
  stream.write(
    `\n${table(rows)}\nsaved ${output}/${task.name}.svg, and the weights of each as ${task.name}-….safetensors\n`,
  );
  const costs = Object.fromEntries(rows.map(({ name, accuracy: _, ...cost }) => [name, cost]));
  return { ...reached, ...small, clustered, channels, dynamic, static: fixed, trained, taught, untaught, costs };
}

/**
 * A function that trains a model, alone or by a teacher, while a schedule prunes it.
 *
 * @param {Task} task
 * @param {boolean | undefined} eager
 * @param {import('adjoint').train.ProgressStream} stream
 */
function learnerOf(task, eager, stream) {
  /**
   * @param {string} title
   * @param {Model} model
   * @param {{ lr: number, epochs: number, teacher?: Model, schedule?: compress.PruningSchedule }} how
   */
  return async (title, model, { lr, epochs, teacher, schedule }) => {
    stream.write(`\n${title}\n`);
    const optimizer = new optim.Adam(model.parameters(), { lr });
    const steps = task.epoch().length;
    const rate = new optim.lrScheduler.OneCycleLR(optimizer, lr, { totalSteps: epochs * steps, pctStart: 0.1 });
    const step = stepOf((/** @type {Tensor[]} */ ...given) => {
      const [labels, inputs] = [/** @type {Tensor} */ (given.at(-1)), given.slice(0, -1)];
      const scores = model.forward(...inputs);
      const own = task.loss(scores, labels);
      const taught = teacher && noGrad(() => task.logits(teacher.forward(...inputs)));
      const loss = taught
        ? own.add(compress.distillationLoss(task.logits(scores), taught, { temperature: 1 })).div(2)
        : own;
      optimizer.zeroGrad();
      loss.backward();
      nn.utils.clipGradNorm_(model.parameters(), 1);
      optimizer.step();
      rate.step();
      return loss;
    }, eager);
    const progress = new train.Progress({ steps, epochs, stream });
    model.train();
    for (let epoch = 0; epoch < epochs; epoch++) {
      for await (const batch of task.epoch()) progress.step(task.batchSize, (await step(...batch)).item());
      schedule?.step();
      const { share } = compress.sparsity(model, { names: task.weights });
      progress.endEpoch(schedule === undefined ? '' : `${(100 * share).toFixed(0)} % are zero`);
    }
  };
}

/**
 * What a model costs, and what it reaches.
 *
 * @param {Task} task
 * @param {Model} model
 * @param {string} path
 */
function measured(task, model, path) {
  // Integers need few floats beside them, scales and biases, for which 16 bits do: what is measured is what was written.
  const isInteger = model.namedBuffers().some(([name]) => name.endsWith('.integers'));
  io.save(path, model.stateDict(), isInteger ? { dtype: 'bfloat16' } : {});
  if (isInteger) model.loadStateDict(io.load(path));
  const file = readFileSync(path);
  // Values that are shared need not be looked up each time.
  const plain = /** @type {Model} */ (compress.makePermanent(model.clone()));
  const step = compile((/** @type {Tensor[]} */ ...inputs) => noGrad(() => plain.forward(...inputs)));
  const milliseconds = (/** @type {number} */ count) => {
    const inputs = task.some(count);
    const times = Array.from({ length: count === 1 ? 30 : 6 }, () => {
      const started = performance.now();
      step.sync(...inputs);
      return performance.now() - started;
    });
    return times.sort((a, b) => a - b)[2] ?? Number.NaN; // one that little else disturbed
  };
  const { total, zeros } = compress.sparsity(model, { names: task.weights });
  return {
    accuracy: task.accuracy((...inputs) => step.sync(...inputs)),
    weights: total - zeros,
    bytes: file.length,
    packed: gzipSync(file, { level: 9 }).length,
    one: milliseconds(1),
    many: milliseconds(64),
  };
}

/** @param {readonly Row[]} rows */
function table(rows) {
  const lines = rows.map(({ name, accuracy, weights, bytes, packed, one, many }) => {
    const cells = [accuracy.toFixed(2), ...[weights, bytes, packed].map((n) => n.toLocaleString('en-US'))];
    const all = [...cells, one.toFixed(3), many.toFixed(2)];
    return `${name.padEnd(14)}${all.map((cell) => cell.padStart(12)).join('')}`;
  });
  const names = ['accuracy %', 'weights', 'bytes', 'gzipped', 'ms for one', 'ms for 64'];
  return `${''.padEnd(14)}${names.map((cell) => cell.padStart(12)).join('')}\n${lines.join('\n')}\n`;
}

/** @param {Task} task @param {readonly Row[]} rows */
async function picture(task, rows) {
  const names = rows.map(({ name }) => name);
  const drawn = [
    {
      title: `${task.title}: the file, gzipped`,
      values: rows.map(({ packed }) => packed / 1024),
      axis: { label: 'KiB' },
    },
    { title: 'Time for 64', values: rows.map(({ many }) => many), axis: { label: 'ms' } },
    { title: 'What it gets wrong', values: rows.map(({ accuracy }) => 100 - accuracy), axis: { label: 'percent' } },
  ].map((chart) => charts.bars({ ...chart, names, horizontal: true }));
  return charts.sideBySide(await Promise.all(drawn), { columns: 3 });
}
