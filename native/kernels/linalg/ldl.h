// The factorisation of symmetric indefinite matrices with diagonal pivoting (Bunch and Kaufman, "Some stable methods for calculating
// inertia and solving symmetric linear systems", 1977), as LAPACK's sytrf and sytrs have it.
#pragma once
#include "matrix.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

template <typename T>
void swapped(T& a, T& b) {
  const T moved = a;
  a = b;
  b = moved;
}

// The row below k with the largest element in column k, or k.
template <typename T>
int64_t largestBelow(const T* a, int64_t n, int64_t k) {
  int64_t at = k;
  T most = 0;
  for (int64_t i = k + 1; i < n; ++i) {
    if (absolute(a[i * n + k]) <= most) continue;
    most = absolute(a[i * n + k]);
    at = i;
  }
  return at;
}

// Which row and column come to the place of the pivot at k, and whether that is one of two rows.
struct Pivot {
  int64_t row;
  int64_t size;
};
template <typename T>
Pivot choosePivot(const T* a, int64_t n, int64_t k) {
  constexpr double alpha = 0.6403882032022076;  // (1 + √17) / 8
  const int64_t at = largestBelow(a, n, k);
  const double own = absolute(a[k * n + k]), column = at == k ? 0 : absolute(a[at * n + k]);
  if (!(own < alpha * column)) return {k, 1};
  T row = 0;  // of a's own type: GCC 12 for arm64 fails on the largest of floats as doubles
  const auto take = [&row](T value) {
    if (absolute(value) > row) row = absolute(value);
  };
  for (int64_t j = k; j < at; ++j) take(a[at * n + j]);
  for (int64_t i = at + 1; i < n; ++i) take(a[i * n + at]);
  if (own >= alpha * column * (column / row)) return {k, 1};
  if (absolute(a[at * n + at]) >= alpha * row) return {at, 1};
  return {at, 2};
}

// Exchanges rows and columns `to` and `from`, to < from, of the lower triangle from column `to` on.
template <typename T>
void exchange(T* a, int64_t n, int64_t to, int64_t from) {
  for (int64_t i = from + 1; i < n; ++i) swapped(a[i * n + to], a[i * n + from]);
  for (int64_t i = to + 1; i < from; ++i) swapped(a[i * n + to], a[from * n + i]);
  swapped(a[to * n + to], a[from * n + from]);
}

// a [n][n] = L below the diagonal and the blocks of D on it, of the lower triangle of a. Pivots: row k was exchanged with row
// pivots[k] - 1, or, where both of a block of two are negative, row k + 1 with row -pivots[k] - 1. Returns the number of
// the first zero in D, or 0.
template <typename T>
int64_t factorLdl(T* a, int32_t* pivots, int64_t n) {
  int64_t zero = 0;
  for (int64_t k = 0; k < n;) {
    const auto [row, size] = choosePivot(a, n, k);
    const int64_t to = k + size - 1;
    if (row != to) {
      exchange(a, n, to, row);
      if (size == 2) swapped(a[to * n + k], a[row * n + k]);
    }
    for (int64_t i = 0; i < size; ++i) pivots[k + i] = static_cast<int32_t>(size == 1 ? row + 1 : -(row + 1));
    const T pivot = a[k * n + k];
    if (size == 1 && pivot == T(0) && zero == 0) zero = k + 1;
    if (size == 1 && pivot != T(0)) {
      for (int64_t i = k + 1; i < n; ++i) {
        const T factor = a[i * n + k] / pivot;
        for (int64_t j = k + 1; j <= i; ++j) a[i * n + j] -= factor * a[j * n + k];
      }
      for (int64_t i = k + 1; i < n; ++i) a[i * n + k] /= pivot;
    } else if (size == 2) {
      const T beside = a[to * n + k], d11 = a[to * n + to] / beside, d22 = pivot / beside;
      const T scaled = T(1) / (d11 * d22 - T(1)) / beside;
      for (int64_t j = k + 2; j < n; ++j) {
        const T first = scaled * (d11 * a[j * n + k] - a[j * n + to]);
        const T second = scaled * (d22 * a[j * n + to] - a[j * n + k]);
        for (int64_t i = j; i < n; ++i) a[i * n + j] -= a[i * n + k] * first + a[i * n + to] * second;
        a[j * n + k] = first;
        a[j * n + to] = second;
      }
    }
    k += size;
  }
  return zero;
}

