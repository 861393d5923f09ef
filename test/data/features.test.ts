import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Features, type FeaturesOptions } from '../../lib/data/features.js';
import { normalQuantile } from '../../lib/data/normal-quantile.js';
import { Table } from '../../lib/data/table.js';

const golden = JSON.parse(readFileSync(new URL('../golden/preprocessing.json', import.meta.url), 'utf8')) as {
  columns: { values: number[]; fresh: number[]; standardise: number[]; minMax: number[]; quantile: number[] }[];
};

const column = (values: number[]) => Table.fromRows(values.map((x) => ({ x })));
const rows = [
  { age: 20, job: 'cook', fit: true, seen: new Date('2024-01-31T10:00Z'), note: 'a' },
  { age: null, job: 'nurse', fit: false, seen: new Date('2024-03-31T10:00Z'), note: 'b' },
  { age: 40, job: null, fit: true, seen: null, note: 'c' },
  { age: 60, job: 'cook', fit: true, seen: new Date('2025-02-01T10:00Z'), note: 'd' },
];
const table = Table.fromRows(rows, { types: { note: 'text' } });
const arrays = ({ numbers, categories }: ReturnType<Features['transform']>) => [
  numbers.toArray(),
  categories.toArray(),
];

describe('numbers are scaled as scikit-learn does it', () => {
  for (const transform of ['standardise', 'minMax', 'quantile'] as const) {
    it.each(golden.columns.map((c, i) => [i, c]))(`${transform} %i`, (_, { values, fresh, ...wanted }) => {
      const { numbers } = new Features({ number: transform }).fit(column(values)).transform(column(fresh));
      expect(numbers.shape).toEqual([fresh.length, 1]);
      numbers.toTypedArray().forEach((x, i) => {
        const y = wanted[transform][i] as number;
        expect(Math.abs(x - y), `${x} for ${y} of ${fresh[i]}`).toBeLessThan(2e-6 * Math.max(1, Math.abs(y)));
      });
    });
  }

  it('log, in closed form', () => {
    const values = [-10, 0, 1, 1000];
    const mapped = values.map((x) => Math.sign(x) * Math.log(1 + Math.abs(x)));
    const mean = mapped.reduce((a, b) => a + b) / 4;
    const deviation = Math.sqrt(mapped.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 4);
    const { numbers } = new Features({ number: 'log' }).fit(column(values)).transform(column(values));
    [...numbers.toTypedArray()].forEach((x, i) => {
      expect(x).toBeCloseTo((mapped[i]! - mean) / deviation, 6);
    });
  });

  it('the normal quantile is the inverse of the distribution', () => {
    const below = (x: number) => {
      let [sum, steps] = [0, 20_000];
      for (let i = 0; i < steps; i++) sum += Math.exp(-((((i + 0.5) / steps) * x) ** 2) / 2);
      return 0.5 + (sum * x) / steps / Math.sqrt(2 * Math.PI);
    };
    for (const p of [1e-6, 1e-3, 0.04, 0.1, 0.3, 0.5, 0.6, 0.93, 0.999])
      expect(below(normalQuantile(p))).toBeCloseTo(p, 9);
  });
});

