// Householder reflections H = I - tau · v · vᵀ, and products of many of them in the compact WY form (Schreiber and Van Loan,
// 1989): H₀ · H₁ · … = I - V · T · Vᵀ.
#pragma once
#include "matrix.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// The norm of x, without overflow or underflow on the way.
template <typename T>
double normOf(const T* x, int64_t n) {
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < n; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  if (total > 1e-280 && total < 1e280) return __builtin_sqrt(total);
  const int exponent = exponentOf(x, n);
  total = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double scaled = __builtin_ldexp(static_cast<double>(x[i]), -exponent);
    total += scaled * scaled;
  }
  return __builtin_ldexp(__builtin_sqrt(total), exponent);
}

// The reflection that maps x to a multiple of the first unit vector, which becomes x[0]; v, whose first element is 1 and not
// stored, replaces the rest. Returns tau. Larfg of LAPACK.
template <typename T>
T reflect(T* x, int64_t n) {
  double rest = n > 1 ? normOf(x + 1, n - 1) : 0;
  if (rest == 0) return T(0);
  // Near the smallest numbers in other units: v must have as many correct digits as ever, or H is no reflection.
  const int unit = sizeof(T) == 8 && __builtin_fabs(x[0]) + rest < 1e-280 ? 600 : 0;
  if (unit) {
    scale(x, n, unit);
    rest = normOf(x + 1, n - 1);
  }
  const double alpha = x[0], beta = alpha > 0 ? -__builtin_hypot(alpha, rest) : __builtin_hypot(alpha, rest);
  for (int64_t i = 1; i < n; ++i) x[i] = static_cast<T>(x[i] / (alpha - beta));
  x[0] = static_cast<T>(__builtin_ldexp(beta, -unit));
  return static_cast<T>((beta - alpha) / beta);
}

// Reflections in order: v of reflection j is row j of `rows`, from column j + shift on, where the 1 is not stored.
template <typename T>
struct Reflectors {
  const T* rows;
  int64_t ld, m;  // the length of a row, of v with its leading zeros
  const T* tau;
  int64_t count, shift;
};

// For work: `rows` is the most rows that a block of reflections is applied to.
template <typename T>
struct BlockWork {
  T *v, *gram, *t, *y, *scaled;

  static constexpr int64_t square = kBlock * kBlock;
  static int64_t sizeFor(int64_t m, int64_t rows) { return product(kBlock, sum(sum(m, 2 * kBlock), product(2, rows))); }
  BlockWork(T* memory, int64_t m, int64_t rows)
      : v(memory), gram(v + kBlock * m), t(gram + square), y(t + square), scaled(y + kBlock * rows) {}
};

// The reflections [begin, end) as one: work.v [end - begin][m - offset] with zeros and ones, and -T in work.t.
template <typename T>
void loadBlock(const Reflectors<T>& r, int64_t begin, int64_t end, const BlockWork<T>& work) {
  const int64_t offset = begin + r.shift, width = end - begin, length = r.m - offset;
  for (int64_t j = 0; j < width; ++j) {
    T* const v = work.v + j * length;
    for (int64_t i = 0; i < j; ++i) v[i] = T(0);
    v[j] = T(1);
    copyTo(v + j + 1, r.rows + (begin + j) * r.ld + offset + j + 1, length - j - 1);
  }
  gemm<T>(false, true, width, width, length, work.v, work.v, false, work.gram);
  for (int64_t j = 0; j < width; ++j) {
    const T tau = r.tau[begin + j];
    for (int64_t i = 0; i < width; ++i) work.t[i * width + j] = i == j ? -tau : T(0);
    for (int64_t i = 0; i < j; ++i) {
      T total = 0;
      for (int64_t l = i; l < j; ++l) total += work.t[i * width + l] * work.gram[l * width + j];
      work.t[i * width + j] = -tau * total;
    }
  }
}

// target = target · H or, where `transposed`, target · Hᵀ, for the block H that is loaded: target [rows] of length m, from
// column `offset` on. (A row of `target` is a column of what H is applied to, on its left.)
template <typename T>
void applyBlock(const BlockWork<T>& work, int64_t width, int64_t length, bool transposed, T* target, int64_t ld,
                int64_t rows) {
  if (rows == 0) return;
  gemm<T>(false, true, rows, width, length, target, ld, work.v, length, false, work.y, width);
  gemm<T>(false, transposed, rows, width, width, work.y, work.t, false, work.scaled);
  gemm<T>(false, false, rows, length, width, work.scaled, width, work.v, length, true, target, ld);
}

// result [columns][m] = the transpose of the first `columns` columns of H₀ · H₁ · …
template <typename T>
void formProduct(const Reflectors<T>& r, T* result, int64_t columns, const BlockWork<T>& work) {
  for (int64_t i = 0; i < columns * r.m; ++i) result[i] = T(0);
  for (int64_t i = 0; i < columns; ++i) result[i * r.m + i] = T(1);
  for (int64_t begin = (r.count - 1) / kBlock * kBlock; begin >= 0 && r.count > 0; begin -= kBlock) {
    const int64_t end = smaller(r.count, begin + kBlock), offset = begin + r.shift;
    loadBlock(r, begin, end, work);
    // The columns before `offset` are still those of the identity, and later reflections keep them.
    applyBlock(work, end - begin, r.m - offset, true, result + offset * r.m + offset, r.m, columns - offset);
  }
}

// a [n][m], the transpose of a matrix [m][n], becomes the transpose of R with the vectors v in place of zeros; tau
// [min(m, n)]. Geqrf of LAPACK.
template <typename T>
void factorTransposed(T* a, T* tau, int64_t m, int64_t n, const BlockWork<T>& work) {
  const int64_t k = smaller(m, n);
  for (int64_t begin = 0; begin < k; begin += kBlock) {
    const int64_t end = smaller(k, begin + kBlock);
    for (int64_t j = begin; j < end; ++j) {
      T* const v = a + j * m + j;
      tau[j] = reflect(v, m - j);
      const T beta = *v;
      *v = T(1);
      for (int64_t i = j + 1; i < end; ++i) {
        T* const row = a + i * m + j;
        addScaled(row, v, -tau[j] * dot(row, v, m - j), m - j);
      }
      *v = beta;
    }
    if (end == n) break;
    loadBlock(Reflectors<T>{a, m, m, tau, k, 0}, begin, end, work);
    applyBlock(work, end - begin, m - begin, false, a + end * m + begin, m, n - end);
  }
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
