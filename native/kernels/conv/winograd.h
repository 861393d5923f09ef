// Convolutions of 3 × 3 taps by 2.25 times fewer products: F(2 × 2, 3 × 3) of Winograd's minimal filtering (Lavin and
// Gray, 2016, https://arxiv.org/abs/1509.09308), with images in lanes. A tile of 2 × 2 outputs is Aᵀ (Σ_channels (G g
// Gᵀ) ⊙ (Bᵀ d B)) A for a tap matrix g and the 4 × 4 elements d that it reads: 16 products of matrices. Its rounding
// errors are no larger than those of the plain sum, since it adds fewer terms.
#pragma once
#include "images.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kPoints = 16;   // of a tile: 4 × 4
constexpr int64_t kBlock = 8192;  // lanes times channels of the tiles computed together: they stay in the cache

// Bᵀ d for four elements.
template <typename V>
__attribute__((always_inline)) inline void towardsPoints(V* d) {
  const V a = d[0] - d[2], b = d[1] + d[2], c = d[2] - d[1], e = d[1] - d[3];
  d[0] = a, d[1] = b, d[2] = c, d[3] = e;
}

// The parts of a slot: four rows of the source with images in lanes; Bᵀ d B and the products of a block, both
// [16][channels][columns]; two rows of the result. A block is some tiles of one row.
template <typename T>
struct WinogradSlot {
  int64_t columns, source, points, sums, result;

  explicit WinogradSlot(const Pass& p) {
    constexpr int64_t lanes = kLanesOf<T>;
    columns = smaller(larger(1, kBlock / (p.rows() + p.channels()) / lanes), (p.width() + 1) / 2) * lanes;
    source = product(4 * lanes, p.channels(), p.sourceWidth());
    points = product(kPoints, p.channels(), columns);
    sums = product(kPoints, p.rows(), columns);
    result = product(2 * lanes, p.rows(), p.width());
  }
  int64_t length() const { return sum(sum(source, points), sum(sums, result)); }
};

template <typename T>
struct Winograd {
  using V = Lanes<T>;
  static constexpr int64_t lanes = kLanesOf<T>;
  const Pass& p;
  const Group& images;
  int64_t columns;
  T *source, *points, *sums, *result;

  // The first element that output 0 reads, counted from -pad.
  int64_t padOf(const Axis& a) const { return p.toInput ? 2 - a.pad : a.pad; }

  // Rows [first, first + 2) of the padded source into the four rows, each at the place of its number
  // modulo 4.
  void load(int64_t first, const T* from, int64_t imageLength) const {
    const int64_t top = first - padOf(p.s.h), begin = larger(0, top), end = smaller(top + 2, p.sourceHeight());
    const int64_t width = p.sourceWidth();
    if (begin >= end) return;
    T* to = source + (first % 4 + begin - top) * width * lanes;
    from += begin * width;
    for (int64_t c = 0; c < p.channels(); c++, from += p.sourceHeight() * width, to += 4 * width * lanes) {
      toLanes(to, from, (end - begin) * width, imageLength, images);
    }
  }

  // The 16 points of each channel of a tile, whose outputs begin at (row, column), into `to` of the block.
  void transform(int64_t row, int64_t column, T* to) const {
    const int64_t width = p.sourceWidth();
    int64_t at[kPoints];
    for (int64_t i = 0; i < kPoints; i++) {
      const int64_t h = row + i / 4 - padOf(p.s.h), w = column + i % 4 - padOf(p.s.w);
      const bool inside = h >= 0 && h < p.sourceHeight() && w >= 0 && w < width;
      at[i] = inside ? ((row + i / 4) % 4 * width + w) * lanes : -1;
    }
    const T* from = source;
    for (int64_t c = 0; c < p.channels(); c++, from += 4 * width * lanes, to += columns) {
      V d[4][4];
#pragma GCC unroll 16
      for (int i = 0; i < kPoints; i++) d[i % 4][i / 4] = at[i] < 0 ? V{} : V(vectorAt(from + at[i]));
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) towardsPoints(d[j]);
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        V line[4] = {d[0][i], d[1][i], d[2][i], d[3][i]};
        towardsPoints(line);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) vectorAt(to + (4 * i + j) * p.channels() * columns) = line[j];
      }
    }
  }

  // sums = weights · points for each of the 16 points.
  void multiply(const T* weights, const int32_t* offsets, int64_t used) const {
    const int64_t k = p.channels();
    for (int64_t point = 0; point < kPoints; point++) {
      const T* from = points + point * k * columns;
      for (int64_t t = 0; t < p.tiles(); t++) {
        const int64_t m = p.bound(t), count = p.bound(t + 1) - m, wide = widest(static_cast<int>(count));
        const T* a = weights + (point * p.rows() + m) * k;
        T* to = sums + (point * p.rows() + m) * columns;
        for (int64_t v = 0; v < used; v += wide * lanes) {
          const int64_t n = smaller(wide, (used - v) / lanes);
          const T* b[kMostVectors];
          T* c[kMostVectors];
          for (int64_t j = 0; j < n; j++) b[j] = from + v + j * lanes, c[j] = to + v + j * lanes;
          sumPixels<T>(count, n, k, a, offsets, b, c, columns, nullptr);
        }
      }
    }
  }

  // The outputs of tiles [first, last) of a row into the two rows of the result; single: there is no second row.
  void finish(int64_t first, int64_t last, bool single, const T* bias) const {
    for (int64_t m = 0; m < p.rows(); m++) {
      const V start = (bias ? bias[m] : T(0)) - V{};
      T* upperRow = result + m * 2 * p.width() * lanes;
      T* lowerRow = single ? upperRow : upperRow + p.width() * lanes;
      for (int64_t tile = first; tile < last; tile++) {
        const T* from = sums + m * columns + (tile - first) * lanes;
        V upper[4], lower[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
          const auto at = [&](int i) { return V(vectorAt(from + (4 * i + j) * p.rows() * columns)); };
          upper[j] = at(0) + at(1) + at(2);
          lower[j] = at(1) - at(2) - at(3);
        }
        const auto put = [&](T* row, const V* v) {
          vectorAt(row + 2 * tile * lanes) = v[0] + v[1] + v[2] + start;
          if (2 * tile + 1 < p.width()) vectorAt(row + (2 * tile + 1) * lanes) = v[1] - v[2] - v[3] + start;
        };
        put(lowerRow, lower);
        put(upperRow, upper);
      }
    }
  }

  void run(const T* weights, const int32_t* offsets, const T* bias, const T* from, int64_t sourceLength, T* to,
           int64_t resultLength) const {
    const int64_t across = (p.width() + 1) / 2, step = columns / lanes;
    load(0, from, sourceLength);
    for (int64_t row = 0; row < p.height(); row += 2) {
      load(row + 2, from, sourceLength);
      const bool single = row + 1 == p.height();
      for (int64_t first = 0; first < across; first += step) {
        const int64_t last = smaller(first + step, across);
        for (int64_t tile = first; tile < last; tile++) transform(row, 2 * tile, points + (tile - first) * lanes);
        multiply(weights, offsets, (last - first) * lanes);
        finish(first, last, single, bias);
      }
      for (int64_t m = 0; m < p.rows(); m++) {
        fromLanes(to + (m * p.height() + row) * p.width(), result + m * 2 * p.width() * lanes,
                  (single ? 1 : 2) * p.width(), resultLength, images);
      }
    }
  }
};

