// One block of attention: kQueries queries against the keys of their head, kKeys at a time, forward and backward.
//
// Scores are kept transposed, [keys, queries]: a key's row is a vector of queries, so that maxima and sums need no
// horizontal steps, keys and values are read in place, and only the queries (and dy) are packed.
#pragma once
#include "../math.h"
#include "../philox.h"
#include "tile.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {
namespace flash {

constexpr int64_t kKeys = 32;
constexpr int64_t kEarly = 16;  // keys of a block that causality cuts, before which more queries see something
constexpr int64_t kDepth = 64;  // features packed at a time
template <typename T>
constexpr int64_t kQueries = 256 / static_cast<int64_t>(sizeof(T));

struct Strides {
  int64_t offset, batch, head, row;
};

struct Layout {
  int64_t batch, heads, queries, keys, width, valueWidth;
  int64_t causal;  // 0: no; c > 0: query i sees the keys j < i + c
  Strides q, k, v, y, mask, bias;
};

// How the probabilities are dropped: element (row of logSum, key) has the word key % 4 of block
// position + row * ceil(keys / 4) + key / 4.
struct Drop {
  bool active;
  Seed seed;
  uint64_t position;
  int32_t chances;
  double keepScale;
};

template <typename T>
struct Problem {
  Layout layout;
  const T *q, *k, *v, *bias;  // bias, mask: or null
  const uint8_t* mask;
  T scale;
  Drop drop;
};

// A matrix of one head.
template <typename T>
struct Matrix {
  T* data;
  int64_t row;
  T* operator[](int64_t i) const { return data + i * row; }
};

template <typename T>
inline Matrix<T> headOf(T* data, const Strides& s, const Layout& l, int64_t unit) {
  return {data ? data + s.offset + unit / l.heads * s.batch + unit % l.heads * s.head : nullptr, s.row};
}

template <typename T>
struct Head {
  const Problem<T>& problem;
  int64_t unit;  // batch * heads + head
  Matrix<const T> q, k, v, bias;
  Matrix<const uint8_t> mask;

