// The backward pass of the recurrent layers: the gates' gradients step by step against the direction, then the weights'
// and the input's by one large product each.
#pragma once
#include "recurrent.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// The gradients of one direction's weights; each may be absent.
template <typename T>
struct WeightGradients {
  Out<T> weightIh, weightHh, biasIh, biasHh;
};

template <typename T>
struct Backward {
  Out<T> dx, dh0, dc0;  // each may be absent
  WeightGradients<T> weights[2];
  In<T> dy, dhN, dcN;  // each may be absent: zeros
  In<T> x, h0, c0, y, gates, cells;
  In<int32_t> lengths;
};

template <typename T>
bool fit(const Sizes& s, int64_t gates, int64_t needed, bool hasCells, const Backward<T>& g) {
  const int64_t n = s.rows(), states = product(s.directions, s.batch, s.hidden);
  const int64_t perStep = product(s.directions, n, s.hidden), inputs = product(n, s.inFeatures);
  for (const WeightGradients<T>& w : g.weights) {
    if (!absentOr(w.weightIh, gates * s.hidden * s.inFeatures) || !absentOr(w.weightHh, gates * s.hidden * s.hidden) ||
        !absentOr(w.biasIh, gates * s.hidden) || !absentOr(w.biasHh, gates * s.hidden)) {
      return false;
    }
  }
  return g.y.length == perStep && g.x.length == inputs && absentOr(g.dx, inputs) && absentOr(g.dh0, states) &&
         absentOr(g.dc0, states) && absentOr(g.dy, perStep) && absentOr(g.dhN, states) && absentOr(g.dcN, states) &&
         absentOr(g.h0, states) && absentOr(g.c0, states) && absentOr(g.lengths, s.batch) &&
         g.gates.length == product(perStep, needed) && (!hasCells || g.cells.length == perStep);
}

// Working memory of a direction. `dz` [N, Cell::gradients * hidden] is the gradient of the gates' sums, `operands`
// [N, inFeatures + hidden] its input and the state before it, `joined` [Cell::gates * hidden, inFeatures + hidden] the
// gradient of both weights; of each sequence `dzNow` [Cell::gates * hidden] is the current step's gradient
// that goes through weightHh, `dh` [ldh] and `dc` [hidden] are those of the states.
template <typename T>
struct Working {
  T *packed, *dz, *operands, *joined, *dzNow, *dh, *dc;
  int64_t ldh;
};

// The row of one sequence at one step; the state before it is `previous` [hidden] and the cell state `previousCells`.
template <typename T>
struct Neighbours {
  const T *previous, *previousCells;
};

template <typename T>
Neighbours<T> before(const Sizes& s, const Backward<T>& g, int64_t d, int64_t t, int64_t b, int64_t length) {
  const int64_t hidden = s.hidden, width = s.directions * hidden, state = d * s.batch + b;
  if (t == (d == 0 ? 0 : length - 1)) {
    return {g.h0.data ? g.h0.data + state * hidden : nullptr, g.c0.data ? g.c0.data + state * hidden : nullptr};
  }
  const int64_t row = s.row(d == 0 ? t - 1 : t + 1, b);
  return {g.y.data + row * width + d * hidden, g.cells.data ? g.cells.data + (d * s.rows() + row) * hidden : nullptr};
}

