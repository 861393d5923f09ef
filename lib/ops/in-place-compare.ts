// Comparisons, logic and operations on bits, in place.
import type { Tensor } from '../tensor.js';
import type { Operand } from './broadcast.js';
import * as compare from './elementwise-compare.js';
import { bitwiseAnd, bitwiseNot, bitwiseOr, bitwiseXor } from './elementwise-pairs.js';
import { inPlace } from './in-place.js';

/** x ← 1 where x = other, else 0, in place; x keeps its dtype. */
export function eq_(x: Tensor, other: Operand): Tensor {
  return inPlace('eq_', x, compare.eq, other);
}

/** x ← 1 where x ≥ other, else 0, in place; x keeps its dtype. */
export function ge_(x: Tensor, other: Operand): Tensor {
  return inPlace('ge_', x, compare.ge, other);
}

/** x ← 1 where x > other, else 0, in place; x keeps its dtype. */
export function gt_(x: Tensor, other: Operand): Tensor {
  return inPlace('gt_', x, compare.gt, other);
}

/** x ← 1 where x ≤ other, else 0, in place; x keeps its dtype. */
export function le_(x: Tensor, other: Operand): Tensor {
  return inPlace('le_', x, compare.le, other);
}

/** x ← 1 where x < other, else 0, in place; x keeps its dtype. */
export function lt_(x: Tensor, other: Operand): Tensor {
  return inPlace('lt_', x, compare.lt, other);
}

/** x ← 1 where x ≠ other, else 0, in place; x keeps its dtype. */
export function ne_(x: Tensor, other: Operand): Tensor {
  return inPlace('ne_', x, compare.ne, other);
}

/** x ← 1 where x and other are not 0, else 0, in place; x keeps its dtype. */
export function logicalAnd_(x: Tensor, other: Tensor): Tensor {
  return inPlace('logicalAnd_', x, compare.logicalAnd, other);
}

/** x ← 1 where x is 0, else 0, in place; x keeps its dtype. */
export function logicalNot_(x: Tensor): Tensor {
  return inPlace('logicalNot_', x, compare.logicalNot);
}

/** x ← 1 where x or other is not 0, else 0, in place; x keeps its dtype. */
export function logicalOr_(x: Tensor, other: Tensor): Tensor {
  return inPlace('logicalOr_', x, compare.logicalOr, other);
}

/** x ← 1 where one of x and other is 0 and the other is not, else 0, in place; x keeps its dtype. */
export function logicalXor_(x: Tensor, other: Tensor): Tensor {
  return inPlace('logicalXor_', x, compare.logicalXor, other);
}

/** x ← x & other, bit by bit, in place. */
export function bitwiseAnd_(x: Tensor, other: Operand): Tensor {
  return inPlace('bitwiseAnd_', x, bitwiseAnd, other);
}

/** x ← x | other, bit by bit, in place. */
export function bitwiseOr_(x: Tensor, other: Operand): Tensor {
  return inPlace('bitwiseOr_', x, bitwiseOr, other);
}

/** x ← x ^ other, bit by bit, in place. */
export function bitwiseXor_(x: Tensor, other: Operand): Tensor {
  return inPlace('bitwiseXor_', x, bitwiseXor, other);
}

/** x ← ~x, bit by bit, in place. */
export function bitwiseNot_(x: Tensor): Tensor {
  return inPlace('bitwiseNot_', x, bitwiseNot);
}
