// OpenBLAS, one thread a call, by several callers at once.
#pragma once
#include "product.h"

namespace adjoint {

// One product (but for its bias) on this thread, for float and double.
template <typename T>
void computeByBlas(const Product<T>& product);

struct BlasInfo {
  const char* config;  // version and build options
  const char* core;    // the processor whose kernels it chose
};
BlasInfo blasInfo();

}  // namespace adjoint
