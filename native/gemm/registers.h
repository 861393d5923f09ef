// The innermost loops of the tile product: rows of c in registers. Written in vector extensions of GCC and clang, one
// source for AVX-512, AVX2 and NEON.
#pragma once
#include <cstdint>

#include "../simd/lanes.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// A tile of kRows x kColumns sums, a row of b and one element of a fill the registers.
#if defined(__AVX512F__)
constexpr int kRows = 14, kVectors = 2;
#elif defined(__AVX2__)
constexpr int kRows = 6, kVectors = 2;
#else
constexpr int kRows = 8, kVectors = 3;
#endif
constexpr int kColumns = kLanes * kVectors;
// The elements for each k of a packed block of a: whole vectors if that adds little.
constexpr int kPackedRows = kLanes == 16 ? kLanes : kRows;

constexpr int kLine = 16;  // floats of a cache line

// Whether tiles prefetch c and the next panel to be packed while they compute: with AVX-512 memory is the bottleneck,
// with AVX2 it costs more than it gains.
#ifdef __AVX512F__
constexpr bool kFetches = true;
#else
constexpr bool kFetches = false;
#endif

// c [rows, vectors * kLanes] (+)= start + a · b over k, where start is one row. Every four steps kColumns elements from
// `ahead` on are fetched, which then moves on by `aheadStep`.
struct Tile {
  int64_t k;
  const float* a;
  int64_t lda;
  const float* b;
  int64_t ldb;
  const float* start;
  float* c;
  int64_t ldc;
  bool accumulate;
  const float* ahead;
  int64_t aheadStep;
};

// The sums of a tile, Σ_k a(i, k) * b(k, :), kept in registers over the whole of k.
template <int rows, int vectors>
struct Sums {
  Vector s[rows][vectors];

  __attribute__((always_inline)) explicit Sums(const Tile& tile) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) {
      const Vector start = *reinterpret_cast<const Unaligned*>(tile.start + j * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < rows; i++) s[i][j] = start;
    }
    if (!kFetches) return;
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < vectors * kLanes; j += kLine) __builtin_prefetch(tile.c + i * tile.ldc + j, 1);
    }
  }

  template <typename Element>
  __attribute__((always_inline)) void add(Element element, const float* b) {
    Vector row[vectors];
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) row[j] = *reinterpret_cast<const Unaligned*>(b + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      const Vector x = element(i) - Vector{};  // x - 0 folds into a broadcast (x + 0 would not: -0)
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) s[i][j] += x * row[j];
    }
  }

  __attribute__((always_inline)) void store(const Tile& tile) const {
    float* const c = tile.c;  // copies: for all that GCC knows, a store may change the tile
    const int64_t ldc = tile.ldc;
    const bool accumulate = tile.accumulate;
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) {
        Unaligned* to = reinterpret_cast<Unaligned*>(c + i * ldc + j * kLanes);
        *to = accumulate ? *to + s[i][j] : s[i][j];
      }
    }
  }
};

__attribute__((always_inline)) inline void fetch(const float* ahead) {
  if (!kFetches) return;
#pragma GCC unroll 4
  for (int j = 0; j < kColumns; j += kLine) __builtin_prefetch(ahead + j, 0, 2);
}

// The tile of rows of a, lda elements apart, read in place.
template <int rows, int vectors>
void tileOfRows(const Tile& tile) {
  // Three rows share a pointer. The empty asm hides from GCC where the pointers come from: it would make one of each
  // row and spill them.
  constexpr int groups = (rows + 2) / 3;
  const float* group[groups];
  int64_t lda = tile.lda;
#pragma GCC unroll 5
  for (int g = 0; g < groups; g++) group[g] = tile.a + 3 * g * lda;
  const float *b = tile.b, *ahead = tile.ahead;
  const int64_t ldb = tile.ldb, aheadStep = tile.aheadStep;
  Sums<rows, vectors> sums(tile);
  const auto step = [&](int64_t offset) __attribute__((always_inline)) {
#pragma GCC unroll 5
    for (int g = 0; g < groups; g++) asm("" : "+r"(group[g]), "+r"(lda));
    sums.add([&](int i) __attribute__((always_inline)) { return group[i / 3][i % 3 * lda + offset]; }, b);
    b += ldb;
  };
  const auto advance = [&](int64_t count) __attribute__((always_inline)) {
#pragma GCC unroll 5
    for (int g = 0; g < groups; g++) group[g] += count;
  };
  int64_t p = 0;
  for (; p + 4 <= tile.k; p += 4) {
    step(0);
    step(1);
    step(2);
    step(3);
    advance(4);
    fetch(ahead);
    ahead += aheadStep;
  }
  for (; p < tile.k; p++) {
    step(0);
    advance(1);
  }
  sums.store(tile);
}

// The tile with a packed block of a.
template <int rows, int vectors>
void tileOfPacked(const Tile& tile) {
  const float *a = tile.a, *b = tile.b, *ahead = tile.ahead;
  const int64_t ldb = tile.ldb, aheadStep = tile.aheadStep;
  Sums<rows, vectors> sums(tile);
  const auto step = [&]() __attribute__((always_inline)) {
    sums.add([&](int i) __attribute__((always_inline)) { return a[i]; }, b);
    a += kPackedRows;
    b += ldb;
  };
  int64_t p = 0;
  for (; p + 4 <= tile.k; p += 4) {
    step();
    step();
    step();
    step();
    fetch(ahead);
    ahead += aheadStep;
  }
  for (; p < tile.k; p++) step();
  sums.store(tile);
}

// to [k, kPackedRows] = `rows` columns of a [k, lda].
template <int rows>
void packRows(int64_t k, const float* a, int64_t lda, float* to) {
  for (int64_t p = 0; p < k; p++) __builtin_memcpy(to + p * kPackedRows, a + p * lda, rows * sizeof(float));
}

using TileFunction = void (*)(const Tile& tile);
struct Height {
  TileFunction inPlace[kVectors], packed[kVectors];
  void (*pack)(int64_t k, const float* a, int64_t lda, float* to);
};

template <int rows>
constexpr Height height() {
#if defined(__aarch64__)
  return {{tileOfRows<rows, 1>, tileOfRows<rows, 2>, tileOfRows<rows, 3>},
          {tileOfPacked<rows, 1>, tileOfPacked<rows, 2>, tileOfPacked<rows, 3>},
          packRows<rows>};
#else
  return {{tileOfRows<rows, 1>, tileOfRows<rows, 2>}, {tileOfPacked<rows, 1>, tileOfPacked<rows, 2>}, packRows<rows>};
#endif
}

// heights[r - 1]: for tiles of r rows.
const Height heights[kRows] = {
    height<1>(), height<2>(),  height<3>(),  height<4>(),  height<5>(),  height<6>(),
#if defined(__AVX512F__) || defined(__aarch64__)
    height<7>(), height<8>(),
#endif
#if defined(__AVX512F__)
    height<9>(), height<10>(), height<11>(), height<12>(), height<13>(), height<14>(),
#endif
};

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
