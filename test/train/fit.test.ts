// `fit` computes what the plain loop computes.
import { describe, expect, it } from 'vitest';
import { backward, nn, train } from '../../lib/index.js';
import type { Tensor } from '../../lib/tensor.js';
import { bitsOf, make, type Trained, trainings, valuesOf } from '../support/training.js';

/** The loop that `fit` replaces. */
async function loop(
  { model, options }: Trained,
  epochs: number,
  ema?: { updateParameters(m: nn.Module): void },
): Promise<void> {
  const { optimizer, clipGradNorm, accumulate = 1 } = options;
  const loss = options.loss as (o: Tensor, t: Tensor, r?: object) => Tensor;
  const schedule = options.schedule as { step(): void } | undefined;
  const counts = schedule?.constructor.name === 'OneCycleLR';
  for (let epoch = 0; epoch < epochs; epoch++) {
    let group: Tensor[][] = [];
    const step = () => {
      if (group.length === 0) return;
      const all = group.reduce((sum, [x]) => sum + (x as Tensor).length, 0);
      optimizer.zeroGrad();
      for (const [x, y, w] of group as [Tensor, Tensor, Tensor?][]) {
        const output = model.forward(x) as Tensor;
        const value =
          w === undefined ? loss(output, y) : loss(output, y, { reduction: 'none' }).mul(w).sum().div(w.sum());
        backward(group.length === 1 ? value : value.mul(x.length / all));
      }
      if (clipGradNorm !== undefined) nn.utils.clipGradNorm_(model.parameters(), clipGradNorm);
      optimizer.step();
      optimizer.zeroGrad();
      if (counts) schedule?.step();
      ema?.updateParameters(model);
      group = [];
    };
    for await (const batch of options.data as AsyncIterable<Tensor[]>) {
      group.push(batch);
      if (group.length === accumulate) step();
    }
    step();
    if (!counts) schedule?.step();
  }
}

describe('bit for bit the plain loop', () => {
  for (const name of Object.keys(trainings)) {
    for (const compile of [false, true, undefined]) {
      it(`${name}, ${compile === undefined ? 'compiled if possible' : compile ? 'compiled' : 'eager'}`, async () => {
        const plain = make(name);
        await loop(plain, 3);
        const due = bitsOf(plain);
        const fitted = make(name);
        const warnings: string[] = [];
        const callbacks = [{ onWarning: (e: train.WarningEvent) => warnings.push(e.message) }];
        const result = await train.fit(fitted.model, {
          ...fitted.options,
          epochs: 3,
          callbacks,
          logEvery: 4,
          ...(compile !== undefined && { compile }),
        });
        expect(warnings).toEqual([]);
        expect(bitsOf(fitted)).toEqual(due);
        expect(result).toMatchObject({ epochs: 3, stopped: 'completed' });
        expect(valuesOf(result)).toHaveLength(3);
      });
    }
  }
});
