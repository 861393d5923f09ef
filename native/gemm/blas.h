// OpenBLAS, one thread per call, called by several threads at once.
#pragma once
#include "product.h"

namespace adjoint {

// One product (without its bias) on this thread, for float and double. False, and nothing done, if the system has no
// memory for OpenBLAS's work buffer; later calls fail then, too.
template <typename T>
bool computeByBlas(const Product<T>& product);

struct BlasInfo {
  const char* config;  // version and build options
  const char* core;    // the processor whose kernels it chose
};
BlasInfo blasInfo();

}  // namespace adjoint
