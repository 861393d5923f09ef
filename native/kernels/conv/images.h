// Convolutions with images in lanes: up to kMostImages images are transposed so that equal elements are side by side.
// Any stride is then as good as 1, and an output reads exactly the taps inside of the image: no padding is multiplied.
// It pays if images are many and small.
#pragma once
#include "../../simd/transpose.h"
#include "shape.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

template <typename T>
constexpr int kMostImages = 2 * kLanesOf<T>;
constexpr int64_t kPixelRun = 16;

// Images in lanes: `count` of them in `width` lanes, whole vectors; the lanes beyond repeat the last image.
struct Group {
  int64_t first, count, width;
};

// to[element][width] = from[image][element], where elements are at least kLanes; the last square overlaps the one
// before.
inline void squaresToLanes(float* to, const float* from, int64_t elements, int64_t imageLength, const Group& group) {
  for (int64_t i = 0; i < group.width; i += kLanes) {
    const bool whole = i + kLanes <= group.count;
    for (int64_t next = 0; next < elements; next += kLanes) {
      const int64_t e = smaller(next, elements - kLanes);
      if (whole) {
        transposeSquare(from + i * imageLength + e, imageLength, to + e * group.width + i, group.width);
        continue;
      }
      float square[kLanes * kLanes];
      for (int64_t j = 0; j < kLanes; j++) {
        vectorAt(square + j * kLanes) = vectorAt(from + smaller(i + j, group.count - 1) * imageLength + e);
      }
      transposeSquare(square, kLanes, to + e * group.width + i, group.width);
    }
  }
}

inline void squaresFromLanes(float* to, const float* from, int64_t elements, int64_t imageLength, const Group& group) {
  for (int64_t i = 0; i < group.width; i += kLanes) {
    const bool whole = i + kLanes <= group.count;
    for (int64_t next = 0; next < elements; next += kLanes) {
      const int64_t e = smaller(next, elements - kLanes);
      if (whole) {
        transposeSquare(from + e * group.width + i, group.width, to + i * imageLength + e, imageLength);
        continue;
      }
      float square[kLanes * kLanes];
      transposeSquare(from + e * group.width + i, group.width, square, kLanes);
      for (int64_t j = 0; i + j < group.count; j++) {
        vectorAt(to + (i + j) * imageLength + e) = vectorAt(square + j * kLanes);
      }
    }
  }
}

// to[element][width] = from[image][element]
template <typename T>
void toLanes(T* to, const T* from, int64_t elements, int64_t imageLength, const Group& group) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (elements >= kLanes) return squaresToLanes(to, from, elements, imageLength, group);
  }
  for (int64_t e = 0; e < elements; e++) {
    for (int64_t i = 0; i < group.width; i++) *to++ = from[smaller(i, group.count - 1) * imageLength + e];
  }
}

// to[image][element] = from[element][width]
template <typename T>
void fromLanes(T* to, const T* from, int64_t elements, int64_t imageLength, const Group& group) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (elements >= kLanes) return squaresFromLanes(to, from, elements, imageLength, group);
  }
  for (int64_t i = 0; i < group.count; i++) {
    for (int64_t e = 0; e < elements; e++) to[i * imageLength + e] = from[e * group.width + i];
  }
}

// The taps of one dimension that an element of the result uses inside of the source, and where they are.
struct Run {
  int64_t tap, count, tapStep, source, sourceStep;
};

inline Run runOfOutput(const Axis& a, int64_t i) {
  const int64_t start = i * a.stride - a.pad;
  const int64_t tap = start < 0 ? ceilDivide(-start, a.dilation) : 0;
  const int64_t end = start < a.in ? smaller(a.taps, ceilDivide(a.in - start, a.dilation)) : 0;
  return {tap, larger(0, end - tap), 1, start + tap * a.dilation, a.dilation};
}

inline Run runOfInput(const Axis& a, int64_t i) {
  Run run{0, 0, 1, 0, 0};
  for (int64_t t = 0; t < a.taps; t++) {
    const int64_t at = i + a.pad - a.at(t);
    if (at < 0 || at % a.stride != 0 || at / a.stride >= a.out) continue;
    if (run.count == 0) run.tap = t, run.source = at / a.stride;
    if (run.count == 1) run.tapStep = t - run.tap, run.sourceStep = at / a.stride - run.source;
    run.count++;
  }
  return run;
}

