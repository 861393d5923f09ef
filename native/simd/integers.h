// Arithmetic on sizes. (Static, because every level's kernels include it: see kernel.h.)
#pragma once
#include <cstdint>

namespace adjoint {

static constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// a / b, rounded up; b > 0.
static constexpr int64_t ceilDivide(int64_t a, int64_t b) { return a / b + (a % b > 0); }
// The least multiple of `step` that is at least n.
static constexpr int64_t roundUp(int64_t n, int64_t step) { return ceilDivide(n, step) * step; }

// Sums and products of sizes, saturated, so that a check `x.length == product(rows, columns)` cannot be fooled by
// overflow.
static constexpr int64_t sum(int64_t a, int64_t b) {
  int64_t s = 0;
  return __builtin_add_overflow(a, b, &s) ? INT64_MAX : s;
}
static constexpr int64_t product(int64_t a, int64_t b) {
  int64_t p = 0;
  return __builtin_mul_overflow(a, b, &p) ? INT64_MAX : p;
}
template <typename... Rest>
static constexpr int64_t product(int64_t a, int64_t b, Rest... rest) {
  return product(product(a, b), rest...);
}

}  // namespace adjoint
