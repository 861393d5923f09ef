import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Table } from '../../lib/data/table.js';
import { Labels, TargetScaler } from '../../lib/data/targets.js';
import { tensor } from '../../lib/ops/creation.js';

const golden = JSON.parse(readFileSync(new URL('../golden/preprocessing.json', import.meta.url), 'utf8'));

it('classes have the numbers that scikit-learn gives them', () => {
  const { labels, classes, numbers } = golden.labels;
  const fitted = new Labels().fit(labels);
  expect([fitted.classes, fitted.transform(labels).toArray()]).toEqual([classes, numbers]);
  expect(fitted.transform(labels).dtype).toBe('int32');
  expect(fitted.inverse(fitted.transform(labels))).toEqual(labels);
  expect(fitted.inverse([1, 0])).toEqual([classes[1], classes[0]]);
});

it('labels are columns, numbers and booleans as well, and go through JSON', () => {
  const table = Table.fromRows([
    { y: 'b', n: 10, t: true },
    { y: 'a', n: 9, t: false },
  ]);
  for (const [name, classes] of [
    ['y', ['a', 'b']],
    ['n', [9, 10]],
    ['t', [false, true]],
  ] as const) {
    const labels = new Labels().fit(table.column(name));
    expect(labels.classes).toEqual(classes);
    const again = Labels.fromJSON(JSON.parse(JSON.stringify(labels)));
    expect(again.transform(table.column(name)).toArray()).toEqual([1, 0]);
    expect(again.inverse(Int32Array.of(1, 0))).toEqual([classes[1], classes[0]]);
  }
});

it('targets are standardised, and predictions turned back', () => {
  for (const { values, fresh, standardise } of golden.columns) {
    const scaler = new TargetScaler().fit(values);
    const scaled = TargetScaler.fromJSON(JSON.parse(JSON.stringify(scaler))).transform(fresh);
    expect(scaled.toTypedArray()).toEqual(scaler.transform(fresh).toTypedArray());
    const back = scaler.inverse(tensor(standardise, { dtype: 'float64' })).toTypedArray();
    scaled.toTypedArray().forEach((x, i) => {
      expect(Math.abs(x - standardise[i])).toBeLessThan(2e-6 * Math.max(1, Math.abs(standardise[i])));
      expect(Math.abs(back[i]! - fresh[i])).toBeLessThan(1e-9 * Math.max(1, Math.abs(fresh[i])));
    });
  }
});

it.each<[string, () => unknown, string]>([
  ['one class', () => new Labels().fit(['a', 'a']), 'Labels.fit: there must be at least two classes, got "a" alone'],
  ['no class', () => new Labels().fit([]), 'Labels.fit: there must be at least two classes, got none'],
  [
    'a missing label',
    () => new Labels().fit(['a', null as never]),
    'Labels.fit: labels must be texts, finite numbers or booleans, got null in row 1; leave the row out',
  ],
  [
    'an unknown label',
    () => new Labels().fit(['a', 'b']).transform(['b', 'c']),
    'Labels.transform: classes are "a", "b", got "c" in row 1',
  ],
  [
    'too many classes',
    () => new Labels().fit(Array.from({ length: 10_001 }, (_, i) => i)),
    'Labels.fit: there must be at most 10000 classes, got more; for numbers to be predicted take TargetScaler',
  ],
  [
    'a number of no class',
    () => new Labels().fit(['a', 'b']).inverse([2]),
    'Labels.inverse: numbers must be integers of at least 0 and below 2, got 2',
  ],
  ['labels that are not fitted', () => new Labels().transform(['a']), 'Labels: fit(targets) must be called first'],
  [
    'no targets',
    () => new Labels().fit(7 as never),
    "Labels.fit: targets must be a column or an array, got 7; table.column('price'), say",
  ],
  ['a constant target', () => new TargetScaler().fit([3, 3, 3]), 'TargetScaler.fit: numbers must differ, got 3 alone'],
  [
    'a missing target',
    () => new TargetScaler().fit([3, Number.NaN]),
    'TargetScaler.fit: targets must be finite numbers, got NaN in row 1; leave the row out',
  ],
  [
    'a scaler that is not fitted',
    () => new TargetScaler().transform([1]),
    'TargetScaler: fit(targets) must be called first',
  ],
  [
    'damaged labels',
    () => Labels.fromJSON({ format: 'adjoint.labels', version: 1, classes: ['b', 'a'] }),
    'Labels.fromJSON: json must be what toJSON gives, got wrong classes',
  ],
  [
    'labels that are not there',
    () => Labels.fromJSON({ format: 'adjoint.labels', version: 1, classes: new Array(3) }),
    'Labels.fromJSON: json must be what toJSON gives, got wrong classes',
  ],
  [
    'later labels',
    () => Labels.fromJSON({ format: 'adjoint.labels', version: 2 }),
    'got version 2; this library reads version 1',
  ],
  [
    'a damaged scaler',
    () => TargetScaler.fromJSON({ format: 'adjoint.targetScaler', version: 1, mean: 1, scale: 0 }),
    'TargetScaler.fromJSON: json must be what toJSON gives, got wrong numbers',
  ],
])('refuses %s', (_, call, message) => {
  expect(call).toThrow(message);
});
