// Which algorithm computes a convolution or its input gradient: over padded planes (phases.h), with images in lanes
// (images.h), or by Winograd's fewer products (winograd.h).
#pragma once
#include "phases.h"
#include "winograd.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kMostInLanes = (1 << 26) - 64;  // elements of an image; larger ones fill vectors by themselves

// Whether 31 bits are enough for offsets into the parts of the workspace.
template <typename T>
bool isPossible(const Pass& p, Algorithm::Code algorithm) {
  if (p.s.images >= kPositionLimit) return false;
  if (algorithm == Algorithm::kPlanes) return (p.toInput ? planesOfDy(p.s) : planesOfX(p.s)).length() < kPaddedLimit;
  if (p.source() >= kMostInLanes) return false;
  if (algorithm == Algorithm::kImages) return true;
  return suitsWinograd(p.s.h) && suitsWinograd(p.s.w) && WinogradSlot<T>(p).length() < INT32_MAX &&
         pointsOfWeight(p) < INT32_MAX;
}

template <typename T>
bool isAnyPossible(const Pass& p) {
  return isPossible<T>(p, Algorithm::kPlanes) || isPossible<T>(p, Algorithm::kImages) ||
         isPossible<T>(p, Algorithm::kWinograd);
}

// A group of fewer images than lanes would leave some empty.
inline int64_t slotsOf(const Pass& p, Algorithm::Code algorithm, int64_t threads) {
  return slotsOf(algorithm == Algorithm::kPlanes ? p.s.images : ceilDivide(p.s.images, kLanes), threads);
}

// Taps that the outputs of a dimension meet inside of the image, all together.
inline double tapsInside(const Axis& a) {
  int64_t count = 0;
  for (int64_t t = 0; t < a.taps; t++) {
    const int64_t start = a.at(t) - a.pad;  // output i meets element i · stride + start
    if (start >= a.in) break;
    const int64_t first = start < 0 ? ceilDivide(-start, a.stride) : 0;
    count += larger(0, smaller(a.out, (a.in - 1 - start) / a.stride + 1) - first);
  }
  return static_cast<double>(count);
}

// The time of one image of one group, in products of whole vectors. The factors were measured with AVX-512, where a
// vector has 16 lanes; elements that are moved one by one cost as much for a narrower vector as for a wide one.
inline double costOf(const Pass& p, Algorithm::Code algorithm) {
  constexpr double lanes = kLanes, move = 16 / lanes;
  const Shape& s = p.s;
  const double products = static_cast<double>(p.rows() * p.channels());
  const double source = static_cast<double>(p.source()), result = static_cast<double>(p.result());
  if (algorithm == Algorithm::kImages)
    return products * tapsInside(s.h) * tapsInside(s.w) / lanes + 3 * move * (source + result);
  if (algorithm == Algorithm::kWinograd) {
    const double tiles = static_cast<double>(((p.height() + 1) / 2) * ((p.width() + 1) / 2));
    return products * (tiles * move + 64 / static_cast<double>(s.images)) + 4 * move * (source + result);
  }
  const int64_t height = p.toInput ? s.h.phaseLength() : s.h.out, width = p.toInput ? s.w.phaseLength() : s.w.out;
  const int64_t pitch = p.toInput ? width + s.w.shift() : axisOfX(s.w).length;
  const bool whole = width % kLanes == 0 && (!p.toInput || s.w.stride == 1);
  const int64_t vectors = ceilDivide(whole ? height * width : (height - 1) * pitch + width, kLanes);
  const double sums = 1.12 * products * static_cast<double>(s.taps()) * static_cast<double>(vectors);
  return sums + (whole ? 0 : move * result);
}

// The algorithm with the lowest estimated time among the possible ones, of which there is at least one.
template <typename T>
Algorithm::Code fastest(const Pass& p, int64_t threads) {
  Algorithm::Code best = Algorithm::kPlanes;
  double least = __builtin_inf();
  for (const Algorithm::Code algorithm : {Algorithm::kPlanes, Algorithm::kImages, Algorithm::kWinograd}) {
    if (!isPossible<T>(p, algorithm)) continue;
    const int64_t slots = slotsOf(p, algorithm, threads), share = ceilDivide(p.s.images, smaller(threads, slots));
    double time =
        static_cast<double>(algorithm == Algorithm::kPlanes ? share : roundUp(share, kLanes)) * costOf(p, algorithm);
    if (algorithm == Algorithm::kPlanes) {  // each slot's planes are cleared once
      const int64_t length = (p.toInput ? planesOfDy(p.s) : planesOfX(p.s)).length();
      time += static_cast<double>(ceilDivide(slots, threads)) * static_cast<double>(length) / kLanes;
    }
    if (time < least) least = time, best = algorithm;
  }
  return best;
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
