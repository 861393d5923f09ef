// A model of an ONNX file as a module.
import { ArgumentError, DTypeError, describe, formatShape, isPlain, ShapeError } from '../../errors.js';
import { Module } from '../../nn/module.js';
import { Buffer, Parameter } from '../../nn/roles.js';
import { checkTensor, Tensor } from '../../tensor.js';
import type { Value } from './call.js';
import { cutGraph } from './cut.js';
import { Builder, constantOf, type Graph } from './graph.js';
import type { GraphProto, ModelProto, TensorProto, ValueInfoProto } from './messages.js';
import { runGraph, Scope } from './run.js';
import { dtypeOf, nameOfType, type Source, type Weights } from './weights.js';

/** What a model takes: a name, the element type (that of our tensors) and the sizes; null where any size fits. */
export interface OnnxInput {
  name: string;
  dtype: string;
  shape: readonly (number | null)[] | null;
  /** Whether it may be left out. */
  optional?: boolean;
}

/**
 * A model that `io.onnx.load` read. Weights of floats are parameters under their names in the file, apart from the running
 * statistics of batch normalisation, which are buffers, and scalars, which are constants as integers are.
 *
 * In evaluation mode, in which it is loaded, it computes what the file says. In training mode BatchNormalization normalises by
 * the batch and updates its statistics, and Dropout drops. Where an exporter has folded batch normalisation into the
 * convolutions before it, there is none to train.
 *
 * @example
 * const model = io.onnx.load('classifier.onnx').train();
 * const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
 */
export class OnnxModule extends Module {
  /** What `forward` takes, in order. */
  readonly inputs: readonly OnnxInput[];
  /** The names of what it computes. */
  readonly outputs: readonly string[];
  readonly #graph: Graph;
  readonly #weights: Map<string, Tensor>;
  readonly #tree: object;

  /** @internal */
  constructor(model: ModelProto, source: Source, outputs: unknown) {
    super();
    const whole = moveWeights(model.graph as GraphProto);
    const proto = outputs === undefined ? whole : cutGraph(source.operation, whole, outputs);
    const roles = new Map<string, Tensor>();
    this.#graph = new Builder(model, source).build(proto, (all) => {
      const statistics = statisticsOf(proto);
      const read = readByOperators(proto);
      const constants = new Set<string>();
      for (const [name, weights] of all) {
        const isFloat = weights.dtype.startsWith('float');
        if (!isFloat || weights.shape.length === 0 || read.has(name)) constants.add(name);
        else roles.set(name, roleOf(weights, statistics.has(name)));
      }
      return constants;
    });
    this.#weights = roles;
    this.#tree = treeOf(roles);
    const given = new Set(this.#graph.inputs);
    this.inputs = proto.input.filter(({ name }) => given.has(name)).map(describeInput);
    this.outputs = this.#graph.outputs;
    this.eval();
  }

  /** @internal Names of weights are those in the file: its dots are levels of names, as in other modules. */
  override _holder(): object {
    return this.#tree;
  }

  /**
   * Runs the graph.
   *
   * @param inputs tensors in the order of `inputs`, or one object of tensors by name. int64 is int32 here, and bool uint8
   * @returns the output; an object of outputs by name if there are several
   * @throws ArgumentError, DTypeError or ShapeError for inputs that do not fit; errors of operations name the node
   */
  forward(...inputs: [Readonly<Record<string, Tensor>>] | Tensor[]): Tensor & Record<string, Tensor> {
    const scope = new Scope(null);
    for (const [name, t] of this.#weights) scope.set(name, t);
    this.#given(inputs).forEach((t, i) => {
      const wanted = this.inputs[i] as OnnxInput;
      scope.set(wanted.name, checkInput(wanted, t));
    });
    const results = runGraph(this.#graph, scope, this.training);
    const [only] = results;
    if (results.length === 1) return only as Tensor & Record<string, Tensor>;
    return Object.fromEntries(this.outputs.map((name, i) => [name, results[i] as Value])) as Tensor &
      Record<string, Tensor>;
  }

  #given(inputs: readonly unknown[]): unknown[] {
    const [first] = inputs;
    const names = this.inputs.map(({ name }) => name);
    if (inputs.length === 1 && isPlain(first)) {
      const extra = Object.keys(first).find((name) => !names.includes(name));
      if (extra !== undefined) {
        throw new ArgumentError(`OnnxModule: inputs must be ${names.join(', ')}, got ${JSON.stringify(extra)}`);
      }
      return names.map((name) => (first as Record<string, unknown>)[name]);
    }
    if (inputs.length > names.length) {
      throw new ArgumentError(`OnnxModule: inputs must be ${names.join(', ')}, got ${inputs.length} of them`);
    }
    return names.map((_, i) => inputs[i]);
  }

  override toString(): string {
    return `OnnxModule(${this.inputs.map(({ name }) => name).join(', ')} → ${this.outputs.join(', ')})`;
  }
}

