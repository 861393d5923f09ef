// The windows of pooling, and the walk over them.
#pragma once
#include "../../simd/lanes.h"
#include "../kernel.h"
#include "../shared.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kGrain = 16384;  // input elements a chunk
constexpr int64_t kLong = 4096;    // elements of a window whose sum is taken in pieces …
constexpr int64_t kPiece = 2048;   // … of this size
constexpr int kBlock = 16;         // outputs computed at a time if their windows are inside

// The elements first, first + step, … below end.
struct Window {
  int64_t first, end, step;
  int64_t count() const { return (end - first + step - 1) / step; }
};

// One dimension: window i begins at i * stride - pad. Without taps it is adaptive: the windows divide the elements
// evenly.
struct PoolAxis {
  int64_t in, out, taps, stride, pad, dilation;

  int64_t span() const { return (taps - 1) * dilation + 1; }
  Window window(int64_t i) const {
    if (taps == 0) return {i * in / out, ((i + 1) * in + out - 1) / out, 1};
    const int64_t start = i * stride - pad;
    const int64_t first = start < 0 ? start + (-start + dilation - 1) / dilation * dilation : start;
    const int64_t end = smaller(start + span(), in);
    return {first, larger(end, first), dilation};
  }
  // The divisor of an average: the elements of the window, or those with padding.
  int64_t divisor(int64_t i, bool withPadding) const {
    if (taps == 0 || !withPadding) return window(i).count();
    return smaller(i * stride - pad + taps, in + pad) - (i * stride - pad);
  }
  // The outputs [lower, upper) whose windows are completely inside.
  int64_t lower() const { return taps == 0 ? out : smaller(out, ceilDivide(pad, stride)); }
  int64_t upper() const {
    const int64_t last = in + pad - span();
    return taps == 0 || last < 0 ? lower() : larger(lower(), smaller(out, last / stride + 1));
  }
};

// The numbers of a call: planes, and then the axis of height and that of width.
#define ADJOINT_POOL_SIZES "planes,in,out,taps,stride,pad,dilation"
struct PoolShape {
  int64_t planes;
  PoolAxis h, w;
  int64_t inPixels() const { return h.in * w.in; }
  int64_t outPixels() const { return h.out * w.out; }
};

inline bool readPool(Integers numbers, int64_t xLength, int64_t yLength, PoolShape& shape) {
  if (numbers.count != 13) return false;
  for (int i = 0; i < 13; i++) {
    if (numbers[i] >= kAxisLimit) return false;
  }
  const int64_t* n = numbers.data;
  shape = {n[0], {n[1], n[2], n[3], n[4], n[5], n[6]}, {n[7], n[8], n[9], n[10], n[11], n[12]}};
  for (const PoolAxis& axis : {shape.h, shape.w}) {
    if (axis.in < 1 || axis.out < 1 || axis.stride < 1 || axis.dilation < 1) return false;
  }
  if (shape.inPixels() >= kPositionLimit) return false;
  return xLength == product(shape.planes, shape.h.in, shape.w.in) &&
         yLength == product(shape.planes, shape.h.out, shape.w.out);
}

inline int64_t planesAChunk(const PoolShape& s) { return kGrain / s.inPixels() + 1; }

// to[l] = from[l * stride] for a block; reads up to from[kBlock * stride - 1]. `fixed`: the stride, where the compiler
// shall know it, or 0.
template <int fixed, typename T>
__attribute__((always_inline)) inline void loadBlock(T* to, const T* from, int64_t stride) {
  for (int l = 0; l < kBlock; l++) to[l] = from[l * (fixed ? fixed : stride)];
}

#if __has_builtin(__builtin_shufflevector)
template <typename T, int... i>
__attribute__((always_inline)) inline void loadPairs(T* to, const T* from, std::integer_sequence<int, i...>) {
  constexpr int lanes = sizeof...(i);
  for (int l = 0; l < kBlock; l += lanes) {
    const Lanes<T> a = vectorAt(from + 2 * l), b = vectorAt(from + 2 * l + lanes);
    vectorAt(to + l) = __builtin_shufflevector(a, b, (2 * i)...);
  }
}
template <>
__attribute__((always_inline)) inline void loadBlock<2, float>(float* to, const float* from, int64_t) {
  loadPairs(to, from, std::make_integer_sequence<int, kLanesOf<float>>());
}
template <>
__attribute__((always_inline)) inline void loadBlock<2, double>(double* to, const double* from, int64_t) {
  loadPairs(to, from, std::make_integer_sequence<int, kLanesOf<double>>());
}
#endif

// Runs single(row, column, position) for each output of planes [begin, end), in order; and instead of it block(row,
// column, position) for kBlock outputs of a row whose windows lie inside. What a block reads and writes beyond its row
// is inside of the chunk's x and y, and what it writes there comes later again.
template <typename Single, typename Block>
void forEachOutput(const PoolShape& s, int64_t begin, int64_t end, Single single, Block block) {
  const int64_t top = s.h.lower(), bottom = s.h.upper(), lower = s.w.lower(), upper = s.w.upper(),
                reach = kBlock * s.w.stride + s.w.span() - 1;
  for (int64_t plane = begin; plane < end; plane++) {
    for (int64_t i = 0; i < s.h.out; i++) {
      const int64_t row = (plane * s.h.out + i) * s.w.out;
      const bool inside = i >= top && i < bottom;
      const int64_t lastRow = plane * s.inPixels() + (i * s.h.stride - s.h.pad + s.h.span() - 1) * s.w.in;
      int64_t j = 0;
      while (j < s.w.out) {
        const bool fits = inside && j >= lower && j < upper && row + j + kBlock <= end * s.outPixels() &&
                          lastRow + j * s.w.stride - s.w.pad + reach <= end * s.inPixels();
        if (fits) {
          block(plane, i, j, row + j);
          j = smaller(j + kBlock, upper);
        } else {
          single(plane, i, j, row + j);
          j++;
        }
      }
    }
  }
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
