import { ArgumentError, checkEach, checkFlag, checkFunction, checkNumber, checkText } from '../errors.js';
import {
  type ChartOptions,
  checkNames,
  checkNumbers,
  draw,
  formatNumber,
  frameOf,
  nameAxis,
  shorten,
} from './frame.js';
import { widthOf } from './measure.js';
import { ink, paper, seriesColour } from './theme.js';

/** Options of {@link heatmap}. */
export interface HeatmapOptions extends ChartOptions {
  /** Names of the rows, from the top. */
  rows: readonly string[];
  /** Names of the columns, from the left. */
  columns: readonly string[];
  /** A list of values for each row; what is not finite stays empty. */
  values: readonly ArrayLike<number>[];
  /** What the rows are. */
  y?: string;
  /** What the columns are; their names stand on top. */
  x?: string;
  /** The value that has the full colour, default the largest. 0 and below have none. */
  max?: number;
  /** Whether to write the values into the cells, default true. */
  texts?: boolean;
  /** The text of a value. */
  format?: (value: number) => string;
}

/**
 * A table of values as shades of one colour, as the text of an SVG file: a confusion matrix, the weights of attention.
 *
 * @throws ArgumentError for values that are not a list for each row with a value for each column, and unknown options
 * @example
 * const svg = await charts.heatmap({ rows: ['cat', 'dog'], columns: ['cat', 'dog'], values: [[9, 1], [2, 8]] });
 */
export async function heatmap(options: HeatmapOptions): Promise<string> {
  const known = ['rows', 'columns', 'values', 'x', 'y', 'max', 'texts', 'format'];
  const frame = frameOf('heatmap', options, known);
  const [rows, columns] = [
    checkNames('heatmap', 'rows', options.rows),
    checkNames('heatmap', 'columns', options.columns),
  ];
  const values = checkEach('heatmap', 'values', 'must be a list of rows', options.values, (row, i) => {
    const list = checkNumbers('heatmap', `values[${i}]`, row);
    if (list.length === columns.length) return list;
    throw new ArgumentError(
      `heatmap: values[${i}] must have a value for each column, got ${list.length} for ${columns.length} columns`,
    );
  });
  if (values.length !== rows.length) {
    throw new ArgumentError(
      `heatmap: values must have a list for each row, got ${values.length} for ${rows.length} rows`,
    );
  }
  const [x, y] = [checkText('heatmap', 'x', options.x ?? ''), checkText('heatmap', 'y', options.y ?? '')];
  const { format = formatNumber } = options;
  checkFunction('heatmap', 'format', format);
  const hasTexts = checkFlag('heatmap', 'texts', options.texts, true);
  const max =
    options.max === undefined ? largest(values) : checkNumber('heatmap', 'max', options.max, { min: 0, open: true });
  const room = (0.8 * frame.width) / Math.max(1, columns.length);
  const isTight = columns.some((name) => 12 * widthOf(shorten(name)) > room);
  const across = isTight ? { rotate: -45, ...cutTo(0.35 * frame.height) } : {}; // names take a part of the room, not all of it
  const cells = values.flatMap((row, r) => Array.from(row, (value, c) => ({ value: [c, r], amount: value })));
  return await draw(frame, [], {
    xAxis: { ...nameAxis(columns, x, 'x', { interval: 0, ...across }), ...plain, position: 'top' },
    yAxis: { ...nameAxis(rows, y, 'y', { interval: 0, ...cutTo(0.3 * frame.width) }), ...plain, inverse: true },
    series: [
      {
        type: 'custom',
        data: cells.map(({ value }) => value),
        renderItem: (place: { dataIndex: number }, api: Api) => {
          const { value, amount } = cells[place.dataIndex] as { value: number[]; amount: number };
          return cell(api, value, amount / max, hasTexts && Number.isFinite(amount) ? String(format(amount)) : '');
        },
      },
    ],
  });
}

/** Names of at most so many pixels. */
const cutTo = (pixels: number): object => ({ width: Math.floor(pixels), overflow: 'truncate', ellipsis: '…' });

const plain = { axisLine: { show: false }, axisTick: { show: false } };

interface Api {
  coord(point: number[]): [number, number];
  size(extent: number[]): [number, number];
}

/** A cell: a shade of the first colour, and a text that stands out from it on a light and a dark page. */
function cell(api: Api, place: number[], share: number, text: string): object {
  const [x, y] = api.coord(place);
  const [width, height] = api.size([1, 1]);
  const depth = Math.min(1, Math.max(0, share)) || 0;
  const shape = { x: x - width / 2 + 0.5, y: y - height / 2 + 0.5, width: width - 1, height: height - 1 };
  const shade = { type: 'rect', shape, style: { fill: seriesColour(0), fillOpacity: 0.03 + 0.97 * depth } };
  const fontSize = Math.max(7, Math.min(13, (1.5 * (width - 4)) / Math.max(2, text.length), 0.6 * height));
  const style = { ...{ text, x, y, fontSize, fontFamily: 'system-ui, sans-serif' }, fill: depth > 0.5 ? paper : ink };
  const label = { type: 'text', style: { ...style, align: 'center', verticalAlign: 'middle' } };
  return { type: 'group', children: text === '' ? [shade] : [shade, label] };
}

function largest(values: readonly ArrayLike<number>[]): number {
  let most = 0;
  for (const row of values) {
    for (let i = 0; i < row.length; i++)
      if (Number.isFinite(row[i]) && (row[i] as number) > most) most = row[i] as number;
  }
  return most || 1;
}
