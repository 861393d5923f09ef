// The innermost loops of convolutions: sums in registers. Written in vector extensions of GCC and clang, one source
// for AVX-512, AVX2, SSE and NEON, float and double.
#pragma once
#include "../../simd/lanes.h"
#include "../kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// kSums vectors of sums and the operands fill the registers.
#if defined(__AVX512F__)
constexpr int kSums = 28, kMostRows = 14;
#elif defined(__AVX2__)
constexpr int kSums = 12, kMostRows = 6;
#elif defined(__aarch64__)
constexpr int kSums = 24, kMostRows = 8;
#else
constexpr int kSums = 12, kMostRows = 6;
#endif
constexpr int kMostVectors = 4;

// Pixels in lanes: c[j][i * ldc …] = bias[i] (or 0) + Σ_k a[k * rows + i] · b[j][offsets[k] …], for i < rows, and
// j < vectors runs of neighbouring pixels.
template <typename T, int rows, int vectors>
void pixelTile(int64_t taps, const T* a, const int32_t* offsets, const T* const* b, T* const* c, int64_t ldc,
               const T* bias) {
  Lanes<T> s[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    const Lanes<T> start = (bias ? bias[i] : T(0)) - Lanes<T>{};
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) s[i][j] = start;
  }
  const T* from[vectors];
#pragma GCC unroll 4
  for (int j = 0; j < vectors; j++) from[j] = b[j];
#pragma GCC unroll 4
  for (int64_t k = 0; k < taps; k++, a += rows) {
    const int64_t offset = offsets[k];
    Lanes<T> x[vectors];
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) x[j] = vectorAt(from[j] + offset);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      const Lanes<T> w = a[i] - Lanes<T>{};  // x - 0 folds into a broadcast (x + 0 would not: -0)
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) s[i][j] += w * x[j];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) vectorAt(c[j] + i * ldc) = s[i][j];
  }
}

// Channels in lanes: out[i * ldo …] += Σ_pixels x[offsets[i] + pixel] · dy[pixel * ldy …], for i < rows taps; the
// pixels are `height` rows of `width`, in x `pitch` apart, in dy one after the other.
template <typename T, int rows, int vectors>
void channelTile(int64_t height, int64_t width, int64_t pitch, const T* x, const int32_t* offsets, const T* dy,
                 int64_t ldy, T* out, int64_t ldo) {
  Lanes<T> s[rows][vectors];
  const T* from[rows];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    from[i] = x + offsets[i];
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) s[i][j] = Lanes<T>{};
  }
  for (int64_t h = 0; h < height; h++) {
    int64_t pixel = h * pitch;
    for (const int64_t end = pixel + width; pixel < end; pixel++, dy += ldy) {
      asm("" : "+r"(pixel));  // keeps GCC from counting each pointer up by itself, and spilling them
      Lanes<T> d[vectors];
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) d[j] = vectorAt(dy + j * kLanesOf<T>);
#pragma GCC unroll 16
      for (int i = 0; i < rows; i++) {
        const Lanes<T> w = from[i][pixel] - Lanes<T>{};
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) s[i][j] += w * d[j];
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) vectorAt(out + i * ldo + j * kLanesOf<T>) += s[i][j];
  }
}

// The taps of a pixel: how many there are, and the steps from one to the next in the weights and in the source.
struct Taps {
  int64_t channels, height, width;
  int64_t aChannel, aRow, aColumn;
  int64_t bChannel, bRow, bColumn;
};

// Images in lanes: c[i * ldc …] = bias[i] (or 0) + Σ_taps a[i] · b[…], for i < rows.
template <typename T, int rows, int vectors>
void imageTile(const Taps& taps, const T* a, const T* b, T* c, int64_t ldc, const T* bias) {
  Lanes<T> s[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    const Lanes<T> start = (bias ? bias[i] : T(0)) - Lanes<T>{};
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) s[i][j] = start;
  }
  for (int64_t channel = 0; channel < taps.channels; channel++, a += taps.aChannel, b += taps.bChannel) {
    for (int64_t h = 0; h < taps.height; h++) {
      const T *weight = a + h * taps.aRow, *from = b + h * taps.bRow;
      for (int64_t w = 0; w < taps.width; w++, weight += taps.aColumn, from += taps.bColumn) {
        Lanes<T> x[vectors];
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) x[j] = vectorAt(from + j * kLanesOf<T>);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
          const Lanes<T> v = weight[i] - Lanes<T>{};
#pragma GCC unroll 4
          for (int j = 0; j < vectors; j++) s[i][j] += v * x[j];
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) vectorAt(c + i * ldc + j * kLanesOf<T>) = s[i][j];
  }
}

// A tile of products of pixels: kDotRows channels by kDotTaps taps.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kDotRows = 3, kDotTaps = 6;
#else
constexpr int kDotRows = 2, kDotTaps = 4;
#endif

// Pixels in lanes: out[(i * ldo + j) * lanes …] += Σ_vectors dy[i * ldy …] · x[offsets[j] …], the lanes not yet summed.
template <typename T, int rows, int taps>
void dotTile(int64_t vectors, const T* x, const int32_t* offsets, const T* dy, int64_t ldy, T* out, int64_t ldo) {
  Lanes<T> s[rows][taps];
  const T* from[taps];
#pragma GCC unroll 8
  for (int j = 0; j < taps; j++) {
    from[j] = x + offsets[j];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) s[i][j] = Lanes<T>{};
  }
  for (int64_t p = 0; p < vectors * kLanesOf<T>; p += kLanesOf<T>) {
    Lanes<T> d[rows];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) d[i] = vectorAt(dy + i * ldy + p);
