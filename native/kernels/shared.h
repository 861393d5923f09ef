// Codes and limits of kernels that the TypeScript side reads, too.
#pragma once
#include <cstdint>

#include "../runtime/codes.h"

namespace adjoint {

constexpr int kMaxRank = 64;

// Kernels over images count in 31 bits. These numbers are the first that are too large: for what belongs to a dimension
// (size, taps, stride, padding, dilation) and for the number of planes in pooling; for a padded dimension or image; for
// the elements that int32 positions tell apart.
constexpr int64_t kAxisLimit = INT32_MAX / 4, kPaddedLimit = INT32_MAX / 2, kPositionLimit = int64_t{1} << 31;

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
