// What is written of each tensor: its type in the file.
import { dtypeTraits, isFloat } from '../dtype.js';
import { ArgumentError, DTypeError, describe, isPlain } from '../errors.js';
import { fileDTypes, type Tensor } from '../tensor.js';
import { type FileDType, fileTypeOf, isExact } from './element-types.js';

/** Element types of tensors in files, by PyTorch's names. */
export type SavedDType =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'float8_e4m3fn'
  | 'float8_e5m2'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'bool';

const floats = new Set<FileDType>(['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2']);
const isFloatType = (type: FileDType) => floats.has(type);

/** Checks the option `dtype`: the types that it asks for. */
export function checkWanted(
  operation: string,
  dtype: unknown,
  tensors: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, FileDType> {
  const wanted = new Map<string, FileDType>();
  if (dtype === undefined) return wanted;
  const typeOf = (name: string, value: unknown): FileDType => {
    const type = typeof value === 'string' ? fileTypeOf.get(value) : undefined;
    if (type !== undefined) return type;
    throw new ArgumentError(
      `${operation}: ${name} must be one of ${[...fileTypeOf.keys()].join(', ')}, got ${describe(value)}`,
    );
  };
  if (!isPlain(dtype)) {
    const type = typeOf('dtype', dtype);
    if (!isFloatType(type)) {
      const hint = `name the tensors: { dtype: { name: ${describe(dtype)} } }`;
      throw new ArgumentError(`${operation}: dtype must be a type of floats, got ${describe(dtype)}; ${hint}`);
    }
    for (const [name, t] of tensors) if (isFloat(t.dtype)) wanted.set(name, type);
    return wanted;
  }
  if (Object.keys(dtype).length === 0) throw new ArgumentError(`${operation}: dtype must name tensors, got no name`);
  for (const [name, value] of Object.entries(dtype)) {
    const type = typeOf(`dtype of ${describe(name)}`, value);
    const t = tensors.get(name);
    if (t === undefined) {
      throw new ArgumentError(`${operation}: dtype must name tensors of stateDict, got ${describe(name)}`);
    }
    if (isFloatType(type) !== isFloat(t.dtype)) {
      const rule = `dtype of ${describe(name)} must be a type of ${isFloat(t.dtype) ? 'floats' : 'integers'}`;
      throw new DTypeError(
        `${operation}: ${rule} like the tensor's ${t.dtype}, got ${describe(value)}; use t.to(dtype)`,
      );
    }
    wanted.set(name, type);
  }
  return wanted;
}

/** The type that a tensor is written as when nobody asks: that of the file it comes from, as long as its values fit exactly. */
export function ownFileDType(t: Tensor): FileDType {
  const noted = fileDTypes.get(t);
  return noted !== undefined && isExact(noted, t.toTypedArray()) ? noted : dtypeTraits[t.dtype].safetensors;
}
