// Modules as ONNX models: the kernels of a forward pass, traced at two batch sizes, become a graph.
import {
  AdjointError,
  ArgumentError,
  checkFlag,
  checkInteger,
  describe,
  formatShape,
  isPlain,
  StateError,
} from '../../errors.js';
import { packageVersion } from '../../load.js';
import type { Module } from '../../nn/module.js';
import { checkOptions } from '../../options.js';
import { writeFileAtomic } from '../atomic.js';
import { checkPath } from '../files.js';
import { Builder } from './export-builder.js';
import { elementwise } from './export-elementwise.js';
import { encodeModel, type Finished, fitsInside, weightBytes, writeExternal } from './export-encode.js';
import { type Leaf, leavesOf, namesOf, replaced, withBatch } from './export-example.js';
import { type Dim, Graph, type Type, type Value } from './export-graph.js';
import { layers } from './export-layers.js';
import { norms } from './export-norms.js';
import { type Emitter, Operation } from './export-operation.js';
import { reduce } from './export-reduce.js';
import { shape } from './export-shape.js';
import { type Call, type Ref, type Trace, traceOf } from './export-trace.js';

/** Options of `io.onnx.export`. */
export interface ExportOptions {
  /** The file; without it the bytes are returned. */
  path?: string;
  /** The version of ONNX's operators, 17 to 24; default 17. Later ones have more of them, and graphs are smaller. */
  opset?: number;
  /**
   * Whether the batch may have any size: true for dimension 0 of each input, or the dimension by the names of inputs; the other
   * inputs keep their sizes. Default false: all sizes are those of the example.
   */
  dynamicBatch?: boolean | Readonly<Record<string, number>>;
  /** Of the tensors in the example, in order; default: keys of an object, else `input`, or `input0`, `input1`, … */
  inputNames?: readonly string[];
  /** Of the tensors in the result; default the same with `output`. */
  outputNames?: readonly string[];
}

const emitters: Readonly<Record<string, Emitter>> = { ...elementwise, ...shape, ...reduce, ...layers, ...norms };

const name = 'io.onnx.export';

/**
 * Writes a module as an ONNX model, which ONNX Runtime and others run.
 *
 * `forward` is run in evaluation mode, and the operations that depend on its inputs become the graph: what is written in it
 * by hand counts like layers do, and of an `if` the branch that was taken. The module stays as it is, its mode included.
 * Parameters and buffers keep the names of `stateDict`; those of recurrent layers are stacked as ONNX wants them (`lstm.W_l0`,
 * `R`, `B`). int32 inputs and results are int64 in ONNX, masks that the graph computes are bool. Weights beyond protobuf's 2 GB go to
 * `<path>.data`. Files are written whole or not at all.
 *
 * @param example what `forward` is called with: a tensor, an array of its arguments, or an object that is its argument
 * @returns the bytes, without `path`
 * @throws StateError that names operation and layer when ONNX has no operator for what `forward` does
 * @throws ArgumentError for wrong arguments, FileError when the file cannot be written
 * @example
 * const model = nn.sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 3));
 * const bytes = io.onnx.export(model, zeros([1, 4]), { dynamicBatch: true });
 */
export function exportModule(model: Module, example: unknown, options: ExportOptions & { path: string }): void;
export function exportModule(
  model: Module,
  example: unknown,
  options?: ExportOptions & { path?: undefined },
): Uint8Array;
export function exportModule(model: Module, example: unknown, options: ExportOptions = {}): Uint8Array | undefined {
  checkOptions(name, options, ['path', 'opset', 'dynamicBatch', 'inputNames', 'outputNames']);
  const { path } = options;
  if (path !== undefined) checkPath(name, path);
  const finished = graphOf(model, example, options);
  if (path === undefined) {
    const bytes = weightBytes(finished);
    if (fitsInside(bytes)) return encodeModel(finished);
    throw new ArgumentError(
      `${name}: path must be given for weights beyond protobuf's 2 GB, got none and ${bytes} bytes`,
    );
  }
  if (fitsInside(weightBytes(finished))) writeFileAtomic(name, path, [encodeModel(finished)]);
  else writeExternal(name, path, finished);
  return undefined;
}

