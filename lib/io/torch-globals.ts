// What the globals in PyTorch's pickles mean. Nothing but what stands here is known; everything else is refused by name.
import { describe, type FileError } from '../errors.js';
import { maxDimensions } from '../shape.js';
import { type FileDType, fileTypeOf } from './element-types.js';
import { Global, Instance, type Resolver } from './pickle.js';
import { countOf } from './safetensors-header.js';

/** @internal Memory of a file, of which tensors are views. */
export interface Storage {
  key: string;
  /** Undefined for bytes whose type the tensor says. */
  type: FileDType | undefined;
  /** Elements, or bytes. */
  count: number;
}

/** @internal A tensor in a pickle. */
export class TensorRef {
  constructor(
    readonly storage: Storage,
    readonly type: FileDType,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    readonly count: number,
  ) {}
}

const storages: Readonly<Record<string, FileDType | undefined>> = {
  ...{ DoubleStorage: 'F64', FloatStorage: 'F32', HalfStorage: 'F16', BFloat16Storage: 'BF16', LongStorage: 'I64' },
  ...{ IntStorage: 'I32', ShortStorage: 'I16', CharStorage: 'I8', ByteStorage: 'U8', BoolStorage: 'BOOL' },
};

const complex = /^torch\.(Complex\w*Storage|complex\d*|c?double|chalf|cfloat)$/;

/** Why a global is refused. */
function reasonOf(name: string): string {
  if (complex.test(name)) return 'there are no complex tensors here; save torch.view_as_real(x)';
  if (/^torch\.(Q\w+Storage|q\w+)$|qtensor/.test(name))
    return 'there are no quantised tensors here; save x.dequantize()';
  if (/sparse/.test(name)) return 'there are no sparse tensors here; save x.to_dense()';
  if (/^numpy\b/.test(name)) return 'it makes an object of NumPy; save a tensor or a number';
  if (/^(builtins|__builtin__|os|posix|nt|subprocess|sys|runpy|importlib|shutil|socket|pty)\./.test(name)) {
    return 'it would run code; do not trust this file';
  }
  return 'only tensors and plain data are read, not objects of classes; save model.state_dict()';
}

/** @internal What names mean, in a file; `isScript` allows the modules of a TorchScript archive. */
export class TorchResolver implements Resolver {
  constructor(
    readonly fail: (rule: string) => FileError,
    private readonly isScript: boolean,
  ) {}

  global(name: string): Global {
    const known = this.#known(name);
    if (known !== undefined) return known;
    throw this.fail(`must not hold the global ${describe(name)}: ${reasonOf(name)}`);
  }

  persistent(id: unknown): Storage {
    const [tag, type, key, , count, view] = Array.isArray(id) ? id : [];
    const isStorage = tag === 'storage' && type instanceof Global && typeof key === 'string' && isNatural(count);
    if (!isStorage) throw this.fail('must have persistent ids of storages only');
    if (view !== undefined && view !== null)
      throw this.fail('must be of PyTorch 0.4 or later, got a view of a storage');
    if (type.name === 'torch.storage.UntypedStorage') return { key, type: undefined, count };
    const fileType = storages[type.name.replace(/^torch\./, '')];
    if (fileType === undefined) throw this.fail(`must have storages of a known type, got ${describe(type.name)}`);
    return { key, type: fileType, count };
  }

