// What the recurrent layers share: a layer's whole sequence in one call, each way. Every thread walks through all steps
// of its own sequences of the batch, so that threads do not meet on the way.
#pragma once
#include "../../gemm/gemm.h"
#include "panels.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// N = steps * batch rows of x, y and what is kept for the backward pass, each of one sequence at one step.
struct Sizes {
  int64_t steps, batch, inFeatures, hidden, directions, batchFirst;

  int64_t rows() const { return product(steps, batch); }
  int64_t row(int64_t step, int64_t sequence) const {
    return batchFirst ? sequence * steps + step : step * batch + sequence;
  }
  // Direction d's step number i.
  int64_t step(int64_t d, int64_t i) const { return d == 0 ? i : steps - 1 - i; }
};

// Of each direction: weightIh [G * hidden, inFeatures], weightHh [G * hidden, hidden] and perhaps biasIh, biasHh
// [G * hidden], where a cell has G gates.
template <typename T>
struct Weights {
  Ins<T> list;
  int64_t perDirection;
  bool biased() const { return perDirection == 4; }
  const T* at(int64_t d, int64_t which) const { return list[d * perDirection + which].data; }
};

template <typename T>
bool fit(const Sizes& s, int64_t gates, Ins<T> list, Weights<T>* weights) {
  if (s.directions < 1 || s.directions > 2 || s.hidden < 1 || s.inFeatures < 1 || s.hidden > 1 << 24 ||
      s.inFeatures > INT32_MAX) {
    return false;
  }
  *weights = {list, list.count / s.directions};
  if (list.count != 2 * s.directions && list.count != 4 * s.directions) return false;
  const int64_t columns = gates * s.hidden;
  const int64_t lengths[] = {product(columns, s.inFeatures), product(columns, s.hidden), columns, columns};
  for (int64_t i = 0; i < list.count; i++) {
    if (list[i].length != lengths[i % weights->perDirection]) return false;
  }
  return s.rows() < INT64_C(1) << 31;
}

// The first length outside of 1 … steps as a fault.
inline Outcome checkLengths(In<int32_t> lengths, int64_t steps) {
  for (int64_t b = 0; b < lengths.length; b++) {
    if (lengths[b] < 1 || lengths[b] > steps) return fault(b, lengths[b]);
  }
  return ok();
}

template <typename T>
void fillRow(T* to, int64_t n, T value) {
  for (int64_t i = 0; i < n; i++) to[i] = value;
}

// `from` or, if absent, zeros.
template <typename T>
void copyRow(T* to, const T* from, int64_t n) {
  if (from == nullptr) return fillRow(to, n, T(0));
  __builtin_memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
}

// Runs body(direction, first, end) on pieces of the batch, as many as there are threads.
template <typename Body>
void forSequences(const Sizes& s, int64_t workOfSequence, Body&& body) {
  constexpr int64_t kWork = 300'000;  // multiplications that are worth waking a thread
  const int64_t n = s.directions * s.batch, share = n / threadCount(), least = kWork / (workOfSequence + 1) + 1;
  parallel(n, share > least ? share : least, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t d = begin / s.batch, first = begin % s.batch;
      const int64_t last = s.batch - first < end - begin ? s.batch : first + end - begin;
      body(d, first, last);
      begin += last - first;
    }
  });
}

// A layer's results and operands. `gates` [directions, N, Cell::kept * hidden] is what a cell keeps of its gates,
// `cells` [directions, N, hidden] an LSTM's cell states. The final states serve as the running ones.
template <typename T>
struct Forward {
  Out<T> y, hN, cN, gates, cells;  // y [N, directions * hidden]; hN, cN [directions, batch, hidden]
  In<T> x, h0, c0;                 // x [N, inFeatures]; h0, c0 like hN, or absent: zeros
  In<int32_t> lengths;             // [batch], or absent: all steps

  const T* initial(In<T> state, const Sizes& s, int64_t index) const {
    return state.data ? state.data + index * s.hidden : nullptr;
  }
};

template <typename T>
bool fit(const Sizes& s, int64_t kept, bool hasCells, const Forward<T>& f) {
  const int64_t n = s.rows(), states = product(s.directions, s.batch, s.hidden);
  const int64_t perStep = product(s.directions, n, s.hidden);
  return f.y.length == perStep && f.hN.length == states && f.x.length == product(n, s.inFeatures) &&
         absentOr(f.h0, states) && absentOr(f.c0, states) && absentOr(f.lengths, s.batch) &&
         f.gates.length == product(perStep, kept) &&
         (!hasCells || (f.cN.length == states && f.cells.length == perStep));
}

// Of one direction: the packed weights; and for each sequence the products with its input and its state at one step,
// `width` elements apart. `packedIh` is null if the products with all inputs are in `gates` already.
template <typename T>
struct Packed {
  T *packedIh, *packedHh, *bias, *ofInput, *ofState;
  int64_t width;
};

