// The network against plain loops in float64.
import { describe, expect, it } from 'vitest';
import { Generator, tensor } from '../../lib/index.js';
import { drawParameters, shapesOf, type TabularArchitecture, TabularNetwork } from '../../lib/train/tabular-network.js';
import { outputsOf } from '../../lib/train/tabular-outputs.js';

const architecture: TabularArchitecture = {
  ...{ numbers: 2, categories: [3, 12], outputs: 2, hidden: [5, 4] },
  activation: 'mish',
  ...{ dropout: 0.5, frequencies: 3, sigma: 0.7 },
};
const numbers = [0.3, -1.5, 2, 0, 1, 1];
const codes = [0, 11, 2, 5, 1, 0];

function parameters() {
  const drawn = drawParameters(architecture, new Generator(5));
  return { drawn, values: new Map(Array.from(drawn, ([name, t]) => [name, [...t.toTypedArray()]])) };
}

/** The formula of TabularNetwork, one row and one unit after the other. */
function reference(values: Map<string, number[]>, activation: (x: number) => number): number[][] {
  const at = (name: string, i: number): number => values.get(name)?.[i] ?? Number.NaN;
  return [0, 1, 2].map((row) => {
    let x: number[] = [];
    for (let j = 0; j < 2; j++) {
      const number = numbers[2 * row + j] as number;
      const waves = [0, 1, 2].map((f) =>
        Math.cos(at('periodic.frequency', 3 * j + f) * number + at('periodic.phase', 3 * j + f)),
      );
      const functions = [0, 1, 2].map((c) =>
        waves.reduce(
          (sum, wave, f) => sum + wave * at('periodic.weight', 9 * j + 3 * f + c),
          at('periodic.bias', 3 * j + c),
        ),
      );
      x.push(number, ...functions);
    }
    for (const [j, width] of [3, 8].entries()) {
      for (let c = 0; c < width; c++) x.push(at(`embeddings.${j}`, (codes[2 * row + j] as number) * width + c));
    }
    x = x.map((value, i) => value * at('scale', i));
    for (const [layer, width] of [5, 4, 2].entries()) {
      const inputs = x;
      x = Array.from({ length: width }, (_, o) => {
        const y = inputs.reduce(
          (sum, v, i) => sum + v * at(`weights.${layer}`, o * inputs.length + i),
          at(`biases.${layer}`, o),
        );
        return layer === 2 ? y : activation(y);
      });
    }
    return x;
  });
}

const mish = (x: number): number => x * Math.tanh(Math.log1p(Math.exp(x)));
const selu = (x: number): number => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x));

const close = (got: ArrayLike<number>, wanted: readonly number[]): void => {
  expect(got.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(got[i]).toBeCloseTo(value, 4);
};

describe('TabularNetwork', () => {
  const inputs = () => ({
    length: 3,
    numbers: tensor(numbers, { shape: [3, 2] }),
    codes: tensor(Int32Array.from(codes), { shape: [3, 2] }),
  });

  it.each([
    ['mish', mish],
    ['selu', selu],
  ] as const)('equals its formula, with %s', async (activation, reference1) => {
    const { drawn, values } = parameters();
    for (const [name, t] of drawn) expect([name, [...t.shape]]).toEqual([name, shapesOf(architecture).get(name)]);
    const network = new TabularNetwork({ ...architecture, activation }, drawn);
    const wanted = reference(values, reference1).flat();
    close(network.forward(inputs()).toTypedArray(), wanted);
    close((await outputsOf(network, inputs())).toTypedArray(), wanted);
    expect([...network.stateDict().keys()].sort()).toEqual([...values.keys()].sort());
  });

  it('drops in training alone', () => {
    const network = new TabularNetwork(architecture, parameters().drawn);
    const still = network.forward(inputs()).toArray();
    expect(network.forward(inputs(), new Generator(1)).toArray()).not.toEqual(still);
    expect(network.forward(inputs()).toArray()).toEqual(still);
  });
});
