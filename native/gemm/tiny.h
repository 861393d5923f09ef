// Products by plain loops: the smallest ones, and all of them when no engine has memory.
#pragma once
#include "product.h"

namespace adjoint {

// Up to this many multiplications, a plain loop ends before an engine has begun.
constexpr int64_t kTinyWork = 256;

template <typename T>
bool isTiny(const Product<T>& p) {
  return p.m <= kTinyWork && p.n <= kTinyWork && p.k <= kTinyWork && p.m * p.n * p.k <= kTinyWork;
}

// A fixed number of columns is kept in registers.
template <int columns, typename T>
void tinyColumns(const Product<T>& p, int64_t stepRowA, int64_t stepA, int64_t stepB, int64_t stepColumnB, int64_t j) {
  for (int64_t i = 0; i < p.m; i++) {
    T sums[columns] = {};
    const T *a = p.a + i * stepRowA, *b = p.b + j * stepColumnB;
    for (int64_t q = 0; q < p.k; q++, a += stepA, b += stepB) {
#pragma GCC unroll 4
      for (int c = 0; c < columns; c++) sums[c] += *a * b[c * stepColumnB];
    }
    T* to = p.c + i * p.ldc + j;
#pragma GCC unroll 4
    for (int c = 0; c < columns; c++) to[c] = p.accumulate ? to[c] + sums[c] : sums[c];
  }
}

template <typename T>
void computeTiny(const Product<T>& p) {
  const int64_t stepRowA = p.transA ? 1 : p.lda, stepA = p.transA ? p.lda : 1;
  const int64_t stepB = p.transB ? 1 : p.ldb, stepColumnB = p.transB ? p.ldb : 1;
  int64_t j = 0;
  for (; j + 4 <= p.n; j += 4) tinyColumns<4>(p, stepRowA, stepA, stepB, stepColumnB, j);
  for (; j < p.n; j++) tinyColumns<1>(p, stepRowA, stepA, stepB, stepColumnB, j);
}

// The fallback when OpenBLAS has no memory: a panel of b on the stack, rows of sums in registers.
template <typename T>
void computePlain(const Product<T>& p) {
  constexpr int64_t kDepth = 128, kColumns = 16;
  const int64_t stepRowA = p.transA ? 1 : p.lda, stepA = p.transA ? p.lda : 1;
  const int64_t stepB = p.transB ? 1 : p.ldb, stepColumnB = p.transB ? p.ldb : 1;
  T panel[kDepth * kColumns];
  for (int64_t j = 0; j < p.n; j += kColumns) {
    const int64_t columns = p.n - j < kColumns ? p.n - j : kColumns;
    for (int64_t first = 0; first < p.k; first += kDepth) {
      const int64_t depth = p.k - first < kDepth ? p.k - first : kDepth;
      for (int64_t q = 0; q < depth; q++) {
        const T* from = p.b + (first + q) * stepB + j * stepColumnB;
        for (int64_t c = 0; c < kColumns; c++) panel[q * kColumns + c] = c < columns ? from[c * stepColumnB] : T(0);
      }
      for (int64_t i = 0; i < p.m; i++) {
        T sums[kColumns] = {};
        const T* a = p.a + i * stepRowA + first * stepA;
        for (int64_t q = 0; q < depth; q++, a += stepA) {
#pragma GCC unroll 16
          for (int64_t c = 0; c < kColumns; c++) sums[c] += *a * panel[q * kColumns + c];
        }
        T* to = p.c + i * p.ldc + j;
        const bool adds = p.accumulate || first > 0;
        for (int64_t c = 0; c < columns; c++) to[c] = adds ? to[c] + sums[c] : sums[c];
      }
    }
  }
}

}  // namespace adjoint
