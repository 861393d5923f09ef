import { describe, expect, it } from 'vitest';
import { Generator, randn, type Tensor, tensor } from '../../lib/index.js';
import { type EpochReport, type Lesson, learn } from '../../lib/train/tabular-learn.js';
import { settingsOf } from '../../lib/train/tabular-settings.js';

const numbers = randn([60, 2], { generator: new Generator(1) });
const values = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i));
const shown = Int32Array.from({ length: 60 }, (_, i) => i).filter((i) => i % 4 !== 1);
const apart = Int32Array.from({ length: 15 }, (_, i) => 4 * i + 1);

function lesson(targets: ArrayLike<number>, settings: object, onEpoch: Lesson['onEpoch'] = () => {}): Lesson {
  const given = { hidden: [6], batchSize: 10, epochs: 2, dropout: 0.2, ...settings };
  return {
    architecture: {
      ...{ numbers: 2, categories: [], outputs: 1, hidden: [6], activation: 'mish' },
      ...{ dropout: 0.2, frequencies: 2, sigma: 0.1 },
    },
    settings: settingsOf('test', given, { rows: 45, isNumber: true }),
    examples: { length: 60, numbers, codes: null, targets: tensor(Float32Array.from(targets), { shape: [60, 1] }) },
    ...{ shown, apart, seed: 3, onEpoch },
  };
}

const weightsOf = (network: { stateDict(): Map<string, Tensor> }) =>
  [...network.stateDict().values()].map((t) => [...t.toTypedArray()]);
const changed = (rows: Int32Array) => values.map((y, i) => (rows.includes(i) ? y + 5 : y));

describe('learn', () => {
  it('learns from the rows that are shown alone', async () => {
    const weights = weightsOf((await learn(lesson(values, { epochs: 1 }))).network);
    expect(weightsOf((await learn(lesson(changed(apart), { epochs: 1 }))).network)).toEqual(weights);
    for (const row of [shown[0]!, shown.at(-1)!]) {
      // A row may be left out of an epoch's last batch: 45 rows are four batches of 10.
      const batchSize = 9;
      const full = weightsOf((await learn(lesson(values, { epochs: 1, batchSize }))).network);
      const other = await learn(lesson(changed(Int32Array.of(row)), { epochs: 1, batchSize }));
      expect(weightsOf(other.network)).not.toEqual(full);
    }
  });

  it('ends when patience is over, with the weights of the best epoch', async () => {
    const reports: EpochReport[] = [];
    const learned = await learn(lesson(values, { epochs: 60, patience: 3, lr: 0.3 }, (report) => reports.push(report)));
    const losses = reports.map(({ validation }) => validation);
    const best = losses.indexOf(Math.min(...losses)) + 1;
    expect([learned.best, learned.loss]).toEqual([best, losses[best - 1]]);
    expect(learned.epochs).toBe(Math.min(60, best + 3));
    expect(learned.epochs).toBeLessThan(60);
    const outputs = learned.network.forward({ length: 60, numbers, codes: null }).toTypedArray();
    const squares = [...apart].map((row) => ((outputs[row] as number) - (values[row] as number)) ** 2);
    expect(Math.sqrt(squares.reduce((a, b) => a + b) / apart.length)).toBeCloseTo(learned.loss, 5);
  });
});