// By what it does: modules themselves know of files, through checkpoints of several processes.
function checkModel(model: unknown): Module {
  const methods = ['forward', 'modules', 'namedModules', 'stateDict', 'eval'];
  const isModule =
    model !== null && typeof model === 'object' && methods.every((key) => typeof (model as never)[key] === 'function');
  if (!isModule) throw new ArgumentError(`${name}: model must be a module, got ${describe(model)}`);
  return model as Module;
}

/** The dimension of each input that is the batch, or null. */
function batchAxes(
  option: ExportOptions['dynamicBatch'],
  leaves: readonly Leaf[],
  names: readonly string[],
): (number | null)[] {
  if (option === undefined || typeof option === 'boolean') {
    const isDynamic = checkFlag(name, 'dynamicBatch', option, false);
    return leaves.map(({ value }) => (isDynamic && value.rank > 0 ? 0 : null));
  }
  if (option === null || typeof option !== 'object' || !isPlain(option)) {
    throw new ArgumentError(
      `${name}: dynamicBatch must be a boolean or dimensions by names of inputs, got ${describe(option)}`,
    );
  }
  const unknown = Object.keys(option).find((key) => !names.includes(key));
  if (unknown !== undefined) {
    throw new ArgumentError(`${name}: dynamicBatch must name inputs (${names.join(', ')}), got ${describe(unknown)}`);
  }
  return leaves.map(({ value }, i) => {
    const key = names[i] as string;
    return Object.hasOwn(option, key) ? checkInteger(name, `dynamicBatch.${key}`, option[key], 0, value.rank) : null;
  });
}

function checkExample(leaves: readonly Leaf[], axes: readonly (number | null)[]): void {
  if (leaves.length === 0) throw new ArgumentError(`${name}: example must hold a tensor, got none`);
  for (const [i, { value }] of leaves.entries()) {
    const axis = axes[i];
    if (axis !== null && axis !== undefined && value.dims[axis] === 0) {
      throw new ArgumentError(`${name}: example must have an element in its batch, got ${formatShape(value.dims)}`);
    }
  }
}

// Sizes that no other dimension is likely to divide a special way: neither is 1, which broadcasts.
const batchSizes = [2, 3] as const;

function graphOf(given: unknown, example: unknown, options: ExportOptions): Finished {
  const model = checkModel(given);
  const opset = checkInteger(name, 'opset', options.opset ?? 17, 17, 24);
  const leaves = leavesOf(example);
  const inputNames = namesOf('inputNames', leaves, options.inputNames, 'input');
  const axes = batchAxes(options.dynamicBatch, leaves, inputNames);
  checkExample(leaves, axes);
  const isDynamic = axes.some((axis) => axis !== null);
  const layerNames = new Map(model.namedModules().map(([path, layer]) => [layer as object, path]));
  const tensorNames = new Map([...model.stateDict()].map(([key, t]) => [t, key]));
  let outputs: Leaf[] = [];
  const trace = (size: number | null): Trace => {
    const inputs = leaves.map(({ value }, i) =>
      withBatch(value, size === null ? null : (axes[i] as number | null), size ?? 0),
    );
    return traceOf(inputs, tensorNames, () => {
      const filled = replaced(example, inputs.values());
      const result = Array.isArray(filled) ? forwardOf(model)(...filled) : forwardOf(model)(filled);
      outputs = leavesOf(result);
      if (outputs.length === 0) throw new StateError(`${name}: forward must return tensors, got ${describe(result)}`);
      return outputs.map(({ value }) => value);
    });
  };
  const [first, second] = inEvaluation(model, () => {
    const a = trace(isDynamic ? batchSizes[0] : null);
    return [a, isDynamic ? trace(batchSizes[1]) : a] as const;
  });
  const outputNames = namesOf('outputNames', outputs, options.outputNames, 'output');
  const graph = new Graph(opset);
  for (const key of [...inputNames, ...outputNames]) graph.unique(key);
  const inputs = first.inputs.map((ref, i) => inputOf(inputNames[i] as string, ref, second.inputs[i] as Ref));
  const at = axes.findIndex((axis) => axis !== null);
  const batch = at < 0 ? null : { sizes: batchSizes as Dim, from: inputs[at] as Value, axis: axes[at] as number };
  const builder = new Builder(graph, batch);
  first.inputs.forEach((ref, i) => {
    builder.writeRef([ref, second.inputs[i] as Ref], inputs[i] as Value);
  });
  write(builder, first, second, layerNames);
  const results = first.outputs.map((ref, i) => {
    const value = builder.readRef([ref, second.outputs[i] as Ref]);
    return value.type === 'int32' ? builder.cast(value, 'int64') : value;
  });
  const named = nameOutputs(graph, results, outputNames, inputs);
  const producer = { name: 'adjoint', version: packageVersion() };
  return { graph, name: model.constructor.name, inputs, outputs: named, producer };
}

