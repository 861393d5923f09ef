import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Table } from '../../lib/data/table.js';
import { loadCheckpoint, save, saveCheckpoint } from '../../lib/io/index.js';
import '../../lib/index.js';
import { type TabularOptions, tabular } from '../../lib/train/tabular.js';
import { TabularModel } from '../../lib/train/tabular-model.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-tabular-'));
const path = join(folder, 'model.safetensors');
afterAll(() => rmSync(folder, { recursive: true }));

/** Numbers in [-1, 1) that look random. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
}

const kinds = ['red', 'green', 'blue'];
/** Whether the point is inside of a ring whose size the kind decides; some values are missing. */
function rings(count: number, seed: number): Table {
  const next = numbersFrom(seed);
  return Table.fromRows(
    Array.from({ length: count }, (_, i) => {
      const [x, y, kind] = [next(), next(), Math.floor(1.5 * (next() + 1)) % 3];
      const isInside = Math.hypot(x, y) < [0.3, 0.7, 1][kind]!;
      return {
        x,
        y: i % 20 === 3 ? null : y,
        kind: kinds[kind],
        note: `row ${i} ${next()}`,
        inside: isInside ? 'yes' : 'no',
      };
    }),
  );
}

/** y = 100 + 20 sin(3 a) + 10 b² */
function waves(count: number, seed: number): Table {
  const next = numbersFrom(seed);
  return Table.fromRows(
    Array.from({ length: count }, () => {
      const [a, b] = [next(), next()];
      return { a, b, flag: next() > 0, y: 100 + 20 * Math.sin(3 * a) + 10 * b * b };
    }),
  );
}

const settings = { hidden: [64, 64], epochs: 40 };
let classifier: TabularModel;
beforeAll(async () => {
  classifier = await tabular(rings(800, 1), { target: 'inside', ensemble: 2, settings });
});