// Whether the product with the input is done at each step: the weights must stay in the second cache, and a step's rows
// fill some tiles. One product for all steps writes and reads all gates once more.
template <typename T>
bool inputStepByStep(const Sizes& s, int64_t columns) {
  constexpr int64_t kCache = 600 * 1024, kRows = 16;
  return s.batch >= kRows && product(columns, s.inFeatures + s.hidden, sizeof(T)) <= kCache;
}

// The steps of sequences [begin, end) in direction d.
template <typename Cell, typename T>
void walk(const Cell& cell, const Sizes& s, const Forward<T>& f, int64_t d, int64_t begin, int64_t end,
          const Packed<T>& w) {
  const int64_t hidden = s.hidden, m = end - begin, columns = Cell::gates * hidden, width = s.directions * hidden,
                state = d * s.batch + begin;
  T* h = f.hN.data + state * hidden;
  T* c = f.cN.data ? f.cN.data + state * hidden : nullptr;
  copyRow(h, f.initial(f.h0, s, state), m * hidden);
  if (c) copyRow(c, f.initial(f.c0, s, state), m * hidden);
  for (int64_t i = 0; i < s.steps; i++) {
    const int64_t t = s.step(d, i);
    T* ofInput = w.ofInput + begin * w.width;
    T* ofState = w.ofState + begin * w.width;
    if (w.packedIh) {
      const int64_t ldx = s.row(0, 1) * s.inFeatures;
      multiplyPanels(m, columns, s.inFeatures, f.x.data + s.row(t, begin) * s.inFeatures, ldx, w.packedIh, ofInput,
                     w.width, false);
    }
    if (i == 0 && !f.h0.data) {
      fillRow(ofState, m * w.width, T(0));
    } else {
      multiplyPanels(m, columns, hidden, h, hidden, w.packedHh, ofState, w.width, false);
    }
    for (int64_t b = 0; b < m; b++) {
      const int64_t row = s.row(t, begin + b), kept = d * s.rows() + row;
      T* y = f.y.data + row * width + d * hidden;
      T* gates = f.gates.data + kept * Cell::kept * hidden;
      T* cells = c ? f.cells.data + kept * hidden : nullptr;
      if (f.lengths.data == nullptr || t < f.lengths[begin + b]) {
        cell.forward(hidden, y, gates, cells, w.packedIh ? ofInput + b * w.width : gates, ofState + b * w.width, w.bias,
                     h + b * hidden, c ? c + b * hidden : nullptr);
      } else {
        fillRow(y, hidden, T(0));
        fillRow(gates, Cell::kept * hidden, T(0));
        if (c) fillRow(cells, hidden, T(0));
      }
    }
  }
}

template <typename Cell, typename T>
Outcome runForward(const Cell& cell, const Sizes& s, const Forward<T>& f, Ins<T> list, Workspace workspace) {
  Weights<T> weights;
  if (!fit(s, Cell::gates, list, &weights) || !fit(s, Cell::kept, Cell::hasCells, f)) return misfit();
  if (const Outcome checked = checkLengths(f.lengths, s.steps); checked.code != Outcome::kOk) return checked;
  const int64_t hidden = s.hidden, columns = Cell::gates * hidden, width = paddedColumns<T>(columns), n = s.rows();
  const bool stepByStep = inputStepByStep<T>(s, columns);
  Packed<T> packed[2];
  for (int64_t d = 0; d < s.directions; d++) {
    Packed<T>& w = packed[d];
    w.width = width;
    w.packedIh = stepByStep ? workspace.take<T>(product(width, s.inFeatures)) : nullptr;
    w.packedHh = workspace.take<T>(product(width, hidden));
    w.bias = workspace.take<T>((Cell::gates + 1) * hidden);
    w.ofInput = workspace.take<T>(product(s.batch, width));
    w.ofState = workspace.take<T>(product(s.batch, width));
  }
  if (!workspace.isEnough()) return workspace.missing();
  for (int64_t d = 0; d < s.directions; d++) {
    const Packed<T>& w = packed[d];
    packPanels(true, columns, hidden, weights.at(d, 1), w.packedHh);
    fillRow(w.bias, (Cell::gates + 1) * hidden, T(0));
    if (weights.biased()) Cell::joinBiases(hidden, w.bias, weights.at(d, 2), weights.at(d, 3));
    if (stepByStep) {
      packPanels(true, columns, s.inFeatures, weights.at(d, 0), w.packedIh);
    } else if (!gemm<T>(false, true, n, columns, s.inFeatures, f.x.data, s.inFeatures, weights.at(d, 0), s.inFeatures,
                        false, f.gates.data + d * n * Cell::kept * hidden, Cell::kept * hidden)) {
      return misfit();
    }
  }
  forSequences(s, s.steps * columns * (hidden + s.inFeatures),
               [&](int64_t d, int64_t begin, int64_t end) { walk(cell, s, f, d, begin, end, packed[d]); });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
