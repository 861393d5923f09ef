// OpenBLAS, one thread a call, by several callers at once.
#pragma once
#include "product.h"

namespace adjoint {

// One product (but for its bias) on this thread, for float and double. False, and nothing done, where the system has no
// memory for OpenBLAS's work buffer; that stays so.
template <typename T>
bool computeByBlas(const Product<T>& product);

struct BlasInfo {
  const char* config;  // version and build options
  const char* core;    // the processor whose kernels it chose
};
BlasInfo blasInfo();

}  // namespace adjoint