const forwardOf = (model: Module) =>
  (model as unknown as { forward(...inputs: unknown[]): unknown }).forward.bind(model);

/** Runs `fn` with all modules in evaluation mode, and gives each its own mode back. */
function inEvaluation<T>(model: Module, fn: () => T): T {
  const modes = model.modules().map((layer) => [layer, layer.training] as const);
  try {
    model.eval();
    return fn();
  } finally {
    for (const [layer, training] of modes) layer.training = training;
  }
}

const inputTypes = { float32: 'float32', float64: 'float64', int32: 'int64', uint8: 'uint8' } as const;

function inputOf(key: string, a: Ref, b: Ref): Value {
  const dims = a.dims.map((n, i): Dim => [n, b.dims[i] as number]);
  return { name: key, type: inputTypes[a.storage.dtype] as Type, dims };
}

function write(builder: Builder, first: Trace, second: Trace, layerNames: ReadonlyMap<object, string>): void {
  if (first.calls.length !== second.calls.length) {
    throw new StateError(`${name}: forward must do the same at each batch size; export without dynamicBatch`);
  }
  for (const [i, call] of first.calls.entries()) {
    const other = second.calls[i] as Call;
    const layer = layerNames.get(call.layer as object) ?? '';
    builder.graph.path = layer.replaceAll('.', '/');
    try {
      if (call.kernel !== other.kernel || call.dynamic !== other.dynamic)
        builder.refuse('forward does something else at another batch size; export without dynamicBatch');
      writeCall(new Operation(builder, [call, other]), call);
    } catch (error) {
      if (!(error instanceof AdjointError)) throw error;
      const place = call.layer === null ? '' : `${layer === '' ? '' : `${layer} `}(${call.layer.constructor.name}): `;
      throw new StateError(`${name}: ${place}${call.operation ?? call.kernel}: ${error.message}`, { cause: error });
    }
  }
}

function writeCall(o: Operation, call: Call): void {
  if (!call.dynamic) {
    // What does not depend on the inputs is computed here; only parts of tensors that may be written later are kept.
    if (call.kernel === 'stridedAssign') emitters.stridedAssign?.(o);
    else if (call.kernel === 'fill') o.builder.fill(o.ref('y'), o.number('value'));
    else for (const ref of call.written) o.builder.forget(ref);
    return;
  }
  const emit = emitters[call.kernel];
  if (emit === undefined) o.builder.refuse('has no operator in ONNX, so that the layer cannot be exported');
  emit(o);
}

/** Gives the results their names; what is an input, a constant or named already passes through a node of its own. */
function nameOutputs(
  graph: Graph,
  results: readonly Value[],
  names: readonly string[],
  inputs: readonly Value[],
): Value[] {
  const renamed = new Map<string, string>();
  const named = results.map((value, i): Value => {
    const key = names[i] as string;
    const isNode = value.from !== undefined && !renamed.has(value.name) && !inputs.includes(value);
    if (isNode) renamed.set(value.name, key);
    else
      graph.nodes.push({
        op: 'Identity',
        name: graph.unique('Identity'),
        inputs: [value.name],
        outputs: [key],
        attributes: {},
      });
    return { ...value, name: key };
  });
  const rename = (list: string[]): string[] => list.map((value) => renamed.get(value) ?? value);
  for (const node of graph.nodes) {
    node.inputs = rename(node.inputs);
    node.outputs = rename(node.outputs);
  }
  graph.prune(names);
  return named;
}
