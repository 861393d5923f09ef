// What all charts share: size, title, legend, axes, and the way to ECharts and back.
import { ArgumentError, checkEach, checkFlag, checkInteger, checkNumber, checkText, describe } from '../errors.js';
import { checkOptions } from '../options.js';
import { widthOf } from './measure.js';
import { alone, tidy } from './svg.js';
import { ink, muted, paper, rule } from './theme.js';

/** Options that every chart has. */
export interface ChartOptions {
  /** What it shows; also read out by screen readers. */
  title?: string;
  /** Width in pixels, default 720. */
  width?: number;
  /** Height in pixels, default 400. */
  height?: number;
}

/** An axis of a chart. */
export interface Axis {
  /** What it measures. */
  label?: string;
  /** A logarithmic axis, which has no place for 0 and below; default false. */
  log?: boolean;
  /** The values at its ends; default: the values' own, rounded. */
  range?: readonly [number, number];
}

/** Title and size of a chart. */
export interface Frame {
  title: string;
  width: number;
  height: number;
}

const largest = 8192;

/** Title and size of a chart, whose options are known by these names. */
export function frameOf(operation: string, options: ChartOptions, known: readonly string[]): Frame {
  checkOptions(operation, options ?? null, [...known, 'title', 'width', 'height']);
  return {
    title: checkText(operation, 'title', options.title ?? ''),
    width: checkInteger(operation, 'width', options.width ?? 720, 64, largest),
    height: checkInteger(operation, 'height', options.height ?? 400, 64, largest),
  };
}

/** Draws an option of ECharts below a title and a legend of these names. */
export async function draw(frame: Frame, names: readonly string[], option: Record<string, unknown>): Promise<string> {
  const { renderSvg } = await import('./echarts.js');
  const { title, width, height } = frame;
  const legend = legendOf(names, width);
  const top = 14 + (title === '' ? 0 : 26);
  const svg = renderSvg(
    {
      backgroundColor: paper,
      textStyle: { fontFamily: font, color: ink },
      title: titleOf(frame),
      legend: { ...legend.option, top: top - 4 },
      grid: { left: 16, right: 24, top: top + legend.height + 6, bottom: 12, ...outer },
      ...option,
    },
    width,
    height,
  );
  return alone(tidy(svg, title));
}

const font = 'system-ui, sans-serif';
const outer = { outerBoundsMode: 'same', outerBoundsContain: 'all' };

function titleOf({ title, width }: Frame): object {
  const textStyle = {
    fontSize: 15,
    fontWeight: 600,
    fontFamily: font,
    color: ink,
    width: width - 32,
    overflow: 'truncate',
  };
  return { text: title, left: 16, top: 10, padding: 0, textStyle };
}

/** A legend where there are several names, and the height that its rows take. */
function legendOf(names: readonly string[], width: number): { option: object; height: number } {
  if (names.length < 2) return { option: { show: false }, height: 0 };
  let [rows, used] = [1, 0];
  for (const name of names) {
    const needed = 46 + 12 * widthOf(shorten(name));
    if (used > 0 && used + needed > width - 40) [rows, used] = [rows + 1, 0];
    used += needed;
  }
  const textStyle = { fontSize: 12, fontFamily: font, color: ink };
  const option = { show: true, data: [...names], left: 12, itemWidth: 20, itemGap: 16, formatter: shorten, textStyle };
  return { option, height: 22 * rows };
}

/** A name of at most 30 characters, its end cut off. */
export function shorten(name: string): string {
  const characters = [...name];
  return characters.length > 30 ? `${characters.slice(0, 29).join('')}…` : name;
}

/** A checked axis. */
export function checkAxis(operation: string, name: string, axis: unknown): Axis {
  checkOptions(`${operation} ${name}`, axis, ['label', 'log', 'range']);
  const { label = '', log, range } = (axis ?? {}) as Axis;
  checkText(operation, `${name}.label`, label);
  const isLog = checkFlag(operation, `${name}.log`, log, false);
  if (range === undefined) return { label, log: isLog };
  if (!Array.isArray(range) || range.length !== 2) {
    throw new ArgumentError(`${operation}: ${name}.range must be [low, high], got ${describe(range)}`);
  }
  const low = checkNumber(operation, `${name}.range[0]`, range[0], isLog ? { min: 0, open: true } : {});
  const high = checkNumber(operation, `${name}.range[1]`, range[1], { min: low, open: true });
  return { label, log: isLog, range: [low, high] };
}

/** An axis of numbers for ECharts; without `scale` it begins at 0. */
export function valueAxis({ label, log = false, range }: Axis, side: 'x' | 'y', scale = true): object {
  return {
    ...axisStyle(label, side),
    type: log ? 'log' : 'value',
    scale,
    ...(range && { min: range[0], max: range[1] }),
    axisLabel: { color: muted, fontSize: 12, hideOverlap: true, formatter: formatNumber },
  };
}

/** An axis of names for ECharts. */
export function nameAxis(names: readonly string[], label: string, side: 'x' | 'y', style: object = {}): object {
  return {
    ...axisStyle(label, side),
    type: 'category',
    data: names.map(String),
    splitLine: { show: false },
    axisLabel: { color: muted, fontSize: 12, formatter: shorten, ...style },
  };
}

function axisStyle(label: string | undefined, side: 'x' | 'y'): object {
  return {
    name: label,
    nameLocation: 'middle',
    nameGap: 10,
    nameTextStyle: { color: ink, fontSize: 12, fontFamily: font },
    nameMoveOverlap: true,
    axisLine: { show: true, onZero: false, lineStyle: { color: muted } },
    axisTick: { show: side === 'x', lineStyle: { color: muted } },
    splitLine: { show: true, lineStyle: { color: rule } },
  };
}

/** `12,500`, `0.05`, `1e-5`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) {
    return Number(value.toPrecision(4)).toExponential().replace('e+', 'e');
  }
  return Number(value.toPrecision(size < 1000 ? 4 : 7)).toLocaleString('en-US', { maximumFractionDigits: 7 });
}

/** A list of numbers, copied; NaN and infinities are missing values. */
export function checkNumbers(operation: string, name: string, value: unknown): Float64Array {
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
  if (!isList) throw new ArgumentError(`${operation}: ${name} must be an array of numbers, got ${describe(value)}`);
  const list = value as ArrayLike<unknown>;
  const numbers = new Float64Array(list.length);
  for (let i = 0; i < numbers.length; i++) {
    const element = list[i];
    if (typeof element !== 'number') {
      throw new ArgumentError(`${operation}: ${name}[${i}] must be a number, got ${describe(element)}`);
    }
    numbers[i] = element;
  }
  return numbers;
}

/** A list of names. */
export function checkNames(operation: string, name: string, value: unknown): string[] {
  return checkEach(operation, name, 'must be a list of texts', value, (text, i) =>
    checkText(operation, `${name}[${i}]`, text),
  );
}
