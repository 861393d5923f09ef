// Panels of the second operand, packed so that a tile reads them row after row.
#pragma once
#include "../simd/integers.h"
#include "../simd/transpose.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// to [k, width] = the n <= width columns of b, which is [n, k] with rows ldb apart. Columns from n on repeat the last
// one: what they contribute to a tile is never stored.
inline void packTransposed(int64_t k, int64_t n, int64_t width, const float* b, int64_t ldb, float* to) {
  for (int64_t first = 0; first < width; first += kLanes) {
    const float* row[kLanes];
    for (int j = 0; j < kLanes; j++) row[j] = b + smaller(first + j, n - 1) * ldb;
    float* column = to + first;
    int64_t p = 0;
    if (first + kLanes <= n) {
      for (; p + kLanes <= k; p += kLanes, column += kLanes * width) transposeSquare(row[0] + p, ldb, column, width);
    }
    for (; p + 4 <= k; p += 4, column += 4 * width) packFour(row, p, column, width);
    for (; p < k; p++, column += width) {
      for (int j = 0; j < kLanes; j++) column[j] = row[j][p];
    }
  }
}

// The same for a b that is [k, n].
inline void packStraight(int64_t k, int64_t n, int64_t width, const float* b, int64_t ldb, float* to) {
  for (int64_t p = 0; p < k; p++, b += ldb, to += width) {
    int64_t j = 0;
    for (; j + kLanes <= n; j += kLanes)
      *reinterpret_cast<Unaligned*>(to + j) = *reinterpret_cast<const Unaligned*>(b + j);
    for (; j < width; j++) to[j] = b[smaller(j, n - 1)];
  }
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
