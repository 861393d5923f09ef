// The arguments of a product.
#pragma once
#include <cstdint>

namespace adjoint {

// The operands of one product, or of a block of it.
template <typename T>
struct Product {
  bool transA, transB;
  int64_t m, n, k;
  const T* a;
  int64_t lda;
  const T* b;
  int64_t ldb;
  const T* bias;  // [n], or null
  bool accumulate;
  T* c;
  int64_t ldc;
};

}  // namespace adjoint
