// Sums of rows that an index names, possibly repeatedly: the gradients of lookups. The index is ordered first, so that
// many rows for one place are added in blocks, and the blocks in double; a few are added as they come.
#pragma once
#include "indices.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kSumBlock = 64;    // rows added in T before they are merged in double
constexpr int64_t kSumColumns = 64;  // columns summed at a time

// to [begin, end), which is 0, = Σ factor · row of `count` rows in order; rowAt(i) is the row's first element, or null,
// and its factor.
template <typename T, typename RowAt>
__attribute__((flatten)) void sumRows(T* to, int64_t begin, int64_t end, int64_t count, RowAt rowAt) {
  if (count <= kSumBlock) {
    for (int64_t i = 0; i < count; ++i) {
      const auto [row, factor] = rowAt(i);
      const T *from = row, scale = factor;
      if (from == nullptr) continue;
#pragma omp simd
      for (int64_t k = begin; k < end; ++k) to[k] += scale * from[k];
    }
    return;
  }
  for (int64_t first = begin; first < end; first += kSumColumns) {
    const int64_t width = smaller(end - first, kSumColumns);
    double totals[kSumColumns] = {};
    for (int64_t i = 0; i < count;) {
      T sums[kSumColumns] = {};
      for (const int64_t last = smaller(i + kSumBlock, count); i < last; ++i) {
        const auto [row, factor] = rowAt(i);
        const T *from = row, scale = factor;
        if (from == nullptr) continue;
#pragma omp simd
        for (int64_t k = 0; k < width; ++k) sums[k] += scale * from[first + k];
      }
#pragma omp simd
      for (int64_t k = 0; k < width; ++k) totals[k] += static_cast<double>(sums[k]);
    }
#pragma omp simd
    for (int64_t k = 0; k < width; ++k) to[first + k] = static_cast<T>(totals[k]);
  }
}

// Terms of a sum that are added as they come: rounding loses little.
constexpr int64_t kFewTerms = 4096;

// Where each row of a table is named in an index [m]: at order[starts[row]] … order[starts[row + 1] - 1], in ascending
// order. What is `skipped` is nowhere. A part of the workspace holds starts [rows + 1] and order [m], unless the index
// is short, or too long for these numbers.
struct Places {
  In<int32_t> index;
  int64_t rows;
  double skipped;
  bool isOrdered;
  int32_t* starts;

  Places(In<int32_t> index, int64_t rows, double skipped, Workspace& workspace)
      : index(index), rows(rows), skipped(skipped) {
    const int64_t length = adjoint::sum(adjoint::sum(index.length, rows), 1);
    isOrdered = index.length > kFewTerms && length < INT32_MAX;
    starts = workspace.take<int32_t>(isOrdered ? length : 0);
  }

  // Whether rows are named so often that ordering the index pays; if so, orders it.
  bool areMany() const {
    if (!isOrdered) return false;
    int32_t *end = starts, *order = end + rows + 1, most = 0;
    __builtin_memset(end, 0, static_cast<size_t>(rows + 1) * sizeof(int32_t));
    for (int64_t j = 0; j < index.length; ++j) end[index[j]] += isRow(j) ? 1 : 0;
    for (int64_t row = 0; row < rows; ++row) most = end[row] > most ? end[row] : most;
    if (most <= kFewTerms) return false;
    for (int64_t row = 0; row < rows; ++row) end[row + 1] += end[row];
    for (int64_t j = index.length - 1; j >= 0; --j) {
      if (isRow(j)) order[--end[index[j]]] = static_cast<int32_t>(j);
    }
    return true;
  }

  // Then to [rows][columns], which is 0, columns [begin, end) = of each row the sum of what stands where it is named;
  // rowAt(j) as above.
  template <typename T, typename RowAt>
  void sum(T* to, int64_t columns, int64_t begin, int64_t end, RowAt rowAt) const {
    const int32_t* order = starts + rows + 1;
    for (int64_t row = 0; row < rows; ++row, to += columns) {
      const int32_t* at = order + starts[row];
      const int64_t count = starts[row + 1] - starts[row];
      if (count > 0) sumRows(to, begin, end, count, [&](int64_t i) { return rowAt(at[i]); });
    }
  }

 private:
  bool isRow(int64_t j) const { return static_cast<double>(index[j]) != skipped; }
};

template <typename T>
struct Row {
  const T* data;
  T factor;
};

template <typename T>
void clear(Out<T> x) {
  parallel(x.length, 65536, [&](int64_t begin, int64_t end) {
    __builtin_memset(x.data + begin, 0, static_cast<size_t>(end - begin) * sizeof(T));
  });
}

// What sums of more than a few terms lost in rounding, of each element of y; absent where there are fewer terms.
template <typename T>
Out<T> restsOf(Out<T> y, int64_t terms, Workspace& workspace) {
  const int64_t length = terms > kFewTerms ? y.length : 0;
  T* const rests = workspace.take<T>(length);
  return {length > 0 ? rests : nullptr, length};
}

// y[i] += x. `lost` (restsOf) holds what earlier sums lost, which is added with x (Kahan, "Further remarks on reducing
// truncation errors", 1965).
template <typename T>
inline void addTo(Out<T> y, Out<T> lost, int64_t i, T x) {
  if (lost.data == nullptr) {
    y[i] += x;
    return;
  }
  const T more = x - lost[i], sum = y[i] + more, rest = (sum - y[i]) - more;
  lost[i] = rest - rest == 0 ? rest : T(0);  // infinities lose nothing
  y[i] = sum;
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
