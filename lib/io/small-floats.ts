// Floats of 8 and 16 bits: decoded by a table, encoded by rounding to the nearest, ties to even, as PyTorch does.

/** How a float is laid out in its bits: a sign, an exponent, a mantissa. */
interface Layout {
  bits: 8 | 16;
  mantissa: number;
  bias: number;
  /** The code of the greatest finite value; the next one is infinity, or NaN where there is no infinity. */
  greatest: number;
  hasInfinity: boolean;
  nan: number;
}

/**
 * IEEE 754's half (2008); bfloat16 (Google, 2018), the upper half of a float32; FP8 (Micikevicius et al., "FP8 formats for deep
 * learning", 2022, https://arxiv.org/abs/2209.05433), whose E4M3 has no infinities.
 */
const layouts = {
  F16: { bits: 16, mantissa: 10, bias: 15, greatest: 0x7bff, hasInfinity: true, nan: 0x7e00 },
  BF16: { bits: 16, mantissa: 7, bias: 127, greatest: 0x7f7f, hasInfinity: true, nan: 0x7fc0 },
  F8_E4M3: { bits: 8, mantissa: 3, bias: 7, greatest: 0x7e, hasInfinity: false, nan: 0x7f },
  F8_E5M2: { bits: 8, mantissa: 2, bias: 15, greatest: 0x7b, hasInfinity: true, nan: 0x7f },
} as const satisfies Record<string, Layout>;

/** The names of these types in safetensors files. */
export type SmallFloat = keyof typeof layouts;

const tables = new Map<SmallFloat, Float32Array>();

/** The values of all codes. */
function tableOf(type: SmallFloat): Float32Array {
  const known = tables.get(type);
  if (known !== undefined) return known;
  const { bits, mantissa, bias, greatest, hasInfinity }: Layout = layouts[type];
  const half = 2 ** (bits - 1);
  const table = new Float32Array(2 * half);
  for (let code = 0; code < half; code++) {
    const exponent = code >> mantissa;
    const rest = code - (exponent << mantissa);
    const value =
      exponent === 0 ? rest * 2 ** (1 - bias - mantissa) : (rest + 2 ** mantissa) * 2 ** (exponent - bias - mantissa);
    const beyond = hasInfinity && code === greatest + 1 ? Number.POSITIVE_INFINITY : Number.NaN;
    table[code] = code <= greatest ? value : beyond;
    table[half + code] = -(table[code] as number);
  }
  tables.set(type, table);
  return table;
}

/** @internal Codes as float32, which is exact. */
export function decodeSmall(type: SmallFloat, codes: Uint8Array | Uint16Array): Float32Array {
  const table = tableOf(type);
  const data = new Float32Array(codes.length);
  for (let i = 0; i < data.length; i++) data[i] = table[codes[i] as number] as number;
  return data;
}

// A double this large has no digits after the point: adding and subtracting it rounds to the nearest, ties to even.
const rounder = 1.5 * 2 ** 52;

/** @internal The codes nearest to values, which are rounded to float32 first, as PyTorch does. */
export function encodeSmall(type: SmallFloat, data: ArrayLike<number>): Uint8Array | Uint16Array {
  const { bits, mantissa, bias, greatest, hasInfinity, nan }: Layout = layouts[type];
  const codes = bits === 8 ? new Uint8Array(data.length) : new Uint16Array(data.length);
  const value = new Float32Array(1);
  const word = new Uint32Array(value.buffer);
  const overflow = hasInfinity ? greatest + 1 : greatest; // without infinities PyTorch saturates
  const scales = Float64Array.from({ length: 256 }, (_, e) => 2 ** (mantissa - Math.max(e - 127, 1 - bias)));
  for (let i = 0; i < codes.length; i++) {
    value[0] = data[i] as number;
    const sign = ((word[0] as number) >>> 31) << (bits - 1);
    word[0] = (word[0] as number) & 0x7fffffff;
    const size = value[0] as number;
    const exponent = (word[0] as number) >>> 23;
    const steps = size * (scales[exponent] as number) + rounder - rounder;
    const code = steps + (Math.max(exponent - 127, 1 - bias) + bias - 1) * 2 ** mantissa;
    codes[i] = sign | (Number.isNaN(size) ? nan : code > greatest ? overflow : code);
  }
  return codes;
}
