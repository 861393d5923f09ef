// The nodes of a graph whose sizes may depend on the batch.
import { type DType, isFloat } from '../../dtype.js';
import { StateError } from '../../errors.js';
import {
  type Dim,
  dim,
  type Graph,
  int,
  ints,
  isFixed,
  sameDim,
  sameDims,
  type Type,
  types,
  type Value,
} from './export-graph.js';

/** Writes nodes, and as few as do: a reshape of a reshape is one. */
export class Nodes {
  private batchValue: Value | null = null;

  constructor(
    readonly graph: Graph,
    /** The batch sizes of the two traces, and where the graph finds its own; null without dynamic batch. */
    private readonly batch: { sizes: Dim; from: Value; axis: number } | null,
  ) {}

  refuse(reason: string): never {
    throw new StateError(reason);
  }

  /** A size as a tensor [1]. */
  private sizeOf(d: Dim): Value {
    const { graph } = this;
    if (isFixed(d)) return graph.int64s([d[0]]);
    const { sizes, from, axis } = this.batch as NonNullable<typeof this.batch>;
    const factor = (d[1] - d[0]) / (sizes[1] - sizes[0]);
    const rest = d[0] - factor * sizes[0];
    if (!Number.isInteger(factor))
      this.refuse(`a size is no multiple of the batch size (${d[0]} for ${sizes[0]}, ${d[1]} for ${sizes[1]})`);
    const result = { type: 'int64' as const, dims: [dim(1)] };
    this.batchValue ??= graph.node('Shape', [from], result, { start: int(axis), end: int(axis + 1) });
    let value = this.batchValue;
    if (factor !== 1) value = graph.node('Mul', [value, graph.int64s([factor])], result);
    return rest === 0 ? value : graph.node('Add', [value, graph.int64s([rest])], result);
  }

  /** Sizes as a tensor. */
  shape(dims: readonly Dim[]): Value {
    if (dims.every(isFixed)) return this.graph.int64s(dims.map(([n]) => n));
    if (dims.length === 1) return this.sizeOf(dims[0] as Dim);
    const parts = dims.map((d) => this.sizeOf(d));
    return this.graph.node('Concat', parts, { type: 'int64', dims: [dim(dims.length)] }, { axis: int(0) });
  }

  reshape(value: Value, dims: readonly Dim[]): Value {
    if (sameDims(value.dims, dims)) return value;
    const { from } = value;
    if (from?.node.op === 'Reshape') return this.reshape(from.inputs[0] as Value, dims);
    const kept = this.keepingReduction(value, dims);
    if (kept !== null) return kept;
    const target = dims.map((d, i) =>
      isFixed(d) ? d[0] : i < value.dims.length && sameDim(d, value.dims[i] as Dim) ? 0 : -1,
    );
    const isPlain = target.filter((n) => n === -1).length <= 1 && !dims.some((d) => d[0] === 0);
    const shape = isPlain ? this.graph.int64s(target) : this.shape(dims);
    return this.graph.node('Reshape', [value, shape], { type: value.type, dims });
  }

  // A reduction that keeps its dimensions, rather than a reshape after one that does not.
  private keepingReduction(value: Value, dims: readonly Dim[]): Value | null {
    const { from } = value;
    const axes = from && reducedAxes.get(value);
    const x = from?.inputs[0];
    if (!from || !axes || !x) return null;
    const kept = x.dims.map((d, i) => (axes.includes(i) ? dim(1) : d));
    if (!sameDims(kept, dims)) return null;
    const attributes = { ...from.node.attributes, keepdims: int(1) };
    return this.graph.node(from.node.op, from.inputs, { type: value.type, dims }, attributes);
  }

  /** Notes that a node leaves out the axes that it reduces. */
  reduced(value: Value, axes: readonly number[]): Value {
    reducedAxes.set(value, axes);
    return value;
  }

  expand(value: Value, dims: readonly Dim[]): Value {
    if (sameDims(value.dims, dims)) return value;
    return this.graph.node('Expand', [value, this.shape(dims)], { type: value.type, dims });
  }