function roleOf(weights: Weights, isStatistic: boolean): Tensor {
  const t = constantOf(weights, false);
  return isStatistic ? new Buffer(t) : new Parameter(t);
}

/** Running statistics: the mean and variance of each BatchNormalization. */
function statisticsOf({ node }: GraphProto): ReadonlySet<string> {
  const normalising = node.filter(({ opType }) => opType === 'BatchNormalization');
  return new Set(normalising.flatMap(({ input }) => input.slice(3, 5)));
}

/** Inputs that decide what is computed, or are limits and scales that nobody trains, by operator. */
const settings: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  DequantizeLinear: [1, 2],
  Dropout: [1, 2],
  OneHot: [1, 2],
  Pad: [1, 2, 3],
  QuantizeLinear: [1, 2],
  Resize: [1, 2, 3],
  Upsample: [1],
};

function readByOperators({ node }: GraphProto): ReadonlySet<string> {
  return new Set(node.flatMap(({ opType, input }) => (settings[opType] ?? []).map((i) => input[i] ?? '')));
}

// `a.b` is b in a; where a is a weight itself, `a.b` stays one name.
function treeOf(weights: ReadonlyMap<string, Tensor>): object {
  const root: Record<string, unknown> = Object.create(null);
  for (const [name, t] of weights) {
    const path = name.split('.');
    const isPrefix = path.some((_, i) => i > 0 && weights.has(path.slice(0, i).join('.')));
    if (isPrefix || path.includes('')) {
      root[name] = t;
      continue;
    }
    const last = path.pop() as string;
    let at = root;
    for (const key of path) {
      at[key] ??= Object.create(null);
      at = at[key] as Record<string, unknown>;
    }
    at[last] = t;
  }
  return root;
}

function describeInput({ name, type }: ValueInfoProto): OnnxInput {
  const optional = type?.value.case === 'optionalType';
  const held = type?.value.case === 'optionalType' ? type.value.value.elemType : type;
  const given = held?.value.case === 'tensorType' ? held.value.value : undefined;
  const dtype = given === undefined ? sequence : (dtypeOf(given.elemType) ?? nameOfType(given.elemType));
  const sizes = given?.shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : null));
  return { name, dtype, shape: sizes ?? null, ...(optional ? { optional } : {}) };
}

const isWeight = (t: TensorProto): boolean => t.dims.length > 0 && (dtypeOf(t.dataType) ?? '').startsWith('float');

/** Makes weights initialisers that an exporter such as Paddle's has written as Constant nodes, all of them. */
function moveWeights(proto: GraphProto): GraphProto {
  if (proto.initializer.some(isWeight)) return proto;
  proto.node = proto.node.filter(({ opType, domain, attribute, output }) => {
    const value =
      opType === 'Constant' && domain === '' ? attribute.find(({ name }) => name === 'value')?.t : undefined;
    if (value === undefined || !isWeight(value)) return true;
    value.name = output[0] ?? '';
    proto.initializer.push(value);
    return false;
  });
  return proto;
}

/** What stands in the place of an element type where an input is a sequence of tensors. */
const sequence = 'sequence';

function checkInput({ name, dtype, shape, optional }: OnnxInput, value: unknown): Value {
  if (optional && value === undefined) return undefined;
  if (dtype === sequence && Array.isArray(value) && value.every((t) => t instanceof Tensor)) return value;
  if (!(value instanceof Tensor)) {
    throw new ArgumentError(`OnnxModule: input ${JSON.stringify(name)} must be a tensor, got ${describe(value)}`);
  }
  checkTensor('OnnxModule', JSON.stringify(name), value);
  if (value.dtype !== dtype) {
    throw new DTypeError(`OnnxModule: input ${JSON.stringify(name)} must be ${dtype}, got ${value.dtype}`);
  }
  if (shape !== null && shape.length !== value.rank) {
    const wanted = `[${shape.map((n) => n ?? 'any').join(', ')}]`;
    throw new ShapeError(`OnnxModule: input ${JSON.stringify(name)} must be ${wanted}, got ${formatShape(value.dims)}`);
  }
  return value;
}