  Head(const Problem<T>& p, int64_t unit)
      : problem(p),
        unit(unit),
        q(headOf(p.q, p.layout.q, p.layout, unit)),
        k(headOf(p.k, p.layout.k, p.layout, unit)),
        v(headOf(p.v, p.layout.v, p.layout, unit)),
        bias(headOf(p.bias, p.layout.bias, p.layout, unit)),
        mask(headOf(p.mask, p.layout.mask, p.layout, unit)) {}
};

// The queries [i0, i0 + count) of a head and the keys [j0, j0 + keys) that are at them. `lanes`: count, rounded up to
// whole vectors; before the lane `skip` no query sees any of these keys, and before `skipLate` none of those from
// `early` on.
struct Block {
  int64_t i0, count, lanes, j0, keys, skip;
  int64_t early, skipLate;
  bool diagonal;  // some of its queries do not see some of its keys
};

template <typename T>
inline Block queryBlock(const Layout& l, int64_t i0) {
  constexpr int64_t lanes = Simd<T>::lanes;
  const int64_t count = smaller(kQueries<T>, l.queries - i0);
  return {i0, count, roundUp(count, lanes), 0, 0, 0, 0, 0, false};
}

// The keys that any query of the block may see.
inline int64_t visibleKeys(const Layout& l, const Block& b) {
  return l.causal > 0 ? smaller(l.keys, b.i0 + b.count - 1 + l.causal) : l.keys;
}

template <typename T>
inline void moveTo(Block& b, const Layout& l, int64_t j0) {
  constexpr int64_t lanes = Simd<T>::lanes;
  b.j0 = j0;
  b.keys = smaller(kKeys, l.keys - j0);
  const int64_t blind = l.causal > 0 ? j0 - l.causal + 1 - b.i0 : 0;  // queries before that one see nothing here
  const auto skipOf = [&](int64_t queries) { return queries > 0 ? smaller(queries / lanes * lanes, b.count) : 0; };
  b.skip = skipOf(blind);
  b.diagonal = l.causal > 0 && j0 + b.keys - 1 >= b.i0 + l.causal;
  b.early = b.diagonal && b.keys > kEarly ? kEarly : b.keys;
  b.skipLate = b.early < b.keys ? skipOf(blind + b.early) : b.skip;
}

// Runs part(key, keys, skip) for the block's keys, or for those before and from `early` on.
template <typename Part>
inline void forEachPart(const Block& b, Part part) {
  part(0, b.early, b.skip);
  if (b.early < b.keys && b.skipLate < b.count) part(b.early, b.keys - b.early, b.skipLate);
}

// Runs part(first query, queries, keys) for the block's queries, or for those before and from `skipLate` on.
template <typename Part>
inline void forEachRows(const Block& b, Part part) {
  if (b.skipLate > b.skip) part(b.skip, b.skipLate - b.skip, b.early);
  if (b.skipLate < b.count) part(b.skipLate, b.count - b.skipLate, b.keys);
}

template <typename T>
struct Scores {
  alignas(64) T panel[kDepth * kQueries<T>];
  alignas(64) T score[kKeys * kQueries<T>];
};

// product [keys, lanes] = x [keys, width] · (scale · rows [count, width])ᵀ, but for what its parts skip. The panel of
// the rows is packed for the first keys, and anew for all where it holds but a part of the width.
template <typename T>
void scoresOf(T* product, const Block& b, Matrix<const T> x, Matrix<const T> rows, int64_t width, T scale, T* panel,
              bool first) {
  for (int64_t d = 0; d < width; d += kDepth) {
    const int64_t depth = smaller(kDepth, width - d);
    if (width > kDepth || first) {
      packColumns(depth, b.count, b.lanes, rows[b.i0] + d, rows.row, panel);
#pragma omp simd
      for (int64_t i = 0; i < depth * b.lanes; i++) panel[i] *= scale;
    }
    forEachPart(b, [&](int64_t key, int64_t keys, int64_t skip) {
      multiply<T, false>(keys, b.lanes - skip, depth, x[b.j0 + key] + d, x.row, panel + skip, b.lanes,
                         product + key * kQueries<T> + skip, kQueries<T>, d > 0);
    });
  }
  if (width > 0) return;
  for (int64_t i = 0; i < b.keys * kQueries<T>; i++) product[i] = 0;
}

// score += bias, and -∞ where a query must not see a key.
template <typename T>
void finishScores(T* score, const Block& b, const Head<T>& head) {
  const int64_t causal = head.problem.layout.causal;
  for (int64_t r = 0; r < b.keys; r++) {
    T* s = score + r * kQueries<T>;
    const int64_t j = b.j0 + r;
    if (head.bias.data) {
      for (int64_t q = b.skip; q < b.count; q++) s[q] += head.bias[b.i0 + q][j];
    }
    if (head.mask.data) {
      for (int64_t q = b.skip; q < b.count; q++)
        s[q] = head.mask[b.i0 + q][j] ? s[q] : -static_cast<T>(math::kInfinity);
    }
    if (b.diagonal) {
      const int64_t first = j - causal + 1 - b.i0;  // the first query that sees the key
      for (int64_t q = b.skip; q < smaller(first, b.lanes); q++) s[q] = -static_cast<T>(math::kInfinity);
    }
  }
}

// kept [keys, queries] = 1, or 0 where the probability is dropped.
template <typename T>
void keptOf(uint8_t* kept, const Block& b, const Head<T>& head) {
  const Drop& drop = head.problem.drop;
  const Layout& l = head.problem.layout;
  const uint64_t perRow = static_cast<uint64_t>((l.keys + 3) / 4);
  const uint64_t row = static_cast<uint64_t>(head.unit * l.queries + b.i0);
  for (int64_t r = 0; r < b.keys; r += 4) {
    uint8_t* to = kept + r * kQueries<T>;
    const uint64_t first = drop.position + row * perRow + static_cast<uint64_t>((b.j0 + r) / 4);
#pragma omp simd
    for (int64_t q = b.skip; q < b.lanes; q++) {
      const Words words = philoxBlock(drop.seed, first + static_cast<uint64_t>(q) * perRow);
      to[q] = static_cast<uint8_t>(1 - happens(words.w0, drop.chances));
      to[q + kQueries<T>] = static_cast<uint8_t>(1 - happens(words.w1, drop.chances));
      to[q + 2 * kQueries<T>] = static_cast<uint8_t>(1 - happens(words.w2, drop.chances));
      to[q + 3 * kQueries<T>] = static_cast<uint8_t>(1 - happens(words.w3, drop.chances));
    }
  }
}

// x [keys, lanes] *= kept * factor
template <typename T>
void dropFrom(T* x, const uint8_t* kept, const Block& b, T factor) {
  for (int64_t r = 0; r < b.keys; r++) {
    T* to = x + r * kQueries<T>;
    const uint8_t* keep = kept + r * kQueries<T>;
#pragma omp simd
    for (int64_t q = b.skip; q < b.lanes; q++) to[q] = keep[q] ? to[q] * factor : T(0);
  }
}

}  // namespace flash
}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
