// Images in the layout of most convolution loops: copied once into zero-padded planes, split by stride phase, so that
// the elements that a tap multiplies for consecutive outputs are consecutive.
#pragma once
#include "shape.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// to[0 … n) = from[0 … n). The last part overlaps the one before, so that no loop of single elements remains.
template <typename T>
inline void copyRow(T* to, const T* from, int64_t n) {
  constexpr int64_t step = 16;
  int64_t j = 0;
  for (; j + step <= n; j += step) __builtin_memcpy(to + j, from + j, step * sizeof(T));
  if (j == n) return;
  if (n >= step) {
    __builtin_memcpy(to + n - step, from + n - step, step * sizeof(T));
  } else if (n >= 8) {
    __builtin_memcpy(to, from, 8 * sizeof(T));
    __builtin_memcpy(to + n - 8, from + n - 8, 8 * sizeof(T));
  } else if (n >= 4) {
    __builtin_memcpy(to, from, 4 * sizeof(T));
    __builtin_memcpy(to + n - 4, from + n - 4, 4 * sizeof(T));
  } else {
    to[0] = from[0];
    if (n > 1) to[1] = from[1];
    if (n > 2) to[2] = from[2];
  }
}

// One dimension of the planes: element i of an image is at padded position i + pad. Plane p keeps `length` positions,
// `stride` apart. Taps share a plane if their positions belong to one stride phase; if they overlap little, as in
// dilated kernels, each tap has its own.
struct PlaneAxis {
  int64_t size, pad, stride, dilation, planes, length;
  bool shared;

  // The plane of a tap, and where it begins in it.
  int64_t plane(int64_t tap) const { return tap % planes; }
  int64_t offset(int64_t tap) const { return (tap * dilation - base(plane(tap))) / stride; }
  // The first position of a plane; the first of its elements that is inside of the image, its place there, and how
  // many.
  int64_t base(int64_t p) const { return shared ? p * dilation % stride : p * dilation; }
  int64_t begin(int64_t p) const { return base(p) < pad ? ceilDivide(pad - base(p), stride) : 0; }
  int64_t source(int64_t p) const { return begin(p) * stride + base(p) - pad; }
  int64_t count(int64_t p) const { return larger(0, smaller(length - begin(p), ceilDivide(size - source(p), stride))); }
};

inline PlaneAxis axisOfX(const Axis& a) {
  const int64_t length = ceilDivide(a.reach(), a.stride);
  const bool shared = a.phases() * length <= a.taps * a.out;
  return {a.in, a.pad, a.stride, a.dilation, shared ? a.phases() : a.taps, shared ? length : a.out, shared};
}

// [channel][plane of rows][plane of columns][rows][columns]
struct Planes {
  int64_t channels;
  PlaneAxis h, w;

  int64_t plane() const { return h.length * w.length; }
  int64_t length() const { return product(product(channels, h.planes, w.planes), h.length, w.length); }
  int64_t at(int64_t channel, int64_t p, int64_t q, int64_t row, int64_t column) const {
    return ((channel * h.planes + p) * w.planes + q) * plane() + row * w.length + column;
  }

  // Copies images [channels][h.size][w.size]. The border must be zero already.
  template <typename T>
  void fill(T* to, const T* images) const {
    for (int64_t p = 0; p < h.planes; p++) {
      for (int64_t q = 0; q < w.planes; q++, to += plane()) fillPlanes(to, images, p, q);
    }
  }

 private:
  // Plane (p, q) of each channel.
  template <typename T>
  void fillPlanes(T* to, const T* images, int64_t p, int64_t q) const {
    const int64_t rows = h.count(p), columns = w.count(q), step = h.planes * w.planes * plane();
    if (rows <= 0 || columns <= 0) return;
    images += h.source(p) * w.size + w.source(q);
    to += h.begin(p) * w.length + w.begin(q);
    for (int64_t c = 0; c < channels; c++, images += h.size * w.size, to += step) {
      for (int64_t i = 0; i < rows; i++) {
        const T* from = images + i * h.stride * w.size;
        T* row = to + i * w.length;
        if (w.stride == 1) {
          copyRow(row, from, columns);
        } else if (w.stride == 2) {
#pragma omp simd
          for (int64_t j = 0; j < columns; j++) row[j] = from[2 * j];
        } else {
          for (int64_t j = 0; j < columns; j++) row[j] = from[j * w.stride];
        }
      }
    }
  }
};

// The planes of x, for the output and for the weight gradient.
inline Planes planesOfX(const Shape& s) { return {s.inChannels, axisOfX(s.h), axisOfX(s.w)}; }

// The planes of dy, for the input gradient: a plain convolution for each stride phase of the padded input.
inline Planes planesOfDy(const Shape& s) {
  return {s.outChannels,
          {s.h.out, s.h.shift(), 1, 1, 1, s.h.phaseLength() + s.h.shift(), true},
          {s.w.out, s.w.shift(), 1, 1, 1, s.w.phaseLength() + s.w.shift(), true}};
}

// offsets[k] of x's planes for k = (channel, row, column) of the kernel.
inline void writeOffsets(int32_t* offsets, const Shape& s, const Planes& planes) {
  for (int64_t c = 0; c < s.inChannels; c++) {
    for (int64_t i = 0; i < s.h.taps; i++) {
      for (int64_t j = 0; j < s.w.taps; j++) {
        const int64_t at = planes.at(c, planes.h.plane(i), planes.w.plane(j), planes.h.offset(i), planes.w.offset(j));
        *offsets++ = static_cast<int32_t>(at);
      }
    }
  }
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
