// model.json of TensorFlow.js and the files of weights beside it.
import { describe, formatShape, isPlain } from '../errors.js';
import { noMemory } from '../io/files.js';
import { type Reading, sizeOf } from '../io/reading.js';
import { countOf, damaged } from '../io/safetensors-header.js';
import { beside, readJson } from '../io/shards.js';
import { decodeSmall } from '../io/small-floats.js';
import { maxDimensions } from '../shape.js';

/** @internal Weights as in the file, all as float32. */
export interface TfjsWeight {
  shape: readonly number[];
  data: Float32Array;
}

/** @internal What a model.json describes. */
export interface TfjsFile {
  topology: object;
  weights: ReadonlyMap<string, TfjsWeight>;
}

/** @internal Far more than any model of layers has; it bounds the time that a hostile file costs. */
export const maxLayers = 10_000;

type Json = Readonly<Record<string, unknown>>;

/** The element types that are stored, with their bytes. */
const sizes: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 };

interface Spec {
  name: string;
  shape: readonly number[];
  type: string;
  count: number;
  scale: number;
  min: number;
}

/** @internal */
export function* readTfjs(path: string): Reading<TfjsFile> {
  const json = yield* readJson(path);
  const { format, modelTopology, weightsManifest } = Object(json) as Json;
  if (format === 'graph-model' || (isPlain(modelTopology) && 'node' in modelTopology)) {
    throw damaged(path, 'must hold a layers model, but holds a graph model; convert it to ONNX and use io.onnx.load');
  }
  if (format !== undefined && format !== null && format !== 'layers-model') {
    throw damaged(path, `must have the format "layers-model", got ${describe(format)}`);
  }
  if (!isPlain(modelTopology)) throw damaged(path, `must have a modelTopology, got ${describe(modelTopology)}`);
  if (!Array.isArray(weightsManifest)) {
    throw damaged(path, `must have a list as weightsManifest, got ${describe(weightsManifest)}`);
  }
  const weights = new Map<string, TfjsWeight>();
  const seen = new Set<string>();
  for (const group of weightsManifest) yield* readGroup(path, group, weights, seen);
  // Keras writes the network inside of what it knows about training.
  const { model_config: inner } = modelTopology as Json;
  return { topology: isPlain(inner) ? inner : modelTopology, weights };
}

function* readGroup(path: string, group: unknown, weights: Map<string, TfjsWeight>, seen: Set<string>): Reading<void> {
  const { paths, weights: given } = Object(group) as Json;
  if (!Array.isArray(paths) || !Array.isArray(given)) {
    throw damaged(path, 'must have lists of paths and weights in each group of weightsManifest');
  }
  if (given.length + weights.size > maxLayers) throw damaged(path, `must hold at most ${maxLayers} weights, got more`);
  const specs = given.map((spec) => readSpec(path, spec));
  const bytes = yield* readShards(
    path,
    paths,
    seen,
    specs.reduce((sum, s) => sum + s.count * (sizes[s.type] ?? 0), 0),
  );
  let begin = 0;
  for (const spec of specs) {
    if (weights.has(spec.name)) throw damaged(path, `must name each weight once, got ${describe(spec.name)} twice`);
    const end = begin + spec.count * (sizes[spec.type] ?? 0);
    weights.set(spec.name, { shape: spec.shape, data: decode(spec, bytes.buffer.slice(begin, end)) });
    begin = end;
  }
}

const isSize = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
const isNumber = (n: unknown): n is number => typeof n === 'number' && Number.isFinite(n);

function readSpec(path: string, spec: unknown): Spec {
  const { name, shape, dtype, quantization } = Object(spec) as Json;
  if (typeof name !== 'string') throw damaged(path, `must name each weight, got ${describe(name)}`);
  const fail = (rule: string) => damaged(path, `weight ${describe(name)} ${rule}`);
  if (!Array.isArray(shape) || shape.length > maxDimensions || !shape.every(isSize)) {
    throw fail(`must have a shape of at most ${maxDimensions} sizes, got ${describe(shape)}`);
  }
  const count = countOf(shape);
  if (count === undefined) throw fail(`must have a countable number of elements, got shape ${formatShape(shape)}`);
  const stored = isPlain(quantization) ? (quantization as Json).dtype : dtype;
  if (typeof stored !== 'string' || !Object.hasOwn(sizes, stored)) {
    throw fail(`must have a dtype of ${Object.keys(sizes).join(', ')}, got ${describe(stored)}`);
  }
  const { scale, min } = isPlain(quantization) && stored !== 'float16' ? (quantization as Json) : { scale: 1, min: 0 };
  if (!isNumber(scale) || !isNumber(min)) throw fail('must have numbers as scale and min of its quantization');
  return { name, shape, type: stored, count, scale, min };
}

// All shards of a group are one run of bytes, whose length the weights say.
function* readShards(
  path: string,
  paths: readonly unknown[],
  seen: Set<string>,
  needed: number,
): Reading<Uint8Array<ArrayBuffer>> {
  const files: [string, number][] = [];
  let total = 0;
  for (const name of paths) {
    const file = beside(path, name);
    if (seen.has(file)) throw damaged(path, `must name each file of weights once, got ${describe(name)} twice`);
    seen.add(file);
    const size = yield* sizeOf(file);
    files.push([file, size]);
    total += size;
  }
  if (total !== needed) {
    const names = paths.map(describe).join(', ');
    throw damaged(path, `must have ${needed} bytes of weights in ${names}, got ${total} bytes`);
  }
  const all = allocate(path, total);
  let begin = 0;
  for (const [file, size] of files) {
    yield { path: file, begin: 0, target: all.subarray(begin, begin + size) };
    begin += size;
  }
  return all;
}

function allocate(path: string, size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(new ArrayBuffer(size));
  } catch (cause) {
    throw cause instanceof RangeError ? noMemory('load', path, cause) : cause;
  }
}

function decode({ type, scale, min }: Spec, bytes: ArrayBuffer): Float32Array {
  if (type === 'float32') return new Float32Array(bytes);
  if (type === 'float16') return decodeSmall('F16', new Uint16Array(bytes));
  const codes =
    type === 'int32' ? new Int32Array(bytes) : type === 'uint16' ? new Uint16Array(bytes) : new Uint8Array(bytes);
  return Float32Array.from(codes, (code) => code * scale + min);
}
