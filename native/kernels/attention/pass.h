// The two passes of attention over one block of queries and all their keys (attention.cc explains the method).
#pragma once
#include "block.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {
namespace flash {

// Of each query of a block: the largest score so far, Σ exp(score - largest), and what the last change of `most` makes
// of earlier sums.
template <typename T>
struct Running {
  alignas(64) T most[kQueries<T>], total[kQueries<T>], factor[kQueries<T>];
};

// score = exp(score - most), with most and total brought up to date.
template <typename T>
__attribute__((noinline, flatten)) void soften(T* score, const Block& b, Running<T>& run) {
  alignas(64) T most[kQueries<T>], sum[kQueries<T>];
  for (int64_t q = b.skip; q < b.lanes; q++) most[q] = run.most[q];
  for (int64_t r = 0; r < b.keys; r++) {
    const T* s = score + r * kQueries<T>;
#pragma omp simd
    for (int64_t q = b.skip; q < b.lanes; q++) most[q] = s[q] > most[q] ? s[q] : most[q];
  }
#pragma omp simd
  for (int64_t q = b.skip; q < b.lanes; q++) {
    const T shift = most[q] == -static_cast<T>(math::kInfinity) ? T(0) : most[q];
    run.factor[q] = math::exp(run.most[q] - shift);
    run.most[q] = most[q];
    most[q] = shift;
    sum[q] = 0;
  }
  for (int64_t r = 0; r < b.keys; r++) {
    T* s = score + r * kQueries<T>;
#pragma omp simd
    for (int64_t q = b.skip; q < b.lanes; q++) {
      s[q] = math::exp(s[q] - most[q]);
      sum[q] += s[q];
    }
  }
#pragma omp simd
  for (int64_t q = b.skip; q < b.lanes; q++) run.total[q] = run.total[q] * run.factor[q] + sum[q];
}

// The rows [begin, end) of y times factors.
template <typename T>
void scaleRows(Matrix<T> y, int64_t width, int64_t begin, int64_t end, const T* factor) {
  for (int64_t i = begin; i < end; i++, factor++) {
    if (*factor == T(1)) continue;
    T* row = y[i];
    const T f = *factor;
#pragma omp simd
    for (int64_t d = 0; d < width; d++) row[d] *= f;
  }
}

template <typename T>
void clearRows(Matrix<T> x, int64_t width, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    for (int64_t d = 0; d < width; d++) x[i][d] = 0;
  }
}

// The queries from i0 on: their rows of y (one head's) and of logSum [queries].
template <typename T>
void attend(const Head<T>& head, int64_t i0, Matrix<T> y, T* logSum) {
  const Problem<T>& p = head.problem;
  const Layout& l = p.layout;
  Scores<T> work;
  uint8_t kept[kKeys * kQueries<T>];
  Running<T> run;
  for (int64_t q = 0; q < kQueries<T>; q++) run.most[q] = -static_cast<T>(math::kInfinity), run.total[q] = 0;
  Block b = queryBlock<T>(l, i0);
  const int64_t keys = visibleKeys(l, b);
  if (keys == 0) clearRows(y, l.valueWidth, i0, i0 + b.count);
  for (int64_t j0 = 0; j0 < keys; j0 += kKeys) {
    moveTo<T>(b, l, j0);
    scoresOf(work.score, b, head.k, head.q, l.width, p.scale, work.panel, j0 == 0);
    finishScores(work.score, b, head);
    soften(work.score, b, run);
    if (j0 > 0) scaleRows(y, l.valueWidth, i0 + b.skip, i0 + b.count, run.factor + b.skip);
    if (p.drop.active) {
      keptOf(kept, b, head);
      dropFrom(work.score, kept, b, T(1));
    }
    forEachRows(b, [&](int64_t q, int64_t rows, int64_t keys) {
      multiply<T, true>(rows, l.valueWidth, keys, work.score + q, kQueries<T>, head.v[j0], head.v.row, y[i0 + q], y.row,
                        j0 > 0);
    });
  }
  const T keepScale = p.drop.active ? static_cast<T>(p.drop.keepScale) : T(1);
  for (int64_t q = 0; q < b.count; q++) {
    const bool blind = run.total[q] == T(0);
    logSum[i0 + q] = blind ? static_cast<T>(math::kInfinity) : run.most[q] + math::log(run.total[q]);
    run.factor[q] = blind ? T(0) : keepScale / run.total[q];
  }
  scaleRows(y, l.valueWidth, i0, i0 + b.count, run.factor);
}

