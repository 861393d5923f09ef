import { ArgumentError, checkFlag } from '../errors.js';
import {
  type Axis,
  type ChartOptions,
  checkAxis,
  checkNames,
  checkNumbers,
  draw,
  formatNumber,
  frameOf,
  nameAxis,
  valueAxis,
} from './frame.js';
import { ink, seriesColour } from './theme.js';

/** Options of {@link bars}. */
export interface BarsOptions extends ChartOptions {
  names: readonly string[];
  values: ArrayLike<number>;
  /** Half the length of a line at the end of each bar, such as a standard deviation. */
  errors?: ArrayLike<number>;
  /** The axis of the values. */
  axis?: Axis;
  /** Bars that lie, from top to bottom: default false. */
  horizontal?: boolean;
}

/**
 * A chart of bars, as the text of an SVG file.
 *
 * @throws ArgumentError for lengths that differ and unknown options
 * @example
 * const svg = await charts.bars({ names: ['age', 'income'], values: [0.2, 0.05], horizontal: true });
 */
export async function bars(options: BarsOptions): Promise<string> {
  const frame = frameOf('bars', options, ['names', 'values', 'errors', 'axis', 'horizontal']);
  const names = checkNames('bars', 'names', options.names);
  const values = checkNumbers('bars', 'values', options.values);
  const errors = options.errors === undefined ? undefined : checkNumbers('bars', 'errors', options.errors);
  for (const [name, list] of [
    ['values', values],
    ['errors', errors],
  ] as const) {
    if (list && list.length !== names.length) {
      throw new ArgumentError(`bars: ${name} must be one for each name, got ${list.length} for ${names.length} names`);
    }
  }
  const axis = checkAxis('bars', 'axis', options.axis);
  const isFlat = checkFlag('bars', 'horizontal', options.horizontal, false);
  const value = valueAxis(axis, isFlat ? 'x' : 'y', axis.log);
  const name = nameAxis(names, '', isFlat ? 'y' : 'x', isFlat ? { interval: 0 } : { hideOverlap: true });
  return await draw(frame, [], {
    xAxis: isFlat ? value : name,
    yAxis: isFlat ? { ...name, inverse: true } : value,
    series: [
      {
        type: 'bar',
        data: Array.from(values, (v) => (Number.isFinite(v) ? v : Number.NaN)),
        itemStyle: { color: seriesColour(0) },
        barCategoryGap: '30%',
        label: {
          ...{ show: isFlat && errors === undefined, position: 'right', color: ink, fontSize: 12 },
          formatter: ({ value }: { value: number }) => formatNumber(value),
        },
      },
      ...(errors ? [whiskers(values, errors, isFlat)] : []),
    ],
  });
}

interface Coordinates {
  coord(point: number[]): [number, number];
}

/** Lines from value - error to value + error. Both ends are data, so that the axis has a place for them. */
function whiskers(values: ArrayLike<number>, errors: ArrayLike<number>, isFlat: boolean): object {
  const renderItem = ({ dataIndex: i }: { dataIndex: number }, api: Coordinates) => {
    if (i >= values.length) return undefined;
    const [value, error] = [values[i] as number, errors[i] as number];
    const place = (v: number) => api.coord(isFlat ? [v, i] : [i, v]);
    const [[x1, y1], [x2, y2]] = [place(value - error), place(value + error)];
    const line = (shape: object) => ({ type: 'line', shape, style: { stroke: ink, lineWidth: 1.5 } });
    const [dx, dy] = isFlat ? [0, 4] : [4, 0];
    const cap = (x: number, y: number) => line({ x1: x - dx, y1: y - dy, x2: x + dx, y2: y + dy });
    return { type: 'group', children: [line({ x1, y1, x2, y2 }), cap(x1, y1), cap(x2, y2)] };
  };
  const end = (i: number, sign: number) => {
    const value = (values[i] as number) + sign * (errors[i] as number);
    return isFlat ? [value, i] : [i, value];
  };
  const data = [1, -1].flatMap((sign) => Array.from(values, (_, i) => end(i, sign)));
  return { type: 'custom', renderItem, data, z: 4 };
}
