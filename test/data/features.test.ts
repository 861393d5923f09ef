import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Features, type FeaturesOptions } from '../../lib/data/features.js';
import { normalQuantile } from '../../lib/data/normal-quantile.js';
import { Table } from '../../lib/data/table.js';

const golden = JSON.parse(readFileSync(new URL('../golden/preprocessing.json', import.meta.url), 'utf8')) as {
  columns: Record<'values' | 'fresh' | 'standardise' | 'robust' | 'minMax' | 'quantile', number[]>[];
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
  for (const transform of ['standardise', 'robust', 'minMax', 'quantile'] as const) {
    it.each(golden.columns.map((c, i) => [i, c]))(`${transform} %i`, (_, { values, fresh, ...wanted }) => {
      const { numbers } = new Features({ number: transform }).fit(column(values)).transform(column(fresh));
      expect(numbers.shape).toEqual([fresh.length, 1]);
      numbers.toTypedArray().forEach((x, i) => {
        const y = wanted[transform][i] as number;
        expect(Math.abs(x - y), `${x} for ${y} of ${fresh[i]}`).toBeLessThan(2e-6 * Math.max(1, Math.abs(y)));
      });
    });
  }

  it('robust, with half the range where the quartiles are equal, and infinities', () => {
    const { NEGATIVE_INFINITY, POSITIVE_INFINITY } = Number;
    const features = new Features({ number: 'robust', fill: 'median' }).fit(
      column([0, 0, 0, 0, 8, 0, 0, POSITIVE_INFINITY]),
    );
    const values = [4, -12, POSITIVE_INFINITY, NEGATIVE_INFINITY, 1.7e308, 5e-324, Number.NaN];
    const bent = [1 / Math.sqrt(1 + 1 / 9), -3 / Math.sqrt(2), 3, -3, 3, 0, 0];
    expect(features.transform(column(values)).numbers.toArray()).toEqual(bent.map((x) => [Math.fround(x)]));
  });

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
      'seen time',
      'seen time missing',
      'seen year',
      'seen month',
      'seen day',
      'seen weekday',
    ]);
    expect([features.categoryNames, features.cardinalities]).toEqual([['job'], [3]]);
    const { numbers, categories } = features.transform(table);
    expect([numbers.dtype, categories.dtype, categories.toArray()]).toEqual(['float32', 'int32', [[1], [2], [0], [1]]]);
    const deviation = Math.sqrt(800 / 3); // of 20, 40 and 60
    const [age, missing, fit, year] = [0, 1, 2, 5].map((i) =>
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
    const parts = new Features({ number: 'robust', fill: 'median' })
      .fit(table.pick('seen'))
      .transform(table.pick('seen'));
    const bent = (z: number) => z / Math.sqrt(1 + (z / 3) ** 2);
    const [month, day] = [3, 4].map((i) => Array.from(parts.numbers.toArray() as number[][], (row) => row[i]!));
    // Months 1, 3 and 2 have the median 2 and quartiles 1.5 and 2.5; days 31, 31 and 1 have 31, 16 and 31.
    expect(month!.map((x) => x.toFixed(6))).toEqual([-1, 1, 0, 0].map((z) => bent(z).toFixed(6)));
    expect(day!.map((x) => x.toFixed(6))).toEqual([0, 0, 0, -2].map((z) => bent(z).toFixed(6)));
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
    expect(features.categories).toEqual({ job: ['cook', 'nurse'] });
  });

  it('takes columns that hold the same in another type', () => {
    const made = Table.fromRows([
      { code: '7', flag: true, n: 0 },
      { code: '8', flag: false, n: 1 },
    ]);
    const features = new Features().fit(made);
    const wanted = arrays(features.transform(made));
    const rows = (list: object[]) => arrays(features.transform(Table.fromRows(list)));
    expect(
      rows([
        { code: 7, flag: 1, n: false },
        { code: 8, flag: 0, n: true },
      ]),
    ).toEqual(wanted);
    const empty = { code: null, flag: null, n: null };
    expect(rows([empty])).toEqual(arrays(features.transform([empty])));
  });

  it('keeps what a constant column tells by being there', () => {
    const made = Table.fromRows([
      { x: 5, flag: true },
      { x: null, flag: null },
    ]);
    for (const number of ['standardise', 'robust'] as const) {
      const features = new Features({ number }).fit(made);
      expect(features.featureNames).toEqual(['x', 'x missing', 'flag', 'flag missing']);
      expect(features.transform(made).numbers.toArray()).toEqual([
        [0, 0, 0, 0],
        [0, 1, 0, 1],
      ]);
      expect(arrays(Features.fromJSON(features.toJSON()).transform(made))).toEqual(arrays(features.transform(made)));
    }
  });

  it('has categories of dates that do not depend on the time zone', () => {
    const features = new Features({ columns: { seen: 'oneHot' } }).fit(table.pick('seen'));
    expect(features.categories.seen).toContain('2024-01-31T10:00:00.000Z');
  });

  it('goes through JSON bit for bit', () => {
    const cell = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e100, max: 1e100 }), { nil: null });
    const options: fc.Arbitrary<FeaturesOptions> = fc.record({
      number: fc.constantFrom('keep', 'standardise', 'robust', 'minMax', 'log', 'quantile'),
      category: fc.constantFrom('oneHot', 'embedding'),
      fill: fc.constantFrom('mean', 'median'),
      constant: fc.constant('drop'),
    });
    const row = fc.record({
      a: cell,
      b: fc.option(fc.string({ maxLength: 3 }), { nil: null }),
      c: fc.date({ noInvalidDate: true }),
      d: fc.constant('there'), // what is left where all others tell nothing
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
      'Features.transform: row 1 must have column "age", got none; give null where a value is missing',
    ],
    [
      'another type',
      () => new Features().fit(table.pick('age')).transform(Table.fromRows([{ age: 'x' }])),
      'Features.transform: column "age" must be of type number, as in training, got category; give types: { "age": \'number\' } to what reads the table',
    ],
    [
      'a value of another type',
      () => new Features().fit(table.pick('age')).transform([{ age: 'old' }]),
      'Features.transform: column "age" must hold numbers, as in training, got "old" in row 0; give null where a value is missing',
    ],
    [
      'numbers that are no booleans',
      () => new Features().fit(table.pick('fit')).transform(Table.fromRows([{ fit: 1 }, { fit: 7 }])),
      'Features.transform: column "fit" must hold booleans, as in training, got 7 in row 1',
    ],
    [
      'no rows',
      () => new Features().fit(table.pick('age')).transform([]),
      'Features.transform: rows must be at least one, got none',
    ],
    [
      'no category',
      () => new Features({ minCount: 3 }).fit(table.pick('job')),
      'Features: column "job" must have a category that minCount 3 rows have, got none; drop it, or give constant: \'drop\'',
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
      'Features: the transform of "age" must be keep, standardise, robust, minMax, log, quantile, oneHot, embedding, dateParts or drop, got "scale"',
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
    const wrongs = [
      { ...json, columns: new Array(1000) },
      undefined,
      null,
      -1,
      0,
      Number.POSITIVE_INFINITY,
      'x',
      '',
      [],
      {},
      true,
      [1],
      [2, 1],
      ['b', 'a'],
    ];
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
