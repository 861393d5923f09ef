// Writes a graph from two traces of the same forward pass: what differs between them depends on the batch.
import type { DType, TypedArray } from '../../dtype.js';
import { type Dim, dim, int, isFixed, productOf, sameDim, type Value } from './export-graph.js';
import { Nodes } from './export-nodes.js';
import { type Reading, rangeReading, strideReading, stridesOf, unmerged } from './export-strides.js';
import type { Constant, Ref, Storage } from './export-trace.js';

/** Something of both traces. */
export type Pair<T> = readonly [T, T];

/** A part of a tensor that was written alone. */
interface Part {
  dims: Dim[];
  offset: Dim;
  strides: Dim[];
  value: Value;
}

/** What a storage holds: a value, or a number, and parts written later. */
interface Content {
  value: Value | null;
  fill: number;
  parts: Part[];
}

const zip = (a: readonly number[], b: readonly number[]): Dim[] => a.map((n, i) => [n, b[i] as number]);

export class Builder extends Nodes {
  private readonly contents = new Map<number, Content>();

  /** The shape of a tensor in both traces. */
  dimsOf([a, b]: Pair<Ref>): Dim[] {
    if (a.dims.length !== b.dims.length) this.refuse('the number of dimensions depends on the batch size');
    return zip(a.dims, b.dims);
  }

  /** The elements of `value` at offset + Σ i · stride, as a tensor. */
  strided(value: Value, dims: readonly Dim[], strides: readonly Dim[], offset: Dim): Value {
    const one = (t: 0 | 1): Reading => {
      const [own, sizes, steps] = [value.dims, dims, strides].map((list) => list.map((d) => d[t])) as [
        number[],
        number[],
        number[],
      ];
      return (
        strideReading(own, sizes, steps, offset[t]) ?? this.refuse('it reads elements that are no slices of a tensor')
      );
    };
    return this.read(value, [one(0), one(1)], dims);
  }

  private read(value: Value, [a, b]: Pair<Reading>, dims: readonly Dim[]): Value {
    if (String(a.from) !== String(b.from) || a.axes.length !== b.axes.length) {
      this.refuse('it reads other parts of a tensor at another batch size');
    }
    const whole = this.reshape(value, zip(a.axes, b.axes));
    const cut = this.slice(
      whole,
      a.axes.map((_, axis) => ({
        axis,
        start: [a.starts[axis] as number, b.starts[axis] as number],
        length: [a.lengths[axis] as number, b.lengths[axis] as number],
        step: [a.steps[axis] as number, b.steps[axis] as number],
      })),
    );
    const used = a.from.filter((d) => d >= 0);
    const isOrdered = used.every((d, i) => i === 0 || d > (used[i - 1] as number));
    const order = [...used, ...a.axes.keys()].filter((d, i, all) => all.indexOf(d) === i);
    const moved = isOrdered ? cut : this.transpose(cut, order);
    const narrow = dims.map((d, i) => ((a.from[i] as number) >= 0 ? d : dim(1)));
    return this.expand(this.reshape(moved, narrow), dims);
  }

  /** The content of a tensor. */
  readRef(pair: Pair<Ref>, isLoose = false): Value {
    const [a, b] = pair;
    if (a.constant !== null && b.constant !== null) return this.constant(pair, [a.constant, b.constant], isLoose);
    const content = this.contents.get(a.storage.id);
    if (content === undefined) this.refuse('it reads memory that nothing has written');
    const value = this.resolved(content, [a.storage, b.storage]);
    const dims = this.dimsOf(pair);
    if (sameDim(productOf(dims), productOf(value.dims))) return this.reshape(value, dims);
    const reading = (ref: Ref): Reading => {
      const size = ref.dims.reduce((x, y) => x * y, 1);
      return (
        rangeReading(ref.storage.dims, ref.offset, size) ??
        rangeReading([ref.storage.dims.reduce((x, y) => x * y, 1)], ref.offset, size) ??
        this.refuse('it reads an empty part of a tensor')
      );
    };
    const [first, second] = [reading(a), reading(b)];
    return this.reshape(this.read(value, [first, second], zip(first.lengths, second.lengths)), dims);
  }

