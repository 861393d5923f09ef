// The types of elements, and memory that holds some.
#pragma once
#include <cstddef>
#include <cstdint>

#include "codes.h"

namespace adjoint {

ADJOINT_ENUM(class DType : uint8_t, dtypeNames, kFloat32, kFloat64, kInt32, kUint8);

constexpr size_t bytesOfDType[] = {4, 8, 4, 1};
static inline size_t bytesPerElement(DType dtype) { return bytesOfDType[static_cast<int>(dtype)]; }

struct Buffer {
  void* data;
  int64_t length;  // elements
};

}  // namespace adjoint
