// Line search: a step along a direction that satisfies the strong Wolfe conditions (Nocedal and Wright, "Numerical
// optimization", 2006, algorithms 3.5 and 3.6), with PyTorch's choices, which are those of Schmidt's minFunc (2005,
// https://www.cs.ubc.ca/~schmidtm/Software/minFunc.html).
import type { Tensor } from '../tensor.js';

/** @internal A point of the line: its distance from the start, the loss there, the gradient, and the slope along the line. */
export interface Point {
  t: number;
  loss: number;
  gradient: Tensor;
  slope: number;
}

/** @internal A line to be searched. */
export interface Line {
  /** The point at a distance. */
  evaluate: (t: number) => Point;
  /** The point at 0. */
  start: Point;
  /** The largest element of the direction. */
  length: number;
  /** Brackets that move the parameters by less are not searched any further. */
  tolerance: number;
  /** The number of evaluations after the first one. */
  limit: number;
}

const c1 = 1e-4; // of the sufficient decrease
const c2 = 0.9; // of the curvature

const isTooHigh = (point: Point, start: Point): boolean => point.loss > start.loss + c1 * point.t * start.slope;
const isFlat = (point: Point, start: Point): boolean => Math.abs(point.slope) <= -c2 * start.slope;

/** @internal The point that was found and the number of evaluations, of which the first is at `t`. */
export function strongWolfe(line: Line, t: number): { point: Point; evaluations: number } {
  const { start, evaluate, limit } = line;
  let previous = start;
  let point = evaluate(t);
  let evaluations = 1;
  for (let i = 0; i < limit; i++) {
    if (isTooHigh(point, start) || (i > 1 && point.loss >= previous.loss)) break;
    if (isFlat(point, start)) return { point, evaluations };
    if (point.slope >= 0) break;
    const next = between(previous, point, point.t + 0.01 * (point.t - previous.t), point.t * 10);
    previous = point;
    point = evaluate(next);
    evaluations++;
  }
  return zoom(line, evaluations > limit ? [start, point] : [previous, point], evaluations);
}

// Narrows a bracket until one of its ends satisfies the conditions.
function zoom(line: Line, bracket: [Point, Point], before: number): { point: Point; evaluations: number } {
  const { start, evaluate, length, tolerance, limit } = line;
  let evaluations = before;
  const lower = (): 0 | 1 => (bracket[0].loss <= bracket[1].loss ? 0 : 1);
  let low = lower();
  let isSlow = false; // whether the last point was near an end
  while (evaluations <= limit && Math.abs(bracket[1].t - bracket[0].t) * length >= tolerance) {
    const [min, max] = [Math.min(bracket[0].t, bracket[1].t), Math.max(bracket[0].t, bracket[1].t)];
    let t = between(...bracket, min, max);
    const margin = 0.1 * (max - min);
    const isNear = Math.min(max - t, t - min) < margin;
    if (isNear && (isSlow || t >= max || t <= min)) {
      t = Math.abs(t - max) < Math.abs(t - min) ? max - margin : min + margin;
      isSlow = false;
    } else {
      isSlow = isNear;
    }
    const point = evaluate(t);
    evaluations++;
    const high = low === 0 ? 1 : 0;
    if (isTooHigh(point, start) || point.loss >= bracket[low].loss) {
      bracket[high] = point;
      low = lower();
    } else {
      if (isFlat(point, start)) return { point, evaluations };
      if (point.slope * (bracket[high].t - bracket[low].t) >= 0) bracket[high] = bracket[low];
      bracket[low] = point;
    }
  }
  return { point: bracket[low], evaluations };
}

// The minimum of the cubic through two points with their slopes, within bounds; their middle where it has none.
function between(a: Point, b: Point, min: number, max: number): number {
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.t - b.t);
  const square = d1 ** 2 - a.slope * b.slope;
  if (!(square >= 0)) return (min + max) / 2;
  const d2 = Math.sqrt(square);
  const [from, to] = a.t <= b.t ? [a, b] : [b, a];
  const t = to.t - (to.t - from.t) * ((to.slope + d2 - d1) / (to.slope - from.slope + 2 * d2));
  return Math.min(Math.max(t, min), max);
}
