// The innermost loops of the tile product: rows of c in registers. In vector extensions of GCC and clang, one source
// for AVX-512, AVX2 and NEON.
#pragma once
#include <cstdint>

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// A tile of kRows x kColumns sums fills the registers but for a row of b and one element of a.
#if defined(__AVX512F__)
constexpr int kLanes = 16, kRows = 14, kVectors = 2;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kRows = 6, kVectors = 2;
#else
constexpr int kLanes = 4, kRows = 8, kVectors = 3;
#endif
constexpr int kColumns = kLanes * kVectors;

typedef float Vector __attribute__((vector_size(4 * kLanes)));
typedef float Unaligned __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

// c [rows, vectors * kLanes] (+)= Σ_k a(i, k) * b(k, :). Sums are kept in registers over the whole of k.
template <int rows, int vectors>
struct Sums {
  Vector s[rows][vectors] = {};

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

  __attribute__((always_inline)) void store(float* c, int64_t ldc, bool accumulate) const {
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

// The tile of rows of a that lie lda apart, read in place.
template <int rows, int vectors>
void tileOfRows(int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c, int64_t ldc,
                bool accumulate) {
  // Three rows share a pointer. The empty asm hides from GCC where the pointers come from: it would make one of each
  // row and spill them.
  constexpr int groups = (rows + 2) / 3;
  const float* group[groups];
#pragma GCC unroll 5
  for (int g = 0; g < groups; g++) group[g] = a + 3 * g * lda;
  Sums<rows, vectors> sums;
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
  for (; p + 4 <= k; p += 4) {
    step(0);
    step(1);
    step(2);
    step(3);
    advance(4);
  }
  for (; p < k; p++) {
    step(0);
    advance(1);
  }
  sums.store(c, ldc, accumulate);
}

// The tile of a packed block of a: kRows elements for each k.
template <int rows, int vectors>
void tileOfPacked(int64_t k, const float* a, int64_t, const float* b, int64_t ldb, float* c, int64_t ldc,
                  bool accumulate) {
  Sums<rows, vectors> sums;
#pragma GCC unroll 4
  for (int64_t p = 0; p < k; p++) {
    sums.add([&](int i) __attribute__((always_inline)) { return a[i]; }, b);
    a += kRows;
    b += ldb;
  }
  sums.store(c, ldc, accumulate);
}

// to [k, kRows] = `rows` columns of a [k, lda].
template <int rows>
void packRows(int64_t k, const float* a, int64_t lda, float* to) {
  for (int64_t p = 0; p < k; p++) __builtin_memcpy(to + p * kRows, a + p * lda, rows * sizeof(float));
}

using TileFunction = void (*)(int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
                              int64_t ldc, bool accumulate);
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