// The steps of sequences [begin, end) in direction d, from the last one to the first.
template <typename Cell, typename T>
void walkBack(const Cell& cell, const Sizes& s, const Backward<T>& g, int64_t d, int64_t begin, int64_t end,
              const Working<T>& w) {
  const int64_t hidden = s.hidden, m = end - begin, columns = Cell::gates * hidden, width = s.directions * hidden;
  const int64_t state = d * s.batch + begin;
  T* dzNow = w.dzNow + begin * columns;
  T* dh = w.dh + begin * w.ldh;
  T* dc = w.dc + begin * hidden;
  for (int64_t b = 0; b < m; b++) {
    copyRow(dh + b * w.ldh, g.dhN.data ? g.dhN.data + (state + b) * hidden : nullptr, hidden);
    fillRow(dh + b * w.ldh + hidden, w.ldh - hidden, T(0));
  }
  if (Cell::hasCells) copyRow(dc, g.dcN.data ? g.dcN.data + state * hidden : nullptr, m * hidden);
  for (int64_t i = s.steps - 1; i >= 0; i--) {
    const int64_t t = s.step(d, i);
    for (int64_t b = 0; b < m; b++) {
      const int64_t row = s.row(t, begin + b), kept = d * s.rows() + row;
      const int64_t length = g.lengths.data ? g.lengths[begin + b] : s.steps;
      T* dz = w.dz + row * Cell::gradients * hidden;
      T* input = w.operands + row * (s.inFeatures + hidden);
      T* previous = input + s.inFeatures;
      if (t >= length) {
        fillRow(dz, Cell::gradients * hidden, T(0));
        fillRow(dzNow + b * columns, columns, T(0));
        fillRow(input, s.inFeatures + hidden, T(0));
        continue;
      }
      const Neighbours<T> then = before(s, g, d, t, begin + b, length);
      copyRow(input, g.x.data + row * s.inFeatures, s.inFeatures);
      copyRow(previous, then.previous, hidden);
      const T* y = g.y.data + row * width + d * hidden;
      const T* dy = g.dy.data ? g.dy.data + row * width + d * hidden : nullptr;
      T* dhNow = dh + b * w.ldh;
      if (dy) {
        for (int64_t j = 0; j < hidden; j++) dhNow[j] += dy[j];
      }
      cell.backward(hidden, dz, dzNow + b * columns, dhNow, dc + b * hidden, y, previous,
                    g.gates.data + kept * Cell::needed * hidden, g.cells.data + kept * hidden, then.previousCells);
    }
    if (i > 0 || g.dh0.data) multiplyPanels(m, hidden, columns, dzNow, columns, w.packed, dh, w.ldh, true);
  }
  for (int64_t b = 0; b < m && g.dh0.data; b++) copyRow(g.dh0.data + (state + b) * hidden, dh + b * w.ldh, hidden);
  if (g.dc0.data) copyRow(g.dc0.data + state * hidden, dc, m * hidden);
}

// to[j] = Σ of column j of dz [rows, ld]
template <typename T>
void sumRows(Out<T> to, const T* dz, int64_t rows, int64_t ld) {
  constexpr int64_t kTile = 128, kBlock = 16;
  parallel(ceilDivide(to.length, kTile), 65536 / (rows * kTile + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; tile++) {
      const int64_t first = tile * kTile, n = smaller(to.length - first, kTile);
      double total[kTile] = {};
      for (int64_t i = 0; i < rows; i += kBlock) {
        const T* row = dz + i * ld + first;
        T part[kTile] = {};
        for (int64_t b = 0; b < kBlock && i + b < rows; b++, row += ld) {
#pragma omp simd
          for (int64_t j = 0; j < n; j++) part[j] += row[j];
        }
#pragma omp simd
        for (int64_t j = 0; j < n; j++) total[j] += static_cast<double>(part[j]);
      }
      for (int64_t j = 0; j < n; j++) to[first + j] = static_cast<T>(total[j]);
    }
  });
}

template <typename T>
void copyRows(T* to, int64_t columns, const T* from, int64_t ld, int64_t rows) {
  for (int64_t i = 0; i < rows; i++) copyRow(to + i * columns, from + i * ld, columns);
}

