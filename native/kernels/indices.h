// What kernels that are given indices check before they write.
#pragma once
#include "kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// The first index outside [0, n) as a fault.
inline Outcome checkIndices(In<int32_t> index, int64_t n) {
  const uint32_t limit = n < INT64_C(1) << 31 ? static_cast<uint32_t>(n) : UINT32_C(1) << 31;
  uint32_t outside = 0;  // negative ones are above the limit as unsigned numbers
#pragma omp simd reduction(| : outside)
  for (int64_t i = 0; i < index.length; ++i) outside |= static_cast<uint32_t>(index[i]) >= limit;
  if (!outside) return ok();
  int64_t first = 0;
  while (static_cast<uint32_t>(index[first]) < limit) ++first;
  return fault(first, index[first]);
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
