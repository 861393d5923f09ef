// A graph as the bytes of an ONNX file, with weights beside it where they are too large for one.

import { basename } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { writeFileAtomic } from '../atomic.js';
import { maxModelBytes } from './decode.js';
import { type Attribute, type Dim, type Graph, type Initialiser, isFixed, types, type Value } from './export-graph.js';
import { AttributeProto_AttributeType as Kind, ModelProtoSchema, TensorProto_DataLocation } from './messages.js';

/** The graph, and its inputs and outputs. */
export interface Finished {
  graph: Graph;
  name: string;
  inputs: readonly Value[];
  outputs: readonly Value[];
  producer: { name: string; version: string };
}

/** The IR version that came with an operator set. */
const irVersions = [
  [23, 11],
  [21, 10],
  [19, 9],
  [15, 8],
] as const;

const text = new TextEncoder();

function attributeOf(name: string, attribute: Attribute) {
  if ('i' in attribute) return { name, type: Kind.INT, i: BigInt(attribute.i) };
  if ('f' in attribute) return { name, type: Kind.FLOAT, f: attribute.f };
  if ('s' in attribute) return { name, type: Kind.STRING, s: text.encode(attribute.s) };
  if ('ints' in attribute) return { name, type: Kind.INTS, ints: attribute.ints.map(BigInt) };
  return { name, type: Kind.STRINGS, strings: attribute.strings.map((s) => text.encode(s)) };
}

function infoOf({ name, type, dims }: Value) {
  const sizes = dims.map((d: Dim) =>
    isFixed(d)
      ? { value: { case: 'dimValue' as const, value: BigInt(d[0]) } }
      : { value: { case: 'dimParam' as const, value: 'batch' } },
  );
  return {
    name,
    type: { value: { case: 'tensorType' as const, value: { elemType: types[type], shape: { dim: sizes } } } },
  };
}

const bytesOf = ({ values }: Initialiser): Uint8Array => {
  const array = values();
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
};

const sizes = { float32: 4, uint8: 1, int32: 4, int64: 8, bool: 1, float64: 8 } as const;
const bytesIn = ({ type, dims }: Initialiser): number => dims.reduce((n, d) => n * d, sizes[type]);

/** Where external data is: each tensor on a page of its own. */
const page = 4096;

/**
 * The model's bytes.
 *
 * @param location the file of the weights; without it they are in the bytes
 */
function encoded({ graph, name, inputs, outputs, producer }: Finished, location?: string): Uint8Array {
  let offset = 0;
  const initializer = [...graph.initialisers.values()].map((tensor) => {
    const head = { name: tensor.name, dataType: types[tensor.type], dims: tensor.dims.map(BigInt) };
    if (location === undefined || !isLarge(tensor)) return { ...head, rawData: bytesOf(tensor) };
    const length = bytesIn(tensor);
    const entries = { location, offset: String(offset), length: String(length) };
    offset += Math.ceil(length / page) * page;
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    return { ...head, dataLocation: TensorProto_DataLocation.EXTERNAL, externalData };
  });
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(irVersions.find(([opset]) => graph.opset >= opset)?.[1] ?? 8),
    producerName: producer.name,
    producerVersion: producer.version,
    opsetImport: [{ domain: '', version: BigInt(graph.opset) }],
    graph: {
      name,
      node: graph.nodes.map(({ op, name, inputs, outputs, attributes }) => ({
        ...{ opType: op, name, input: inputs, output: outputs },
        attribute: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)),
      })),
      initializer,
      input: inputs.map(infoOf),
      output: outputs.map(infoOf),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

const isLarge = (tensor: Initialiser): boolean => bytesIn(tensor) >= 1024;

function* externalParts(graph: Graph): Iterable<Uint8Array> {
  for (const tensor of graph.initialisers.values()) {
    if (!isLarge(tensor)) continue;
    yield bytesOf(tensor);
    const length = bytesIn(tensor);
    yield new Uint8Array(Math.ceil(length / page) * page - length);
  }
}

/** The bytes of all weights, and room for the graph itself. */
export const weightBytes = ({ graph }: Finished): number =>
  [...graph.initialisers.values()].reduce((n, tensor) => n + bytesIn(tensor), 0);

/** Whether a model of so many bytes of weights fits into a file of its own. */
export const fitsInside = (bytes: number): boolean => bytes < maxModelBytes - 2 ** 24;

export const encodeModel = (finished: Finished): Uint8Array => encoded(finished);

/** Writes the model, and its weights to a file beside it, which is there first. */
export function writeExternal(operation: string, path: string, finished: Finished): void {
  const bytes = encoded(finished, `${basename(path)}.data`);
  writeFileAtomic(operation, `${path}.data`, externalParts(finished.graph));
  writeFileAtomic(operation, path, [bytes]);
}
