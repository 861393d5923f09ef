// Attention, rotary positions and gated activations.
import { sigmoid, tanh } from '../../ops/activation.js';
import { scaledDotProductAttention } from '../../ops/attention.js';
import { arange, full } from '../../ops/creation.js';
import { add, mul, sub } from '../../ops/elementwise.js';
import { ge, isnan, le, logicalAnd, lt, where } from '../../ops/elementwise-compare.js';
import { indexSelect } from '../../ops/indexing.js';
import { repeatInterleave } from '../../ops/indexing-select.js';
import { matmul } from '../../ops/matmul.js';
import { pad } from '../../ops/padding.js';
import { permute, reshape, transpose, unsqueeze } from '../../ops/shape.js';
import { cat, slice, stack } from '../../ops/shape-slice.js';
import { softmax } from '../../ops/softmax.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operators } from './call.js';

/** [batch, rows, heads · width] as [batch, heads, rows, width]. */
function separated(call: Call, x: Tensor, heads: number): Tensor {
  if (x.rank === 4) return x;
  const [batch, rows, width] = x.dims as [number, number, number];
  if (heads < 1 || width % heads !== 0) call.fail(`width ${width} must be a multiple of the number of heads ${heads}`);
  return permute(reshape(x, [batch, rows, heads, width / heads]), [0, 2, 1, 3]);
}

function joined(x: Tensor): Tensor {
  const [batch, heads, rows, width] = x.dims as [number, number, number, number];
  return reshape(permute(x, [0, 2, 1, 3]), [batch, rows, heads * width]);
}

/** Which keys each query sees by their places: uint8 [queries, keys] or [batch, 1, queries, keys]; null: all. */
function visible(call: Call, queries: number, keys: number, past: number, valid?: Tensor): Tensor | null {
  const [left, right] = [call.int('left_window_size', -1), call.int('right_window_size', -1)];
  const isCausal = call.int('is_causal') !== 0;
  const columns = reshape(arange(keys, { dtype: 'int32' }), [1, keys]);
  const own = reshape(arange(queries, { dtype: 'int32' }), [queries, 1]);
  const counts = valid && reshape(valid, [-1, 1, 1, 1]);
  const rows = add(own, counts === undefined ? past : sub(counts, queries));
  const shown = [
    ...(isCausal ? [le(columns, rows)] : []),
    ...(left < 0 ? [] : [ge(columns, sub(rows, left))]),
    ...(right < 0 ? [] : [le(columns, add(rows, right))]),
    ...(counts === undefined ? [] : [lt(columns, counts)]),
  ];
  return shown.length === 0 ? null : shown.reduce((a, b) => logicalAnd(a, b));
}

/** A mask whose last dimension may be shorter than the keys: what it leaves out is not seen. */
function filled(mask: Tensor, keys: number): Tensor {
  const missing = keys - (mask.dims.at(-1) as number);
  if (missing <= 0) return mask;
  return pad(mask, [0, missing], { value: mask.dtype === 'uint8' ? 0 : Number.NEGATIVE_INFINITY });
}

const least = (like: Tensor) => full([], Number.NEGATIVE_INFINITY, { dtype: like.dtype });

function attention(
  call: Call,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  attnMask?: Tensor,
  pastKey?: Tensor,
  pastValue?: Tensor,
  valid?: Tensor,
): Tensor[] {
  const query = separated(call, q, call.int('q_num_heads'));
  const [newKey, newValue] = [k, v].map((t) => separated(call, t, call.int('kv_num_heads'))) as [Tensor, Tensor];
  const key = pastKey === undefined ? newKey : cat([pastKey, newKey], 2);
  const value = pastValue === undefined ? newValue : cat([pastValue, newValue], 2);
  const [queries, keys] = [query.dims[2] as number, key.dims[2] as number];
  const shown = visible(call, queries, keys, pastKey?.dims[2] ?? 0, valid);
  let mask = attnMask && filled(attnMask, keys);
  if (mask !== undefined && shown !== null) {
    mask = mask.dtype === 'uint8' ? logicalAnd(mask, shown) : where(shown, mask, least(mask));
  } else mask ??= shown ?? undefined;
  const scale = call.has('scale') ? call.float('scale') : 1 / Math.sqrt(query.dims[3] as number);
  const softcap = call.float('softcap');
  const enableGqa = query.dims[1] !== key.dims[1];
  if (softcap === 0 && call.outputs < 4) {
    const y = scaledDotProductAttention(query, key, value, { attnMask: mask ?? null, scale, enableGqa });
    return [q.rank === 3 ? joined(y) : y, key, value];
  }
  const share = (query.dims[1] as number) / (key.dims[1] as number);
  const [keysOf, valuesOf] = [key, value].map((t) => (enableGqa ? repeatInterleave(t, share, { dim: 1 }) : t));
  const scores = mul(matmul(query, transpose(keysOf as Tensor, -2, -1)), scale);
  const capped = softcap === 0 ? scores : mul(tanh(mul(scores, 1 / softcap)), softcap);
  const biased =
    mask === undefined ? capped : mask.dtype === 'uint8' ? where(mask, capped, least(capped)) : add(capped, mask);
  const soft = softmax(biased, -1);
  const weights = where(isnan(soft), full([], 0, { dtype: soft.dtype }), soft); // a query that sees no key
  const y = matmul(weights, valuesOf as Tensor);
  const stages = [scores, capped, biased, weights];
  const stage = stages[call.int('qk_matmul_output_mode')] ?? call.fail('qk_matmul_output_mode must be 0 to 3');
  return [q.rank === 3 ? joined(y) : y, key, value, stage];
}

/** The parts of x along its last dimension, from `start` to `end`. */
const part = (x: Tensor, start: number, end: number, step = 1): Tensor => slice(x, { dim: -1, start, end, step });

function rotaryEmbedding(call: Call, x: Tensor, cos: Tensor, sin: Tensor, positions?: Tensor): Tensor {
  const whole = separated(call, x, call.int('num_heads'));
  const width = whole.dims[3] as number;
  const turned = call.int('rotary_embedding_dim') || width;
  const at = (cache: Tensor): Tensor => {
    if (positions === undefined) return unsqueeze(cache, 1);
    const rows = indexSelect(cache, 0, reshape(positions, [positions.size]));
    return unsqueeze(reshape(rows, [...positions.dims, cache.dims[1] as number]), 1);
  };
  const [c, s] = [at(cos), at(sin)];
  const isInterleaved = call.int('interleaved') !== 0;
  const half = turned / 2;
  const first = isInterleaved ? part(whole, 0, turned, 2) : part(whole, 0, half);
  const second = isInterleaved ? part(whole, 1, turned, 2) : part(whole, half, turned);
  const real = sub(mul(first, c), mul(second, s));
  const imaginary = add(mul(first, s), mul(second, c));
  const pairs = isInterleaved
    ? reshape(stack([real, imaginary], -1), [...real.dims.slice(0, -1), turned])
    : cat([real, imaginary], -1);
  const y = turned === width ? pairs : cat([pairs, part(whole, turned, width)], -1);
  return x.rank === 3 ? joined(y) : y;
}

function swiglu(call: Call, gate: Tensor, x: Tensor): Tensor {
  return mul(mul(gate, sigmoid(mul(gate, call.float('alpha', 1)))), x);
}

export const attending: Operators = { Attention: attention, RotaryEmbedding: rotaryEmbedding, SwiGLU: swiglu };
