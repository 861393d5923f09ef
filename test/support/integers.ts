// Layers of eight bits, written with plain numbers.

/** A linear layer in integers: inputs from 0 to 255 in a range, weights from -127 to 127 for each output. */
export function inIntegers(
  x: number[][],
  weight: number[][],
  bias: number[],
  [low, high]: [number, number],
): number[][] {
  const step = (high - low) / 255;
  const zero = Math.round(-low / step);
  const scales = weight.map(scaleOf);
  const integers = weight.map((row, i) => row.map((w) => Math.round(w / (scales[i] as number))));
  return x.map((row) => {
    const given = row.map((value) => Math.min(255, Math.max(0, Math.round(value / step) + zero)) - zero);
    return integers.map((weights, i) => {
      const sum = weights.reduce((total, w, k) => total + w * (given[k] as number), 0);
      return sum * step * (scales[i] as number) + (bias[i] as number);
    });
  });
}

/** From the least to the largest, 0 included. */
export const rangeOf = (values: number[][]): [number, number] => [
  Math.min(0, ...values.flat()),
  Math.max(0, ...values.flat()),
];

// A row of zeros has any.
const scaleOf = (row: number[]) => Math.max(...row.map(Math.abs)) / 127 || 1;

/** The values that eight bits leave of a row of a weight. */
export const roundedRow = (row: number[]): number[] => row.map((w) => Math.round(w / scaleOf(row)) * scaleOf(row));

/** The values that eight bits leave of inputs. */
export function roundedInput(values: number[], [low, high]: [number, number]): number[] {
  const step = (high - low) / 255;
  const zero = Math.round(-low / step);
  return values.map((value) => (Math.min(255, Math.max(0, Math.round(value / step) + zero)) - zero) * step);
}
