// Convolutions over images [images, groups * channels, height, width]; those over sequences have height 1. The output,
// the input gradient and the weight gradient are three kernels, each linear in both of its operands and each the
// derivative of the others. No matrix of patches is made: see planes.h.
#include "correlate.h"
#include "weight.h"
#include "winograd.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// What a slot needs, and the packed weights before the first slot.
struct Scratch {
  int64_t weights, planes, strip;

  int64_t slot() const { return planes + kStripRows * strip; }
  int64_t length(int64_t slots) const { return weights + product(slots, slot()); }
};

// Runs body(image, its planes, its strip) for each image and group, `slots` shares of them at a time.
template <typename T, typename Body>
void forEachImage(const Shape& s, const Planes& planes, const Scratch& parts, T* scratch, const T* images, Body body) {
  const int64_t imageLength = planes.channels * planes.h.size * planes.w.size;
  parallel(s.slots, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; slot++) {
      T* base = scratch + parts.weights + slot * parts.slot();
      __builtin_memset(base, 0, parts.planes * sizeof(T));
      for (int64_t i = s.images * slot / s.slots * s.groups; i < s.images * (slot + 1) / s.slots * s.groups; i++) {
        planes.fill(base, images + i * imageLength);
        body(i, base, base + parts.planes);
      }
    }
  });
}

// y = x ∗ weight + bias. weight [groups * outChannels, inChannels, h.taps, w.taps]; bias [groups * outChannels] or
// none. offsets: the taps of a group.
template <typename T>
Outcome conv(Out<T> y, In<T> x, In<T> weight, In<T> bias, Out<T> scratch, Out<int32_t> offsets, Integers numbers) {
  Shape s;
  if (!readShape(numbers, s)) return misfit();
  const Planes planes = planesOfX(s);
  if (weight.length != s.weightLength() || x.length != s.xLength() || y.length != s.yLength()) return misfit();
  if (bias.length != 0 && bias.length != product(s.groups, s.outChannels)) return misfit();
  if (planes.length() >= INT32_MAX / 2) return misfit();
  const Scratch parts{room(weight.length), room(planes.length()), stripPitch(s.h.out, planes.w.length)};
  if (scratch.length < parts.length(s.slots) || offsets.length != product(s.inChannels, s.taps())) return misfit();
  writeOffsets(offsets.data, s, planes);
  const int64_t taps = offsets.length, group = s.outChannels * taps;
  const Correlation<T> all{
      s.outChannels, taps, scratch.data, offsets.data, s.h.out, s.w.out, planes.w.length, s.outPixels(), s.w.out, 1};
  for (int64_t g = 0; g < s.groups; g++) {
    const T* from = weight.data + g * group;
    packWeights(all, scratch.data + g * group, [=](int64_t m, int64_t k) { return from[m * taps + k]; });
  }
  forEachImage(s, planes, parts, scratch.data, x.data, [&](int64_t i, const T* image, T* strip) {
    const int64_t g = i % s.groups;
    Correlation<T> one = all;
    one.weights += g * group;
    const T* start = bias.length ? bias.data + g * s.outChannels : nullptr;
    correlate(one, image, start, y.data + i * s.outChannels * s.outPixels(), strip, parts.strip);
  });
  return ok();
}

// The input positions of one dimension that a stride phase of the padded input holds, and the taps that meet it.
struct Phase {
  int64_t first, count;  // rows of the phase
  int64_t start;         // the input position of its first row

  Phase(const Axis& axis, int64_t phase)
      : first(phase < axis.pad ? ceilDivide(axis.pad - phase, axis.stride) : 0),
        count(larger(0, ceilDivide(axis.pad + axis.in - phase, axis.stride) - first)),
        start(first * axis.stride + phase - axis.pad) {}
};

// The input gradient is a plain correlation of dy's planes for each stride phase of the padded input that taps meet.
template <typename T>
struct InputPhase {
  Correlation<T> sum;
  int64_t start;              // of the phase in the input
  int64_t tapRow, tapColumn;  // the first taps that meet it

  InputPhase(const Shape& s, const Planes& planes, int64_t tapRow, int64_t tapColumn)
      : tapRow(tapRow), tapColumn(tapColumn) {
    const Phase rows(s.h, s.h.phase(tapRow)), columns(s.w, s.w.phase(tapColumn));
    const int64_t taps =
        s.outChannels * ceilDivide(s.h.taps - tapRow, s.h.period()) * ceilDivide(s.w.taps - tapColumn, s.w.period());
    sum = {s.inChannels,        taps,      nullptr, nullptr, rows.count, columns.count, planes.w.length, s.inPixels(),
           s.h.stride * s.w.in, s.w.stride};
    start = rows.start * s.w.in + columns.start;
  }

  // Runs visit(channel of y, tap row, tap column) for the phase's taps.
  template <typename Visit>
  void forEachTap(const Shape& s, Visit visit) const {
    const int64_t down = s.h.period(), across = s.w.period();
    for (int64_t c = 0; c < s.outChannels; c++) {
      for (int64_t i = tapRow; i < s.h.taps; i += down) {
        for (int64_t j = tapColumn; j < s.w.taps; j += across) visit(c, i, j);
      }
    }
  }

  void writeOffsets(int32_t* to, const Shape& s, const Planes& planes) const {
    const int64_t top = Phase(s.h, s.h.phase(tapRow)).first + s.h.shift();
    const int64_t left = Phase(s.w, s.w.phase(tapColumn)).first + s.w.shift();
    forEachTap(s, [&](int64_t c, int64_t i, int64_t j) {
      *to++ = static_cast<int32_t>(planes.at(c, 0, 0, top - s.h.at(i) / s.h.stride, left - s.w.at(j) / s.w.stride));
    });
  }

