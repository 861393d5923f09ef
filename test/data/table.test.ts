import { describe, expect, it } from 'vitest';
import type { Column } from '../../lib/data/column.js';
import { Table } from '../../lib/data/table.js';

const date = new Date(Date.UTC(2024, 1, 29, 12));
const rows = [
  { age: 31, job: 'nurse', fit: true, seen: date, note: null },
  { age: null, job: 'cook', fit: false, seen: null, note: 'late' },
  { age: -0.5, job: null, fit: null, seen: new Date(0), note: 'a "quote"' },
  { age: 7, job: 'nurse', fit: true, seen: date, note: '' },
];
const table = () => Table.fromRows(rows, { types: { note: 'text' }, missing: [] });

describe('Table', () => {
  it('keeps rows as columns and gives them back', () => {
    const t = table();
    expect([t.length, t.names]).toEqual([4, ['age', 'job', 'fit', 'seen', 'note']]);
    expect(t.column('age')).toEqual({ type: 'number', values: Float64Array.of(31, Number.NaN, -0.5, 7) });
    expect(t.column('job')).toEqual({
      type: 'category',
      values: Int32Array.of(0, 1, -1, 0),
      categories: ['nurse', 'cook'],
    });
    expect(t.column('fit')).toEqual({ type: 'boolean', values: Float64Array.of(1, 0, Number.NaN, 1) });
    expect(t.column('seen').values).toEqual(Float64Array.of(+date, Number.NaN, 0, +date));
    expect(t.column('note')).toEqual({ type: 'text', values: [null, 'late', 'a "quote"', ''] });
    expect([...t.rows()]).toEqual(rows);
    expect(t.get(2)).toEqual(rows[2]);
    expect(t.schema.map(({ name, type, missing }) => [name, type, missing])).toEqual([
      ['age', 'number', 1],
      ['job', 'category', 1],
      ['fit', 'boolean', 1],
      ['seen', 'date', 1],
      ['note', 'text', 1],
    ]);
  });

  it('selects rows and columns', () => {
    const t = table();
    expect([...t.select([3, 0, 0]).rows()]).toEqual([rows[3], rows[0], rows[0]]);
    expect([...t.select(Int32Array.of(2)).rows()]).toEqual([rows[2]]);
    for (const [from, to] of [
      [1, 3],
      [-2, undefined],
      [0, 0],
      [2, 100],
    ] as const) {
      expect([...t.slice(from, to).rows()]).toEqual(rows.slice(from, to));
    }
    expect([...t.pick('note', 'age').rows()][1]).toEqual({ note: 'late', age: null });
    expect(t.pick('note', 'age').names).toEqual(['note', 'age']);
    expect(t.drop('note', 'fit').names).toEqual(['age', 'job', 'seen']);
  });

  it('takes rows of databases: no prototype, some properties missing, unusual names', () => {
    const row = (fields: object) => Object.assign(Object.create(null), fields);
    const odd = JSON.parse('{"__proto__": 1, "constructor": "x", "0": true}');
    const t = Table.fromRows([row({ b: 1n, a: 'x' }), row({ a: 'y' }), odd]);
    expect(t.names.sort()).toEqual(['0', '__proto__', 'a', 'b', 'constructor']);
    expect(t.column('b').values).toEqual(Float64Array.of(1, Number.NaN, Number.NaN));
    expect(Object.entries(t.pick('__proto__', 'constructor').get(2))).toEqual([
      ['__proto__', 1],
      ['constructor', 'x'],
    ]);
    expect(Table.fromRows(new Set([{ x: 1 }])).length).toBe(1);
  });

  it('infers types of JavaScript values, and reads texts as types says', () => {
    const type = (values: unknown[], options = {}) =>
      Table.fromRows(
        values.map((x) => ({ x })),
        options,
      ).column('x').type;
    expect(type([1, null, 2n])).toBe('number');
    expect(type(['1', '2'])).toBe('category');
    expect(type(['2024-01-01', null, '2024-02-30'])).toBe('category');
    expect(type(['2024-01-01', '2024-02-29T10:00:00+01:00'])).toBe('date');
    expect(type(Array.from({ length: 30 }, (_, i) => `name ${i}`))).toBe('text');
    expect(type(Array.from({ length: 60 }, (_, i) => `name ${i % 30}`))).toBe('category');
    expect(
      type(
        Array.from({ length: 60 }, (_, i) => `name ${i % 30}`),
        { maxCategories: 29 },
      ),
    ).toBe('text');
    expect(type([null, undefined])).toBe('number');
    expect(type(['1', 'NA'], { types: { x: 'number' } })).toBe('number');
  });

  it.each<[string, () => unknown, string]>([
    [
      'an unknown column',
      () => table().column('agee'),
      'Table.column: no column has the name "agee"; there are "age", "job", "fit", "seen", "note"',
    ],
    [
      'a row that is not there',
      () => table().get(4),
      'Table: index must be an integer of at least 0 and at most 3, got 4',
    ],
    [
      'an index that is not there',
      () => table().select([0, -1]),
      'Table: each index must be an integer of at least 0 and at most 3, got -1',
    ],
    ['no column', () => table().pick(), 'Table: columns must have at least one column, got none'],
    [
      'different lengths',
      () => new Table({ a: { type: 'number', values: new Float64Array(2) }, b: { type: 'text', values: [] } }),
      'Table: columns must have equally many values, got 2 in "a" and 0 in "b"',
    ],
    [
      'a category that is not there',
      () => new Table({ a: { type: 'category', values: Int32Array.of(0, 1), categories: ['x'] } }),
      'Table: values of column "a" must be positions in its 1 categories, or -1, got 1 in row 1',
    ],
    ['no column at all', () => new Table({ a: [1] as unknown as Column }), 'Table: column "a" must be an object'],
    ['no rows', () => Table.fromRows([]), 'Table.fromRows: there must be rows, got none'],
    ['rows without columns', () => Table.fromRows([{}]), 'Table.fromRows: rows must have columns, got none'],
    [
      'a row that is none',
      () => Table.fromRows([{ a: 1 }, [1]]),
      'Table.fromRows: each row must be an object, got [1] in row 1',
    ],
    [
      'mixed types',
      () => Table.fromRows([{ a: 1 }, { a: 'x' }]),
      'Table.fromRows: column "a" must hold numbers, as in the first rows (inferRows 1000), got "x" in row 1; give types: { "a": … }, or add it to missing if it stands for no value',
    ],
    [
      'nested values',
      () => Table.fromRows([{ a: { b: 1 } }]),
      'Table.fromRows: column "a" must hold numbers, texts, booleans or dates, got an object of class Object in row 0',
    ],
    [
      'a type that is not kept',
      () => Table.fromRows([{ a: 'yes' }, { a: 'maybe' }], { types: { a: 'boolean' } }),
      'Table.fromRows: column "a" must hold booleans, got "maybe" in row 1; add it to missing',
    ],
    [
      'a name that comes too late',
      () => Table.fromRows([{ a: 1 }, { a: 1, b: 2 }], { inferRows: 1 }),
      'Table.fromRows: names of columns must be among those of the first rows (inferRows 1), got "b" in row 1',
    ],
    [
      'types of no column',
      () => Table.fromRows([{ a: 1 }], { types: { b: 'text' } }),
      'Table.fromRows: no column has the name "b"; there are "a"',
    ],
    [
      'an unknown type',
      () => Table.fromRows([{ a: 1 }], { types: { a: 'float' as 'text' } }),
      'Table.fromRows: the type of "a" must be number, category, boolean, date or text, got "float"',
    ],
    [
      'too many rows',
      () => Table.fromRows([{ a: 1 }, { a: 2 }], { maxRows: 1 }),
      'Table.fromRows: there must be at most maxRows 1 rows, got more',
    ],
    [
      'too many columns',
      () => Table.fromRows([{ a: 1, b: 2 }], { maxColumns: 1 }),
      'Table.fromRows: there must be at most maxColumns 1 columns, got 2',
    ],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});
