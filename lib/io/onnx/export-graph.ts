// The graph that is built: nodes, initialisers and the values between them. Equal nodes are made once, and what no output
// needs is left out.
import { type DType, dtypeTraits, type TypedArray } from '../../dtype.js';

/** Types of ONNX, by its codes. */
export const types = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 } as const;
export type Type = keyof typeof types;

/** A size at the two batch sizes at which the model was traced. */
export type Dim = readonly [number, number];

export const dim = (n: number): Dim => [n, n];
export const isFixed = (d: Dim): boolean => d[0] === d[1];
export const sameDim = (a: Dim, b: Dim): boolean => a[0] === b[0] && a[1] === b[1];
export const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((d, i) => sameDim(d, b[i] as Dim));
export const productOf = (dims: readonly Dim[]): Dim => dims.reduce((a, b) => [a[0] * b[0], a[1] * b[1]], dim(1));

export type Attribute =
  | { i: number }
  | { f: number }
  | { s: string }
  | { ints: readonly number[] }
  | { strings: readonly string[] };
export const int = (i: number): Attribute => ({ i });
export const float = (f: number): Attribute => ({ f });
export const ints = (ints: readonly number[]): Attribute => ({ ints });
export const text = (s: string): Attribute => ({ s });
export type Attributes = Readonly<Record<string, Attribute>>;

export interface GraphNode {
  op: string;
  name: string;
  inputs: string[];
  outputs: string[];
  attributes: Attributes;
}

/** What a node, an initialiser or an input gives. */
export interface Value {
  readonly name: string;
  readonly type: Type;
  readonly dims: readonly Dim[];
  /** The node that made it, with its inputs. */
  readonly from?: { readonly node: GraphNode; readonly inputs: readonly (Value | null)[] };
}

export interface Initialiser {
  name: string;
  type: Type;
  dims: readonly number[];
  values: () => TypedArray | BigInt64Array;
}

export interface Result {
  type: Type;
  dims: readonly Dim[];
}

export class Graph {
  readonly nodes: GraphNode[] = [];
  readonly initialisers = new Map<string, Initialiser>();
  private readonly known = new Map<string, Value[]>();
  private readonly taken = new Set<string>();
  /** The path of the layer that is being written. */
  path = '';

  constructor(readonly opset: number) {}

  /** A name that is not taken yet. */
  unique(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.taken.has(name); i++) name = `${wanted}_${i}`;
    this.taken.add(name);
    return name;
  }

  nodeOf(op: string, inputs: readonly (Value | null)[], attributes: Attributes, results: readonly Result[]): Value[] {
    const names = inputs.map((value) => value?.name ?? '');
    while (names.at(-1) === '') names.pop();
    const key = JSON.stringify([op, names, attributes, results.length]);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const name = this.unique(this.path === '' ? op : `${this.path}/${op}`);
    const outputs = results.map((_, i) => (i === 0 ? name : this.unique(`${name}:${i}`)));
    const node: GraphNode = { op, name, inputs: names, outputs, attributes };
    this.nodes.push(node);
    const values = results.map((result, i) => ({ ...result, name: outputs[i] as string, from: { node, inputs } }));
    this.known.set(key, values);
    return values;
  }

  node(op: string, inputs: readonly (Value | null)[], result: Result, attributes: Attributes = {}): Value {
    return this.nodeOf(op, inputs, attributes, [result])[0] as Value;
  }

  /** A parameter, once. */
  named(name: string, type: Type, dims: readonly number[], values: () => TypedArray | BigInt64Array): Value {
    if (!this.initialisers.has(name)) {
      this.taken.add(name);
      this.initialisers.set(name, { name, type, dims, values });
    }
    return { name, type, dims: dims.map(dim) };
  }

  /** A constant, small ones once. */
  constant(type: Type, dims: readonly number[], values: TypedArray | BigInt64Array, wanted = 'constant'): Value {
    const key =
      values.length <= 4096
        ? `${type} ${dims} ${Array.from(values as ArrayLike<unknown>, (v) => (Object.is(v, -0) ? '-0' : String(v)))}`
        : null;
    const known = key === null ? undefined : this.known.get(key);
    if (known !== undefined) return known[0] as Value;
    const value = this.named(this.unique(wanted), type, dims, () => values);
    if (key !== null) this.known.set(key, [value]);
    return value;
  }

  int64s(values: readonly number[], wanted?: string): Value {
    return this.constant('int64', [values.length], BigInt64Array.from(values, BigInt), wanted);
  }

  int64(value: number): Value {
    return this.constant('int64', [], BigInt64Array.of(BigInt(value)));
  }

  scalar(dtype: DType, value: number): Value {
    return this.constant(dtype, [], dtypeTraits[dtype].array.of(value) as TypedArray);
  }

  full(dtype: DType, dims: readonly number[], value: number): Value {
    const size = dims.reduce((a, b) => a * b, 1);
    return this.constant(dtype, dims, new dtypeTraits[dtype].array(size).fill(value) as TypedArray);
  }

  /** Leaves out what the outputs do not need. */
  prune(outputs: readonly string[]): void {
    const needed = new Set(outputs);
    for (let i = this.nodes.length - 1; i >= 0; i--) {
      const node = this.nodes[i] as GraphNode;
      if (!node.outputs.some((name) => needed.has(name))) {
        this.nodes.splice(i, 1);
        continue;
      }
      for (const name of node.inputs) needed.add(name);
      // Trailing results that nobody reads.
      while (node.outputs.length > 1 && !needed.has(node.outputs.at(-1) as string)) node.outputs.pop();
    }
    for (const name of this.initialisers.keys()) if (!needed.has(name)) this.initialisers.delete(name);
  }
}