describe('tabular', () => {
  it('learns classes from numbers and categories', async () => {
    expect([classifier.task, classifier.classes, classifier.target]).toEqual(['binary', ['no', 'yes'], 'inside']);
    const test = rings(500, 2);
    const wanted = [...test.rows()].map((row) => row.inside);
    const predicted = await classifier.predict(test);
    const right = predicted.filter((label, i) => label === wanted[i]).length / wanted.length;
    expect(right).toBeGreaterThan(0.93);
    const scores = await classifier.evaluate(test);
    expect(scores.accuracy).toBeCloseTo(right, 12);
    expect(scores.auc).toBeGreaterThan(0.97);
    expect(classifier.metrics.accuracy).toBeGreaterThan(0.93);
    const proba = await classifier.predictProba(test.slice(0, 5));
    for (const [i, row] of proba.entries()) {
      expect(row[0]! + row[1]!).toBeCloseTo(1, 6);
      expect(classifier.classes[row[0]! > row[1]! ? 0 : 1]).toBe(predicted[i]);
    }
  });

  it('learns numbers, never beyond those of the training', async () => {
    const model = await tabular(waves(600, 3), { target: 'y', ensemble: 1, settings });
    const test = waves(300, 4);
    const truth = test.column('y').values as Float64Array;
    const predicted = (await model.predict(test)) as number[];
    const mean = truth.reduce((a, b) => a + b) / truth.length;
    const sum = (of: (y: number, i: number) => number): number => truth.reduce((all, y, i) => all + of(y, i) ** 2, 0);
    const r2 = 1 - sum((y, i) => y - predicted[i]!) / sum((y) => y - mean);
    expect(r2).toBeGreaterThan(0.97);
    expect((await model.evaluate(test)).r2).toBeCloseTo(r2, 9);
    const [far] = await model.predict([{ a: 1e300, b: Number.NEGATIVE_INFINITY, flag: null }]);
    expect(far).toBeGreaterThan(75);
    expect(far).toBeLessThan(135);
  });

  it('the same seed gives the same model, another one another', async () => {
    const made = async (seed: number) => {
      const model = await tabular(rings(100, 1), {
        target: 'inside',
        ensemble: 1,
        seed,
        settings: { hidden: [8], epochs: 3 },
      });
      return model.predictProba(rings(4, 9));
    };
    const first = await made(1);
    expect(await made(1)).toEqual(first);
    expect(await made(2)).not.toEqual(first);
  });

  it.each<[string, object[], Partial<TabularOptions>, string, unknown[]]>([
    ['few integers', [0, 1, 2].map((y) => ({ y })), {}, 'multiclass', [0, 1, 2]],
    ['booleans', [true, false].map((y) => ({ y })), {}, 'binary', [false, true]],
    ['integers, as asked', [0, 1, 2].map((y) => ({ y })), { task: 'regression' }, 'regression', []],
    ['broken numbers', [0.5, 1, 2].map((y) => ({ y })), {}, 'regression', []],
  ])('guesses the task: %s', async (_, values, options, task, classes) => {
    const table = Table.fromRows(Array.from({ length: 60 }, (_, i) => ({ x: i, ...values[i % values.length] })));
    const model = await tabular(table, { target: 'y', ensemble: 1, settings: { hidden: [4], epochs: 1 }, ...options });
    expect([model.task, model.classes]).toEqual([task, classes]);
    if (task !== 'regression') expect(classes).toContain((await model.predict([{ x: 1 }]))[0]);
  });

  it('rows without a target are left out', async () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({ x: i, y: i < 5 ? null : i % 2 === 0 }));
    const model = await tabular(Table.fromRows(rows), {
      target: 'y',
      ensemble: 1,
      settings: { hidden: [4], epochs: 1 },
    });
    expect([model.provenance.rows, model.provenance.skipped]).toEqual([25, 5]);
  });

  it('a loss that is never a number is an error that says what to do', async () => {
    const options = { target: 'inside', ensemble: 1, settings: { hidden: [8], epochs: 2, lr: 1e30 } };
    await expect(tabular(rings(100, 1), options)).rejects.toThrow(
      'tabular: the validation loss must be a number after some epoch, got none in 2 epochs; give a settings.lr below 1e+30',
    );
  });

  it('categories that a file could not hold are an error before the training, others are not', async () => {
    const [rows, characters] = [9000, 1800];
    const wordy = (length: number) => {
      const categories = Array.from({ length: rows }, (_, i) => `${i}`.padEnd(length, '"'));
      const values = Int32Array.from(categories.keys());
      const y = Float64Array.from(categories, (_, i) => i % 3);
      return new Table({ word: { type: 'category', values, categories }, y: { type: 'number', values: y } });
    };
    // A quote takes two characters of JSON.
    const message =
      /^tabular: names and categories of the columns must have at most 16777216 characters in the file of the model, got (\d+) for an ensemble of 2, of which column "word" has \d+; ignore columns, or give a smaller ensemble$/;
    const options = { target: 'y', ensemble: 2, settings: { epochs: 1, hidden: [4] } };
    await expect(tabular(wordy(characters / 2), options)).rejects.toThrow(message);
    const most = await tabular(wordy(characters / 2), { ...options, ensemble: 1 });
    most.save(path);
    expect(TabularModel.load(path).columns).toEqual([{ name: 'word', type: 'category' }]);
  }, 60_000);

  it('a signal ends it with what was reached, but not before there is something', async () => {
    const controller = new AbortController();
    const onEpoch = ({ epoch }: { epoch: number }) => epoch === 2 && controller.abort(new Error('enough'));
    const options = { target: 'inside', settings: { hidden: [8], epochs: 1000 }, signal: controller.signal, onEpoch };
    const model = await tabular(rings(100, 1), options);
    expect(model.provenance.members.map(({ epochs }) => epochs)).toEqual([2]);
    await expect(tabular(rings(100, 1), options)).rejects.toThrow('enough');
  });

  const few = (target: unknown[], more: object = {}) =>
    Table.fromRows(
      target.map((y, i) => ({ x: i, ...more, y })),
      { types: {} },
    );
  const twenty = Array.from({ length: 20 }, (_, i) => i);
  it.each<[string, Table, Partial<TabularOptions>, string]>([
    ['no such target', few(twenty), { target: 'z' }, 'no column has the name "z"; there are "x", "y"'],
    ['too few rows', few([1, 0, 1]), {}, 'tabular: target "y" must have at least 8 rows, got 3'],
    [
      'hardly any target',
      few(twenty.map((i) => (i < 3 ? i : null))),
      {},
      'tabular: target "y" must have at least 8 rows, got 3 with a target of 20',
    ],
    [
      'a constant target',
      few(twenty.map(() => 5)),
      {},
      'tabular: target "y" must have at least two values, got only 5',
    ],
    [
      'one class only',
      few(twenty.map(() => 'a')),
      {},
      'tabular: target "y" must have at least two values, got only "a"',
    ],
    [
      'a class of one row',
      few(twenty.map((i) => (i === 7 ? 'c' : i % 2 ? 'a' : 'b'))),
      {},
      'tabular: target "y" must have at least two rows of each class, got one of "c", row 7',
    ],
    [
      'fewer rows than classes',
      few(twenty.map((i) => `n${i}`)),
      {},
      'tabular: target "y" must have at least two rows a class, got 20 classes in 20 rows',
    ],
    [
      'dates',
      few(twenty.map((i) => new Date(i))),
      {},
      'tabular: target "y" must hold numbers, categories or booleans, got dates',
    ],
    [
      'an infinite target',
      few(twenty.map((i) => (i === 4 ? Number.POSITIVE_INFINITY : i + 0.5))),
      {},
      'tabular: target "y" must be finite, got Infinity in row 4',
    ],
    [
      'the wrong task',
      few(twenty),
      { task: 'binary' },
      'tabular: target "y" must have two values for the task binary, got 20',
    ],
    [
      'numbers that are none',
      few(twenty.map((i) => 'ab'[i % 2])),
      { task: 'regression' },
      'tabular: target "y" must hold numbers for the task regression, got a column of category',
    ],
    [
      'nothing to learn from',
      few(twenty, { x: 1 }),
      {},
      'tabular: there must be a column to learn from beside the target "y"',
    ],
    ['an unknown setting', few(twenty), { settings: { layers: 3 } as object }, 'tabular: unknown option "layers"'],
    [
      'a wrong width',
      few(twenty),
      { settings: { hidden: [0] } },
      'tabular: each of hidden must be an integer of at least 1',
    ],
    ['an unknown column to ignore', few(twenty), { ignore: ['z'] }, 'no column has the name "z"'],
  ])('%s', async (_, table, options, message) => {
    await expect(tabular(table, { target: 'y', ...options })).rejects.toThrow(message);
  });
});

