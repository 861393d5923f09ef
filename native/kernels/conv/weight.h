// The weight gradient of convolutions: products of planes of x with dy, summed over pixels and images.
#pragma once
#include "../../gemm/pack.h"
#include "planes.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// With up to this many channels of y in a group, their lanes would be half empty, and pixels are in lanes instead.
template <typename T>
constexpr int64_t kDotChannels = kLanesOf<T> / 2 + 1;

// The parts of a slot: planes of x, dy as the tiles read it, and the slot's sums.
template <typename T>
struct WeightSlot {
  int64_t planes, dy, sums;

  explicit WeightSlot(const Shape& s) {
    constexpr int64_t lanes = kLanesOf<T>;
    const int64_t channels = roundUp(s.outChannels, lanes);
    planes = padded(planesOfX(s).length());
    dy = product(channels, padded(product(s.h.out, axisOfX(s.w).length)));
    const int64_t columns = s.outChannels <= kDotChannels<T> ? lanes * s.outChannels : channels;
    sums = padded(product(product(s.groups, s.inChannels), s.taps(), columns));
  }
  int64_t length() const { return planes + dy + sums; }
};

// One group's gradient, from one image after the other, on one thread.
template <typename T>
struct WeightSums {
  const Shape& shape;
  const Planes planes;
  const int32_t* offsets;
  const T* x;  // planes
  T* dy;

  int64_t taps() const { return shape.inChannels * shape.taps(); }
  bool dots() const { return shape.outChannels <= kDotChannels<T>; }
  // Of the sums: [channel][tap][lane] or [tap][channel, rounded up].
  int64_t channels() const { return roundUp(shape.outChannels, kLanesOf<T>); }
  int64_t length() const { return taps() * (dots() ? shape.outChannels * kLanesOf<T> : channels()); }

  void add(T* sums, const T* upstream) const { dots() ? addDots(sums, upstream) : addChannels(sums, upstream); }

  // The gradient of channel m and tap k in the sums.
  T total(const T* sums, int64_t m, int64_t k) const {
    if (!dots()) return sums[k * channels() + m];
    const T* lanes = sums + (m * taps() + k) * kLanesOf<T>;
    T total = 0;
    for (int i = 0; i < kLanesOf<T>; i++) total += lanes[i];
    return total;
  }

 private:
  // body(first row, rows, first column, columns) for pieces of the pixels: rows, or where these are long a part of one.
  template <typename Body>
  void forPieces(Body body) const {
    const int64_t height = shape.h.out, width = shape.w.out;
    if (piecesOf(height * width) == 1) return body(0, height, 0, width);
    const int64_t across = piecesOf(width), down = across > 1 ? height : smaller(height, piecesOf(height * width));
    for (int64_t i = 0; i < down; i++) {
      const int64_t h = height * i / down;
      for (int64_t j = 0; j < across; j++) {
        const int64_t w = width * j / across;
        body(h, height * (i + 1) / down - h, w, width * (j + 1) / across - w);
      }
    }
  }

  int64_t flat() const { return roundUp(shape.h.out * planes.w.length, kLanesOf<T>); }

  // dy in the pitch of x's planes; the elements between its rows are zero and stay so.
  void addDots(T* sums, const T* upstream) const {
    for (int64_t m = 0; m < shape.outChannels; m++) {
      for (int64_t h = 0; h < shape.h.out; h++) {
        copyRow(dy + m * flat() + h * planes.w.length, upstream + m * shape.outPixels() + h * shape.w.out, shape.w.out);
      }
    }
    const int64_t pixels = (shape.h.out - 1) * planes.w.length + shape.w.out;
    const int64_t vectors = ceilDivide(pixels, kLanesOf<T>), pieces = piecesOf(vectors);
    const int64_t across = ceilDivide(taps(), kDotTaps), down = ceilDivide(shape.outChannels, kDotRows);
    for (int64_t a = 0; a < down; a++) {
      const int64_t m = shape.outChannels * a / down, rows = shape.outChannels * (a + 1) / down - m;
      for (int64_t b = 0; b < across; b++) {
        const int64_t k = taps() * b / across, columns = taps() * (b + 1) / across - k;
        const DotTile<T> tile = Tiles<T>::dots.tile[rows - 1][columns - 1];
        T* const to = sums + (m * taps() + k) * kLanesOf<T>;
        if (pieces == 1) {
          tile(vectors, x, offsets + k, dy + m * flat(), flat(), to, taps());
          continue;
        }
        for (int64_t p = 0; p < pieces; p++) {
          const int64_t first = vectors * p / pieces, at = first * kLanesOf<T>;
          tile(vectors * (p + 1) / pieces - first, x + at, offsets + k, dy + m * flat() + at, flat(), to, taps());
        }
      }
    }
  }