  #known(name: string): Global | undefined {
    const call = Object.hasOwn(calls, name) ? calls[name] : undefined;
    if (call !== undefined) return new Global(name, (args) => call(args, this));
    const storage = /^torch\.(\w+Storage)$/.exec(name)?.[1];
    if (storage !== undefined && Object.hasOwn(storages, storage)) return new Global(name);
    if (['torch.storage.UntypedStorage', 'torch.Tensor', 'torch.nn.parameter.Parameter'].includes(name))
      return new Global(name);
    const dtype = /^torch\.(\w+)$/.exec(name)?.[1];
    if (dtype !== undefined && fileTypeOf.has(dtype)) return new Global(name, undefined, name);
    if (this.isScript && name.startsWith('__torch__.')) return new Global(name, () => new Instance(name));
    return undefined;
  }

  tensor(storage: unknown, offset: unknown, shape: unknown, strides: unknown, dtype?: unknown): TensorRef {
    const { fail } = this;
    const { key, type, count: held } = Object(storage) as Storage;
    if (typeof key !== 'string') throw fail('must have tensors with storages');
    const name = dtype instanceof Global ? dtype.name.replace(/^torch\./, '') : undefined;
    const fileType = type ?? fileTypeOf.get(name ?? '');
    if (fileType === undefined) throw fail(`must have tensors of a known type, got ${describe(name)}`);
    const isRight = isNatural(offset) && isSizes(shape) && isSizes(strides) && shape.length === strides.length;
    if (!isRight)
      throw fail(`must have tensors with an offset, sizes and strides of at most ${maxDimensions} dimensions`);
    const count = countOf(shape);
    if (count === undefined) throw fail('must have tensors with a countable number of elements');
    const last = shape.reduce((sum, n, d) => sum + (n - 1) * (strides[d] as number), offset);
    const most = type === undefined ? held / sizes(fileType) : held;
    if (count > 0 && !(last < most))
      throw fail(`must have tensors within their storages, got element ${last} of ${most}`);
    return new TensorRef(storage as Storage, fileType, offset, shape, strides, count);
  }
}

const sizes = (type: FileDType) => (type === 'U64' ? 8 : type === 'U32' ? 4 : type.includes('16') ? 2 : 1);
const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= maxDimensions && value.every(isNatural);

type Call = (args: unknown[], resolver: TorchResolver) => unknown;

const listOf: Call = ([list], { fail }) => {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw fail('must make lists of lists');
  return [...list];
};
const dictOf: Call = ([items], { fail }) => {
  if (items === undefined) return new Map();
  if (items instanceof Map) return new Map(items);
  if (!Array.isArray(items) || !items.every((item) => Array.isArray(item) && typeof item[0] === 'string')) {
    throw fail('must make dicts of names and values');
  }
  return new Map(items as [string, unknown][]);
};
const parameter: Call = ([t], { fail }) => {
  if (t instanceof TensorRef) return t;
  throw fail('must make parameters of tensors');
};

const calls: Readonly<Record<string, Call>> = {
  'collections.OrderedDict': dictOf,
  'collections.Counter': dictOf,
  'torch._utils._rebuild_tensor_v2': ([storage, offset, shape, strides], r) =>
    r.tensor(storage, offset, shape, strides),
  'torch._utils._rebuild_tensor_v3': ([storage, offset, shape, strides, , , dtype], r) =>
    r.tensor(storage, offset, shape, strides, dtype),
  'torch._utils._rebuild_parameter': parameter,
  'torch._utils._rebuild_parameter_with_state': parameter,
  'torch._tensor._rebuild_from_type_v2': ([func, , args], { fail }) => {
    const isKnown = func instanceof Global && func.name.startsWith('torch._utils._rebuild_'); // and so not this one again
    if (isKnown && func.call !== undefined && Array.isArray(args)) return func.call(args);
    throw fail('must rebuild tensors by known functions');
  },
  'torch.Size': listOf,
  'builtins.set': listOf,
  '__builtin__.set': listOf,
  'torch.device': ([type, index], { fail }) => {
    if (typeof type === 'string' && (index === undefined || isNatural(index)))
      return [type, index ?? []].flat().join(':');
    throw fail('must make devices of a type and a number');
  },
  '_codecs.encode': ([text], { fail }) => {
    if (typeof text === 'string') return Uint8Array.from(Buffer.from(text, 'latin1'));
    throw fail('must encode texts');
  },
  'torch.jit._pickle.build_intlist': listOf,
  'torch.jit._pickle.build_doublelist': listOf,
  'torch.jit._pickle.build_boollist': listOf,
  'torch.jit._pickle.build_tensorlist': listOf,
  'torch.jit._pickle.restore_type_tag': ([value]) => value,
};
