import { accessSync, constants, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { FileError, setNumThreads, train } from '../index.js';
import { type Command, type Given, UsageError } from './arguments.js';
import { print, printJson, printPairs, StatusLine, short } from './output.js';
import { peakMemory } from './peak-memory.js';
import { readingOptions, readTable } from './tables.js';

export const trainCommand: Command = {
  summary: 'Trains a model of a CSV file: networks that predict one column from the others, in one file.',
  positionals: ['<data.csv>'],
  options: {
    target: { value: '<column>', about: 'the column to predict' },
    output: { value: '<file>', about: 'where the model is saved; default model.safetensors' },
    test: { value: '<file.csv>', about: 'rows that the model is evaluated on when it is trained' },
    task: { value: '<task>', about: 'binary, multiclass or regression; by default it follows from the target' },
    ignore: { value: '<a,b>', about: 'columns that are not to be read, such as numbers of customers' },
    types: { value: '<a=type,…>', about: 'types of columns: number, category, boolean, date or text' },
    ensemble: {
      value: '<n>',
      about: 'networks whose predictions are averaged; default 5 below 5000 rows, 3 below 50,000, else 1',
    },
    tune: { value: '<n>', about: 'settings to try before, of which the best three are used; default 0' },
    'tune-log': { value: '<file>', about: 'where these trials are noted, and an interrupted search goes on' },
    epochs: { value: '<n>', about: 'passes through the rows at most; training ends earlier when nothing improves' },
    seed: { value: '<n>', about: 'of all that is random; default 0' },
    threads: { value: '<n>', about: 'threads; by default all cores' },
    ...readingOptions,
    quiet: { about: 'no progress' },
    json: { about: 'the result as JSON' },
  },
  more: `Ctrl-C ends the training and saves what was reached.

  adjoint train houses.csv --target price
  adjoint train mails.csv --target spam --ignore id --test later.csv --output spam.safetensors`,
  async run(given) {
    const [path] = given.positionals as [string];
    const target = given.text('target');
    if (target === undefined) throw new UsageError('train needs --target, the column to predict');
    const options = optionsOf(given, target);
    const threads = given.integer('threads', 1, 1024);
    if (threads !== undefined) setNumThreads(threads);
    const output = given.text('output') ?? 'model.safetensors';
    const test = given.text('test');
    checkFiles(output, test);
    const table = await readTable(path, given);
    const model = await trainUntilStopped(table, options, given.flag('quiet') || given.flag('json'));
    saveSomewhere(model, output);
    const tested = test === undefined ? undefined : await model.evaluate(await readTable(test, given, model));
    const columns = table.names.filter((name) => name !== target);
    const unused = columns.filter((name) => !model.columns.some((column) => column.name === name));
    const texts = unused.filter((name) => table.column(name).type === 'text' && !options.ignore?.includes(name));
    if (given.flag('json')) {
      const { task, classes, metrics, provenance } = model;
      printJson({
        file: output,
        target,
        task,
        classes,
        columns: model.columns,
        unused,
        metrics,
        test: tested,
        provenance,
        peakMemory: peakMemory(),
      });
      return;
    }
    describe(model, unused);
    if (texts.length > 0) {
      const hint = `if ${texts[0]} should hold numbers, --types ${texts[0]}=number names a row that does not`;
      print(`texts are not learned from: ${texts.join(', ')}; ${hint}`);
    }
    if (tested !== undefined) {
      print(`on ${test}:`);
      printPairs(Object.entries(tested));
    }
    print(`saved to ${output}`);
  },
};

/** Finds out before the training what would else be an error after it. */
function checkFiles(output: string, test: string | undefined): void {
  if (output === '') throw new UsageError('--output must be a file, got ""');
  if (isFolder(output)) throw new UsageError(`--output must be a file, got the folder ${JSON.stringify(output)}`);
  if (!isFolder(dirname(output))) {
    throw new UsageError(`--output must be in a folder that exists, got ${JSON.stringify(output)}`);
  }
  if (!isWritable(dirname(output))) {
    throw new UsageError(`--output must be in a folder that can be written to, got ${JSON.stringify(output)}`);
  }
  if (test !== undefined && !existsSync(test)) {
    throw new UsageError(`--test must be a file that exists, got ${JSON.stringify(test)}`);
  }
}

/**
 * Saves a model. Where that fails, as on a full disk, the training is not lost: the model goes where there is room.
 *
 * @throws FileError that says where it is, or that it is nowhere
 */
function saveSomewhere(model: train.TabularModel, output: string): void {
  try {
    model.save(output);
  } catch (cause) {
    if (!(cause instanceof FileError)) throw cause;
    for (const place of [tmpdir(), homedir()]) {
      const path = saveIn(place, model, basename(output));
      if (path === null) continue;
      const hint = `the model is in ${JSON.stringify(path)} instead: make room, and move it`;
      throw new FileError(`${cause.message}; ${hint}`, { cause });
    }
    throw cause;
  }
}

/** The path of the model in a new folder, null where that cannot be written either. */
function saveIn(place: string, model: train.TabularModel, name: string): string | null {
  let folder: string | null = null;
  try {
    folder = mkdtempSync(join(place, 'adjoint-'));
    model.save(join(folder, name));
    return join(folder, name);
  } catch {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
    return null;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // it is not there, or in a file
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false; // no permission, or a disk that can only be read
  }
}

function optionsOf(given: Given, target: string): train.TabularOptions {
  const epochs = given.integer('epochs', 1);
  const optional = {
    task: given.choice('task', ['binary', 'multiclass', 'regression']),
    ignore: given.list('ignore'),
    ensemble: given.integer('ensemble', 1, 100),
    seed: given.integer('seed', 0),
    tune: given.integer('tune', 0, 10_000),
    tuneLog: given.text('tune-log'),
    settings: epochs === undefined ? undefined : { epochs },
  };
  return { target, ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) };
}