// ld [count][n][n], zeros above the diagonal, pivots [count][n] and info [count] as above.
template <typename T>
Outcome ldlFactor(Out<T> ld, Out<int32_t> pivots, Out<int32_t> info, In<T> x, int64_t count, int64_t n) {
  if (x.length != product(count, n, n) || ld.length != x.length || pivots.length != product(count, n)) return misfit();
  if (info.length != count || n > INT32_MAX) return misfit();
  parallel(count,
           static_cast<int64_t>(kGroupWork /
                                (static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) + 1)) +
               1,
           [&](int64_t begin, int64_t end) {
             for (int64_t m = begin; m < end; ++m) {
               T* const a = ld.data + m * n * n;
               for (int64_t i = 0; i < n; ++i) {
                 for (int64_t j = 0; j < n; ++j) a[i * n + j] = j <= i ? x[(m * n + i) * n + j] : T(0);
               }
               info[m] = static_cast<int32_t>(factorLdl(a, pivots.data + m * n, n));
             }
           });
  return ok();
}

// x [n][columns]: D · x = x for the block of two at k.
template <typename T>
void solvePair(const T* a, T* x, int64_t n, int64_t k, int64_t columns) {
  const T beside = a[(k + 1) * n + k], first = a[k * n + k] / beside, second = a[(k + 1) * n + k + 1] / beside;
  const T denominator = first * second - T(1);
  for (int64_t c = 0; c < columns; ++c) {
    T &upper = x[k * columns + c], &lower = x[(k + 1) * columns + c];
    const T u = upper / beside, l = lower / beside;
    upper = (second * u - l) / denominator;
    lower = (first * l - u) / denominator;
  }
}

template <typename T>
void solveLdl(const T* a, const int32_t* pivots, T* x, int64_t n, int64_t columns) {
  const auto exchangeRows = [=](int64_t i, int64_t j) {
    if (i != j) swapRows(x + i * columns, x + j * columns, columns);
  };
  for (int64_t k = 0; k < n;) {
    const int64_t size = pivots[k] > 0 ? 1 : 2, row = (size == 1 ? pivots[k] : -pivots[k]) - 1;
    exchangeRows(k + size - 1, row);
    for (int64_t i = k + size; i < n; ++i) {
      for (int64_t j = k; j < k + size; ++j) addScaled(x + i * columns, x + j * columns, -a[i * n + j], columns);
    }
    if (size == 2) {
      solvePair(a, x, n, k, columns);
    } else {
      for (int64_t c = 0; c < columns; ++c) x[k * columns + c] /= a[k * n + k];
    }
    k += size;
  }
  for (int64_t k = n - 1; k >= 0;) {
    const int64_t size = pivots[k] > 0 ? 1 : 2, row = (size == 1 ? pivots[k] : -pivots[k]) - 1;
    for (int64_t j = k - size + 1; j <= k; ++j) {
      for (int64_t i = k + 1; i < n; ++i) addScaled(x + j * columns, x + i * columns, -a[i * n + j], columns);
    }
    exchangeRows(k, row);
    k -= size;
  }
}

// The first pivot that is not what factorLdl gives, or -1: out of range, or one of a block of two without the other.
inline int64_t firstWrongPivot(const int32_t* pivots, int64_t count, int64_t n) {
  for (int64_t m = 0; m < count; ++m) {
    const int32_t* const p = pivots + m * n;
    for (int64_t k = 0; k < n;) {
      if (p[k] == 0 || p[k] > n || p[k] < -n) return m * n + k;
      if (p[k] < 0 && (k + 1 == n || p[k + 1] != p[k])) return m * n + k;
      k += p[k] < 0 ? 2 : 1;
    }
  }
  return -1;
}

// x [count][n][columns]: A · x = b, by the factors of A. A fault is the first wrong pivot.
template <typename T>
Outcome ldlSolve(Out<T> x, In<T> ld, In<int32_t> pivots, In<T> b, int64_t count, int64_t n, int64_t columns) {
  if (ld.length != product(count, n, n) || b.length != product(count, n, columns)) return misfit();
  if (x.length != b.length || pivots.length != product(count, n) || n > INT32_MAX) return misfit();
  const int64_t wrong = firstWrongPivot(pivots.data, n == 0 ? 0 : count, n);
  if (wrong >= 0) return fault(wrong, pivots[wrong]);
  copyTo(x.data, b.data, b.length);
  if (x.length == 0) return ok();
  parallel(
      count,
      static_cast<int64_t>(kGroupWork /
                           (2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(columns) + 1)) +
          1,
      [&](int64_t begin, int64_t end) {
        for (int64_t m = begin; m < end; ++m) {
          solveLdl(ld.data + m * n * n, pivots.data + m * n, x.data + m * n * columns, n, columns);
        }
      });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