// Outputs of each channel computed before they are written.
inline int64_t pixelRun(const Pass& p) { return smaller(kPixelRun, p.pixels()); }

// Runs body(its slot, group of the convolution, group of at most `most` images) for all of them.
template <typename T, typename Body>
void forEachGroup(const Shape& s, int64_t count, T* slots, int64_t slotLength, int64_t most, Body body) {
  parallel(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; slot++) {
      const int64_t last = s.images * (slot + 1) / count;
      for (int64_t i = s.images * slot / count; i < last; i += most) {
        const int64_t n = smaller(most, last - i);
        const Group images{i, n, roundUp(n, kLanesOf<T>)};
        for (int64_t g = 0; g < s.groups; g++) body(slots + slot * slotLength, g, images);
      }
    }
  });
}

// One pixel of a tile's channels; a and b begin where its taps do.
template <typename T>
void sumOfTaps(const Pass& p, const Run& h, const Run& w, int64_t count, const Group& images, const T* a, const T* b,
               const T* bias, T* c, int64_t ldc) {
  const int64_t row = p.s.w.taps * count, pitch = p.sourceWidth() * images.width;
  const Taps taps{p.channels(),
                  h.count,
                  w.count,
                  p.s.taps() * count,
                  h.tapStep * row,
                  w.tapStep * count,
                  p.sourceHeight() * pitch,
                  h.sourceStep * pitch,
                  w.sourceStep * images.width};
  a += h.tap * row + w.tap * count;
  b += h.source * pitch + w.source * images.width;
  sumImageTaps(count, images.width / kLanesOf<T>, taps, a, b, c, ldc, bias);
}

// The result's images; weights: packed, tile after tile, as [channel][tap][row of the tile]; lanes: the source;
// strip: kMostRows * pixelRun(p) * images.width elements.
template <typename T>
void sumImages(const Pass& p, const Group& images, const T* weights, const T* bias, const T* lanes, T* strip, T* to,
               int64_t imageLength) {
  const int64_t taps = p.channels() * p.s.taps(), ldc = pixelRun(p) * images.width;
  const auto runOf = p.toInput ? runOfInput : runOfOutput;
  for (int64_t first = 0; first < p.pixels(); first += kPixelRun) {
    const int64_t last = smaller(first + kPixelRun, p.pixels());
    for (int64_t t = 0; t < p.tiles(); t++) {
      const int64_t m = p.bound(t), count = p.bound(t + 1) - m;
      for (int64_t i = first; i < last; i++) {
        const Run h = runOf(p.s.h, i / p.width()), w = runOf(p.s.w, i % p.width());
        sumOfTaps(p, h, w, count, images, weights + m * taps, lanes, bias ? bias + m : nullptr,
                  strip + (i - first) * images.width, ldc);
      }
      for (int64_t r = 0; r < count; r++) {
        fromLanes(to + (m + r) * p.pixels() + first, strip + r * ldc, last - first, imageLength, images);
      }
    }
  }
}

// By images in lanes.
template <typename T>
Outcome sumByImages(const Pass& p, const Operands<T>& o, Workspace workspace) {
  const Shape& s = p.s;
  const int64_t lanes = padded(p.source() * kMostImages<T>), slot = lanes + kMostRows * pixelRun(p) * kMostImages<T>;
  T* const packed = workspace.take<T>(padded(o.weight.length));
  T* const slots = workspace.take<T>(product(o.slots, slot));
  if (!workspace.isEnough()) return workspace.missing();
  const int64_t group = p.rows() * p.channels() * s.taps();
  for (int64_t g = 0; g < s.groups; g++) {
    T* to = packed + g * group;
    for (int64_t t = 0; t < p.tiles(); t++) {
      for (int64_t k = 0; k < p.channels() * s.taps(); k++) {
        for (int64_t m = p.bound(t); m < p.bound(t + 1); m++) {
          *to++ = o.weight[g * group + p.weight(m, k / s.taps(), k % s.taps())];
        }
      }
    }
  }
  const int64_t sourceLength = s.groups * p.source(), resultLength = s.groups * p.result();
  forEachGroup(s, o.slots, slots, slot, kMostImages<T>, [&](T* base, int64_t g, const Group& images) {
    toLanes(base, o.source.data + images.first * sourceLength + g * p.source(), p.source(), sourceLength, images);
    sumImages(p, images, packed + g * group, o.biasOf(g, p), base, base + lanes,
              o.result.data + images.first * resultLength + g * p.result(), resultLength);
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
