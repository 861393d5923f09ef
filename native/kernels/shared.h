// Codes and limits of kernels that the TypeScript side reads, too.
#pragma once
#include <cstdint>

#include "../runtime/codes.h"

namespace adjoint {

constexpr int kMaxRank = 64;

// How the losses of all elements are reduced.
struct Reduction {
  ADJOINT_ENUM(Code : int64_t, names, kNone, kMean, kSum);
};

// The function that `linear` applies to its sums.
struct Activation {
  ADJOINT_ENUM(Code : int64_t, names, kNone, kRelu, kTanh, kSigmoid);
};

// How a convolution or its input gradient is computed.
struct Algorithm {
  ADJOINT_ENUM(Code : int64_t, names, kFastest, kPlanes, kImages, kWinograd);
};

}  // namespace adjoint
