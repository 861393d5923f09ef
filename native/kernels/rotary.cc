// Rotary positions (Su et al., "RoFormer", 2021).
#include "kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kGrain = 16384;  // elements a chunk

// y [outer, rows, heads, 2 * half] = x with each pair (a, b) of row t turned by the angle i of row first + t:
// (a cos - b sin, b cos + a sin), or by its negative where `inverse`. A pair is (i, i + half), or (2i, 2i + 1) where
// `interleaved`. cosine, sine [positions, half].
template <typename T>
Outcome rotary(Out<T> y, In<T> x, In<T> cosine, In<T> sine, int64_t outer, int64_t rows, int64_t heads, int64_t half,
               int64_t first, int64_t inverse, int64_t interleaved) {
  if (y.length != x.length || y.length != product(outer, rows, heads, product(2, half))) return misfit();
  if (y.length == 0) return ok();
  if (first > cosine.length || product(first + rows, half) > cosine.length || sine.length != cosine.length) {
    return misfit();
  }
  const T sign = inverse ? T(-1) : T(1);
  parallel(outer * rows * heads, kGrain / (2 * half) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; unit++) {
      const T* from = x.data + unit * 2 * half;
      T* to = y.data + unit * 2 * half;
      const int64_t position = first + unit / heads % rows;
      const T *c = cosine.data + position * half, *s = sine.data + position * half;
      const int64_t step = interleaved ? 2 : 1, other = interleaved ? 1 : half;
#pragma omp simd
      for (int64_t i = 0; i < half; i++) {
        const T a = from[i * step], b = from[i * step + other], turn = sign * s[i];
        to[i * step] = a * c[i] - b * turn;
        to[i * step + other] = b * c[i] + a * turn;
      }
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(rotary, ADJOINT_FLOATS(rotary, "y x cosine sine outer rows heads half first inverse interleaved"))