  transpose(value: Value, order: readonly number[]): Value {
    if (order.every((d, i) => d === i)) return value;
    const { from } = value;
    const before = from?.node.op === 'Transpose' && (from.node.attributes.perm as { ints: readonly number[] }).ints;
    if (from && before)
      return this.transpose(
        from.inputs[0] as Value,
        order.map((d) => before[d] as number),
      );
    const dims = order.map((d) => value.dims[d] as Dim);
    return this.graph.node('Transpose', [value], { type: value.type, dims }, { perm: ints(order) });
  }

  cast(value: Value, type: Type): Value {
    if (value.type === type) return value;
    const { from } = value;
    if (from?.node.op === 'Cast' && from.inputs[0]?.type === type && (type === 'bool' || type === 'int64'))
      return from.inputs[0];
    if (from?.node.op === 'Cast' && from.inputs[0]?.type === 'bool') return this.cast(from.inputs[0], type);
    return this.graph.node('Cast', [value], { type, dims: value.dims }, { to: int(types[type]) });
  }

  slice(value: Value, cuts: readonly { axis: number; start: Dim; length: Dim; step: Dim }[]): Value {
    const needed = cuts.filter(({ axis, start, length, step }) => {
      const whole = sameDim(length, value.dims[axis] as Dim);
      return !(whole && start[0] === 0 && start[1] === 0 && step[0] === 1);
    });
    if (needed.length === 0) return value;
    const dims = value.dims.map((d, i) => needed.find(({ axis }) => axis === i)?.length ?? d);
    const ends = needed.map(
      ({ start, length, step }): Dim => [
        start[0] + (length[0] - 1) * step[0] + 1,
        start[1] + (length[1] - 1) * step[1] + 1,
      ],
    );
    const operands = [
      this.shape(needed.map(({ start }) => start)),
      this.shape(ends),
      this.graph.int64s(needed.map(({ axis }) => axis)),
    ];
    if (needed.some(({ step }) => step[0] !== 1)) operands.push(this.shape(needed.map(({ step }) => step)));
    return this.graph.node('Slice', [value, ...operands], { type: value.type, dims });
  }

  /** A value that begins at `starts` of a tensor that holds a number besides. */
  pad({ value, starts }: { value: Value; starts: Dim[] }, dims: readonly Dim[], fill: number): Value {
    if (sameDims(value.dims, dims)) return value;
    const after = dims.map((d, i): Dim => {
      const [start, size] = [starts[i] as Dim, value.dims[i] as Dim];
      return [d[0] - start[0] - size[0], d[1] - start[1] - size[1]];
    });
    const isWritten = value.type === 'bool' || value.type === 'uint8' ? 'int32' : value.type;
    const inner = this.cast(value, isWritten);
    const operands = [inner, this.shape([...starts, ...after])];
    if (fill !== 0) operands.push(this.graph.scalar(isWritten as DType, fill));
    return this.cast(this.graph.node('Pad', operands, { type: isWritten, dims }), value.type);
  }

  /** A number that may depend on the batch size. */
  number(values: Dim, dtype: DType): Value {
    return isFixed(values) ? this.graph.scalar(dtype, values[0]) : this.numberOf(values, dtype);
  }

  /** A number that is a multiple of the batch size, or one over it. */
  protected numberOf(values: Dim, dtype: DType): Value {
    const { sizes } = this.batch as NonNullable<typeof this.batch>;
    const factor = values[0] / sizes[0];
    const result = { type: dtype, dims: [dim(1)] };
    const batch = this.cast(this.sizeOf(sizes), dtype);
    const near = (x: number, y: number) => Math.abs(x - y) <= 1e-6 * Math.abs(y);
    if (near(values[1] / sizes[1], factor)) {
      return factor === 1 ? batch : this.graph.node('Mul', [batch, this.graph.scalar(dtype, factor)], result);
    }
    const slope = (values[1] - values[0]) / (sizes[1] - sizes[0]);
    if (Number.isInteger(slope) && values.every(Number.isInteger)) return this.cast(this.sizeOf(values), dtype);
    const share = values[0] * sizes[0];
    if (isFloat(dtype) && near(values[1] * sizes[1], share)) {
      return this.graph.node(
        'Div',
        [this.graph.scalar(dtype, near(share, Math.round(share)) ? Math.round(share) : share), batch],
        result,
      );
    }
    return this.refuse('a number depends on the batch size');
  }
}

const reducedAxes = new WeakMap<Value, readonly number[]>();
