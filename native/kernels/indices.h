// The checks of kernels that take indices, before they write.
#pragma once
#include "kernel.h"
#include "shared.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// The first index outside [least, n) as a fault; least is 0, or -1 for "none".
inline Outcome checkIndices(In<int32_t> index, int64_t n, int32_t least = 0) {
  const auto from = static_cast<uint32_t>(least);
  const uint32_t limit = static_cast<uint32_t>(smaller(n, kPositionLimit)) - from;
  uint32_t outside = 0;  // smaller ones are above the limit as unsigned numbers
#pragma omp simd reduction(| : outside)
  for (int64_t i = 0; i < index.length; ++i) outside |= static_cast<uint32_t>(index[i]) - from >= limit;
  if (!outside) return ok();
  int64_t first = 0;
  while (static_cast<uint32_t>(index[first]) - from < limit) ++first;
  return fault(first, index[first]);
}

// Whether two spans share memory: a span that is read while another is written must not.
template <typename A, typename B>
inline bool overlap(A a, B b) {
  const auto *aBegin = reinterpret_cast<const char*>(a.data), *aEnd = reinterpret_cast<const char*>(a.data + a.length);
  const auto *bBegin = reinterpret_cast<const char*>(b.data), *bEnd = reinterpret_cast<const char*>(b.data + b.length);
  return aBegin < bEnd && bBegin < aEnd;
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