  // As packWeights, of one group's weight [outChannels, inChannels, …].
  void pack(T* to, const Shape& s, const T* weight) const {
    for (int64_t t = 0; t < sum.tiles(); t++) {
      forEachTap(s, [&](int64_t c, int64_t i, int64_t j) {
        const T* from = weight + c * s.inChannels * s.taps() + i * s.w.taps + j;
        for (int64_t m = sum.bound(t); m < sum.bound(t + 1); m++) *to++ = from[m * s.taps()];
      });
    }
  }
};

// Runs visit(phase) for each phase, its part of the offsets and of the packed weights set.
template <typename T, typename Visit>
void forEachPhase(const Shape& s, const Planes& planes, const int32_t* offsets, const T* weights, Visit visit) {
  for (int64_t i = 0; i < s.h.phases(); i++) {
    for (int64_t j = 0; j < s.w.phases(); j++) {
      InputPhase<T> phase(s, planes, i, j);
      phase.sum.offsets = offsets;
      phase.sum.weights = weights;
      visit(phase);
      offsets += phase.sum.taps;
      weights += s.groups * s.inChannels * phase.sum.taps;
    }
  }
}

// What elements of the input are that no tap meets: the bias or 0.
template <typename T>
void fillChannels(T* dx, int64_t channels, int64_t pixels, const T* bias) {
  for (int64_t c = 0; c < channels; c++, dx += pixels) {
    const T value = bias ? bias[c] : T(0);
    for (int64_t i = 0; i < pixels; i++) dx[i] = value;
  }
}

// dx = the gradient of x, or a transposed convolution of dy: dx[h * stride + tap * dilation - pad] += dy[h] ·
// weight[tap],
// + bias [groups * inChannels] or none. offsets: the taps of a group.
template <typename T>
Outcome convInput(Out<T> dx, In<T> dy, In<T> weight, In<T> bias, Out<T> scratch, Out<int32_t> offsets,
                  Integers numbers) {
  Shape s;
  if (!readShape(numbers, s)) return misfit();
  const Planes planes = planesOfDy(s);
  if (weight.length != s.weightLength() || dx.length != s.xLength() || dy.length != s.yLength()) return misfit();
  if (bias.length != 0 && bias.length != product(s.groups, s.inChannels)) return misfit();
  if (planes.length() >= INT32_MAX / 2) return misfit();
  const Scratch parts{room(weight.length), room(planes.length()), stripPitch(s.h.phaseLength(), planes.w.length)};
  if (scratch.length < parts.length(s.slots) || offsets.length != product(s.outChannels, s.taps())) return misfit();
  const int64_t group = s.outChannels * s.inChannels * s.taps();
  const bool whole = s.h.phases() == s.h.stride && s.w.phases() == s.w.stride;
  forEachPhase(s, planes, offsets.data, scratch.data, [&](const InputPhase<T>& phase) {
    phase.writeOffsets(const_cast<int32_t*>(phase.sum.offsets), s, planes);
    T* to = const_cast<T*>(phase.sum.weights);
    for (int64_t g = 0; g < s.groups; g++) {
      phase.pack(to + g * s.inChannels * phase.sum.taps, s, weight.data + g * group);
    }
  });
  forEachImage(s, planes, parts, scratch.data, dy.data, [&](int64_t i, const T* image, T* strip) {
    const int64_t g = i % s.groups;
    const T* start = bias.length ? bias.data + g * s.inChannels : nullptr;
    T* to = dx.data + i * s.inChannels * s.inPixels();
    if (!whole) fillChannels(to, s.inChannels, s.inPixels(), start);
    forEachPhase(s, planes, offsets.data, scratch.data, [&](InputPhase<T>& phase) {
      phase.sum.weights += g * s.inChannels * phase.sum.taps;
      if (phase.sum.height > 0 && phase.sum.width > 0) {
        correlate(phase.sum, image, start, to + phase.start, strip, parts.strip);
      }
    });
  });
  return ok();
}

template <typename T>
inline T sumOf(const T* x, int64_t n) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += x[i];
  return sum;
}

// dBias[c] = Σ dy over images and pixels; dy [images, channels, pixels].
template <typename T>
Outcome channelSums(Out<T> dBias, In<T> dy, int64_t images, int64_t channels, int64_t pixels) {
  if (dBias.length != channels || dy.length != product(images, channels, pixels)) return misfit();
  const int64_t rows = pixels == 0 ? 0 : images;
  parallel(channels, 16384 / (product(images, pixels) + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; c++) {
      double total = 0;
      for (int64_t i = 0; i < rows; i++) {
        const T* row = dy.data + (i * channels + c) * pixels;
        int64_t left = pixels;
        for (; left > kPiece; left -= kPiece, row += kPiece) total += static_cast<double>(sumOf(row, kPiece));
        total += static_cast<double>(sumOf(row, left));
      }
      dBias[c] = static_cast<T>(total);
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(conv, kernel<conv<float>, conv<double>>("conv"),
               kernel<convInput<float>, convInput<double>>("convInput"),
               kernel<convImages<float>, convImages<double>>("convImages"),
               kernel<convWinograd<float>, convWinograd<double>>("convWinograd"),
               kernel<convWeight<float>, convWeight<double>>("convWeight"),
               kernel<channelSums<float>, channelSums<double>>("channelSums"))
