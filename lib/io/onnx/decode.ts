// A model's bytes as messages, with limits on what they make of memory.
import { type DescMessage, fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { FileError } from '../../errors.js';
import { type ModelProto, ModelProtoSchema } from './messages.js';

/** Protobuf's own limit on a message. */
export const maxModelBytes = 2 ** 31 - 1;
/** Messages in messages; a subgraph takes three levels. */
const maxDepth = 64;
/** An empty message takes 2 bytes of the file and hundreds of memory. */
const maxMessages = 500_000;
/** A varint takes a byte of the file and, as a bigint, 32 of memory. Weights are raw bytes or of fixed length. */
const maxVarints = 2_000_000;

/**
 * The messages of an ONNX file. Bytes in it are views of `bytes`.
 * @param source the name of the bytes in error texts
 * @throws FileError when the bytes are no ONNX model, or would take far more memory than they are
 */
export function decodeModel(operation: string, bytes: Uint8Array, source: string): ModelProto {
  const fail = (reason: string, cause?: unknown) =>
    new FileError(`${operation}: ${source} must be an ONNX model, got ${reason}`, { cause });
  if (bytes.length > maxModelBytes) throw fail(`${bytes.length} bytes; protobuf's limit is ${maxModelBytes}`);
  try {
    new Counter(bytes).visit(ModelProtoSchema, bytes.length, 0);
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false, recursionLimit: maxDepth });
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    throw fail(`bytes that protobuf cannot read (${(cause as Error).message})`, cause);
  }
}

/** Walks over the fields and counts what costs memory, before anything is made of them. */
class Counter {
  readonly #reader: BinaryReader;
  #messages = 0;
  #varints = 0;

  constructor(readonly bytes: Uint8Array) {
    this.#reader = new BinaryReader(bytes);
  }

  visit(message: DescMessage, end: number, depth: number): void {
    if (depth > maxDepth) throw new Error(`messages nested more than ${maxDepth} deep`);
    if (++this.#messages > maxMessages) throw new Error(`more than ${maxMessages} messages`);
    const reader = this.#reader;
    while (reader.pos < end) {
      const [number, wire] = reader.tag();
      if (wire !== WireType.LengthDelimited) {
        reader.skip(wire, number);
        this.#count(1);
        continue;
      }
      const length = reader.uint32();
      if (length > end - reader.pos) throw new Error('a field longer than its message');
      this.#visitField(message, number, reader.pos + length, depth);
      reader.pos += length;
    }
    if (reader.pos !== end) throw new Error('a field longer than its message');
  }

  #visitField(message: DescMessage, number: number, end: number, depth: number): void {
    const field = fieldsOf(message).get(number);
    const begin = this.#reader.pos;
    if (field === undefined) return;
    if (typeof field === 'object') this.visit(field, end, depth + 1);
    else if (field === 'varints') for (let i = begin; i < end; i++) this.#count(this.bytes[i]! < 128 ? 1 : 0);
    else this.#count(1);
    this.#reader.pos = begin;
  }

  #count(added: number): void {
    this.#varints += added;
    if (this.#varints > maxVarints) throw new Error(`more than ${maxVarints} numbers or texts that are no raw data`);
  }
}

type Field = DescMessage | 'varints' | 'bytes';
const fields = new WeakMap<DescMessage, Map<number, Field>>();

/** A message's fields that have a length, by number: messages, integers in a row, and the others. */
function fieldsOf(message: DescMessage): Map<number, Field> {
  const known = fields.get(message);
  if (known !== undefined) return known;
  const made = new Map<number, Field>();
  for (const field of message.fields) {
    const isList = field.fieldKind === 'list';
    const isRow = isList && field.listKind === 'scalar' && integers.has(field.scalar);
    made.set(field.number, field.message ?? (isRow ? 'varints' : 'bytes'));
  }
  fields.set(message, made);
  return made;
}

/** int64, uint64 and int32: descriptor.proto's numbers of types. */
const integers = new Set<number>([3, 4, 5]);
