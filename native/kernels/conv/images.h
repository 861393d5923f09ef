// Convolutions with images in lanes: up to kMostImages images are transposed so that the same element of each lies side
// by side. Any stride is then as good as 1, and an output meets exactly the taps inside of the image: no padding is
// multiplied. It pays where images are many and small.
#pragma once
#include "../../simd/transpose.h"
#include "planes.h"
#include "tile.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

template <typename T>
constexpr int kMostImages = 2 * kLanesOf<T>;
constexpr int64_t kWidestImages = 32;  // kMostImages of float at the widest level: what scratch is sized for
constexpr int64_t kPixelRun = 16;      // outputs computed before they are written, for all channels

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

// The taps of one dimension that an element of the result meets inside of the source, and where they meet it.
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

// The output of a convolution, or its input gradient: each is the source's sum over taps.
struct Pass {
  const Shape& s;
  bool toInput;

  int64_t rows() const { return toInput ? s.inChannels : s.outChannels; }      // channels of the result
  int64_t channels() const { return toInput ? s.outChannels : s.inChannels; }  // and of the source
  int64_t height() const { return toInput ? s.h.in : s.h.out; }
  int64_t width() const { return toInput ? s.w.in : s.w.out; }
  int64_t pixels() const { return height() * width(); }
  int64_t pixelRun() const { return smaller(kPixelRun, pixels()); }
  int64_t sourceHeight() const { return toInput ? s.h.out : s.h.in; }
  int64_t sourceWidth() const { return toInput ? s.w.out : s.w.in; }
  int64_t source() const { return channels() * sourceHeight() * sourceWidth(); }
  Run run(const Axis& a, int64_t i) const { return toInput ? runOfInput(a, i) : runOfOutput(a, i); }
  // Of a group's weight: that of channel m of the result, channel c of the source and a tap.
  int64_t weight(int64_t m, int64_t c, int64_t tap) const {
    return (toInput ? c * s.inChannels + m : m * s.inChannels + c) * s.taps() + tap;
  }
  int64_t tiles() const { return ceilDivide(rows(), kMostRows); }
  int64_t bound(int64_t tile) const { return rows() * tile / tiles(); }
};

// Runs body(its scratch, group of the convolution, group of at most `most` images) for all of them, `slots` shares at a
// time.
template <typename T, typename Body>
void forEachGroup(const Shape& s, T* scratch, int64_t slotLength, int64_t most, Body body) {
  parallel(s.slots, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; slot++) {
      const int64_t last = s.images * (slot + 1) / s.slots;
      for (int64_t i = s.images * slot / s.slots; i < last; i += most) {
        const int64_t count = smaller(most, last - i);
        const Group images{i, count, roundUp(count, kLanesOf<T>)};
        for (int64_t g = 0; g < s.groups; g++) body(scratch + slot * slotLength, g, images);
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
// strip: kMostRows * p.pixelRun() * images.width elements.
template <typename T>
void sumImages(const Pass& p, const Group& images, const T* weights, const T* bias, const T* lanes, T* strip, T* to,
               int64_t imageLength) {
  const int64_t taps = p.channels() * p.s.taps(), ldc = p.pixelRun() * images.width;
  for (int64_t first = 0; first < p.pixels(); first += kPixelRun) {
    const int64_t last = smaller(first + kPixelRun, p.pixels());
    for (int64_t t = 0; t < p.tiles(); t++) {
      const int64_t m = p.bound(t), count = p.bound(t + 1) - m;
      for (int64_t i = first; i < last; i++) {
        const Run h = p.run(p.s.h, i / p.width()), w = p.run(p.s.w, i % p.width());
        sumOfTaps(p, h, w, count, images, weights + m * taps, lanes, bias ? bias + m : nullptr,
                  strip + (i - first) * images.width, ldc);
      }
      for (int64_t r = 0; r < count; r++) {
        fromLanes(to + (m + r) * p.pixels() + first, strip + r * ldc, last - first, imageLength, images);
      }
    }
  }
}

// Whether the spans are those of the pass; both ways with images in lanes ask.
template <typename T>
bool fits(const Pass& p, Out<T> result, In<T> source, In<T> weight, In<T> bias) {
  const Shape& s = p.s;
  const int64_t resultLength = p.toInput ? s.xLength() : s.yLength(),
                sourceLength = p.toInput ? s.yLength() : s.xLength();
  return result.length == resultLength && source.length == sourceLength && weight.length == s.weightLength() &&
         (bias.length == 0 || bias.length == product(s.groups, p.rows())) &&
         product(p.channels(), p.sourceHeight(), p.sourceWidth()) < INT32_MAX / 2;
}

// result = x ∗ weight + bias; with toInput, source is dy and result dx, or a transposed convolution of dy. As conv and
// convInput.
template <typename T>
Outcome convImages(Out<T> result, In<T> source, In<T> weight, In<T> bias, Out<T> scratch, int64_t toInput,
                   Integers numbers) {
  Shape s;
  if (!readShape(numbers, s)) return misfit();
  const Pass p{s, toInput != 0};
  if (!fits(p, result, source, weight, bias)) return misfit();
  const int64_t lanes = room(product(p.source(), kWidestImages)), packed = room(weight.length);
  const int64_t slotLength = lanes + kStripRows * p.pixelRun() * kWidestImages;
  if (lanes >= INT32_MAX || scratch.length < packed + product(s.slots, slotLength)) return misfit();
  const int64_t group = p.rows() * p.channels() * s.taps();
  for (int64_t g = 0; g < s.groups; g++) {
    T* to = scratch.data + g * group;
    for (int64_t t = 0; t < p.tiles(); t++) {
      for (int64_t k = 0; k < p.channels() * s.taps(); k++) {
        for (int64_t m = p.bound(t); m < p.bound(t + 1); m++) {
          *to++ = weight[g * group + p.weight(m, k / s.taps(), k % s.taps())];
        }
      }
    }
  }
  const int64_t sourceLength = s.groups * p.source(), resultLength = s.groups * p.rows() * p.pixels();
  forEachGroup(s, scratch.data + packed, slotLength, kMostImages<T>, [&](T* base, int64_t g, const Group& images) {
    toLanes(base, source.data + images.first * sourceLength + g * p.source(), p.source(), sourceLength, images);
    sumImages(p, images, scratch.data + g * group, bias.length ? bias.data + g * p.rows() : nullptr, base, base + lanes,
              result.data + images.first * resultLength + g * p.rows() * p.pixels(), resultLength);
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
