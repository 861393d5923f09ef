// Builds ONNX models from a few words.
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as A,
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType as T,
  type TensorProto,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from '../../lib/io/onnx/messages.js';

export type Attribute = number | string | readonly number[] | GraphProto | TensorProto | { float: number };

function attribute(name: string, v: Attribute): AttributeProto {
  const of = (type: A, fields: object) => create(AttributeProtoSchema, { name, type, ...fields });
  if (typeof v === 'number') return of(A.INT, { i: BigInt(v) });
  if (typeof v === 'string') return of(A.STRING, { s: Buffer.from(v) });
  if (Array.isArray(v)) return of(A.INTS, { ints: v.map(BigInt) });
  if ('float' in v) return of(A.FLOAT, { f: v.float });
  if ((v as GraphProto).$typeName === 'onnx.GraphProto') return of(A.GRAPH, { g: v });
  return of(A.TENSOR, { t: v });
}

/** `node('Conv', 'x w', 'y', { pads: [1, 1, 1, 1] })` */
export function node(
  opType: string,
  inputs: string,
  outputs: string,
  attributes: Record<string, Attribute> = {},
): NodeProto {
  const names = (text: string) => (text === '' ? [] : text.split(' ').map((name) => (name === '-' ? '' : name)));
  return create(NodeProtoSchema, {
    ...{ opType, input: names(inputs), output: names(outputs), name: `${opType}_${names(outputs)[0]}` },
    attribute: Object.entries(attributes).map(([name, v]) => attribute(name, v)),
  });
}

export function floats(name: string, dims: readonly number[], values: ArrayLike<number>): TensorProto {
  const rawData = new Uint8Array(Float32Array.from(values).buffer);
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: T.FLOAT, rawData });
}

export function longs(name: string, dims: readonly number[], values: readonly (number | bigint)[]): TensorProto {
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: T.INT64, int64Data: values.map(BigInt) });
}

function valueInfo(text: string) {
  const [name, type = 'float', rank] = text.split(':') as [string, string?, string?];
  const elemType = { float: T.FLOAT, int64: T.INT64, bool: T.BOOL }[type as 'float'] as T;
  const dim = Array.from({ length: Number(rank) }, () => ({ value: { case: 'dimParam' as const, value: 'n' } }));
  const value = { elemType, ...(rank === undefined ? {} : { shape: { dim } }) };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
}

/** Inputs and outputs are names with types: `x`, `i:int64`, `x:float:4` with a rank. */
export function graph(
  inputs: string,
  outputs: string,
  nodes: NodeProto[],
  initializer: TensorProto[] = [],
): GraphProto {
  const values = (text: string) => text.split(' ').filter(Boolean).map(valueInfo);
  return create(GraphProtoSchema, {
    name: 'g',
    input: values(inputs),
    output: values(outputs),
    node: nodes,
    initializer,
  });
}

export function modelBytes(g: GraphProto, version = 17): Uint8Array {
  const opsetImport = [{ domain: '', version: BigInt(version) }];
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph: g }));
}
