// LU factorisation with partial pivoting, and systems of equations.
#pragma once
#include "matrix.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// Factors the columns [begin, end) of a [m][n], rows from `begin` on; whole rows are swapped.
template <typename T>
void factorPanel(T* a, int32_t* pivots, int64_t m, int64_t n, int64_t begin, int64_t end) {
  for (int64_t j = begin; j < end; ++j) {
    int64_t pivot = j;
    for (int64_t i = j + 1; i < m; ++i) {
      if (absolute(a[i * n + j]) > absolute(a[pivot * n + j])) pivot = i;
    }
    pivots[j] = static_cast<int32_t>(pivot + 1);
    if (pivot != j) swapRows(a + j * n, a + pivot * n, n);
    const T* const row = a + j * n;
    if (row[j] == T(0)) continue;
    for (int64_t i = j + 1; i < m; ++i) {
      a[i * n + j] /= row[j];
      addScaled(a + i * n + j + 1, row + j + 1, -a[i * n + j], end - j - 1);
    }
  }
}

// a [m][n] = its factors, L below the diagonal, where the ones are not stored, and U. negated [kBlock][n] is for work.
template <typename T>
void factorLu(T* a, int32_t* pivots, int64_t m, int64_t n, T* negated) {
  const int64_t k = smaller(m, n);
  for (int64_t begin = 0; begin < k; begin += kBlock) {
    const int64_t end = smaller(k, begin + kBlock), width = end - begin, rest = n - end;
    factorPanel(a, pivots, m, n, begin, end);
    if (rest == 0) break;
    for (int64_t i = begin; i < end; ++i) {
      T* const row = a + i * n + end;
      for (int64_t j = begin; j < i; ++j) addScaled(row, a + j * n + end, -a[i * n + j], rest);
      for (int64_t j = 0; j < rest; ++j) negated[(i - begin) * rest + j] = -row[j];
    }
    if (end < m) {
      gemm<T>(false, false, m - end, rest, width, a + end * n + begin, n, negated, rest, true, a + end * n + end, n);
    }
  }
}

// lu [count][m][n] = the factors of x with their rows in the order of `pivots` [count][min(m, n)]: row i was swapped with row
// pivots[i] - 1, for i = 0, 1, …. Getrf of LAPACK.
template <typename T>
Outcome luFactor(Out<T> lu, Out<int32_t> pivots, Workspace workspace, In<T> x, int64_t count, int64_t m, int64_t n) {
  if (x.length != product(count, m, n) || lu.length != x.length) return misfit();
  if (pivots.length != product(count, smaller(m, n)) || m > INT32_MAX || n > INT32_MAX) return misfit();
  if (x.length == 0) return ok();
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(smaller(m, n));
  const int64_t groups = groupsOf(count, work, workspace.threads), size = kBlock * n;
  T* const negated = workspace.take<T>(product(groups, size));
  if (!workspace.isEnough()) return workspace.missing();
  eachMatrix(count, groups, [&](int64_t group, int64_t i) {
    T* const a = lu.data + i * m * n;
    copyTo(a, x.data + i * m * n, m * n);
    factorLu(a, pivots.data + i * smaller(m, n), m, n, negated + group * size);
  });
  return ok();
}

// The first of `count` matrices whose factor U has a zero on its diagonal, or -1.
template <typename T>
int64_t firstSingular(const T* lu, int64_t count, int64_t n) {
  for (int64_t i = 0; i < count * n; ++i) {
    if (lu[i / n * n * n + i % n * (n + 1)] == T(0)) return i / n;
  }
  return -1;
}

// x [count][n][columns]: op(A) · x = b, by the factors of A. A fault is the first pivot out of range, or the first
// singular matrix, whose value is NaN, unless such are allowed.
template <typename T>
Outcome luSolve(Out<T> x, Workspace workspace, In<T> lu, In<int32_t> pivots, In<T> b, int64_t count, int64_t n,
                int64_t columns, int64_t transposed, int64_t singular) {
  if (lu.length != product(count, n, n) || b.length != product(count, n, columns)) return misfit();
  if (x.length != b.length || pivots.length != product(count, n) || n > INT32_MAX) return misfit();
  for (int64_t i = 0; i < pivots.length; ++i) {
    if (pivots[i] < 1 || pivots[i] > n) return fault(i, pivots[i]);
  }
  const int64_t first = singular ? -1 : firstSingular(lu.data, count, n);
  if (first >= 0) return fault(first, __builtin_nan(""));
  if (x.length == 0) return ok();
  const int64_t size = n * columns;
  const double work = 2.0 * static_cast<double>(n) * static_cast<double>(size);
  const int64_t groups = groupsOf(count, work, workspace.threads);
  T* const negated = workspace.take<T>(product(groups, size));
  if (!workspace.isEnough()) return workspace.missing();
  eachMatrix(count, groups, [&](int64_t group, int64_t i) {
    T* const solution = x.data + i * size;
    T* const free = negated + group * size;
    const int32_t* const swaps = pivots.data + i * n;
    const auto exchange = [&](int64_t j) {
      if (swaps[j] - 1 != j) swapRows(solution + j * columns, solution + (swaps[j] - 1) * columns, columns);
    };
    const Triangle<T> upper{lu.data + i * n * n, n, n, true, transposed != 0, false};
    const Triangle<T> lower{lu.data + i * n * n, n, n, false, transposed != 0, true};
    copyTo(solution, b.data + i * size, size);
    if (!transposed) {
      for (int64_t j = 0; j < n; ++j) exchange(j);
    }
    solveTriangle(transposed ? upper : lower, solution, columns, free);
    solveTriangle(transposed ? lower : upper, solution, columns, free);
    if (transposed) {
      for (int64_t j = n - 1; j >= 0; --j) exchange(j);
    }
  });
  return ok();
}

// x [count][n][columns]: op(triangle of a) · x = b. The other triangle of a is not read, nor the diagonal where `unit`.
template <typename T>
Outcome triangularSolve(Out<T> x, Workspace workspace, In<T> a, In<T> b, int64_t count, int64_t n, int64_t columns,
                        int64_t upper, int64_t transposed, int64_t unit) {
  if (a.length != product(count, n, n) || b.length != product(count, n, columns)) return misfit();
  if (x.length != b.length) return misfit();
  if (x.length == 0) return ok();
  const int64_t size = n * columns;
  const int64_t groups = groupsOf(count, static_cast<double>(n) * static_cast<double>(size), workspace.threads);
  T* const negated = workspace.take<T>(product(groups, size));
  if (!workspace.isEnough()) return workspace.missing();
  eachMatrix(count, groups, [&](int64_t group, int64_t i) {
    copyTo(x.data + i * size, b.data + i * size, size);
    const Triangle<T> triangle{a.data + i * n * n, n, n, upper != 0, transposed != 0, unit != 0};
    solveTriangle(triangle, x.data + i * size, columns, negated + group * size);
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