// to[point][tile][channel][row of the tile] = G g Gᵀ of a group's weight.
template <typename T>
void packPoints(const Pass& p, const T* weight, T* to) {
  const int64_t step = p.rows() * p.channels();
  for (int64_t t = 0; t < p.tiles(); t++) {
    for (int64_t c = 0; c < p.channels(); c++) {
      for (int64_t m = p.bound(t); m < p.bound(t + 1); m++, to++) {
        T g[3][3], half[4][3];
        for (int i = 0; i < 9; i++) g[i / 3][i % 3] = weight[p.weight(m, c, p.toInput ? 8 - i : i)];
        for (int j = 0; j < 3; j++) {
          half[0][j] = g[0][j];
          half[1][j] = (g[0][j] + g[1][j] + g[2][j]) / 2;
          half[2][j] = (g[0][j] - g[1][j] + g[2][j]) / 2;
          half[3][j] = g[2][j];
        }
        for (int i = 0; i < 4; i++) {
          to[(4 * i) * step] = half[i][0];
          to[(4 * i + 1) * step] = (half[i][0] + half[i][1] + half[i][2]) / 2;
          to[(4 * i + 2) * step] = (half[i][0] - half[i][1] + half[i][2]) / 2;
          to[(4 * i + 3) * step] = half[i][2];
        }
      }
    }
  }
}

inline bool suitsWinograd(const Axis& a) { return a.taps == 3 && a.stride == 1 && a.dilation == 1; }

// Elements of all groups' packed weights.
inline int64_t pointsOfWeight(const Pass& p) { return product(kPoints, p.s.groups, p.rows(), p.channels()); }

// For 3 × 3 taps with stride and dilation 1.
template <typename T>
Outcome sumByWinograd(const Pass& p, const Operands<T>& o, Workspace workspace) {
  const Shape& s = p.s;
  const WinogradSlot<T> parts(p);
  const int64_t group = kPoints * p.rows() * p.channels();
  T* const packed = workspace.take<T>(padded(pointsOfWeight(p)));
  T* const slots = workspace.take<T>(product(o.slots, parts.length()));
  int32_t* const offsets = workspace.take<int32_t>(p.channels());
  if (!workspace.isEnough()) return workspace.missing();
  for (int64_t c = 0; c < p.channels(); c++) offsets[c] = static_cast<int32_t>(c * parts.columns);
  for (int64_t g = 0; g < s.groups; g++) {
    packPoints(p, o.weight.data + g * p.rows() * p.channels() * s.taps(), packed + g * group);
  }
  const int64_t sourceLength = s.groups * p.source(), resultLength = s.groups * p.result();
  forEachGroup(s, o.slots, slots, parts.length(), kLanesOf<T>, [&](T* base, int64_t g, const Group& images) {
    T* points = base + parts.source;
    T* sums = points + parts.points;
    const Winograd<T> one{p, images, parts.columns, base, points, sums, sums + parts.sums};
    one.run(packed + g * group, offsets, o.biasOf(g, p), o.source.data + images.first * sourceLength + g * p.source(),
            sourceLength, o.result.data + images.first * resultLength + g * p.result(), resultLength);
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
