// What softmax and cross entropy share: the maximum and log Σ exp(x - maximum) of each row or column.
//
// Many short rows are taken at a time: only exp is expensive, and it runs over a whole block, regardless of row ends.
#pragma once
#include "kernel.h"
#include "math.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// A loop vectorises only when the mathematics inside is inlined, which the compiler gives up on in a large file.
#define ADJOINT_FLAT __attribute__((noinline, flatten))

constexpr int64_t kBlock = 1024;         // elements of a block of rows
constexpr int64_t kColumns = 64;         // columns of a tile
constexpr int64_t kSoftmaxGrain = 8192;  // elements that are worth a thread

// body(first row, rows) for blocks of the rows of x [rows][n]: at most kBlock elements, or one row.
template <typename Body>
inline void forEachRowBlock(int64_t rows, int64_t n, Body&& body) {
  const int64_t step = larger(1, kBlock / larger(1, n));
  parallel(rows, larger(1, kSoftmaxGrain / larger(1, n)), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row += step) body(row, smaller(step, end - row));
  });
}

// body(offset in x, offset in the results [outer][inner], columns) for tiles of the columns of x [outer][n][inner].
template <typename Body>
inline void forEachColumnTile(int64_t outer, int64_t n, int64_t inner, Body&& body) {
  const int64_t tiles = ceilDivide(inner, kColumns);
  const int64_t cost = larger(1, n * smaller(inner, kColumns));
  parallel(outer * tiles, larger(1, kSoftmaxGrain / cost), [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t o = unit / tiles;
      const int64_t first = (unit - o * tiles) * kColumns;
      body(o * n * inner + first, o * inner + first, smaller(kColumns, inner - first));
    }
  });
}

// A NaN may get lost here: the sum of the row's exp restores it.
template <typename T>
inline T largest(const T* x, int64_t n) {
  T most = x[0];
  if (n < 16) {
    for (int64_t i = 1; i < n; ++i) most = x[i] > most ? x[i] : most;
    return most;
  }
#pragma omp simd reduction(max : most)
  for (int64_t i = 1; i < n; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

// Σ term(i) over [0, n), in blocks that are added in double.
template <typename T, typename Term>
inline __attribute__((always_inline)) T sumOfTerms(int64_t n, Term term) {
  if (n < 16) {
    T sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += term(i);
    return sum;
  }
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += 256) {
    const int64_t end = smaller(n, begin + 256);
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; ++i) sum += term(i);
    total += static_cast<double>(sum);
  }
  return static_cast<T>(total);
}
template <typename T>
inline T sumOf(const T* x, int64_t n) {
  return sumOfTerms<T>(n, [=](int64_t i) { return x[i]; });
}
template <typename T>
inline T dotOf(const T* a, const T* b, int64_t n) {
  return sumOfTerms<T>(n, [=](int64_t i) { return a[i] * b[i]; });
}

template <typename T>
inline void expInPlace(T* x, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) x[i] = math::exp(x[i]);
}

template <typename T>
inline void logInPlace(T* x, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) x[i] = math::log(x[i]);
}

// most[rows], logSum[rows] of x [rows][n], n > 0: a block of forEachRowBlock.
template <typename T>
ADJOINT_FLAT void logSumExpOfRows(const T* x, int64_t rows, int64_t n, T* most, T* logSum) {
  T terms[kBlock];
  if (n > kBlock) {
    most[0] = largest(x, n);
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += kBlock) {
      const int64_t count = smaller(kBlock, n - begin);
#pragma omp simd
      for (int64_t i = 0; i < count; ++i) terms[i] = math::exp(x[begin + i] - most[0]);
      total += static_cast<double>(sumOf(terms, count));
    }
    logSum[0] = static_cast<T>(__builtin_log(total));
    return;
  }
  for (int64_t row = 0; row < rows; ++row) {
    most[row] = largest(x + row * n, n);
    for (int64_t i = row * n; i < (row + 1) * n; ++i) terms[i] = x[i] - most[row];
  }
  expInPlace(terms, rows * n);
  for (int64_t row = 0; row < rows; ++row) {
    logSum[row] = sumOf(terms + row * n, n);
  }
  logInPlace(logSum, rows);
}

template <typename T>
inline void largestOfColumns(const T* x, int64_t n, int64_t inner, int64_t width, T* most) {
  for (int64_t j = 0; j < width; ++j) most[j] = x[j];
  for (int64_t i = 1; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) most[j] = x[i * inner + j] > most[j] ? x[i * inner + j] : most[j];
  }
}

// most[width], logSum[width] of `width` columns of x [n][inner], n > 0: a tile of forEachColumnTile.
template <typename T>
ADJOINT_FLAT void logSumExpOfColumns(const T* x, int64_t n, int64_t inner, int64_t width, T* most, T* logSum) {
  double sums[kColumns];
  largestOfColumns(x, n, inner, width, most);
  for (int64_t j = 0; j < width; ++j) sums[j] = 0;
  for (int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) sums[j] += static_cast<double>(math::exp(x[i * inner + j] - most[j]));
  }
  for (int64_t j = 0; j < width; ++j) logSum[j] = static_cast<T>(sums[j]);
  logInPlace(logSum, width);
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
