import { Chart } from './chart.js';
import { Picture, palette } from './picture.js';

/** @typedef {{ label: string, xs: readonly number[], ys: readonly number[] }} Curve */

/**
 * A picture of losses over the steps of training, to hand to `io.writePng`.
 *
 * @param {string} title
 * @param {readonly Curve[]} curves
 * @param {{ y?: string }} [options] y: the name of the upright axis
 */
export function lossPicture(title, curves, { y = 'loss' } = {}) {
  const picture = new Picture(900, 560);
  const values = curves.flatMap((curve) => curve.ys).filter(Number.isFinite);
  const steps = Math.max(1, ...curves.flatMap((curve) => curve.xs));
  const top = Math.max(...values) * 1.02;
  const bottom = Math.min(...values) > top / 4 ? Math.min(...values) * 0.96 : 0;
  const chart = new Chart(picture, {
    x: { range: [0, steps], label: 'step' },
    y: { range: [bottom, top > bottom ? top : bottom + 1], label: y },
    title,
  });
  curves.forEach(({ label, xs, ys }, i) => {
    const colour = palette[i % palette.length];
    if (colour) chart.line(xs, ys, colour, { label, dots: xs.length < 50 ? 4 : 0 });
  });
  chart.legend();
  return picture;
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
