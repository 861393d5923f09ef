// The exponential of matrices by scaling, a Padé approximant and squaring (Higham, "The scaling and squaring method for the matrix
// exponential revisited", 2005).
#pragma once
#include "lu.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// The approximant's coefficients, divided by the first.
constexpr double kPade[] = {64764752532480000.,
                            32382376266240000.,
                            7771770303897600.,
                            1187353796428800.,
                            129060195264000.,
                            10559470521600.,
                            670442572800.,
                            33522128640.,
                            1323241920.,
                            40840800.,
                            960960.,
                            16380.,
                            182.,
                            1.};
constexpr double kPadeNorm = 5.371920351148152;  // up to which it is exact

// The largest sum of absolute values in a row.
template <typename T>
double rowNorm(const T* x, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; ++i) {
    double total = 0;
    for (int64_t j = 0; j < n; ++j) total += absolute(x[i * n + j]);
    if (!(total <= most)) most = total;
  }
  return most;
}

// y = c₆ · a6 + c₄ · a4 + c₂ · a2 + c₀ · I, where a coefficient is kPade[first + its index] over kPade[0].
template <typename T>
void combine(T* y, const T* a6, const T* a4, const T* a2, int64_t first, int64_t n, bool identity) {
  const auto c = [=](int64_t i) { return static_cast<T>(kPade[first + i] / kPade[0]); };
  const int64_t shift = identity ? 0 : -2;
  const T c6 = c(6 + shift), c4 = c(4 + shift), c2 = c(2 + shift);
  for (int64_t i = 0; i < n * n; ++i) y[i] = c6 * a6[i] + c4 * a4[i] + c2 * a2[i];
  for (int64_t i = 0; identity && i < n; ++i) y[i * n + i] += c(0);
}

// y = exp(x); work [8][n][n].
template <typename T>
void exponential(T* y, const T* x, int64_t n, T* work, int32_t* pivots) {
  const int64_t size = n * n;
  const double norm = rowNorm(x, n);
  if (!isFinite(norm)) {
    for (int64_t i = 0; i < size; ++i) y[i] = T(__builtin_nan(""));
    return;
  }
  int squarings = 0;
  for (double rest = norm; rest > kPadeNorm; rest /= 2) ++squarings;
  T *const a = work, *const a2 = a + size, *const a4 = a2 + size, *const a6 = a4 + size;
  T *const odd = a6 + size, *const even = odd + size, *const inner = even + size, *const free = inner + size;
  copyTo(a, x, size);
  scale(a, size, -squarings);
  gemm<T>(false, false, n, n, n, a, a, false, a2);
  gemm<T>(false, false, n, n, n, a2, a2, false, a4);
  gemm<T>(false, false, n, n, n, a4, a2, false, a6);
  combine(inner, a6, a4, a2, 9, n, false);
  combine(free, a6, a4, a2, 1, n, true);
  gemm<T>(false, false, n, n, n, a6, inner, true, free);
  gemm<T>(false, false, n, n, n, a, free, false, odd);
  combine(inner, a6, a4, a2, 8, n, false);
  combine(even, a6, a4, a2, 0, n, true);
  gemm<T>(false, false, n, n, n, a6, inner, true, even);
  for (int64_t i = 0; i < size; ++i) {
    y[i] = even[i] + odd[i];
    even[i] -= odd[i];
  }
  factorLu(even, pivots, n, n, free);
  for (int64_t j = 0; j < n; ++j) {
    if (pivots[j] - 1 != j) swapRows(y + j * n, y + (pivots[j] - 1) * n, n);
  }
  solveTriangle(Triangle<T>{even, n, n, false, false, true}, y, n, free);
  solveTriangle(Triangle<T>{even, n, n, true, false, false}, y, n, free);
  for (int step = 0; step < squarings; ++step) {
    gemm<T>(false, false, n, n, n, y, y, false, free);
    copyTo(y, free, size);
  }
}

// y [count][n][n] = exp(x). NaN for a matrix that is not finite.
template <typename T>
Outcome matrixExp(Out<T> y, Workspace workspace, In<T> x, int64_t count, int64_t n) {
  const int64_t size = product(n, n);
  if (x.length != product(count, size) || y.length != x.length || n > INT32_MAX) return misfit();
  if (x.length == 0) return ok();
  const double work = 20.0 * static_cast<double>(n) * static_cast<double>(size);
  const int64_t groups = groupsOf(count, work, workspace.threads), each = sum(product(8, size), kBlock * n);
  T* const memory = workspace.take<T>(product(groups, each));
  int32_t* const pivots = workspace.take<int32_t>(product(groups, n));
  if (!workspace.isEnough()) return workspace.missing();
  eachMatrix(count, groups, [&](int64_t group, int64_t i) {
    exponential(y.data + i * size, x.data + i * size, n, memory + group * each, pivots + group * n);
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
