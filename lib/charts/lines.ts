import { ArgumentError, checkChoice, checkEach, checkInteger, checkText, describe } from '../errors.js';
import { encodePng, type Image } from '../io/index.js';
import { checkOptions } from '../options.js';
import { type Axis, type ChartOptions, checkAxis, checkNumbers, draw, frameOf, valueAxis } from './frame.js';
import { paper, seriesColour } from './theme.js';

/** A line of a chart. */
export interface Line {
  /** Its name in the legend; lines without one are not in it. */
  name?: string;
  /** Default 0, 1, 2, … */
  x?: ArrayLike<number>;
  /** What is not finite leaves a gap. */
  y: ArrayLike<number>;
  /** `line` (default), `dots` for points alone, `both`, `faint` for a thin pale line, `dashed`, `area` for a line over a shade, `steps` for areas of constant height. */
  style?: LineStyle;
  /** Which colour it has, default its place in the list. */
  colour?: number;
}

export type LineStyle = 'line' | 'dots' | 'both' | 'faint' | 'dashed' | 'area' | 'steps';
const styles: readonly LineStyle[] = ['line', 'dots', 'both', 'faint', 'dashed', 'area', 'steps'];

/** Options of {@link lines}. */
export interface LinesOptions extends ChartOptions {
  lines: readonly Line[];
  x?: Axis;
  y?: Axis;
  /** A picture behind the lines, stretched over the ranges of both axes, which must be given. */
  background?: Image;
}

/**
 * A chart of lines, as the text of an SVG file. Long lines are thinned so that their shape stays.
 *
 * @throws ArgumentError for what is not a list of lines, lengths of `x` and `y` that differ, unknown options
 * @example
 * const svg = await charts.lines({ title: 'loss', lines: [{ name: 'training', y: [2, 1, 0.5] }] });
 */
export async function lines(options: LinesOptions): Promise<string> {
  const frame = frameOf('lines', options, ['lines', 'x', 'y', 'background']);
  const [x, y] = [checkAxis('lines', 'x', options.x), checkAxis('lines', 'y', options.y)];
  const list = checkEach('lines', 'lines', 'must be a list of { name, y }', options.lines, checkLine);
  const back = background(options, x, y);
  const points = list.map((line) => thin(pointsOf(line, x, y), 2 * frame.width));
  const names = [...new Set(list.flatMap(({ name }) => (name ? [name] : [])))];
  const series = list.map((line, i) => seriesOf(line, points[i] as [number, number][], i));
  return await draw(frame, names, {
    xAxis: acrossOf(x, points),
    yAxis: valueAxis(y, 'y', !list.some(isFilled)),
    series: [...back, ...series],
  });
}

function checkLine(line: unknown, index: number): Line {
  const place = `lines[${index}]`;
  if (typeof line !== 'object' || line === null) {
    throw new ArgumentError(`lines: ${place} must be { name, y }, got ${describe(line)}`);
  }
  checkOptions('lines', line, ['name', 'x', 'y', 'style', 'colour']);
  const { name, x, y, style, colour } = line as Line;
  const numbers = checkNumbers('lines', `${place}.y`, y);
  const across = x === undefined ? undefined : checkNumbers('lines', `${place}.x`, x);
  if (across && across.length !== numbers.length) {
    const got = `got ${across.length} and ${numbers.length}`;
    throw new ArgumentError(`lines: ${place}.x must have as many numbers as y, ${got}`);
  }
  return {
    name: checkText('lines', `${place}.name`, name ?? ''),
    x: across,
    y: numbers,
    style: checkChoice('lines', `${place}.style`, style, styles, 'line'),
    colour: checkInteger('lines', `${place}.colour`, colour ?? index),
  };
}

/** The points that an axis has a place for; others become gaps. */
function pointsOf({ x, y }: Line, horizontal: Axis, vertical: Axis): [number, number][] {
  return Array.from({ length: y.length }, (_, i) => [valid(x?.[i] ?? i, horizontal), valid(y[i] as number, vertical)]);
}