describe('Features', () => {
  it('makes numbers, positions and names by type', () => {
    const features = new Features().fit(table);
    expect(features.featureNames).toEqual([
      'age',
      'age missing',
      'fit',
      'seen year',
      'seen year missing',
      'seen month',
      'seen day',
      'seen weekday',
    ]);
    expect([features.categoryNames, features.cardinalities]).toEqual([['job'], [3]]);
    const { numbers, categories } = features.transform(table);
    expect([numbers.dtype, categories.dtype, categories.toArray()]).toEqual(['float32', 'int32', [[1], [2], [0], [1]]]);
    const deviation = Math.sqrt(800 / 3); // of 20, 40 and 60
    const [age, missing, fit, year] = [0, 1, 2, 3].map((i) =>
      Array.from(numbers.toArray() as number[][], (row) => row[i]!),
    );
    [-20 / deviation, 0, 0, 20 / deviation].forEach((wanted, i) => {
      expect(age![i]).toBeCloseTo(wanted, 6);
    });
    expect([missing, fit]).toEqual([
      [0, 1, 0, 0],
      [1, 0, 1, 1],
    ]);
    const third = Math.SQRT2; // 2025 among 2024, 2024 and 2025
    [-third / 2, -third / 2, 0, third].forEach((wanted, i) => {
      expect(year![i]).toBeCloseTo(wanted, 6);
    });
    expect(features.types).toEqual({ age: 'number', job: 'category', fit: 'boolean', seen: 'date' });
  });

  it('follows options', () => {
    const features = new Features({
      columns: { seen: 'drop', note: 'oneHot', age: 'minMax', fit: 'embedding' },
      category: 'oneHot',
      fill: 'median',
      indicators: false,
    }).fit(table);
    expect(features.featureNames).toEqual([
      'age',
      'job unknown',
      'job=cook',
      'job=nurse',
      'note unknown',
      'note=a',
      'note=b',
      'note=c',
      'note=d',
    ]);
    expect(arrays(features.transform(table.select([1, 2])))).toEqual([
      [
        [0.5, 0, 0, 1, 0, 0, 1, 0, 0],
        [0.5, 1, 0, 0, 0, 0, 0, 1, 0],
      ],
      [[1], [2]],
    ]);
    const rare = new Features({ minCount: 2 }).fit(table.pick('job'));
    expect([rare.cardinalities, rare.transform(table).categories.toArray()]).toEqual([[2], [[1], [0], [0], [1]]]);
    const text = new Features({ columns: { age: 'oneHot' }, constant: 'drop' }).fit(
      Table.fromRows([
        { age: 1, same: 5 },
        { age: 2, same: 5 },
      ]),
    );
    expect(text.featureNames).toEqual(['age unknown', 'age=1', 'age=2']);
  });

  it('knows only what it was fitted on', () => {
    const features = new Features().fit(table.drop('note', 'seen'));
    const fresh = features.transform([{ job: 'pilot', age: 100, fit: null, other: 1 }]);
    expect(fresh.categories.toArray()).toEqual([[0]]);
    expect((fresh.numbers.toArray() as number[][])[0]![2]).toBe(0.75); // the mean of fit
    const same = features.transform(rows.map(({ age, job, fit }) => ({ fit, job, age })));
    expect(arrays(same)).toEqual(arrays(features.transform(table)));
    const texts = Table.fromRows([{ age: 20, job: 'cook', fit: true }], { types: { job: 'text' } });
    expect(arrays(features.transform(texts))).toEqual(arrays(features.transform(table.slice(0, 1))));
  });

  it('goes through JSON bit for bit', () => {
    const cell = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e100, max: 1e100 }), { nil: null });
    const options: fc.Arbitrary<FeaturesOptions> = fc.record({
      number: fc.constantFrom('keep', 'standardise', 'minMax', 'log', 'quantile'),
      category: fc.constantFrom('oneHot', 'embedding'),
      fill: fc.constantFrom('mean', 'median'),
      constant: fc.constant('drop'),
    });
    const row = fc.record({
      a: cell,
      b: fc.option(fc.string({ maxLength: 3 }), { nil: null }),
      c: fc.date({ noInvalidDate: true }),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), options, (list, given) => {
        const made = Table.fromRows(list, { types: { a: 'number', b: 'category', c: 'date' } });
        const features = new Features(given).fit(made);
        const text = JSON.stringify(features);
        const again = Features.fromJSON(JSON.parse(text));
        expect(JSON.stringify(again)).toBe(text);
        const [x, y] = [features.transform(made), again.transform(made)];
        expect(y.numbers.toTypedArray()).toEqual(x.numbers.toTypedArray());
        expect(y.categories.toTypedArray()).toEqual(x.categories.toTypedArray());
        expect([again.featureNames, again.cardinalities]).toEqual([features.featureNames, features.cardinalities]);
      }),
      { numRuns: 200 },
    );
  });

  it.each<[string, () => unknown, string]>([
    [
      'a column that is not there',
      () => new Features().fit(table).transform(table.drop('age')),
      'Features.transform: no column has the name "age"',
    ],
    [
      'a column that a row does not have',
      () => new Features().fit(table.pick('age')).transform([{ age: 1 }, {}]),
      'Features.transform: row 1 must have column "age", got none; null says that it is missing',
    ],
    [
      'another type',
      () => new Features().fit(table.pick('age')).transform(Table.fromRows([{ age: 'x' }])),
      'Features.transform: column "age" must be of type number, as it was fitted, got category; read the table with types: features.types',
    ],
    [
      'a value of another type',
      () => new Features().fit(table.pick('age')).transform([{ age: 'old' }]),
      'column "age" must hold numbers, as types says, got "old" in row 0',
    ],
    [
      'infinity at fitting',
      () => new Features().fit(column([1, Number.POSITIVE_INFINITY])),
      'Features: column "x" must be finite, got Infinity in row 1; replace it, or have it read as missing',
    ],
    [
      'infinity afterwards',
      () => new Features().fit(column([1, 2])).transform(column([Number.NEGATIVE_INFINITY])),
      'Features.transform: column "x" must be finite, got -Infinity in row 0',
    ],
    [
      'a constant',
      () => new Features().fit(column([3, 3])),
      'Features: column "x" must have different values, got one or none; drop it, or give constant: \'drop\'',
    ],
    [
      'nothing left',
      () => new Features({ constant: 'drop' }).fit(column([3, 3])),
      'Features.fit: a column must be left, got a table of which all are dropped',
    ],
    [
      'a transform that does not fit',
      () => new Features({ columns: { job: 'log' } }).fit(table),
      'Features: column "job" cannot be transformed by log, got type category; choose oneHot, embedding or drop',
    ],
    [
      'an unknown column',
      () => new Features({ columns: { agee: 'drop' } }).fit(table),
      'Features.fit: no column has the name "agee"',
    ],
    [
      'an unknown transform',
      () => new Features({ columns: { age: 'scale' as 'log' } }),
      'Features: the transform of "age" must be keep, standardise, minMax, log, quantile, oneHot, embedding, dateParts or drop, got "scale"',
    ],
    ['what is not fitted', () => new Features().transform(table), 'Features: fit(table) must be called first'],
    [
      'too many categories',
      () => new Features({ maxCategories: 1 }).fit(table.pick('job')),
      'Features: column "job" must have at most 1 categories, got 2',
    ],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  it('refuses damaged JSON, whatever is wrong', () => {
    const json = JSON.parse(JSON.stringify(new Features({ columns: { age: 'quantile' } }).fit(table)));
    const wrongs = [undefined, null, -1, 0, Number.POSITIVE_INFINITY, 'x', '', [], {}, true, [1], [2, 1], ['b', 'a']];
    let refused = 0;
    for (const key of Object.keys(json)) {
      for (const wrong of wrongs) {
        expect(() => Features.fromJSON({ ...json, [key]: wrong })).toThrow(
          'Features.fromJSON: json must be what toJSON gives',
        );
      }
    }
    for (const [i, encoder] of json.columns.entries()) {
      for (const key of Object.keys(encoder)) {
        for (const wrong of wrongs) {
          const columns = json.columns.with(i, { ...encoder, [key]: wrong });
          try {
            Features.fromJSON({ ...json, columns }).transform(table);
          } catch (error) {
            expect((error as { code?: string }).code).toMatch(/^ADJOINT_(FILE|ARGUMENT)$/);
            refused++;
          }
        }
      }
    }
    expect(refused).toBeGreaterThan(200);
    for (const wrong of wrongs)
      expect(() => Features.fromJSON(wrong)).toThrow('Features.fromJSON: json must be what toJSON gives');
  });
});
