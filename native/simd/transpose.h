// Transposes of floats in registers: squares, and four columns.
#pragma once
#include <cstdint>

#include "lanes.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// column[q * width + j] = row[j][p + q] for the kLanes rows and q = 0 … 3.
#if __has_builtin(__builtin_shufflevector)
typedef float Quad __attribute__((vector_size(16)));
typedef float UnalignedQuad __attribute__((vector_size(16), aligned(4), may_alias));

inline Quad quad(const float* from) { return *reinterpret_cast<const UnalignedQuad*>(from); }

// Four elements of every fourth row, from `row` on.
inline Vector gather(const float* const* row, int64_t p) {
#if defined(__AVX512F__)
  const auto low = __builtin_shufflevector(quad(row[0] + p), quad(row[4] + p), 0, 1, 2, 3, 4, 5, 6, 7);
  const auto high = __builtin_shufflevector(quad(row[8] + p), quad(row[12] + p), 0, 1, 2, 3, 4, 5, 6, 7);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#elif defined(__AVX2__)
  return __builtin_shufflevector(quad(row[0] + p), quad(row[4] + p), 0, 1, 2, 3, 4, 5, 6, 7);
#else
  return quad(row[0] + p);
#endif
}

// In each quarter vector (of 4 lanes): lanes i and j of x, then k and l of y.
#define QUARTER(q, i, j, k, l) (i) + 4 * q, (j) + 4 * q, (k) + 4 * q, (l) + 4 * q
#if defined(__AVX512F__)
#define QUARTERS(...) QUARTER(0, __VA_ARGS__), QUARTER(1, __VA_ARGS__), QUARTER(2, __VA_ARGS__), QUARTER(3, __VA_ARGS__)
#elif defined(__AVX2__)
#define QUARTERS(...) QUARTER(0, __VA_ARGS__), QUARTER(1, __VA_ARGS__)
#else
#define QUARTERS(...) QUARTER(0, __VA_ARGS__)
#endif

// The 4 × 4 blocks of four vectors, each transposed: lane 4 q + i of result j is lane 4 q + j of x i.
struct Four {
  Vector v[4];
};

inline Four transposeFour(const Vector& x0, const Vector& x1, const Vector& x2, const Vector& x3) {
  const Vector low01 = __builtin_shufflevector(x0, x1, QUARTERS(0, kLanes, 1, kLanes + 1));
  const Vector high01 = __builtin_shufflevector(x0, x1, QUARTERS(2, kLanes + 2, 3, kLanes + 3));
  const Vector low23 = __builtin_shufflevector(x2, x3, QUARTERS(0, kLanes, 1, kLanes + 1));
  const Vector high23 = __builtin_shufflevector(x2, x3, QUARTERS(2, kLanes + 2, 3, kLanes + 3));
  return {{__builtin_shufflevector(low01, low23, QUARTERS(0, 1, kLanes, kLanes + 1)),
           __builtin_shufflevector(low01, low23, QUARTERS(2, 3, kLanes + 2, kLanes + 3)),
           __builtin_shufflevector(high01, high23, QUARTERS(0, 1, kLanes, kLanes + 1)),
           __builtin_shufflevector(high01, high23, QUARTERS(2, 3, kLanes + 2, kLanes + 3))}};
}

#undef QUARTERS
#undef QUARTER

inline void packFour(const float* const* row, int64_t p, float* column, int64_t width) {
  const Four columns = transposeFour(gather(row, p), gather(row + 1, p), gather(row + 2, p), gather(row + 3, p));
  for (int q = 0; q < 4; q++) *reinterpret_cast<Unaligned*>(column + q * width) = columns.v[q];
}

// The quarters of four vectors (halves of two, at 8 lanes), transposed: quarter g of result q is quarter q of x g.
inline void transposeQuarters(Vector* x) {
#if defined(__AVX512F__)
#define HALVES(i, j, k, l)                                                                                 \
  4 * (i), 4 * (i) + 1, 4 * (i) + 2, 4 * (i) + 3, 4 * (j), 4 * (j) + 1, 4 * (j) + 2, 4 * (j) + 3, 4 * (k), \
      4 * (k) + 1, 4 * (k) + 2, 4 * (k) + 3, 4 * (l), 4 * (l) + 1, 4 * (l) + 2, 4 * (l) + 3
  const Vector low01 = __builtin_shufflevector(x[0], x[1], HALVES(0, 1, 4, 5));
  const Vector high01 = __builtin_shufflevector(x[0], x[1], HALVES(2, 3, 6, 7));
  const Vector low23 = __builtin_shufflevector(x[2], x[3], HALVES(0, 1, 4, 5));
  const Vector high23 = __builtin_shufflevector(x[2], x[3], HALVES(2, 3, 6, 7));
  x[0] = __builtin_shufflevector(low01, low23, HALVES(0, 2, 4, 6));
  x[1] = __builtin_shufflevector(low01, low23, HALVES(1, 3, 5, 7));
  x[2] = __builtin_shufflevector(high01, high23, HALVES(0, 2, 4, 6));
  x[3] = __builtin_shufflevector(high01, high23, HALVES(1, 3, 5, 7));
#undef HALVES
#elif defined(__AVX2__)
  const Vector low = __builtin_shufflevector(x[0], x[1], 0, 1, 2, 3, 8, 9, 10, 11);
  x[1] = __builtin_shufflevector(x[0], x[1], 4, 5, 6, 7, 12, 13, 14, 15);
  x[0] = low;
#else
  (void)x;
#endif
}

// to[j * ldTo + i] = from[i * ldFrom + j] for i, j < kLanes.
inline void transposeSquare(const float* from, int64_t ldFrom, float* to, int64_t ldTo) {
  constexpr int groups = kLanes / 4;
  const auto row = [=](int i) -> Vector { return *reinterpret_cast<const Unaligned*>(from + i * ldFrom); };
  Four block[groups];
#pragma GCC unroll 4
  for (int g = 0; g < groups; g++) block[g] = transposeFour(row(4 * g), row(4 * g + 1), row(4 * g + 2), row(4 * g + 3));
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    Vector x[groups];
#pragma GCC unroll 4
    for (int g = 0; g < groups; g++) x[g] = block[g].v[j];
    transposeQuarters(x);
#pragma GCC unroll 4
    for (int q = 0; q < groups; q++) *reinterpret_cast<Unaligned*>(to + (4 * q + j) * ldTo) = x[q];
  }
}
#else
inline void transposeSquare(const float* from, int64_t ldFrom, float* to, int64_t ldTo) {
  for (int i = 0; i < kLanes; i++) {
    for (int j = 0; j < kLanes; j++) to[j * ldTo + i] = from[i * ldFrom + j];
  }
}

inline void packFour(const float* const* row, int64_t p, float* column, int64_t width) {
  for (int q = 0; q < 4; q++) {
    for (int j = 0; j < kLanes; j++) column[q * width + j] = row[j][p + q];
  }
}
#endif

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
