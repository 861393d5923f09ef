import { onUndo } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import { currentRecording, isGradEnabled } from '../context.js';
import type { DType } from '../dtype.js';
import { ArgumentError, checkInteger, formatShape, ShapeError, StateError } from '../errors.js';
import { keep } from '../memory.js';
import { copy_ } from '../ops/copy.js';
import { checkOptions } from '../options.js';
import { type Shape, sameShape, sizeOf } from '../shape.js';
import { baseOf, checkTensor, empty, type Tensor, view } from '../tensor.js';

/**
 * Keeps the projected keys and values of earlier tokens, so that attention over a growing sequence computes only the new
 * row. Use one cache for each attention layer, for inference, inside `noGrad`. Memory grows by doubling.
 *
 * The shapes grow with each token, so a `compile`d function would be recorded for each length: call such models eagerly.
 *
 * @throws StateError while gradients or a compiled step are recorded; ShapeError when rows do not fit those held
 * @example
 * const attention = new nn.MultiheadAttention(64, 4, { batchFirst: true }).eval();
 * const cache = new nn.KeyValueCache();
 * const options = { cache, isCausal: true };
 * const [prompt, next] = [randn([1, 5, 64]), randn([1, 1, 64])];
 * noGrad(() => {
 *   attention.forward(prompt, prompt, prompt, options);
 *   return attention.forward(next, next, next, options); // attends to all 6
 * });
 */
export class KeyValueCache {
  private store: [Tensor, Tensor] | null = null;
  private rows = 0;

  /** @param options capacity: rows to make room for at first; default 64 */
  constructor(private readonly options: { capacity?: number } = {}) {
    checkOptions('KeyValueCache', options, ['capacity']);
    checkInteger('KeyValueCache', 'capacity', options.capacity ?? 64, 1);
  }

  /** The rows (tokens) held. */
  get length(): number {
    return this.rows;
  }

  /** @internal Shape without the length, and dtype, of the keys held; null while there are none. */
  get _row(): { shape: Shape; dtype: DType } | null {
    const keys = this.rows === 0 ? undefined : this.store?.[0];
    return keys === undefined ? null : { shape: keys.dims.slice(1), dtype: keys.dtype };
  }

  /** Of shape [length, batch, features] or [length, features]: a view of the cache's memory. */
  get keys(): Tensor {
    return this.part(0);
  }

  /** The values, in the same shape. */
  get values(): Tensor {
    return this.part(1);
  }

  private part(which: 0 | 1): Tensor {
    if (this.store === null) throw new StateError('KeyValueCache: is empty; append keys and values first');
    const whole = this.store[which];
    return view(whole, 0, [this.rows, ...whole.dims.slice(1)]);
  }

  /**
   * Adds rows.
   *
   * @param keys [rows, batch, features] or [rows, features]
   * @param values as many rows, in the same shape
   * @throws StateError while gradients or a compiled step are recorded; ShapeError when rows or the other dimensions do not fit
   */
  append(keys: Tensor, values: Tensor): void {
    checkTensor('KeyValueCache', 'keys', keys);
    checkTensor('KeyValueCache', 'values', values);
    if (currentRecording() !== null) {
      throw new StateError(
        'KeyValueCache: cannot grow while a step is being recorded, as each replay would write the same rows; call such models eagerly',
      );
    }
    if (isGradEnabled() && (keys._requiresGrad || values._requiresGrad)) {
      throw new StateError('KeyValueCache: has no gradients, got keys or values that want them; call it inside noGrad');
    }
    if (keys.rank < 1 || values.rank < 1 || keys.dims[0] !== values.dims[0]) {
      const list = `keys ${formatShape(keys.dims)} and values ${formatShape(values.dims)}`;
      throw new ShapeError(`KeyValueCache: keys and values must have the same number of rows, got ${list}`);
    }
    this.checkRow(keys, 0);
    this.checkRow(values, 1);
    const before = this.rows;
    const after = before + (keys.dims[0] as number);
    const [old, store] = [this.store, this.storeFor(after, [keys, values])];
    const versions = store.map((t) => baseOf(t).version);
    noGrad(() => {
      [keys, values].forEach((x, i) => {
        copy_(view(store[i] as Tensor, before * sizeOf(x.dims.slice(1)), x.dims), x);
      });
    });
    this.store = store;
    this.rows = after;
    const canBeUndone = onUndo(() => {
      this.store = old;
      this.rows = before; // nobody reads beyond them
      store.forEach((t, i) => {
        baseOf(t).version = versions[i] as number;
      });
    });
    if (store !== old && !canBeUndone) for (const t of old ?? []) t.dispose();
  }

  private checkRow(x: Tensor, which: 0 | 1): void {
    const own = this.store?.[which];
    if (own === undefined) return;
    const [row, wanted]: [Shape, Shape] = [x.dims.slice(1), own.dims.slice(1)];
    if (!sameShape(row, wanted) || x.dtype !== own.dtype) {
      const what = which === 0 ? 'keys' : 'values';
      const rule = `${what} must be rows of ${formatShape(wanted)} ${own.dtype} as before`;
      throw new ShapeError(`KeyValueCache: ${rule}, got ${what} ${formatShape(x.dims)} ${x.dtype}`);
    }
  }

  // Memory for `rows` rows that contains those held: the present memory if it is large enough.
  private storeFor(rows: number, like: readonly Tensor[]): [Tensor, Tensor] {
    const { store } = this;
    const capacity = store?.[0].dims[0] ?? 0;
    if (store !== null && rows <= capacity) return store;
    const grown = Math.max(rows, 2 * capacity, this.options.capacity ?? 64);
    const made = like.map((x) => keep(empty([grown, ...x.dims.slice(1)], x.dtype))) as [Tensor, Tensor];
    if (store === null) return made;
    noGrad(() => {
      made.forEach((to, i) => {
        const shape = [this.rows, ...to.dims.slice(1)];
        copy_(view(to, 0, shape), view(store[i] as Tensor, 0, shape));
      });
    });
    return made;
  }

  /** Forgets the rows from `length` on: all by default. */
  truncate(length = 0): void {
    if (checkInteger('KeyValueCache', 'length', length) > this.rows) {
      throw new ArgumentError(`KeyValueCache: length must be at most the ${this.rows} rows held, got ${length}`);
    }
    this.rows = length;
  }

  /** Frees the memory. */
  dispose(): void {
    for (const t of this.store ?? []) t.dispose();
    this.store = null;
    this.rows = 0;
  }
}