describe('TabularModel', () => {
  it('takes rows as tables and as objects, with categories that it has never seen', async () => {
    const test = rings(70, 5);
    const wanted = await classifier.predictProba(test);
    const rows = [...test.drop('inside', 'note').rows()].map((row) => ({ ...row }));
    const got = await classifier.predictProba(rows);
    for (const [i, row] of got.entries()) expect(row[0]).toBeCloseTo(wanted[i]![0]!, 5);
    const one = await classifier.predictProba([rows[7]!]);
    expect(one[0]![0]).toBeCloseTo(wanted[7]![0]!, 5);
    expect(await classifier.predict([{ x: null, y: Number.NaN, kind: 'violet' }])).toHaveLength(1);
  });

  const row = { x: 0, y: 0, kind: 'red' };
  it.each<[string, () => Promise<unknown>, string]>([
    ['no rows', () => classifier.predict([]), 'predict: rows must be at least one, got none'],
    [
      'a missing column',
      () => classifier.predict([row, { x: 1, y: 1 }]),
      'predict: row 1 must have column "kind", got none; give null where a value is missing',
    ],
    [
      'a wrong value',
      () => classifier.predict([{ ...row, x: 'much' }]),
      'predict: column "x" must hold numbers, as in training, got "much" in row 0; give null where a value is missing',
    ],
    [
      'a row that is none',
      () => classifier.predict([3 as never]),
      'predict: each row must be an object, got 3 in row 0',
    ],
    [
      'a table without a column',
      () => classifier.predict(rings(3, 1).drop('kind')),
      'predict: no column has the name "kind"; there are "x", "y", "note", "inside"',
    ],
    [
      'a table with another type',
      () => classifier.predict(Table.fromRows([{ ...row, x: 'a' }])),
      'predict: column "x" must be of type number, as in training, got category; give types: { "x": \'number\' } to what reads the table',
    ],
    [
      'an unknown class',
      () =>
        classifier.evaluate(
          Table.fromRows([
            { ...row, inside: 'no' },
            { ...row, inside: 'maybe' },
          ]),
        ),
      'evaluate: target "inside" must be a class of the model, got "maybe" in row 1',
    ],
    [
      'one row',
      () => classifier.predict(row as never),
      'predict: rows must be a table or a list of objects, [row] for one, got',
    ],
    ['no target', () => classifier.evaluate(Table.fromRows([row])), 'no column has the name "inside"'],
  ])('%s', async (_, call, message) => {
    await expect(call()).rejects.toThrow(message);
  });

  it('predicts the same in another process', async () => {
    classifier.save(path);
    const rows = rings(20, 6);
    const program = `
import { train } from ${JSON.stringify(new URL('../../dist/adjoint.js', import.meta.url).href)};
const rows = JSON.parse(process.argv[1]);
console.log(JSON.stringify(await train.TabularModel.load(${JSON.stringify(path)}).predictProba(rows)));`;
    const given = JSON.stringify([...rows.rows()]);
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program, given], { encoding: 'utf8' });
    expect(JSON.parse(printed)).toEqual(await classifier.predictProba(rows));
    const again = TabularModel.load(path);
    expect([again.metrics, again.provenance, again.columns]).toEqual([
      classifier.metrics,
      classifier.provenance,
      classifier.columns,
    ]);
  });

  it('predicts the same after it was saved, bit for bit, from columns of every kind', async () => {
    const next = numbersFrom(11);
    const list = Array.from({ length: 60 }, (_, i) => ({
      n: i === 4 ? Number.POSITIVE_INFINITY : i % 7 === 0 ? null : next(),
      flag: i % 5 === 0 ? null : next() > 0,
      only: i % 3 === 0 ? 1 : null,
      when: i % 11 === 0 ? null : new Date(1.7e12 + 1e11 * next()),
      kind: i % 6 === 0 ? null : kinds[i % 3],
      y: i % 2 === 0,
    }));
    const made = Table.fromRows(list);
    const quick = { hidden: [5], epochs: 2 };
    for (const target of ['y', 'n']) {
      const known = target === 'y' ? made : made.select(list.flatMap(({ n }, i) => (Number.isFinite(n) ? [i] : [])));
      const model = await tabular(known, { target, ensemble: 2, settings: quick });
      model.save(path);
      const again = TabularModel.load(path);
      const strange = { n: -1e308, flag: null, only: 2, when: new Date(0), kind: 'violet', y: null };
      for (const rows of [made, [strange]]) expect(await again.predict(rows)).toEqual(await model.predict(rows));
      if (target === 'y') expect(await again.predictProba(made)).toEqual(await model.predictProba(made));
      expect(again.schema).toEqual(model.schema);
    }
  });

  type Saved = {
    version: number;
    members: {
      parameters: Map<string, unknown>;
      architecture: { hidden: number[] };
      features: { columns: { column: string; scale: number }[] };
    }[];
  };

  /** Loads the model from a file in which something was changed. */
  function changing(change: (model: Saved) => void): () => TabularModel {
    classifier.save(path);
    const { tabular } = loadCheckpoint<{ tabular: Saved }>(path);
    change(tabular);
    const broken = join(folder, 'broken.safetensors');
    saveCheckpoint(broken, { tabular });
    return () => TabularModel.load(broken);
  }

  it.each<[what: string, change: (model: Saved) => void, message: string]>([
    ['version', (model) => (model.version = 2), 'must be of version 1, got 2'],
    [
      'parameters',
      ({ members }) => members[1]!.parameters.set('more', members[1]!.parameters.get('scale')),
      'must have parameters of its network alone as tabular.members[1].parameters, got "more"',
    ],
    ['none', ({ members }) => members[1]!.parameters.clear(), 'parameters as tabular.members[1].parameters, got 0'],
    [
      'layers',
      ({ members }) => (members[0]!.architecture.hidden = [1e9]),
      'must have an integer from 1 to 65536 as tabular.members[0].architecture.hidden[0], got 1000000000',
    ],
    [
      'shapes',
      ({ members }) => (members[0]!.architecture.hidden = [64, 65]),
      'must have a float32 tensor weights.1 [65, 64] as tabular.members[0].parameters, got "float32 [64, 64]"',
    ],
    [
      'features',
      ({ members }) => (members[0]!.features.columns[0]!.scale = -1),
      'must have features (Features.fromJSON: json must be what toJSON gives, got a wrong scale in column 0)',
    ],
    [
      'columns',
      ({ members }) => {
        for (const column of members[0]!.features.columns) column.column = 'z';
      },
      'must have features of columns of the model, not "z" as tabular.members[0].features',
    ],
  ])('a file whose %s do not fit is an error', (_, change, message) => {
    expect(changing(change)).toThrow(message);
  });

  it('a file that is damaged or none of a model is an error', () => {
    classifier.save(path);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, 5000));
    expect(() => TabularModel.load(path)).toThrow(/^TabularModel\.load: .*truncated/);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] as number) ^ 1; // one bit of a weight
    writeFileSync(path, bytes);
    expect(() => TabularModel.load(path)).toThrow(/^TabularModel\.load: .*it is damaged/);
    saveCheckpoint(path, { epoch: 3 });
    expect(() => TabularModel.load(path)).toThrow(/must hold a model of TabularModel\.save, got epoch$/);
    save(path, {});
    expect(() => TabularModel.load(path)).toThrow(/must hold a model of TabularModel\.save, got tensors$/);
  });
});
