// Cholesky factorisation.
#pragma once
#include "matrix.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// Factors the diagonal block [begin, end) of a [n][n]. The number of the first row, from 1 on, whose pivot is not positive,
// or 0.
template <typename T>
int64_t factorDiagonal(T* a, int64_t n, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    T* const row = a + i * n;
    for (int64_t j = begin; j < i; ++j) {
      row[j] = (row[j] - dot(row + begin, a + j * n + begin, j - begin)) / a[j * n + j];
    }
    const T pivot = row[i] - dot(row + begin, row + begin, i - begin);
    row[i] = pivot;
    if (!(pivot > T(0))) return i + 1;
    row[i] = __builtin_sqrt(pivot);
  }
  return 0;
}

// a [n][n] = L of a = L · Lᵀ, zeros above its diagonal; only the lower triangle is read. negated [kBlock][n] is for work.
// Returns what factorDiagonal does.
template <typename T>
int64_t factorCholesky(T* a, int64_t n, T* negated) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i + 1; j < n; ++j) a[i * n + j] = T(0);
  }
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = smaller(n, begin + kBlock), width = end - begin;
    if (begin > 0) {
      for (int64_t i = 0; i < width; ++i) {
        for (int64_t j = 0; j < begin; ++j) negated[i * begin + j] = -a[(begin + i) * n + j];
      }
      gemm<T>(false, true, n - begin, width, begin, a + begin * n, n, negated, begin, true, a + begin * n + begin, n);
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t j = i + 1; j < end; ++j) a[i * n + j] = T(0);  // the product wrote the whole block
      }
    }
    const int64_t failed = factorDiagonal(a, n, begin, end);
    if (failed) return failed;
    parallel(n - end, kGroupWork / (width * width) + 1, [=](int64_t first, int64_t last) {
      for (int64_t i = end + first; i < end + last; ++i) {
        T* const row = a + i * n;
        for (int64_t j = begin; j < end; ++j) {
          row[j] = (row[j] - dot(row + begin, a + j * n + begin, j - begin)) / a[j * n + j];
        }
      }
    });
  }
  return 0;
}

// l [count][n][n], info [count]: 0, or the order of the first leading minor that is not positive; then l is not whole. Where
// `strict`, the first such matrix is a fault.
template <typename T>
Outcome cholesky(Out<T> l, Out<int32_t> info, Workspace workspace, In<T> x, int64_t count, int64_t n, int64_t strict) {
  if (x.length != product(count, n, n) || l.length != x.length || info.length != count) return misfit();
  if (n > INT32_MAX) return misfit();
  const double work = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) / 3;
  const int64_t groups = groupsOf(count, work, workspace.threads), size = kBlock * n;
  T* const factors = workspace.take<T>(x.length);
  T* const negated = workspace.take<T>(product(groups, size));
  int32_t* const failed = workspace.take<int32_t>(count);
  if (!workspace.isEnough()) return workspace.missing();
  copyTo(factors, x.data, x.length);
  eachMatrix(count, groups, [&](int64_t group, int64_t i) {
    failed[i] = static_cast<int32_t>(factorCholesky(factors + i * n * n, n, negated + group * size));
  });
  for (int64_t i = 0; strict && i < count; ++i) {
    if (failed[i]) return fault(i, failed[i]);
  }
  copyTo(l.data, factors, x.length);
  copyTo(info.data, failed, count);
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
