// RMSprop and Adagrad.
#pragma once
#include "optim.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// The constant factors of an RMSprop step.
template <typename T>
struct RmspropStep {
  T rate, sign, alpha, rest, eps, decay, keep;
};

// n elements. `mean` (of the gradient) and `buffer` (momentum) may be null, which is a template parameter, or the loop
// would not vectorise.
template <typename T, bool kCentered, bool kMomentum>
void rmspropPiece(RmspropStep<T> s, int64_t n, T* parameter, const T* gradient, T* square, T* mean, T* buffer) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const T d = s.sign * gradient[i] + s.decay * parameter[i];
    square[i] = s.alpha * square[i] + s.rest * d * d;
    T variance = square[i];
    if (kCentered) {
      mean[i] = s.alpha * mean[i] + s.rest * d;
      variance -= mean[i] * mean[i];
    }
    T b = d / (squareRoot(variance) + s.eps);
    if (kMomentum) buffer[i] = b = s.keep * buffer[i] + b;
    parameter[i] -= s.rate * b;
  }
}

// RMSprop, for each parameter θ with gradient g (−g to maximize):
//   d = g + weightDecay · θ;  v = α v + (1 − α) d²;  centered: m = α m + (1 − α) d, otherwise m = 0
//   b = momentum · b + d / (√(v − m²) + ε);  θ = θ − lr · b
// parameters, gradients, squares (v), means (m; none unless centered), buffers (b; none without momentum): n spans of
// equal lengths; steps: n times [1]; hyper: [lr, α, ε, weightDecay, momentum].
template <typename T>
Outcome rmsprop(InOuts<T> parameters, Ins<T> gradients, InOuts<T> squares, InOuts<T> means, InOuts<T> buffers,
                InOuts<double> steps, In<double> hyper, int64_t maximize) {
  const bool centered = means.count != 0, hasMomentum = buffers.count != 0;
  if (!sameLengths(parameters, gradients) || !sameLengths(parameters, squares) ||
      (centered && !sameLengths(parameters, means)) || (hasMomentum && !sameLengths(parameters, buffers)) ||
      !areScalars(steps, parameters.count) || hyper.length != 5) {
    return misfit();
  }
  const RmspropStep<T> step{static_cast<T>(hyper[0]),     maximize ? T(-1) : T(1),  static_cast<T>(hyper[1]),
                            static_cast<T>(1 - hyper[1]), static_cast<T>(hyper[2]), static_cast<T>(hyper[3]),
                            static_cast<T>(hyper[4])};
  const auto piece = centered ? (hasMomentum ? rmspropPiece<T, true, true> : rmspropPiece<T, true, false>)
                              : (hasMomentum ? rmspropPiece<T, false, true> : rmspropPiece<T, false, false>);
  parallelPieces(parameters.buffers, parameters.count, [&](int64_t i, int64_t from, int64_t to) {
    piece(step, to - from, parameters[i].data + from, gradients[i].data + from, squares[i].data + from,
          centered ? means[i].data + from : nullptr, hasMomentum ? buffers[i].data + from : nullptr);
  });
  advance(steps);
  return ok();
}

// Adagrad, for each parameter θ with gradient g (−g to maximize) at its step t = 1, 2, …:
//   d = g + weightDecay · θ;  s = s + d²;  θ = θ − lr / (1 + (t − 1) lrDecay) · d / (√s + ε)
// parameters, gradients, sums (s): n spans of equal lengths; steps: n times [1]; hyper: [lr, lrDecay, weightDecay, what
// the sums begin with, ε].
template <typename T>
Outcome adagrad(InOuts<T> parameters, Ins<T> gradients, InOuts<T> sums, InOuts<double> steps, In<double> hyper,
                int64_t maximize) {
  if (!sameLengths(parameters, gradients) || !sameLengths(parameters, sums) || !areScalars(steps, parameters.count) ||
      hyper.length != 5) {
    return misfit();
  }
  const T sign = maximize ? T(-1) : T(1), decay = static_cast<T>(hyper[2]), small = static_cast<T>(hyper[4]);
  parallelPieces(parameters.buffers, parameters.count, [&](int64_t i, int64_t from, int64_t to) {
    const T rate = static_cast<T>(hyper[0] / (1 + steps[i][0] * hyper[1]));
    T *p = parameters[i].data, *s = sums[i].data;
    const T* g = gradients[i].data;
#pragma omp simd
    for (int64_t j = from; j < to; j++) {
      const T d = sign * g[j] + decay * p[j];
      s[j] += d * d;
      p[j] -= rate * d / (squareRoot(s[j]) + small);
    }
  });
  advance(steps);
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
