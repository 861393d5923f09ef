// The products of attention's blocks: small, strided, on one thread, with operands in place. In vector extensions of
// GCC and clang, for float and double.
#pragma once
#include "../../gemm/pack.h"
#include "../../simd/lanes.h"
#include "../kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {
namespace flash {

// Rows of a tile: with two vectors each they and their operands fit in the registers.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kTileRows = 8;
#else
constexpr int kTileRows = 4;
#endif
constexpr int64_t kMostInner = 64;  // the longest sum of a product whose columns are no whole vectors

// c [rows, vectors] (+)= Σ_p a(i, p) b[p, :]; a(i, p) is a[i * lda + p] or, transposed, a[p * lda + i].
template <typename T, int rows, int vectors, bool transposed>
void tile(int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc, bool accumulate) {
  constexpr int64_t lanes = Simd<T>::lanes;
  using Register = Lanes<T>;
  using Memory = typename Simd<T>::Unaligned;
  Register sum[rows][vectors] = {};
  for (int64_t p = 0; p < k; p++, b += ldb) {
    Register row[vectors];
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) row[j] = *reinterpret_cast<const Memory*>(b + j * lanes);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      const Register x = (transposed ? a[p * lda + i] : a[i * lda + p]) - Register{};
#pragma GCC unroll 2
      for (int j = 0; j < vectors; j++) sum[i][j] += x * row[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) {
      Memory* to = reinterpret_cast<Memory*>(c + i * ldc + j * lanes);
      *to = accumulate ? *to + sum[i][j] : sum[i][j];
    }
  }
}

// All m rows of `vectors` columns.
template <typename T, int vectors, bool transposed>
void multiplyColumns(int64_t m, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc,
                     bool accumulate) {
  const int64_t step = transposed ? 1 : lda;
  int64_t i = 0;
  for (; i + kTileRows <= m; i += kTileRows) {
    tile<T, kTileRows, vectors, transposed>(k, a + i * step, lda, b, ldb, c + i * ldc, ldc, accumulate);
  }
  if (kTileRows == 8 && i + 4 <= m) {
    tile<T, 4, vectors, transposed>(k, a + i * step, lda, b, ldb, c + i * ldc, ldc, accumulate);
    i += 4;
  }
  for (; i < m; i++) tile<T, 1, vectors, transposed>(k, a + i * step, lda, b, ldb, c + i * ldc, ldc, accumulate);
}

// The last n < lanes columns, by way of padded copies.
template <typename T, bool transposed>
void multiplyEdge(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc,
                  bool accumulate) {
  constexpr int64_t lanes = Simd<T>::lanes;
  alignas(64) T panel[kMostInner * lanes];
  alignas(64) T sums[kTileRows * lanes];
  for (int64_t p = 0; p < k; p++) {
    for (int64_t j = 0; j < lanes; j++) panel[p * lanes + j] = j < n ? b[p * ldb + j] : T(0);
  }
  for (int64_t i = 0; i < m; i += kTileRows) {
    const int64_t rows = smaller(kTileRows, m - i);
    multiplyColumns<T, 1, transposed>(rows, k, a + i * (transposed ? 1 : lda), lda, panel, lanes, sums, lanes, false);
    for (int64_t r = 0; r < rows; r++) {
      T* to = c + (i + r) * ldc;
      for (int64_t j = 0; j < n; j++) to[j] = accumulate ? to[j] + sums[r * lanes + j] : sums[r * lanes + j];
    }
  }
}

// c [m, n] (+)= op(a) [m, k] · b [k, n]; k is at most kMostInner where n is no multiple of the lanes.
template <typename T, bool transposed>
void multiply(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc,
              bool accumulate) {
  constexpr int64_t lanes = Simd<T>::lanes;
  int64_t j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    multiplyColumns<T, 2, transposed>(m, k, a, lda, b + j, ldb, c + j, ldc, accumulate);
  }
  if (j + lanes <= n) {
    multiplyColumns<T, 1, transposed>(m, k, a, lda, b + j, ldb, c + j, ldc, accumulate);
    j += lanes;
  }
  if (j < n) multiplyEdge<T, transposed>(m, n - j, k, a, lda, b + j, ldb, c + j, ldc, accumulate);
}

// to [k, width] = the n <= width rows of x, transposed; the columns beyond n repeat the last one.
inline void packColumns(int64_t k, int64_t n, int64_t width, const float* x, int64_t row, float* to) {
  packTransposed(k, n, width, x, row, to);
}
inline void packColumns(int64_t k, int64_t n, int64_t width, const double* x, int64_t row, double* to) {
  for (int64_t j = 0; j < width; j++) {
    const double* from = x + smaller(j, n - 1) * row;
    for (int64_t p = 0; p < k; p++) to[p * width + j] = from[p];
  }
}

}  // namespace flash
}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