  // dy with its channels in lanes: [pixel][channel].
  void addChannels(T* sums, const T* upstream) const {
    const int64_t pixels = shape.outPixels();
    if constexpr (sizeof(T) == sizeof(float)) {
      packTransposed(pixels, shape.outChannels, channels(), upstream, pixels, dy);
    } else {
      for (int64_t p = 0; p < pixels; p++) {
        for (int64_t m = 0; m < channels(); m++) {
          dy[p * channels() + m] = upstream[smaller(m, shape.outChannels - 1) * pixels + p];
        }
      }
    }
    const int64_t tiles = ceilDivide(taps(), kMostRows);
    for (int64_t m = 0; m < channels(); m += 2 * kLanesOf<T>) {
      const int vectors = channels() - m == kLanesOf<T> ? 1 : 2;
      for (int64_t t = 0; t < tiles; t++) {
        const int64_t k = taps() * t / tiles, rows = taps() * (t + 1) / tiles - k;
        const ChannelTile<T> tile = Tiles<T>::heights.rows[rows - 1].channels[vectors - 1];
        forPieces([&](int64_t h, int64_t height, int64_t w, int64_t width) {
          tile(height, width, planes.w.length, x + h * planes.w.length + w, offsets + k,
               dy + (h * shape.w.out + w) * channels() + m, channels(), sums + k * channels() + m, channels());
        });
      }
    }
  }
};

// dWeight [groups * outChannels, inChannels, …] of x and dy. Each slot sums a part of the images; the order of all sums
// depends only on the sizes and the number of slots.
template <typename T>
Outcome convWeight(Out<T> dWeight, In<T> x, In<T> dy, Workspace workspace, Integers numbers) {
  Shape s;
  if (!readShape(numbers, s)) return misfit();
  const Planes planes = planesOfX(s);
  const WeightSlot<T> parts(s);
  if (s.images >= kPositionLimit || planes.length() >= kPaddedLimit || parts.dy >= INT32_MAX ||
      parts.sums >= INT32_MAX) {
    return tooLarge();
  }
  if (dWeight.length != s.weightLength() || x.length != s.xLength() || dy.length != s.yLength()) return misfit();
  const int64_t slots = slotsOf(s.images, workspace.threads);
  int32_t* const offsets = workspace.take<int32_t>(product(s.inChannels, s.taps()));
  T* const first = workspace.take<T>(product(slots, parts.length()));
  if (!workspace.isEnough()) return workspace.missing();
  writeOffsets(offsets, s, planes);
  const int64_t xGroup = s.inChannels * s.inPixels(), yGroup = s.outChannels * s.outPixels();
  const WeightSums<T> layout{s, planes, offsets, nullptr, nullptr};
  parallel(slots, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; slot++) {
      T* base = first + slot * parts.length();
      __builtin_memset(base, 0, static_cast<size_t>(parts.length()) * sizeof(T));
      T* sums = base + parts.planes + parts.dy;
      const WeightSums<T> group{s, planes, offsets, base, base + parts.planes};
      for (int64_t i = s.images * slot / slots * s.groups; i < s.images * (slot + 1) / slots * s.groups; i++) {
        planes.fill(base, x.data + i * xGroup);
        group.add(sums + i % s.groups * group.length(), dy.data + i * yGroup);
      }
    }
  });
  const int64_t taps = layout.taps(), rows = s.groups * s.outChannels;
  parallel(rows, 16384 / product(taps, slots) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const T* sums = first + parts.planes + parts.dy + row / s.outChannels * layout.length();
      for (int64_t k = 0; k < taps; k++) {
        T total = 0;
        for (int64_t slot = 0; slot < slots; slot++) {
          total += layout.total(sums + slot * parts.length(), row % s.outChannels, k);
        }
        dWeight[row * taps + k] = total;
      }
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
