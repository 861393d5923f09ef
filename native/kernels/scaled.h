// Sums of squares that overflow or vanish in the elements' type although their root does not are taken again in double,
// in units of the largest element.
#pragma once
#include "kernel.h"
#include "math.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// Below it, a mean of squares taken in T is no longer precise.
template <typename T>
constexpr double kVanishing = sizeof(T) == 4 ? 1e-28 : 1e-280;

// Whether n squares that sum up to `squares` must be taken again, where they count beside `eps`.
template <typename T>
inline bool isOffScale(double squares, double n, double eps) {
  return !(squares - squares == 0) || (squares < n * kVanishing<T> && eps < kVanishing<T> * 1e8);
}

// The mean, and Σ (x - mean)² in units of `unit`². The unit is 0 where there is none: all elements are 0, or one is not
// finite, and what T gave is right.
struct ScaledSquares {
  double unit, mean, sum;

  // 1 / √(sum / n + eps)
  double inverseDeviation(double n, double eps) const {
    return 1 / (unit * __builtin_sqrt(sum / n + eps / unit / unit));
  }
};

// Of x [rows][columns], a row every `step` elements. Where not `centred`, the mean counts as 0.
template <typename T>
__attribute__((noinline)) ScaledSquares scaledSquares(const T* x, int64_t rows, int64_t columns, int64_t step,
                                                      bool centred) {
  const auto each = [=](auto body) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) body(static_cast<double>(x[i * step + j]));
    }
  };
  double unit = 0, sum = 0, squares = 0;
  each([&](double v) { unit = math::abs(v) > unit ? math::abs(v) : unit; });
  each([&](double v) { sum += v / unit; });
  if (unit == 0 || !(sum - sum == 0)) return {0, 0, 0};
  const double mean = centred ? sum / (static_cast<double>(rows) * static_cast<double>(columns)) : 0;
  each([&](double v) { squares += (v / unit - mean) * (v / unit - mean); });
  return {unit, mean * unit, squares};
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