#pragma GCC unroll 8
    for (int j = 0; j < taps; j++) {
      const Lanes<T> v = vectorAt(from[j] + p);
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++) s[i][j] += d[i] * v;
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 8
    for (int j = 0; j < taps; j++) vectorAt(out + (i * ldo + j) * kLanesOf<T>) += s[i][j];
  }
}

template <typename T>
using PixelTile = void (*)(int64_t, const T*, const int32_t*, const T* const*, T* const*, int64_t, const T*);
template <typename T>
using ChannelTile = void (*)(int64_t, int64_t, int64_t, const T*, const int32_t*, const T*, int64_t, T*, int64_t);
template <typename T>
using ImageTile = void (*)(const Taps&, const T*, const T*, T*, int64_t, const T*);
template <typename T>
using DotTile = void (*)(int64_t, const T*, const int32_t*, const T*, int64_t, T*, int64_t);

constexpr int widest(int rows) { return kSums / rows < kMostVectors ? kSums / rows : kMostVectors; }

// The tiles of r rows, at [r - 1]; by vectors (or taps) - 1.
template <typename T>
struct Tiles {
  struct Height {
    PixelTile<T> pixels[kMostVectors];
    ChannelTile<T> channels[2];
    ImageTile<T> images[2];
  };
  struct Heights {
    Height rows[kMostRows];
  };
  struct Dots {
    DotTile<T> tile[kDotRows][kDotTaps];
  };

  template <int rows, int vectors>
  static constexpr PixelTile<T> pixel() {
    if constexpr (rows * vectors <= kSums) return pixelTile<T, rows, vectors>;
    return nullptr;
  }
  template <int rows>
  static constexpr Height height() {
    return {{pixel<rows, 1>(), pixel<rows, 2>(), pixel<rows, 3>(), pixel<rows, 4>()},
            {channelTile<T, rows, 1>, channelTile<T, rows, 2>},
            {imageTile<T, rows, 1>, imageTile<T, rows, 2>}};
  }
  template <int... i>
  static constexpr Heights allHeights(std::integer_sequence<int, i...>) {
    return {{height<i + 1>()...}};
  }
  template <int... i>
  static constexpr Dots allDots(std::integer_sequence<int, i...>) {
    return {{{dotTile<T, 1, i + 1>...},
             {dotTile<T, 2, i + 1>...},
#if defined(__AVX512F__) || defined(__aarch64__)
             {dotTile<T, 3, i + 1>...}
#endif
    }};
  }
  static constexpr Heights heights = allHeights(std::make_integer_sequence<int, kMostRows>());
  static constexpr Dots dots = allDots(std::make_integer_sequence<int, kDotTaps>());
};

// Terms that a tile adds one after the other; longer sums are taken in pieces.
constexpr int64_t kPiece = 2048;

constexpr int64_t piecesOf(int64_t terms) { return terms <= 2 * kPiece ? 1 : ceilDivide(terms, kPiece); }

// What a tile of `rows` rows of `width` elements writes, as the sum of what pieces write: one(piece, to, ldto) for
// each.
template <typename T, typename One>
void addPieces(int64_t pieces, int64_t rows, int64_t width, T* const* c, int64_t ldc, One one) {
  constexpr int64_t kWidest = kMostVectors * kLanesOf<T>;
  alignas(64) T part[kMostRows * kWidest];
  for (int64_t piece = 0; piece < pieces; piece++) {
    one(piece, part, kWidest);
    for (int64_t i = 0; i < rows; i++) {
      for (int64_t j = 0; j < width; j++) {
        T& to = c[j / kLanesOf<T>][i * ldc + j % kLanesOf<T>];
        to = (piece > 0 ? to : T(0)) + part[i * kWidest + j];
      }
    }
  }
}

// pixelTile for any number of taps.
template <typename T>
void sumPixels(int64_t rows, int64_t vectors, int64_t taps, const T* a, const int32_t* offsets, const T* const* b,
               T* const* c, int64_t ldc, const T* bias) {
  const PixelTile<T> tile = Tiles<T>::heights.rows[rows - 1].pixels[vectors - 1];
  const int64_t pieces = piecesOf(taps);
  if (pieces == 1) return tile(taps, a, offsets, b, c, ldc, bias);
  addPieces(pieces, rows, vectors * kLanesOf<T>, c, ldc, [&](int64_t piece, T* part, int64_t ld) {
    const int64_t k = taps * piece / pieces;
    T* to[kMostVectors];
    for (int64_t j = 0; j < vectors; j++) to[j] = part + j * kLanesOf<T>;
    tile(taps * (piece + 1) / pieces - k, a + k * rows, offsets + k, b, to, ld, piece == 0 ? bias : nullptr);
  });
}

// imageTile for any number of channels.
template <typename T>
void sumImageTaps(int64_t rows, int64_t vectors, const Taps& taps, const T* a, const T* b, T* c, int64_t ldc,
                  const T* bias) {
  const ImageTile<T> tile = Tiles<T>::heights.rows[rows - 1].images[vectors - 1];
  const int64_t pieces = piecesOf(taps.channels * taps.height * taps.width);
  if (pieces == 1) return tile(taps, a, b, c, ldc, bias);
  T* to[2] = {c, c + kLanesOf<T>};
  addPieces(pieces, rows, vectors * kLanesOf<T>, to, ldc, [&](int64_t piece, T* part, int64_t ld) {
    const int64_t first = taps.channels * piece / pieces;
    Taps some = taps;
    some.channels = taps.channels * (piece + 1) / pieces - first;
    tile(some, a + first * taps.aChannel, b + first * taps.bChannel, part, ld, piece == 0 ? bias : nullptr);
  });
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
