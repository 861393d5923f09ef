// The loops that elementwise kernels share. Outputs may be the same spans as inputs.
#pragma once
#include "kernel.h"
#include "shared.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kGrain = 16384;

// y[i] = f(x[i])
template <typename R, typename T, typename F>
inline Outcome map(Out<R> y, In<T> x, F f) {
  if (y.length != x.length) return misfit();
  parallel(y.length, kGrain, [=](int64_t begin, int64_t end) {
    R* to = y.data;
    const T* from = x.data;
    const F function = f;  // a local copy stays in registers
#pragma omp simd
    for (int64_t i = begin; i < end; i++) to[i] = function(from[i]);
  });
  return ok();
}

// y[i] = f(a[i], b[i])
template <typename R, typename A, typename B, typename F>
inline Outcome zip(Out<R> y, In<A> a, In<B> b, F f) {
  if (y.length != a.length || y.length != b.length) return misfit();
  parallel(y.length, kGrain, [=](int64_t begin, int64_t end) {
    R* to = y.data;
    const A* left = a.data;
    const B* right = b.data;
    const F function = f;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) to[i] = function(left[i], right[i]);
  });
  return ok();
}

// Walks a broadcast over `dims` (each size followed by N strides, outermost first). Calls row(position in the contiguous
// result, offset of each operand, count) for runs along the innermost dimension.
template <int N, typename Row>
Outcome broadcast(int64_t length, const int64_t (&lengths)[N], Integers dims, Row row) {
  constexpr int kStep = N + 1;
  if (dims.count % kStep != 0 || dims.count / kStep > kMaxRank) return misfit();
  const int rank = static_cast<int>(dims.count / kStep);
  int64_t total = 1;
  for (int d = 0; d < rank; d++) total = product(total, dims[d * kStep]);
  if (total != length) return misfit();
  if (length == 0) return ok();
  for (int k = 0; k < N; k++) {
    int64_t reach = 0;
    for (int d = 0; d < rank; d++) {
      const int64_t span = product(dims[d * kStep] - 1, dims[d * kStep + 1 + k]);
      if (__builtin_add_overflow(reach, span, &reach)) return misfit();
    }
    if (reach >= lengths[k]) return misfit();
  }
  parallel(length, 2 * kGrain, [=](int64_t begin, int64_t end) {
    const int64_t* inner = rank > 0 ? dims.data + (rank - 1) * kStep : nullptr;
    const int64_t width = rank > 0 ? inner[0] : 1;
    int64_t index[kMaxRank];
    int64_t offset[N] = {};
    int64_t rest = begin / width;
    int64_t column = begin % width;
    for (int d = rank - 2; d >= 0; d--) {
      index[d] = rest % dims[d * kStep];
      rest /= dims[d * kStep];
      for (int k = 0; k < N; k++) offset[k] += index[d] * dims[d * kStep + 1 + k];
    }
    while (begin < end) {
      const int64_t count = width - column < end - begin ? width - column : end - begin;
      int64_t at[N];
      for (int k = 0; k < N; k++) at[k] = offset[k] + (rank > 0 ? column * inner[1 + k] : 0);
      row(begin, at, count);
      begin += count;
      column = 0;
      for (int d = rank - 2; d >= 0; d--) {
        for (int k = 0; k < N; k++) offset[k] += dims[d * kStep + 1 + k];
        if (++index[d] < dims[d * kStep]) break;
        for (int k = 0; k < N; k++) offset[k] -= dims[d * kStep] * dims[d * kStep + 1 + k];
        index[d] = 0;
      }
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