async function trainUntilStopped(
  table: Parameters<typeof train.tabular>[0],
  options: train.TabularOptions,
  isQuiet: boolean,
): Promise<train.TabularModel> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error('stopped before the first epoch was over; nothing is saved'));
  process.once('SIGINT', stop);
  const line = new StatusLine(isQuiet);
  const onEpoch = ({ member, members, epoch, epochs, loss, validation }: train.TabularProgress): void => {
    const done = (member - 1 + epoch / epochs) / members;
    const bar = `[${'='.repeat(Math.round(20 * done)).padEnd(20)}]`;
    line.update(
      `${bar} network ${member}/${members}  epoch ${epoch}/${epochs}  loss ${short(loss)}  validation ${short(validation)}`,
    );
  };
  let trials = 0;
  const onTrial = ({ loss }: train.TabularTrial): void =>
    line.update(`trial ${++trials}/${options.tune}  validation ${short(loss)}`);
  try {
    return await train.tabular(table, { ...options, signal: controller.signal, onEpoch, onTrial });
  } finally {
    line.end();
    process.removeListener('SIGINT', stop);
  }
}

/** What a training reached. */
function describe(
  { target, task, classes, columns, metrics, provenance, networks }: train.TabularModel,
  unused: string[],
): void {
  const kind = task === 'regression' ? 'a number' : `${classes.length} classes (${classes.slice(0, 10).join(', ')})`;
  print(
    `${target}: ${kind}, from ${columns.length} columns of ${provenance.rows} rows, in ${provenance.seconds.toFixed(1)} s`,
  );
  if (unused.length > 0) print(`not used: ${unused.join(', ')}`);
  if (provenance.skipped > 0) print(`${provenance.skipped} rows without a target were left out`);
  print(`on rows kept apart from training (${networks.length === 1 ? 'one network' : `${networks.length} networks`}):`);
  printPairs(Object.entries(metrics));
}
