import { unrecorded } from '../context.js';
import type { DType } from '../dtype.js';
import { checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { keep } from '../memory.js';
import { generate } from '../ops/creation.js';
import { add } from '../ops/elementwise.js';
import { reshape } from '../ops/shape.js';
import { slice } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';

/**
 * Adds fixed positions: y = x + P, where P[t, 2i] = sin(t · 10000^(-2i / dModel)) and P[t, 2i + 1] is its cosine.
 *
 * x [rows, batch, dModel] (or with `batchFirst` [batch, rows, dModel], or [rows, dModel]), y like x. Nothing is trained or saved.
 * Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762
 *
 * @throws ShapeError when x has another width or more rows than maxLength
 * @example
 * const positions = new nn.SinusoidalPositions(32, { batchFirst: true });
 * positions.forward(zeros([2, 10, 32])); // [2, 10, 32]
 */
export class SinusoidalPositions extends Module {
  readonly dModel: number;
  readonly maxLength: number;
  readonly batchFirst: boolean;
  private readonly tables = new Map<DType, Tensor>();

  /** @param options maxLength (default 5000), batchFirst (default false) */
  constructor(dModel: number, options: { maxLength?: number; batchFirst?: boolean } = {}) {
    super();
    checkOptions('SinusoidalPositions', options, ['maxLength', 'batchFirst']);
    this.dModel = checkInteger('SinusoidalPositions', 'dModel', dModel, 1);
    this.maxLength = checkInteger('SinusoidalPositions', 'maxLength', options.maxLength ?? 5000, 1);
    this.batchFirst = checkFlag('SinusoidalPositions', 'batchFirst', options.batchFirst, false);
  }

  /** @param options offset: the position of the first row (the length of a cache, say); default 0 */
  forward(x: Tensor, options: { offset?: number } = {}): Tensor {
    checkOptions('SinusoidalPositions.forward', options, ['offset']);
    checkTensor('SinusoidalPositions', 'x', x);
    checkFloat('SinusoidalPositions', 'x', x);
    const start = checkInteger('SinusoidalPositions', 'offset', options.offset ?? 0);
    if ((x.rank !== 2 && x.rank !== 3) || x.dims[x.rank - 1] !== this.dModel) {
      const order = this.batchFirst ? 'batch, rows' : 'rows, batch';
      const rule = `x must be [${order}, ${this.dModel}] or [rows, ${this.dModel}]`;
      throw new ShapeError(`SinusoidalPositions: ${rule}, got x ${formatShape(x.dims)}`);
    }
    const timeFirst = x.rank === 3 && !this.batchFirst;
    const rows = x.dims[x.rank === 2 || timeFirst ? 0 : 1] as number;
    if (start + rows > this.maxLength) {
      const got = `${start} + ${rows}`;
      throw new ShapeError(
        `SinusoidalPositions: offset + rows must be at most maxLength ${this.maxLength}, got ${got}`,
      );
    }
    const part = slice(this.table(x.dtype), { start, end: start + rows });
    return add(x, timeFirst ? reshape(part, [rows, 1, this.dModel]) : part);
  }

  private table(dtype: DType): Tensor {
    const known = this.tables.get(dtype);
    if (known !== undefined) return known;
    const n = this.dModel;
    const value = (i: number): number => {
      const [t, d] = [Math.floor(i / n), i % n];
      const angle = t * 10_000 ** (-(d - (d % 2)) / n);
      return d % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    };
    const made = unrecorded(() => keep(generate([this.maxLength, n], dtype, value)));
    this.tables.set(dtype, made);
    return made;
  }

  override toString(): string {
    return `SinusoidalPositions(${this.dModel})`;
  }
}
