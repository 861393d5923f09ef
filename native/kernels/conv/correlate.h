// Sums over taps of padded planes, which the output of a convolution and its input gradient share.
#pragma once
#include "planes.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kBand = 4096;  // elements of a channel computed before the next channels, which read the same planes

// y(m, h, w) = bias[m] + Σ_k weights(m, k) · planes[offsets[k] + h * pitch + w] for m < rows, h < height, w < width.
template <typename T>
struct Correlation {
  int64_t rows, taps;
  const T* weights;  // packed
  const int32_t* offsets;
  int64_t height, width, pitch;
  int64_t channelStride, rowStride, columnStride;  // of y

  int64_t tiles() const { return ceilDivide(rows, kMostRows); }
  // Tiles divide the rows evenly, so that none is thin.
  int64_t bound(int64_t tile) const { return rows * tile / tiles(); }
};

// Elements of a strip: a tile's sums in the planes' pitch, where outputs do not fill whole vectors.
inline int64_t stripPitch(int64_t height, int64_t pitch) {
  return padded(height < INT32_MAX / pitch ? larger(pitch, smaller(height * pitch, kBand)) : larger(pitch, kBand));
}

// to[tile][k][row of the tile] = weight(m, k)
template <typename T, typename Weight>
void packWeights(const Correlation<T>& c, T* to, Weight weight) {
  for (int64_t t = 0; t < c.tiles(); t++) {
    for (int64_t k = 0; k < c.taps; k++) {
      for (int64_t m = c.bound(t); m < c.bound(t + 1); m++) *to++ = weight(m, k);
    }
  }
}

// Rows [first, last) of the outputs of one tile's channels, straight into y: a row of y is whole vectors.
template <typename T>
void correlateWhole(const Correlation<T>& c, int64_t m, int64_t count, int64_t first, int64_t last, const T* planes,
                    const T* bias, T* y) {
  const int64_t wide = widest(static_cast<int>(count));
  int64_t vectors = (last - first) * c.width / kLanesOf<T>, h = first, w = 0;
  while (vectors > 0) {
    const int64_t n = smaller(wide, vectors);
    const T* from[kMostVectors];
    T* to[kMostVectors];
    for (int64_t j = 0; j < n; j++) {
      from[j] = planes + h * c.pitch + w;
      to[j] = y + m * c.channelStride + h * c.rowStride + w;
      w += kLanesOf<T>;
      if (w == c.width) w = 0, h++;
    }
    sumPixels(count, n, c.taps, c.weights + m * c.taps, c.offsets, from, to, c.channelStride,
              bias ? bias + m : nullptr);
    vectors -= n;
  }
}

template <typename T>
void scatterRow(T* to, int64_t stride, const T* from, int64_t n) {
  if (stride == 1) return copyRow(to, from, n);
  for (int64_t j = 0; j < n; j++) to[j * stride] = from[j];
}

// The same through a strip, whose elements between two rows are dropped.
template <typename T>
void correlateStrip(const Correlation<T>& c, int64_t m, int64_t count, int64_t first, int64_t last, const T* planes,
                    const T* bias, T* y, T* strip, int64_t ldStrip) {
  const int64_t wide = widest(static_cast<int>(count));
  const int64_t vectors = ceilDivide((last - first - 1) * c.pitch + c.width, kLanesOf<T>);
  for (int64_t v = 0; v < vectors; v += wide) {
    const int64_t n = smaller(wide, vectors - v);
    const T* from[kMostVectors];
    T* to[kMostVectors];
    for (int64_t j = 0; j < n; j++) {
      from[j] = planes + first * c.pitch + (v + j) * kLanesOf<T>;
      to[j] = strip + (v + j) * kLanesOf<T>;
    }
    sumPixels(count, n, c.taps, c.weights + m * c.taps, c.offsets, from, to, ldStrip, bias ? bias + m : nullptr);
  }
  for (int64_t i = 0; i < count; i++) {
    T* to = y + (m + i) * c.channelStride + first * c.rowStride;
    const T* from = strip + i * ldStrip;
    for (int64_t h = first; h < last; h++, to += c.rowStride, from += c.pitch) {
      scatterRow(to, c.columnStride, from, c.width);
    }
  }
}

// bias may be null. strip: kMostRows * ldStrip elements.
template <typename T>
void correlate(const Correlation<T>& c, const T* planes, const T* bias, T* y, T* strip, int64_t ldStrip) {
  const bool whole = c.width % kLanesOf<T> == 0 && c.columnStride == 1;
  const int64_t band = larger(1, kBand / c.pitch);
  for (int64_t first = 0; first < c.height; first += band) {
    const int64_t last = smaller(first + band, c.height);
    for (int64_t t = 0; t < c.tiles(); t++) {
      const int64_t m = c.bound(t), count = c.bound(t + 1) - m;
      if (whole) {
        correlateWhole(c, m, count, first, last, planes, bias, y);
      } else {
        correlateStrip(c, m, count, first, last, planes, bias, y, strip, ldStrip);
      }
    }
  }
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