// The operands and results of the backward pass for one head.
template <typename T>
struct Gradients {
  Matrix<T> dq, dk, dv;
  Matrix<const T> dy, y;
  const T* logSum;  // [queries]
  bool ofQueries, ofKeys;
};

// score = the probabilities; slope, the gradient of the kept ones, becomes that of the scores.
template <typename T>
__attribute__((noinline, flatten)) void slopeOf(T* score, T* slope, const Block& b, const T* logSum, const T* along,
                                                T scale) {
  for (int64_t r = 0; r < b.keys; r++) {
    T* s = score + r * kQueries<T>;
    T* g = slope + r * kQueries<T>;
#pragma omp simd
    for (int64_t q = b.skip; q < b.lanes; q++) {
      s[q] = math::exp(s[q] - logSum[q]);
      g[q] = s[q] * (g[q] - along[q]) * scale;
    }
  }
}

// The queries from i0 on against the keys [jBegin, jEnd): adds to dk and dv, overwrites dq (all its keys are there
// then).
template <typename T>
void attendBackward(const Head<T>& head, const Gradients<T>& g, int64_t i0, int64_t jBegin, int64_t jEnd) {
  const Problem<T>& p = head.problem;
  const Layout& l = p.layout;
  Scores<T> first, second;
  uint8_t kept[kKeys * kQueries<T>];
  alignas(64) T logSum[kQueries<T>],
      along[kQueries<T>];  // along: Σ dy y, the part of the slope that softmax takes away
  Block b = queryBlock<T>(l, i0);
  const int64_t keys = smaller(jEnd, visibleKeys(l, b));
  for (int64_t q = 0; q < b.lanes; q++) {
    logSum[q] = q < b.count ? g.logSum[i0 + q] : static_cast<T>(math::kInfinity);
    T sum = 0;
    const T *dy = g.dy[i0 + smaller(q, b.count - 1)], *y = g.y[i0 + smaller(q, b.count - 1)];
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < l.valueWidth; d++) sum += dy[d] * y[d];
    along[q] = sum;
  }
  if (g.ofQueries && keys == 0) clearRows(g.dq, l.width, i0, i0 + b.count);
  for (int64_t j0 = jBegin; j0 < keys; j0 += kKeys) {
    moveTo<T>(b, l, j0);
    scoresOf(first.score, b, head.k, head.q, l.width, p.scale, first.panel, j0 == jBegin);
    finishScores(first.score, b, head);
    scoresOf(second.score, b, head.v, g.dy, l.valueWidth, T(1), second.panel, j0 == jBegin);
    if (p.drop.active) {
      keptOf(kept, b, head);
      dropFrom(second.score, kept, b, static_cast<T>(p.drop.keepScale));
    }
    slopeOf(first.score, second.score, b, logSum, along, p.scale);
    if (p.drop.active) dropFrom(first.score, kept, b, static_cast<T>(p.drop.keepScale));
    if (g.ofKeys) {
      forEachPart(b, [&](int64_t key, int64_t keys, int64_t skip) {
        const int64_t at = key * kQueries<T> + skip, rows = b.count - skip, from = i0 + skip, j = j0 + key;
        multiply<T, false>(keys, l.valueWidth, rows, first.score + at, kQueries<T>, g.dy[from], g.dy.row, g.dv[j],
                           g.dv.row, true);
        multiply<T, false>(keys, l.width, rows, second.score + at, kQueries<T>, head.q[from], head.q.row, g.dk[j],
                           g.dk.row, true);
      });
    }
    if (g.ofQueries) {
      forEachRows(b, [&](int64_t q, int64_t rows, int64_t keys) {
        multiply<T, true>(rows, l.width, keys, second.score + q, kQueries<T>, head.k[j0], head.k.row, g.dq[i0 + q],
                          g.dq.row, j0 > 0);
      });
    }
  }
}

}  // namespace flash
}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
