// Convolutions and their input gradients by sums over taps of padded planes. No matrix of patches is made.
#pragma once
#include "correlate.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// The workspace: a group's offsets, the packed weights, and for each slot its planes and its strip.
template <typename T>
struct PlanesWorkspace {
  int64_t planes, ldStrip, slots;
  int32_t* offsets;
  T *weights, *first;

  PlanesWorkspace(const Pass& p, const Planes& layout, int64_t stripHeight, int64_t slots, Workspace& from)
      : planes(padded(layout.length())), ldStrip(stripPitch(stripHeight, layout.w.length)), slots(slots) {
    offsets = from.take<int32_t>(product(p.channels(), p.s.taps()));
    weights = from.take<T>(padded(p.s.weightLength()));
    first = from.take<T>(product(slots, length()));
  }
  int64_t length() const { return planes + kMostRows * ldStrip; }

  // Runs body(image, its planes, its strip) for each image and group.
  template <typename Body>
  void forEachImage(const Shape& s, const Planes& layout, const T* images, Body body) const {
    const int64_t imageLength = layout.channels * layout.h.size * layout.w.size;
    parallel(slots, 1, [&](int64_t begin, int64_t end) {
      for (int64_t slot = begin; slot < end; slot++) {
        T* base = first + slot * length();
        __builtin_memset(base, 0, static_cast<size_t>(planes) * sizeof(T));
        for (int64_t i = s.images * slot / slots * s.groups; i < s.images * (slot + 1) / slots * s.groups; i++) {
          layout.fill(base, images + i * imageLength);
          body(i, base, base + planes);
        }
      }
    });
  }
};

template <typename T>
Outcome outputByPlanes(const Pass& p, const Operands<T>& o, Workspace workspace) {
  const Shape& s = p.s;
  const Planes planes = planesOfX(s);
  const PlanesWorkspace<T> w(p, planes, s.h.out, o.slots, workspace);
  if (!workspace.isEnough()) return workspace.missing();
  writeOffsets(w.offsets, s, planes);
  const int64_t taps = s.inChannels * s.taps(), group = s.outChannels * taps;
  const Correlation<T> all{s.outChannels,   taps,          w.weights, w.offsets, s.h.out, s.w.out,
                           planes.w.length, s.outPixels(), s.w.out,   1};
  for (int64_t g = 0; g < s.groups; g++) {
    const T* from = o.weight.data + g * group;
    packWeights(all, w.weights + g * group, [=](int64_t m, int64_t k) { return from[m * taps + k]; });
  }
  w.forEachImage(s, planes, o.source.data, [&](int64_t i, const T* image, T* strip) {
    const int64_t g = i % s.groups;
    Correlation<T> one = all;
    one.weights += g * group;
    correlate(one, image, o.biasOf(g, p), o.result.data + i * s.outChannels * s.outPixels(), strip, w.ldStrip);
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

// The gradient of input elements that no tap uses: the bias or 0.
template <typename T>
void fillChannels(T* dx, int64_t channels, int64_t pixels, const T* bias) {
  for (int64_t c = 0; c < channels; c++, dx += pixels) {
    const T value = bias ? bias[c] : T(0);
    for (int64_t i = 0; i < pixels; i++) dx[i] = value;
  }
}

template <typename T>
Outcome inputByPlanes(const Pass& p, const Operands<T>& o, Workspace workspace) {
  const Shape& s = p.s;
  const Planes planes = planesOfDy(s);
  const PlanesWorkspace<T> w(p, planes, s.h.phaseLength(), o.slots, workspace);
  if (!workspace.isEnough()) return workspace.missing();
  const int64_t group = s.outChannels * s.inChannels * s.taps();
  const bool whole = s.h.phases() == s.h.stride && s.w.phases() == s.w.stride;
  forEachPhase(s, planes, w.offsets, w.weights, [&](const InputPhase<T>& phase) {
    phase.writeOffsets(const_cast<int32_t*>(phase.sum.offsets), s, planes);
    T* to = const_cast<T*>(phase.sum.weights);
    for (int64_t g = 0; g < s.groups; g++) {
      phase.pack(to + g * s.inChannels * phase.sum.taps, s, o.weight.data + g * group);
    }
  });
  w.forEachImage(s, planes, o.source.data, [&](int64_t i, const T* image, T* strip) {
    const int64_t g = i % s.groups;
    T* to = o.result.data + i * s.inChannels * s.inPixels();
    if (!whole) fillChannels(to, s.inChannels, s.inPixels(), o.biasOf(g, p));
    forEachPhase(s, planes, w.offsets, w.weights, [&](InputPhase<T>& phase) {
      phase.sum.weights += g * s.inChannels * phase.sum.taps;
      if (phase.sum.height > 0 && phase.sum.width > 0) {
        correlate(phase.sum, image, o.biasOf(g, p), to + phase.start, strip, w.ldStrip);
      }
    });
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
