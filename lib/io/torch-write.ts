// Writing state dicts as torch.save does: a zip archive of a pickle (protocol 2) and the storages.
import { ArgumentError, describe } from '../errors.js';
import { stridesOf } from '../shape.js';
import { type FileDType, fileTypes } from './element-types.js';
import { piecesOf, type TensorPart } from './safetensors-write.js';
import { type ZipPart, zipOf } from './zip-write.js';

const storages: Partial<Record<FileDType, string>> = {
  ...{ F64: 'Double', F32: 'Float', F16: 'Half', BF16: 'BFloat16', I64: 'Long', I32: 'Int', I16: 'Short', I8: 'Char' },
  ...{ U8: 'Byte', BOOL: 'Bool' },
};

/** @internal The bytes of a file that `torch.load` reads, in order. `root` is the name of the folder in the archive. */
export function torchFile(operation: string, root: string, parts: readonly TensorPart[]): Iterable<Uint8Array> {
  const file = (name: string, bytes: Uint8Array): ZipPart => ({
    name: `${root}/${name}`,
    size: bytes.length,
    pieces: () => [bytes],
  });
  const data = parts.map((part, i): ZipPart => {
    const size = part.count * fileTypes[part.fileDType].size;
    return { name: `${root}/data/${i}`, size, pieces: () => piecesOf(operation, part) };
  });
  return zipOf([
    file('data.pkl', pickleOf(operation, parts)),
    file('byteorder', Buffer.from('little')),
    ...data,
    file('version', Buffer.from('3\n')),
  ]);
}

function pickleOf(operation: string, parts: readonly TensorPart[]): Buffer {
  const writer = new Writer(operation);
  writer.raw('\x80\x02');
  writer.call('collections OrderedDict');
  writer.raw('(');
  for (const [i, part] of parts.entries()) writer.tensor(part, i);
  writer.raw('u.');
  return writer.bytes();
}

class Writer {
  readonly #pieces: Buffer[] = [];

  constructor(private readonly operation: string) {}

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  raw(text: string): void {
    this.#pieces.push(Buffer.from(text, 'latin1'));
  }

  text(text: string): void {
    if (/\p{Surrogate}/u.test(text)) {
      throw new ArgumentError(`${this.operation}: texts must not hold half a surrogate pair, got ${describe(text)}`);
    }
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    this.raw('X');
    this.#pieces.push(length, bytes);
  }

  integer(value: number): void {
    if (value < 2 ** 31) {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      this.raw('J');
      this.#pieces.push(bytes);
      return;
    }
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    this.raw('\x8a\x08');
    this.#pieces.push(bytes);
  }

  integers(values: readonly number[]): void {
    this.raw('(');
    for (const value of values) this.integer(value);
    this.raw('t');
  }

  /** `module name` */
  global(name: string): void {
    this.raw(`c${name.replace(' ', '\n')}\n`);
  }

  /** A call without arguments. */
  call(name: string): void {
    this.global(name);
    this.raw(')R');
  }

  tensor({ name, fileDType, shape, count }: TensorPart, key: number): void {
    const storage = storages[fileDType];
    this.text(name);
    this.global(`torch._utils _rebuild_tensor_v${storage === undefined ? 3 : 2}`);
    this.raw('((');
    this.text('storage');
    this.global(storage === undefined ? 'torch.storage UntypedStorage' : `torch ${storage}Storage`);
    this.text(`${key}`);
    this.text('cpu');
    this.integer(storage === undefined ? count * fileTypes[fileDType].size : count);
    this.raw('tQ');
    this.integer(0);
    this.integers(shape);
    this.integers(stridesOf(shape));
    this.raw('\x89'); // requires_grad
    this.call('collections OrderedDict'); // hooks
    if (storage === undefined) this.global(`torch ${fileTypes[fileDType].name}`);
    this.raw('tR');
  }
}
