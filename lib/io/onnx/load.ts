// Reads ONNX files.
import { ArgumentError, describe, FileError } from '../../errors.js';
import { checkOptions } from '../../options.js';
import { checkPath, withFile } from '../files.js';
import { decodeModel, maxModelBytes } from './decode.js';
import { OnnxModule } from './module.js';
import type { Source } from './weights.js';

const operation = 'onnx.load';

/** Options of `io.onnx.load`. */
export interface LoadOptions {
  /**
   * Names of values inside the graph that `forward` gives in place of the file's outputs, such as the features before the last
   * layer. Nodes, weights and inputs that they do not need are left out. Default: the outputs of the file.
   */
  outputs?: readonly string[];
}

/**
 * Reads an ONNX model as a module, in evaluation mode: it runs forward, backward and compiled, and its weights can be trained,
 * frozen and saved under their names in the file. Operator sets 7 and newer are read. int64 is int32 here, with a check that
 * each value fits, bool uint8, float16 and bfloat16 float32. Values that only depend on shapes and constants decide, in a compiled
 * step, what is computed; `If` and `Loop` take them as conditions.
 *
 * Weights in other files are read from the folder of the model and from nowhere else. Loading runs nothing, and a
 * damaged file costs little time and memory.
 *
 * @param model a path, or the bytes of a file
 * @param options `outputs`: values inside the graph to give in place of the file's outputs
 * @throws FileError when it is damaged, or has operators that are not known here, which it lists; ArgumentError for what is
 *   no path, and for outputs that the graph does not compute
 * @example
 * const model = io.onnx.load('classifier.onnx');
 * model.forward({ image: x }); // [64, 10]
 */
export function load(model: string | Uint8Array, options: LoadOptions = {}): OnnxModule {
  checkOptions(operation, options, ['outputs']);
  const { outputs } = options;
  if (model instanceof Uint8Array) return fromBytes(model, { operation, name: 'bytes', path: undefined }, outputs);
  if (typeof model !== 'string') {
    throw new ArgumentError(`${operation}: model must be a path or a Uint8Array, got ${describe(model)}`);
  }
  checkPath(operation, model);
  const name = JSON.stringify(model);
  const bytes = withFile(operation, model, (file) => {
    if (file.size > maxModelBytes) {
      throw new FileError(`${operation}: ${name} must have at most ${maxModelBytes} bytes, got ${file.size}`);
    }
    const target = new Uint8Array(file.size);
    file.read(0, target);
    return target;
  });
  return fromBytes(bytes, { operation, name, path: model }, outputs);
}

function fromBytes(bytes: Uint8Array, source: Source, outputs: unknown): OnnxModule {
  const model = decodeModel(operation, bytes, source.name);
  const fail = (rule: string) => {
    throw new FileError(`${operation}: ${source.name} ${rule}`);
  };
  if (model.graph === undefined) fail('must have a graph, got none');
  const version = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version;
  if (version !== undefined && version < 7n) {
    fail(`must be of operator set 7 or newer, got ${version}; onnx.version_converter of PyPI's onnx converts it`);
  }
  return new OnnxModule(model, source, outputs);
}