// The gradients of both weights of direction d, in one product as far as it goes.
template <typename Cell, typename T>
bool gatherWeights(const Sizes& s, const WeightGradients<T>& to, const Working<T>& w) {
  const int64_t hidden = s.hidden, inputs = s.inFeatures, width = inputs + hidden, n = s.rows();
  const int64_t columns = Cell::gates * hidden, ld = Cell::gradients * hidden;
  // The last gate's gradient may be another one on the side of the state.
  constexpr int64_t own = Cell::gradients - Cell::gates;
  const int64_t shared = columns - own * hidden;
  bool done = gemm<T>(true, false, shared, width, n, w.dz, ld, w.operands, width, false, w.joined, width);
  if (to.weightIh.data) copyRows(to.weightIh.data, inputs, w.joined, width, shared);
  if (to.weightHh.data) copyRows(to.weightHh.data, hidden, w.joined + inputs, width, shared);
  if (own && to.weightIh.data) {
    done = done && gemm<T>(true, false, hidden, inputs, n, w.dz + shared, ld, w.operands, width, false,
                           to.weightIh.data + shared * inputs, inputs);
  }
  if (own && to.weightHh.data) {
    done = done && gemm<T>(true, false, hidden, hidden, n, w.dz + columns, ld, w.operands + inputs, width, false,
                           to.weightHh.data + shared * hidden, hidden);
  }
  return done;
}

// The sums over all steps of direction d.
template <typename Cell, typename T>
bool gatherGradients(const Sizes& s, const Backward<T>& g, const Weights<T>& weights, int64_t d, const Working<T>& w) {
  const int64_t hidden = s.hidden, n = s.rows(), columns = Cell::gates * hidden, ld = Cell::gradients * hidden;
  const WeightGradients<T>& to = g.weights[d];
  bool done = true;
  if (g.dx.data) {
    done = gemm<T>(false, false, n, s.inFeatures, columns, w.dz, ld, weights.at(d, 0), s.inFeatures, d > 0, g.dx.data,
                   s.inFeatures);
  }
  if (to.weightIh.data || to.weightHh.data) done = done && gatherWeights<Cell>(s, to, w);
  constexpr int64_t own = Cell::gradients - Cell::gates;
  const int64_t shared = columns - own * hidden;
  if (to.biasIh.data) sumRows(to.biasIh, w.dz, n, ld);
  if (to.biasHh.data) {
    if (to.biasIh.data) {
      copyRow(to.biasHh.data, to.biasIh.data, shared);
    } else {
      sumRows(Out<T>{to.biasHh.data, shared}, w.dz, n, ld);
    }
    if (own) sumRows(Out<T>{to.biasHh.data + shared, hidden}, w.dz + columns, n, ld);
  }
  return done;
}

template <typename Cell, typename T>
Outcome runBackward(const Cell& cell, const Sizes& s, const Backward<T>& g, Ins<T> list, Workspace workspace) {
  Weights<T> weights;
  if (!fit(s, Cell::gates, list, &weights) || !fit(s, Cell::gates, Cell::needed, Cell::hasCells, g)) return misfit();
  const int64_t hidden = s.hidden, columns = Cell::gates * hidden, width = paddedColumns<T>(hidden), n = s.rows();
  Working<T> working[2];
  for (int64_t d = 0; d < s.directions; d++) {
    Working<T>& w = working[d];
    w.ldh = width;
    w.packed = workspace.take<T>(product(width, columns));
    w.dz = workspace.take<T>(product(n, Cell::gradients * hidden));
    w.operands = workspace.take<T>(product(n, s.inFeatures + hidden));
    w.joined = workspace.take<T>(product(columns, s.inFeatures + hidden));
    w.dzNow = workspace.take<T>(product(s.batch, columns));
    w.dh = workspace.take<T>(product(s.batch, width));
    w.dc = workspace.take<T>(product(s.batch, hidden));
  }
  if (!workspace.isEnough()) return workspace.missing();
  for (int64_t d = 0; d < s.directions; d++) packPanels(false, hidden, columns, weights.at(d, 1), working[d].packed);
  forSequences(s, s.steps * columns * hidden,
               [&](int64_t d, int64_t begin, int64_t end) { walkBack(cell, s, g, d, begin, end, working[d]); });
  for (int64_t d = 0; d < s.directions; d++) {
    if (!gatherGradients<Cell>(s, g, weights, d, working[d])) return misfit();
  }
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
