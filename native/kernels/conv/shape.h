// The sizes of a convolution, and of its passes.
#pragma once
#include "../shared.h"
#include "tile.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t greatestDivisor(int64_t a, int64_t b) { return b == 0 ? a : greatestDivisor(b, a % b); }

// One dimension of a convolution: out[i] reads in[i * stride + tap * dilation - pad].
struct Axis {
  int64_t in, out, taps, stride, pad, dilation;

  // The position of tap t of output 0 in the padded input, and the padded elements that outputs read.
  int64_t at(int64_t tap) const { return tap * dilation; }
  int64_t reach() const { return (out - 1) * stride + (taps - 1) * dilation + 1; }
  // Taps t and t + period are in the same stride phase; the phases of taps are phase(0), phase(1), …
  int64_t period() const { return stride / greatestDivisor(stride, dilation); }
  int64_t phases() const { return smaller(taps, period()); }
  int64_t phase(int64_t tap) const { return at(tap) % stride; }
  // The same for the input gradient: outputs that taps read before a phase's first row, and rows of a phase.
  int64_t shift() const { return (taps - 1) * dilation / stride; }
  int64_t phaseLength() const { return (pad + in - 1) / stride + 1; }
};

// The numbers of a call; the channels are those of a group, and the axis of height is followed by that of width.
#define ADJOINT_CONV_NUMBERS "algorithm,images,groups,inChannels,outChannels,in,out,taps,stride,pad,dilation"
constexpr int kNumbers = 17;
struct Shape {
  int64_t images, groups, inChannels, outChannels;
  Axis h, w;

  int64_t taps() const { return h.taps * w.taps; }
  int64_t inPixels() const { return h.in * w.in; }
  int64_t outPixels() const { return h.out * w.out; }
  int64_t xLength() const { return product(images, groups, inChannels, h.in, w.in); }
  int64_t yLength() const { return product(images, groups, outChannels, h.out, w.out); }
  int64_t weightLength() const { return product(groups, outChannels, inChannels, h.taps, w.taps); }
};

// False if the numbers are not those of a convolution, or lengths along a dimension do not fit in 31 bits.
inline bool readShape(Integers numbers, Shape& shape) {
  if (numbers.count != kNumbers) return false;
  for (int i = 2; i < kNumbers; i++) {
    if (numbers[i] >= kPositionLimit) return false;
  }
  const int64_t* n = numbers.data;
  shape = {n[1], n[2], n[3], n[4], {n[5], n[6], n[7], n[8], n[9], n[10]}, {n[11], n[12], n[13], n[14], n[15], n[16]}};
  for (const Axis& axis : {shape.h, shape.w}) {
    if (axis.in < 1 || axis.out < 1 || axis.taps < 1 || axis.stride < 1 || axis.dilation < 1) return false;
    // A single output has stride 1, and others begin inside of the padded input: there are no more phases than that.
    if (axis.out == 1 ? axis.stride != 1 : (axis.out - 1) * axis.stride > axis.in + 2 * axis.pad) return false;
    if (axis.reach() > kPaddedLimit || axis.pad >= kAxisLimit || axis.in >= kAxisLimit) return false;
  }
  return shape.groups >= 1 && shape.inChannels >= 1 && shape.outChannels >= 1;
}

// Offsets of 31 bits do not describe the convolution: a fault of the sizes, so without position.
constexpr Outcome tooLarge() { return fault(0, 0); }

// The output of a convolution, or its input gradient: each is the source's sum over taps.
struct Pass {
  const Shape& s;
  bool toInput;

  int64_t rows() const { return toInput ? s.inChannels : s.outChannels; }      // channels of the result
  int64_t channels() const { return toInput ? s.outChannels : s.inChannels; }  // and of the source
  int64_t height() const { return toInput ? s.h.in : s.h.out; }
  int64_t width() const { return toInput ? s.w.in : s.w.out; }
  int64_t pixels() const { return height() * width(); }
  int64_t sourceHeight() const { return toInput ? s.h.out : s.h.in; }
  int64_t sourceWidth() const { return toInput ? s.w.out : s.w.in; }
  // The number of elements of a group of an image.
  int64_t source() const { return product(channels(), sourceHeight(), sourceWidth()); }
  int64_t result() const { return product(rows(), height(), width()); }
  // The weight of channel m of the result, channel c of the source and a tap.
  int64_t weight(int64_t m, int64_t c, int64_t tap) const {
    return (toInput ? c * s.inChannels + m : m * s.inChannels + c) * s.taps() + tap;
  }
  // Tiles divide the rows evenly, so that none is thin.
  int64_t tiles() const { return ceilDivide(rows(), kMostRows); }
  int64_t bound(int64_t tile) const { return rows() * tile / tiles(); }
};

// Elements of a part of the workspace that n are kept in: tiles read and write up to 64 more, and each part begins at a
// multiple of 64.
constexpr int64_t padded(int64_t n) { return n > INT64_MAX - 127 ? INT64_MAX : (n + 127) / 64 * 64; }

// Shares of n images (or of vectors of them) that threads take, each with its part of the workspace: several a thread,
// as the pool wants them.
inline int64_t slotsOf(int64_t n, int64_t threads) { return threads == 1 ? 1 : larger(1, smaller(n, 4 * threads)); }

// The operands of a pass, and how many shares its images are divided into.
template <typename T>
struct Operands {
  Out<T> result;
  In<T> source, weight, bias;
  int64_t slots;

  const T* biasOf(int64_t group, const Pass& p) const { return bias.length ? bias.data + group * p.rows() : nullptr; }
};

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
