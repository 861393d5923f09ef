import { charts } from 'adjoint';

/** @typedef {{ label: string, xs: readonly number[], ys: readonly number[] }} Curve */

/**
 * A chart of losses over the steps of training, as the text of an SVG file.
 *
 * @param {string} title
 * @param {readonly Curve[]} curves
 * @param {{ y?: string }} [options] y: the name of the upright axis
 */
export function lossChart(title, curves, { y = 'loss' } = {}) {
  const lines = curves.map(({ label, xs, ys }) => ({
    name: label,
    x: xs,
    y: ys,
    style: xs.length < 50 ? /** @type {const} */ ('both') : /** @type {const} */ ('line'),
  }));
  return charts.lines({ title, x: { label: 'step' }, y: { label: y }, lines });
}

/**
 * Means of a hundred stretches of a noisy series, each at its middle.
 *
 * @param {string} label
 * @param {readonly number[]} values one a step
 * @returns {Curve}
 */
export function smoothed(label, values) {
  const width = Math.max(1, Math.ceil(values.length / 100));
  /** @type {{ label: string, xs: number[], ys: number[] }} */
  const curve = { label, xs: [], ys: [] };
  for (let from = 0; from < values.length; from += width) {
    const part = values.slice(from, from + width);
    curve.xs.push(from + part.length / 2);
    curve.ys.push(part.reduce((sum, value) => sum + value, 0) / part.length);
  }
  return curve;
}
