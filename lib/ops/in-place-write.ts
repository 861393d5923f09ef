// Writing at positions and adding products, in place.
import type { DimArguments } from '../arguments.js';
import type { Tensor } from '../tensor.js';
import { inPlace } from './in-place.js';
import * as write from './indexing-write.js';
import * as products from './matmul-products.js';
import { cumprod } from './reduce-running.js';

/** The arguments of an operation after x. */
type Rest<F> = F extends (x: Tensor, ...rest: infer R) => Tensor ? R : never;

/** x ← β x + α Σ a[i] · b[i], in place: `addbmm`. */
export function addbmm_(x: Tensor, ...args: Rest<typeof products.addbmm>): Tensor {
  return inPlace('addbmm_', x, products.addbmm, ...args);
}

/** x ← β x + α a · b, in place: `addmm`. */
export function addmm_(x: Tensor, ...args: Rest<typeof products.addmm>): Tensor {
  return inPlace('addmm_', x, products.addmm, ...args);
}

/** x ← β x + α matrix · vector, in place: `addmv`. */
export function addmv_(x: Tensor, ...args: Rest<typeof products.addmv>): Tensor {
  return inPlace('addmv_', x, products.addmv, ...args);
}

/** x ← β x + α a bᵀ of two vectors, in place: `addr`. */
export function addr_(x: Tensor, ...args: Rest<typeof products.addr>): Tensor {
  return inPlace('addr_', x, products.addr, ...args);
}

/** x[i] ← β x[i] + α a[i] · b[i], in place: `baddbmm`. */
export function baddbmm_(x: Tensor, ...args: Rest<typeof products.baddbmm>): Tensor {
  return inPlace('baddbmm_', x, products.baddbmm, ...args);
}

/** x ← the running product along a dimension, in place: `cumprod`. */
export function cumprod_(x: Tensor, ...args: DimArguments): Tensor {
  return inPlace('cumprod_', x, cumprod, ...args);
}

/** x ← x with parts of `source` added, in place: `indexAdd`. */
export function indexAdd_(x: Tensor, ...args: Rest<typeof write.indexAdd>): Tensor {
  return inPlace('indexAdd_', x, write.indexAdd, ...args);
}

/** x ← x with parts of `source` in place of its own, in place: `indexCopy`. */
export function indexCopy_(x: Tensor, ...args: Rest<typeof write.indexCopy>): Tensor {
  return inPlace('indexCopy_', x, write.indexCopy, ...args);
}

/** x ← x with a value in some parts, in place: `indexFill`. */
export function indexFill_(x: Tensor, ...args: Rest<typeof write.indexFill>): Tensor {
  return inPlace('indexFill_', x, write.indexFill, ...args);
}

/** x ← x combined with parts of `source`, in place: `indexReduce`. */
export function indexReduce_(x: Tensor, ...args: Rest<typeof write.indexReduce>): Tensor {
  return inPlace('indexReduce_', x, write.indexReduce, ...args);
}

/** x ← x with elements of `src` where `index` says, in place: `scatter`. */
export function scatter_(x: Tensor, ...args: Rest<typeof write.scatter>): Tensor {
  return inPlace('scatter_', x, write.scatter, ...args);
}

/** x ← x combined with elements of `src` where `index` says, in place: `scatterReduce`. */
export function scatterReduce_(x: Tensor, ...args: Rest<typeof write.scatterReduce>): Tensor {
  return inPlace('scatterReduce_', x, write.scatterReduce, ...args);
}
