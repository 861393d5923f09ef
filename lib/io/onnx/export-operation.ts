// A kernel that both traces have run, as what writes its nodes sees it.
import type { DType } from '../../dtype.js';
import type { Builder, Pair } from './export-builder.js';
import {
  type Attributes,
  type Dim,
  dim,
  type Graph,
  int,
  ints,
  productOf,
  sameDim,
  type Type,
  type Value,
} from './export-graph.js';
import { unmerged } from './export-strides.js';
import type { Call, Ref } from './export-trace.js';

/** Writes the nodes of a kernel. */
export type Emitter = (o: Operation) => void;

export class Operation {
  readonly graph: Graph;
  readonly kernel: string;

  constructor(
    readonly builder: Builder,
    private readonly calls: Pair<Call>,
  ) {
    this.graph = builder.graph;
    this.kernel = calls[0].kernel;
  }

  ref(name: string): Pair<Ref> {
    return this.calls.map((call) => call.tensors.get(name)) as unknown as Pair<Ref>;
  }

  has(name: string): boolean {
    return this.calls[0].tensors.get(name) != null;
  }

  /** A tensor as it is in the graph: masks may be bool, positions int64. */
  raw(name: string, isLoose = false): Value {
    return this.builder.readRef(this.ref(name), isLoose);
  }

  /** A tensor with its own dtype. */
  in(name: string, isLoose = false): Value {
    return this.builder.cast(this.raw(name, isLoose), this.dtype(name));
  }

  bool(name: string, isLoose = false): Value {
    return this.builder.cast(this.raw(name, isLoose), 'bool');
  }

  list(name: string): (Value | null)[] {
    return this.refs(name).map((pair) => pair && this.builder.readRef(pair));
  }

  refs(name: string): (Pair<Ref> | null)[] {
    const [a, b] = this.calls.map((call) => call.tensors.get(name)) as [
      readonly (Ref | null)[],
      readonly (Ref | null)[],
    ];
    return a.map((ref, i) => ref && [ref, b[i] as Ref]);
  }

  dtype(name: string): DType {
    return this.ref(name)[0].storage.dtype;
  }

  dims(name: string): Dim[] {
    return this.builder.dimsOf(this.ref(name));
  }

  /** A number in both traces. */
  pair(name: string): Dim {
    return this.calls.map((call) => call.numbers.get(name)) as unknown as Dim;
  }

  /** A number that the batch size does not change. */
  number(name: string): number {
    const [a, b] = this.pair(name);
    if (!Object.is(a, b)) this.builder.refuse('a number depends on the batch size');
    return a;
  }

  numbers(name: string): Pair<readonly number[]> {
    return this.calls.map((call) => call.numbers.get(name)) as unknown as Pair<readonly number[]>;
  }

  set(name: string, value: Value): void {
    if (this.has(name)) this.builder.writeRef(this.ref(name), value);
  }

  node(
    op: string,
    inputs: readonly (Value | null)[],
    result: { type: Type; dims: readonly Dim[] },
    attributes?: Attributes,
  ): Value {
    return this.graph.node(op, inputs, result, attributes);
  }

  /** A node whose result is like its first input. */
  like(op: string, inputs: readonly [Value, ...(Value | null)[]], attributes?: Attributes): Value {
    return this.graph.node(op, inputs, { type: inputs[0].type, dims: inputs[0].dims }, attributes);
  }

  scalar(value: Value, n: number): Value {
    return this.graph.scalar(value.type as DType, n);
  }

  /** Whether a node's attribute, which ONNX keeps in float32, can hold a number for values of this type. */
  fitsAttribute(value: Value, n: number): boolean {
    return value.type !== 'float64' || Math.fround(n) === n;
  }

  /** `above` where x is more than a bound, `otherwise` elsewhere. */
  whereAbove(x: Value, bound: number, above: Value, otherwise: Value): Value {
    const isAbove = this.node('Greater', [x, this.scalar(x, bound)], { type: 'bool', dims: x.dims });
    return this.node('Where', [isAbove, above, otherwise], { type: x.type, dims: x.dims });
  }

  /** A reduction over axes, which are left out of the result. */
  reduce(op: string, x: Value, axes: readonly number[]): Value {
    const dims = x.dims.filter((_, i) => !axes.includes(i));
    const isInput = op === 'ReduceSum' || this.graph.opset >= 18;
    const attributes = { keepdims: int(0), ...(isInput ? {} : { axes: ints(axes) }) };
    const operands = isInput ? [x, this.graph.int64s(axes)] : [x];
    return this.builder.reduced(this.graph.node(op, operands, { type: x.type, dims }, attributes), axes);
  }

  /** The stride of each dimension of a tensor, from a kernel's loops. */
  strides(sizes: Pair<readonly number[]>, loops: Pair<readonly number[]>): Dim[] {
    const [a, b] = [unmerged(sizes[0], loops[0]), unmerged(sizes[1], loops[1])];
    return a.map((n, i) => [n, b[i] as number]);
  }

  /** Of two operands, broadcast. */
  binary(op: string, a: Value, b: Value): Value {
    return this.graph.node(op, [a, b], { type: a.type, dims: broadcast(a.dims, b.dims) });
  }

  /**
   * The dimensions of x that kernels see as n in [outer, n, inner], as the first of them and the one after the last.
   */
  axesOf(x: Value): [first: number, end: number] | null {
    const [outer, n, inner] = ['outer', 'n', 'inner'].map((name) => this.pair(name)) as [Dim, Dim, Dim];
    const rank = x.dims.length;
    const candidates: [number, number][] = [];
    for (let first = 0; first <= rank; first++) {
      if (!sameDim(productOf(x.dims.slice(0, first)), outer)) continue;
      for (let end = first; end <= rank; end++) {
        const fits = sameDim(productOf(x.dims.slice(first, end)), n) && sameDim(productOf(x.dims.slice(end)), inner);
        if (fits) candidates.push([first, end]);
      }
    }
    const single = candidates.find(([first, end]) => end - first === 1);
    return single ?? candidates.find(([first, end]) => end > first) ?? candidates[0] ?? null;
  }

  private threefold(x: Value): Value {
    return this.builder.reshape(
      x,
      ['outer', 'n', 'inner'].map((name) => this.pair(name)),
    );
  }

  /** A reduction of what kernels see as n. */
  reduceN(op: string, x: Value): Value {
    const [first, end] = this.axesOf(x) ?? [0, 0];
    if (end === first) return this.reduce(op, this.threefold(x), [1]);
    return this.reduce(
      op,
      x,
      Array.from({ length: end - first }, (_, i) => first + i),
    );
  }

  /** Runs `write` along one axis: x's own, or that of x as [outer, n, inner]. */
  along(x: Value, write: (x: Value, axis: number) => Value): Value {
    const [first, end] = this.axesOf(x) ?? [0, 0];
    return end - first === 1 ? write(x, first) : write(this.threefold(x), 1);
  }
}

export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const p = a[i - rank + a.length] ?? dim(1);
    const q = b[i - rank + b.length] ?? dim(1);
    return p[0] === 1 && p[1] === 1 ? q : p;
  });
}