/** The least and the greatest of each stretch, two for each pixel: more cannot be seen. Gaps within a stretch are lost. */
function thin(points: [number, number][], stretches: number): [number, number][] {
  if (points.length <= 2 * stretches) return points;
  const kept: [number, number][] = [];
  for (let s = 0; s < stretches; s++) {
    const from = Math.floor((s * points.length) / stretches);
    const to = Math.floor(((s + 1) * points.length) / stretches);
    let [low, high] = [from, from];
    for (let i = from; i < to; i++) {
      const [, y] = points[i] as [number, number];
      if (!(y >= (points[low] as [number, number])[1])) low = Number.isNaN(y) ? low : i;
      if (!(y <= (points[high] as [number, number])[1])) high = Number.isNaN(y) ? high : i;
    }
    kept.push(points[Math.min(low, high)] as [number, number]);
    if (low !== high) kept.push(points[Math.max(low, high)] as [number, number]);
  }
  return kept;
}

function valid(value: number, { log }: Axis): number {
  return Number.isFinite(value) && !(log && value <= 0) ? value : Number.NaN;
}

/** A horizontal axis that ends where the lines do; the number at its end is left out because it is seldom a round one. */
function acrossOf(axis: Axis, points: readonly [number, number][][]): object {
  let plain = valueAxis(axis, 'x');
  if (axis.range || axis.log) return plain;
  let [low, high, isWhole] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true];
  for (const [x] of points.flat()) {
    if (x < low) low = x;
    if (x > high) high = x;
    isWhole &&= Number.isInteger(x);
  }
  if (isWhole) plain = { ...plain, minInterval: 1 }; // there is no step 1.5
  if (!(low < high)) return plain;
  const { axisLabel, ...rest } = plain as { axisLabel: object };
  return { ...rest, min: low, max: high, axisLabel: { ...axisLabel, showMinLabel: low === 0, showMaxLabel: false } };
}

function isFilled({ style }: Pick<Line, 'style'>): boolean {
  return style === 'area' || style === 'steps';
}

function seriesOf({ name, style, colour = 0 }: Line, data: [number, number][], order: number): object {
  const tone = seriesColour(colour);
  const isDotted = style === 'dots' || style === 'both' || data.length === 1;
  return {
    type: 'line',
    name: name || `line ${order}`,
    data,
    color: tone,
    z: style === 'faint' ? 2 : 3,
    showSymbol: isDotted,
    showAllSymbol: true,
    symbol: 'circle',
    symbolSize: 6,
    itemStyle: { color: tone },
    lineStyle: {
      ...{ color: tone, width: style === 'dots' ? 0 : style === 'faint' ? 1 : 2, join: 'round', cap: 'round' },
      ...{ opacity: style === 'faint' ? 0.35 : 1, type: style === 'dashed' ? [6, 4] : 'solid' },
    },
    ...(style === 'steps' && { step: 'end' }),
    ...(isFilled({ style }) && { areaStyle: { color: tone, opacity: 0.25, origin: 'start' } }),
  };
}

function background({ background: image }: LinesOptions, x: Axis, y: Axis): object[] {
  if (image === undefined) return [];
  const href = pngUrl(image);
  const [across, up] = [x.range, y.range];
  if (across === undefined || up === undefined) {
    throw new ArgumentError('lines: a background needs x.range and y.range, got none');
  }
  const renderItem = (_: unknown, api: { coord(point: number[]): [number, number] }) => {
    const [left, top] = api.coord([across[0], up[1]]);
    const [right, bottom] = api.coord([across[1], up[0]]);
    return { type: 'image', style: { image: href, x: left, y: top, width: right - left, height: bottom - top } };
  };
  return [{ type: 'custom', data: [[across[0], up[0]]], renderItem, z: 1, color: paper }];
}

/** A picture as a URL that holds it. */
function pngUrl(image: Image): string {
  return `data:image/png;base64,${Buffer.from(encodePng(image)).toString('base64')}`;
}