  /** Sets the content of a tensor. */
  writeRef([a, b]: Pair<Ref>, value: Value): void {
    const dims = this.dimsOf([a, b]);
    const base = zip(a.storage.dims, b.storage.dims);
    if (sameDim(productOf(dims), productOf(base))) {
      this.contents.set(a.storage.id, { value: this.reshape(value, base), fill: 0, parts: [] });
      return;
    }
    const strides = zip(stridesOf(a.dims), stridesOf(b.dims));
    this.contentOf([a, b]).parts.push({
      dims,
      offset: [a.offset, b.offset],
      strides,
      value: this.reshape(value, dims),
    });
  }

  /** Notes that a tensor holds a number throughout. */
  fill([a]: Pair<Ref>, value: number): void {
    this.contents.set(a.storage.id, { value: null, fill: value, parts: [] });
  }

  /** What is no longer known of a tensor that a constant was written to. */
  forget(a: Ref): void {
    this.contents.delete(a.storage.id);
  }

  private contentOf([a, b]: Pair<Ref>): Content {
    let content = this.contents.get(a.storage.id);
    if (content === undefined) {
      const value = a.constant === null ? null : this.readRef([a, b]);
      content = { value, fill: 0, parts: [] };
      this.contents.set(a.storage.id, content);
    }
    return content;
  }

  /** Writes x to the elements of y at offset + Σ i · stride. */
  assign(y: Pair<Ref>, x: Pair<Ref>, offset: Dim, loops: Pair<readonly number[]>): void {
    const dims = this.dimsOf(x);
    const strides = zip(unmerged(x[0].dims, loops[0]), unmerged(x[1].dims, loops[1]));
    const from: Dim = [offset[0] + y[0].offset, offset[1] + y[1].offset];
    this.contentOf(y).parts.push({ dims, offset: from, strides, value: this.readRef(x) });
  }

  private resolved(content: Content, storages: Pair<Storage>): Value {
    if (content.parts.length > 0 || content.value === null) {
      const dims = zip(storages[0].dims, storages[1].dims);
      content.value = this.joined(content, dims, storages[0].dtype);
      content.parts = [];
    }
    return content.value as Value;
  }

  private joined({ value, fill, parts }: Content, dims: readonly Dim[], dtype: DType): Value {
    const boxes = parts.map((part) => this.boxOf(part, dims));
    const type = boxes[0]?.value.type ?? dtype;
    if (value === null) {
      const axis = dims.findIndex((d, i) => boxes.some((box) => !sameDim(box.value.dims[i] as Dim, d)));
      const total = boxes.reduce<Dim>((sum, box) => add(sum, box.value.dims[Math.max(axis, 0)] ?? dim(1)), dim(0));
      const isRow = boxes.every((box) => dims.every((d, i) => i === axis || sameDim(box.value.dims[i] as Dim, d)));
      if (axis >= 0 && isRow && sameDim(total, dims[axis] as Dim)) {
        const sorted = [...boxes].sort((p, q) => (p.starts[axis] as Dim)[0] - (q.starts[axis] as Dim)[0]);
        const cast = sorted.map((box) => this.cast(box.value, type));
        return this.graph.node('Concat', cast, { type, dims }, { axis: int(axis) });
      }
      if (axis === -1 && boxes.length > 0) return (boxes.at(-1) as (typeof boxes)[number]).value;
      if (boxes.length === 1) return this.pad(boxes[0] as (typeof boxes)[number], dims, fill);
    }
    let result =
      value ??
      this.expand(
        this.graph.full(
          dtype,
          dims.map(() => 1),
          fill,
        ),
        dims,
      );
    for (const box of boxes) {
      const shown = this.cast(
        this.graph.full(
          'uint8',
          dims.map(() => 1),
          1,
        ),
        'bool',
      );
      const inside = this.pad({ ...box, value: this.expand(shown, box.value.dims) }, dims, 0);
      const placed = this.pad({ ...box, value: this.cast(box.value, result.type) }, dims, 0);
      result = this.graph.node('Where', [inside, placed, result], { type: result.type, dims });
    }
    return result;
  }

