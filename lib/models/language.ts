// What the language models share: their inputs, attention and initialisation.
import { ArgumentError, formatShape, ShapeError } from '../errors.js';
import { Embedding } from '../nn/embedding.js';
import { normal_, zeros_ } from '../nn/init.js';
import type { KeyValueCache } from '../nn/key-value-cache.js';
import { Linear } from '../nn/linear.js';
import type { Module } from '../nn/module.js';
import { gelu, relu, silu, tanh } from '../ops/activation.js';
import { scaledDotProductAttention } from '../ops/attention.js';
import { ne } from '../ops/elementwise-compare.js';
import { expand, permute, reshape } from '../ops/shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { choice } from './config.js';

const tanhGelu = (x: Tensor): Tensor => gelu(x, { approximate: 'tanh' });

/** An activation function, by transformers' name: `gelu_new` and `gelu_pytorch_tanh` are GELU by tanh, `swish` is SiLU. */
export type HiddenActivation = 'gelu' | 'gelu_new' | 'gelu_pytorch_tanh' | 'relu' | 'silu' | 'swish' | 'tanh';

/** @internal Activation functions by transformers' names. */
export const activations: Readonly<Record<HiddenActivation, (x: Tensor) => Tensor>> = {
  gelu: (x: Tensor) => gelu(x),
  gelu_new: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  relu: (x: Tensor) => relu(x),
  silu: (x: Tensor) => silu(x),
  swish: (x: Tensor) => silu(x),
  tanh: (x: Tensor) => tanh(x),
};

/** @internal */
export const activationField = (value: HiddenActivation) =>
  choice(value, Object.keys(activations) as HiddenActivation[]);

/** @internal Checks token numbers, int32 [batch, rows], and returns both sizes. */
export function checkIds(operation: string, ids: Tensor, before: number, positions: number): [number, number] {
  checkTensor(operation, 'inputIds', ids);
  const [batch, rows] = ids.shape;
  if (ids.rank !== 2 || ids.dtype !== 'int32' || rows === 0) {
    const got = `${ids.dtype} ${formatShape(ids.shape)}`;
    const hint = "; use tensor([[…]], { dtype: 'int32' })";
    throw new ShapeError(`${operation}: inputIds must be int32 [batch, rows], rows at least 1, got ${got}${hint}`);
  }
  if (before + (rows as number) > positions) {
    const got = before === 0 ? `${rows}` : `${before} before and ${rows}`;
    throw new ArgumentError(`${operation}: inputIds must have at most ${positions} rows, got ${got}; cut them`);
  }
  return [batch as number, rows as number];
}

/** @internal */
export const isGiven = (x: unknown): x is Tensor => x !== undefined && x !== null;

/** @internal Checks another int32 tensor that goes with the tokens. */
export function checkLikeIds(operation: string, name: string, x: Tensor, ids: Tensor): Tensor {
  checkTensor(operation, name, x);
  const fits = x.rank === 2 && (x.shape[0] === ids.shape[0] || x.shape[0] === 1) && x.shape[1] === ids.shape[1];
  if (fits && x.dtype === 'int32') return x;
  const got = `${x.dtype} ${formatShape(x.shape)}`;
  throw new ShapeError(`${operation}: ${name} must be int32 ${formatShape(ids.shape)} as inputIds is, got ${got}`);
}

/** @internal A mask of keys, int32 or uint8 [batch, keys], in the form that attention takes; undefined without one. */
export function keyMask(
  operation: string,
  mask: Tensor | null | undefined,
  batch: number,
  keys: number,
): Tensor | undefined {
  if (mask === null || mask === undefined) return undefined;
  checkTensor(operation, 'attentionMask', mask);
  const isWhole = mask.dtype === 'uint8' || mask.dtype === 'int32';
  if (!isWhole || mask.rank !== 2 || mask.shape[0] !== batch || mask.shape[1] !== keys) {
    const got = `${mask.dtype} ${formatShape(mask.shape)}`;
    const rule = `attentionMask must be int32 or uint8 ${formatShape([batch, keys])}, 1 for tokens and 0 for padding`;
    throw new ShapeError(`${operation}: ${rule}, got ${got}`);
  }
  return reshape(mask.dtype === 'uint8' ? mask : ne(mask, 0), [batch, 1, 1, keys]);
}

/** @internal How a layer attends. */
export interface Attending {
  heads: number;
  /** Heads of keys and values, each of which serves several of the queries; default heads. */
  keyValueHeads?: number;
  mask: Tensor | undefined;
  dropout: number;
  causal?: boolean;
  cache?: KeyValueCache | undefined;
}

/** @internal Attention over projections [batch, rows, heads · width]; a cache gets the new keys and values first. */
export function attend(q: Tensor, k: Tensor, v: Tensor, o: Attending): Tensor {
  const before = o.cache?.length ?? 0;
  const [keys, values] = o.cache === undefined ? [k, v] : extended(o.cache, k, v);
  const spread = (x: Tensor) => repeatHeads(x, o.keyValueHeads ?? o.heads, o.heads);
  return scaledDotProductAttention(q, spread(keys), spread(values), {
    ...{ attnMask: o.mask ?? null, dropoutP: o.dropout, heads: o.heads },
    ...{ isCausal: o.causal ?? false, causalOffset: o.causal ? before : 0 },
  });
}

// A cache grows along its first dimension; for a batch of one that is a change of shape alone.
function extended(cache: KeyValueCache, k: Tensor, v: Tensor): [Tensor, Tensor] {
  const turn = (x: Tensor): Tensor => {
    const [a, b, width] = x.shape as [number, number, number];
    return a === 1 || b === 1 ? reshape(x, [b, a, width]) : permute(x, [1, 0, 2]);
  };
  cache.append(turn(k), turn(v));
  return [turn(cache.keys), turn(cache.values)];
}

function repeatHeads(x: Tensor, own: number, heads: number): Tensor {
  if (own === heads) return x;
  const [batch, rows, width] = x.shape as [number, number, number];
  const size = width / own;
  const wide = expand(reshape(x, [batch, rows, own, 1, size]), [batch, rows, own, heads / own, size]);
  return reshape(wide, [batch, rows, heads * size]);
}

/** @internal transformers' initialisation: weights of linear layers and embeddings from N(0, range²), biases 0. */
export function initialise(model: Module, range: number): void {
  for (const part of model.modules()) {
    if (!(part instanceof Linear || part instanceof Embedding)) continue;
    normal_(part.weight, 0, range);
    if (part instanceof Linear && part.bias !== null) zeros_(part.bias);
  }
}
