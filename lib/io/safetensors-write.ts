// Writing safetensors: the header, and the tensors' bytes in the order of the file.
import type { TypedArray } from '../dtype.js';
import { ArgumentError, describe, isPlain } from '../errors.js';
import { encodeElements, type FileDType, fileTypes } from './element-types.js';
import { maxHeaderLength, maxTensors, maxTexts } from './safetensors-header.js';

/** A tensor to write: its entry in the header, and its bytes on demand. */
export interface TensorPart {
  name: string;
  fileDType: FileDType;
  shape: readonly number[];
  /** The number of elements. */
  count: number;
  /** The elements, in the memory dtype of `fileDType`. */
  data: () => TypedArray;
}

/** The bytes of a file in order: the header, then the data of each tensor. Everything is checked before the first byte. */
export function layOut(
  operation: string,
  parts: readonly TensorPart[],
  metadata: Readonly<Record<string, string>> | undefined,
): Iterable<Uint8Array> {
  if (parts.length > maxTensors) {
    throw new ArgumentError(`${operation}: a file holds at most ${maxTensors} tensors, got ${parts.length}`);
  }
  const ordered = [...parts].sort((a, b) => fileTypes[b.fileDType].size - fileTypes[a.fileDType].size);
  const offsets = new Map<string, [number, number]>();
  let position = 0;
  for (const { name, fileDType, count } of ordered) {
    if (offsets.has(name)) throw new ArgumentError(`${operation}: names must differ, got ${describe(name)} twice`);
    const end = position + count * fileTypes[fileDType].size;
    offsets.set(name, [position, end]);
    position = end;
  }
  const header = new HeaderText(operation);
  if (metadata !== undefined) addMetadata(operation, header, metadata);
  for (const part of parts) {
    checkPart(operation, part);
    const { name, fileDType, shape } = part;
    const fields = `"dtype":"${fileDType}","shape":[${shape.join(',')}],"data_offsets":[${offsets.get(name)!.join(',')}]`;
    header.add(`${header.isEmpty ? '{' : ','}${header.quote(name)}:{${fields}}`);
  }
  header.add(header.isEmpty ? '{}' : '}');
  return inOrder(operation, header.toBytes(), ordered);
}

/** Rejects what `load` would reject. */
function checkPart(operation: string, { name }: TensorPart): void {
  const what = `${operation}: tensor ${describe(name)}`;
  if (name === '__metadata__') {
    throw new ArgumentError(`${what} has a name that the format keeps for itself; rename it`);
  }
}

function* inOrder(operation: string, header: Uint8Array, ordered: readonly TensorPart[]): Iterable<Uint8Array> {
  yield header;
  for (const part of ordered) yield* piecesOf(operation, part);
}

/** Elements that are converted at one time. */
const pieceLength = 2 ** 20;

/** @internal The bytes of a tensor, piece by piece. */
export function* piecesOf(operation: string, { name, fileDType, data }: TensorPart): Iterable<Uint8Array> {
  const elements = data();
  for (let begin = 0; begin < elements.length; begin += pieceLength) {
    const misfit = (rule: string, at: number, got: unknown) => {
      const what = `${operation}: tensor ${describe(name)} ${rule}`;
      return new ArgumentError(`${what}, got ${got} at position ${begin + at}`);
    };
    yield encodeElements(fileDType, elements.subarray(begin, begin + pieceLength), misfit);
  }
}

/** A growing header, at most as long as `load` accepts. */
class HeaderText {
  readonly #operation: string;
  readonly #pieces: string[] = [];
  #bytes = 0;

  constructor(operation: string) {
    this.#operation = operation;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  add(json: string): void {
    this.#bytes += Buffer.byteLength(json);
    if (this.#bytes > maxHeaderLength) throw this.#tooLong();
    this.#pieces.push(json);
  }

  /** A text as a JSON string. */
  quote(text: string): string {
    if (text.length > maxHeaderLength) throw this.#tooLong();
    if (/\p{Surrogate}/u.test(text)) {
      throw new ArgumentError(`${this.#operation}: texts must not hold half a surrogate pair, got ${describe(text)}`);
    }
    let json: string;
    try {
      json = JSON.stringify(text);
    } catch {
      throw this.#tooLong(); // with escapes it exceeds V8's longest string
    }
    if (json.length > maxHeaderLength) throw this.#tooLong();
    return json;
  }

  /** The length, then the header, padded with spaces to a multiple of 8 bytes, which keeps the data aligned. */
  toBytes(): Uint8Array {
    const length = Math.ceil(this.#bytes / 8) * 8;
    const bytes = Buffer.alloc(8 + length, ' ');
    bytes.writeBigUInt64LE(BigInt(length));
    bytes.write(this.#pieces.join(''), 8);
    return bytes;
  }

  #tooLong(): ArgumentError {
    return new ArgumentError(`${this.#operation}: names and metadata must fit ${maxHeaderLength} bytes, got more`);
  }
}

/** Each text is read once, as a string: no `toJSON` and no getter can change what is written. */
function addMetadata(operation: string, header: HeaderText, metadata: Readonly<Record<string, string>>): void {
  if (!isPlain(metadata)) {
    throw new ArgumentError(`${operation}: metadata must be an object of strings, got ${describe(metadata)}`);
  }
  const entries = Object.entries(metadata);
  if (entries.length > maxTexts) {
    throw new ArgumentError(`${operation}: metadata must hold at most ${maxTexts} texts, got ${entries.length}`);
  }
  header.add('{"__metadata__":{');
  for (const [i, [key, value]] of entries.entries()) {
    if (typeof value !== 'string') {
      throw new ArgumentError(
        `${operation}: metadata must hold strings, got ${describe(value)} for ${describe(key)}; use JSON.stringify`,
      );
    }
    header.add(`${i > 0 ? ',' : ''}${header.quote(key)}:${header.quote(value)}`);
  }
  header.add('}');
}