  // A part with the rank of the whole, and where it begins.
  private boxOf(part: Part, dims: readonly Dim[]): { value: Value; starts: Dim[] } {
    const own = zip(stridesOf(dims.map((d) => d[0])), stridesOf(dims.map((d) => d[1])));
    const rest = [...part.offset];
    const starts = dims.map((size, i): Dim => {
      const at = [0, 1].map((t) => {
        if (size[t] === 1) return 0;
        const start = Math.floor((rest[t] as number) / (own[i] as Dim)[t as 0 | 1]);
        rest[t] = (rest[t] as number) - start * (own[i] as Dim)[t as 0 | 1];
        return start;
      });
      return at as unknown as Dim;
    });
    // The dimensions of the part, each at the axis with its stride.
    const sizes = dims.map(() => dim(1));
    let next = 0;
    for (const [i, size] of part.dims.entries()) {
      if (size[0] === 1 && size[1] === 1) continue;
      const axis = dims.findIndex(
        (d, k) => k >= next && sameDim(own[k] as Dim, part.strides[i] as Dim) && d[0] >= size[0] && d[0] > 1,
      );
      if (axis < 0) this.refuse('it writes elements that are no slice of a tensor');
      sizes[axis] = size;
      next = axis + 1;
    }
    return { value: this.reshape(part.value, sizes), starts };
  }

  private constant(pair: Pair<Ref>, [a, b]: Pair<Constant>, isLoose: boolean): Value {
    const dims = this.dimsOf(pair);
    const { graph } = this;
    if (a.name !== null) return graph.named(a.name, a.dtype, pair[0].dims, a.values);
    const first = a.values();
    if (pair[0] === pair[1]) return graph.constant(a.dtype, pair[0].dims, first);
    const second = b.values();
    if (dims.every(isFixed)) {
      if (first.every((v, i) => Object.is(v, second[i]))) return graph.constant(a.dtype, pair[0].dims, first);
      if (first.length === 1)
        return this.reshape(this.numberOf([first[0] as number, second[0] as number], a.dtype), dims);
      return this.refuse('a constant depends on the batch size');
    }
    const narrow = dims.map((d) => (isFixed(d) ? d[0] : 1));
    const [one, other] = [narrowed(first, pair[0].dims, narrow), narrowed(second, pair[1].dims, narrow)];
    if (one === null || other === null || !one.every((v, i) => Object.is(v, other[i]))) {
      return this.refuse('a constant has other values for each element of the batch');
    }
    const value = graph.constant(a.dtype, narrow, one);
    return isLoose ? value : this.expand(value, dims);
  }
}

const add = (a: Dim, b: Dim): Dim => [a[0] + b[0], a[1] + b[1]];

// The values where all along the dimensions that `to` has as 1 are equal; null where they are not.
function narrowed(values: TypedArray, dims: readonly number[], to: readonly number[]): TypedArray | null {
  const size = to.reduce((a, b) => a * b, 1);
  const result = new (values.constructor as new (n: number) => TypedArray)(size);
  const seen = new Uint8Array(size);
  const [own, strides] = [stridesOf(dims), stridesOf(to)];
  for (let i = 0; i < values.length; i++) {
    let at = 0;
    for (let d = 0; d < dims.length; d++) {
      if (to[d] !== 1) at += (Math.floor(i / (own[d] as number)) % (dims[d] as number)) * (strides[d] as number);
    }
    if (seen[at] && !Object.is(result[at], values[i])) return null;
    seen[at] = 1;
    result[at] = values[i] as number;
  }
  return result;
}
