// Reductions of successive rows.
import { optionsOf } from '../arguments.js';
import { currentRecording } from '../context.js';
import { ArgumentError, checkChoice, checkFlag, checkNumber, formatShape, ShapeError } from '../errors.js';
import { checkDim, sameShape } from '../shape.js';
import { checkFloat, checkInt32, checkTensor, type Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { to } from './copy.js';
import { arange, full, zeros } from './creation.js';
import { div, sub } from './elementwise.js';
import { clamp, lt, where } from './elementwise-compare.js';
import { scatterReduce } from './indexing-write.js';
import { cumsum } from './reduce.js';
import { reshape } from './shape.js';
import { narrow } from './shape-parts.js';
import { cat } from './shape-slice.js';
import { searchsorted } from './sort-search.js';

/** How `segmentReduce` combines the rows of a segment. */
export type SegmentReduction = 'sum' | 'mean' | 'max' | 'min' | 'prod';

/** Options of `segmentReduce`. */
export interface SegmentOptions {
  /** int32 [...leading sizes of data, segments]: how many rows each segment has; they sum to the rows. */
  lengths?: Tensor;
  /** int32 [...leading sizes of data, segments + 1]: where each segment begins, then the number of rows. Instead of lengths. */
  offsets?: Tensor;
  /** The dimension of the rows; default 0. */
  axis?: number;
  /** Whether the sum of the lengths is not checked; default false. */
  unsafe?: boolean;
  /** What each segment begins with; default what changes nothing, and NaN for the mean of an empty segment. */
  initial?: number;
}

const neutral = { sum: 0, mean: 0, max: -Infinity, min: Infinity, prod: 1 };
const ways = { sum: 'sum', mean: 'sum', max: 'amax', min: 'amin', prod: 'prod' } as const;

// Where the segments begin, and where the last ends: [...leading sizes, segments + 1].
function offsetsOf(o: SegmentOptions, data: Tensor, axis: number): Tensor {
  const name = 'segmentReduce';
  if ((o.lengths === undefined) === (o.offsets === undefined)) {
    const got = o.lengths === undefined ? 'none' : 'both';
    throw new ArgumentError(`${name}: lengths or offsets must be given, and only one of them, got ${got}`);
  }
  const what = o.lengths === undefined ? 'offsets' : 'lengths';
  const given = checkInt32(name, what, o.lengths ?? o.offsets);
  const lead = data.dims.slice(0, axis);
  if (
    given.rank !== axis + 1 ||
    !sameShape(given.dims.slice(0, -1), lead) ||
    (what === 'offsets' && given.dims.at(-1) === 0)
  ) {
    const rule = `${what} must be [${[...lead, what === 'lengths' ? 'segments' : 'segments + 1'].join(', ')}]`;
    const got = `got data ${formatShape(data.dims)} and ${what} ${formatShape(given.dims)}`;
    throw new ShapeError(`${name}: ${rule}, ${got}`);
  }
  if (what === 'offsets') return given;
  return cat([zeros([...lead, 1], { dtype: 'int32' }), cumsum(given, -1)], { dim: -1 });
}

// A recorded step cannot read what it is given: there, rows outside the segments are left out.
function checkOffsets(offsets: Tensor, rows: number, whole: boolean): void {
  if (currentRecording() !== null) return;
  const list = offsets.toTypedArray();
  const width = offsets.dims.at(-1) as number;
  list.forEach((end, i) => {
    if (i % width > 0 && end < (list[i - 1] as number)) {
      const got = `got ${end - (list[i - 1] as number)} (segment ${(i % width) - 1})`;
      throw new ArgumentError(`segmentReduce: lengths must not be negative, ${got}`);
    }
    if (i % width === width - 1 && (whole ? end !== rows : end > rows)) {
      const rule = whole
        ? `lengths must sum to the ${rows} rows of data`
        : `offsets must be at most the ${rows} rows of data`;
      throw new ArgumentError(`segmentReduce: ${rule}, got ${end}`);
    }
  });
}

/**
 * Reduces successive rows to one for each segment.
 *
 * @param data float
 * @param reduce `sum`, `mean`, `max`, `min` or `prod`
 * @param args lengths or offsets of the segments; axis (default 0), unsafe (default false), initial
 * @returns data's shape with the number of segments in place of the rows
 * @throws ArgumentError when lengths are negative or do not sum to the number of rows, unless a step is recorded or `unsafe` is set
 * @example
 * segmentReduce(tensor([1, 2, 3]), 'sum', { lengths: tensor([2, 1], { dtype: 'int32' }) }); // [3, 3]
 */
export function segmentReduce(data: Tensor, reduce: SegmentReduction, ...args: [options: SegmentOptions]): Tensor {
  const name = 'segmentReduce';
  checkTensor(name, 'data', data);
  checkFloat(name, 'data', data);
  const how = checkChoice(name, 'reduce', reduce, ['sum', 'mean', 'max', 'min', 'prod'] as const);
  const o = optionsOf<SegmentOptions>(name, args, [], ['lengths', 'offsets', 'axis', 'unsafe', 'initial']);
  const axis = checkDim(name, o.axis ?? 0, data.rank);
  const first = o.initial === undefined ? neutral[how] : checkNumber(name, 'initial', o.initial);
  const unsafe = checkFlag(name, 'unsafe', o.unsafe, false);
  const offsets = offsetsOf(o, data, axis);
  const rows = data.dims[axis] as number;
  if (!unsafe) checkOffsets(offsets, rows, o.lengths !== undefined);
  const lead = data.dims.slice(0, axis);
  const segments = (offsets.dims.at(-1) as number) - 1;
  const numbers = expandTo(arange(rows, { dtype: 'int32' }), [...lead, rows]);
  const found = sub(searchsorted(offsets, numbers, { right: true }), 1);
  // What is in no segment goes into one more, which is cut off.
  const index = where(lt(found, 0), segments, found);
  const ones = data.dims.slice(axis + 1).map(() => 1);
  const at = expandTo(reshape(index, [...lead, rows, ...ones]), data.dims);
  const start = full([...lead, segments + 1, ...data.dims.slice(axis + 1)], first, { dtype: data.dtype });
  const y = narrow(scatterReduce(start, axis, at, data, ways[how]), axis, 0, segments);
  if (how !== 'mean') return y;
  const counts = sub(narrow(offsets, -1, 1, segments), narrow(offsets, -1, 0, segments));
  const divisor = reshape(to(counts, data.dtype), [...lead, segments, ...ones]);
  return div(y, o.initial === undefined ? divisor : clamp(divisor, 1));
}
