// Products of many small matrices with the same matrix, for a recurrence: the matrix is packed once into panels of
// columns, and a tile of the result stays in registers. In vector extensions, for float and double at every level.
#pragma once
#include "../../gemm/pack.h"
#include "../../simd/lanes.h"
#include "../kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

#if defined(__AVX512F__)
constexpr int kTileRows = 14;
#elif defined(__AVX2__)
constexpr int kTileRows = 6;
#elif defined(__aarch64__)
constexpr int kTileRows = 12;
#else
constexpr int kTileRows = 6;
#endif

template <typename T>
struct Panel {
  using Vector = Lanes<T>;
  using Unaligned = typename Simd<T>::Unaligned;
  static constexpr int64_t lanes = kLanesOf<T>, width = 2 * lanes;
};

template <typename T>
constexpr int64_t paddedColumns(int64_t n) {
  return roundUp(n, Panel<T>::width);
}

// c [rows, width] (+)= a [rows, k] · panel [k, width]
template <typename T, int rows>
void panelTile(int64_t k, const T* a, int64_t lda, const T* panel, T* c, int64_t ldc, bool accumulate) {
  using Vector = typename Panel<T>::Vector;
  using Unaligned = typename Panel<T>::Unaligned;
  // Three rows share a pointer; the empty asm keeps GCC from making one of each row, and spilling them.
  constexpr int groups = (rows + 2) / 3;
  const T* group[groups];
#pragma GCC unroll 5
  for (int g = 0; g < groups; g++) group[g] = a + 3 * g * lda;
  Vector sum[rows][2] = {};
  for (int64_t p = 0; p < k; p++, panel += Panel<T>::width) {
#pragma GCC unroll 5
    for (int g = 0; g < groups; g++) asm("" : "+r"(group[g]), "+r"(lda));
    const Vector left = *reinterpret_cast<const Unaligned*>(panel);
    const Vector right = *reinterpret_cast<const Unaligned*>(panel + Panel<T>::lanes);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      const Vector x = group[i / 3][i % 3 * lda] - Vector{};  // x - 0 folds into a broadcast
      sum[i][0] += x * left;
      sum[i][1] += x * right;
    }
#pragma GCC unroll 5
    for (int g = 0; g < groups; g++) group[g]++;
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
      Unaligned* to = reinterpret_cast<Unaligned*>(c + i * ldc + j * Panel<T>::lanes);
      *to = accumulate ? *to + sum[i][j] : sum[i][j];
    }
  }
}

template <typename T>
using PanelFunction = void (*)(int64_t, const T*, int64_t, const T*, T*, int64_t, bool);

// panelTiles[r - 1]: for tiles of r rows.
template <typename T, int... r>
constexpr PanelFunction<T> panelTileOf(int rows, std::integer_sequence<int, r...>) {
  constexpr PanelFunction<T> tiles[] = {panelTile<T, r + 1>...};
  return tiles[rows - 1];
}

// c [m, paddedColumns(n)] (+)= a [m, k] · the packed matrix [k, n]. On this thread; an element's terms are summed in
// order, so that it does not depend on how rows are shared out.
template <typename T>
void multiplyPanels(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* packed, T* c, int64_t ldc,
                    bool accumulate) {
  const int64_t tiles = ceilDivide(m, kTileRows);
  for (int64_t j = 0; j < n; j += Panel<T>::width, packed += k * Panel<T>::width) {
    for (int64_t t = 0; t < tiles; t++) {
      const int64_t begin = m * t / tiles, end = m * (t + 1) / tiles;
      const auto run = panelTileOf<T>(static_cast<int>(end - begin), std::make_integer_sequence<int, kTileRows>());
      run(k, a + begin * lda, lda, packed, c + begin * ldc + j, ldc, accumulate);
    }
  }
}

// packed: the panels of b [k, n], or of bᵀ where b is [n, k] and `transposed`; columns beyond n are 0.
template <typename T>
void packPanels(bool transposed, int64_t n, int64_t k, const T* b, T* packed) {
  constexpr int64_t width = Panel<T>::width, kBlock = 16;
  const int64_t panels = paddedColumns<T>(n) / width;
  parallel(panels, 32768 / (k * width + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; panel++) {
      T* to = packed + panel * k * width;
      const int64_t first = panel * width, count = n - first < width ? n - first : width;
      if constexpr (sizeof(T) == sizeof(float)) {
        if (count == width && transposed) packTransposed(k, width, width, b + first * k, k, to);
        if (count == width && !transposed) packStraight(k, width, width, b + first, n, to);
        if (count == width) continue;
      }
      for (int64_t p0 = 0; p0 < k; p0 += kBlock) {
        const int64_t p1 = p0 + kBlock < k ? p0 + kBlock : k;
        for (int64_t j = 0; j < width; j++) {
          const T* from = transposed ? b + (first + j) * k : b + first + j;
          const int64_t step = transposed ? 1 : n;
          for (int64_t p = p0; p < p1; p++) to[p * width + j] = j < count ? from[p * step] : T(0);
        }
      }
    }
  });
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
