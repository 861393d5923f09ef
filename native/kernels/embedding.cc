// Rows of a table, alone and in bags. Indices are checked before anything is written. Gradients clear
// the table once and then touch only the named rows, in the order of the indices, on one thread per column, so that they
// have the same bits at any thread count; those of a long index are put in order for that (rows.h).
// `skipped` is an index that counts as a row of zeros, or -1.
#include "rows.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kGrain = 16384;      // elements a chunk
constexpr int64_t kPieceColumns = 16;  // the least columns for one thread: a cache line

bool isRow(int32_t index, double skipped) { return static_cast<double>(index) != skipped; }

// body(first column, end) on pieces of the columns, each of which costs `work` elements.
template <typename Body>
void forColumnPieces(int64_t columns, int64_t work, Body&& body) {
  const int64_t pieces = ceilDivide(columns, kPieceColumns);
  parallel(pieces, kGrain / (product(work, kPieceColumns) + 1) + 1,
           [&](int64_t begin, int64_t end) { body(begin * kPieceColumns, smaller(columns, end * kPieceColumns)); });
}

// y [m][columns] = the rows of table [rows][columns] that index [m] names.
template <typename T>
Outcome embedding(Out<T> y, In<T> table, In<int32_t> index, int64_t rows, int64_t columns, double skipped) {
  if (table.length != product(rows, columns) || y.length != product(index.length, columns)) return misfit();
  if (const Outcome checked = checkIndices(index, rows); checked.code != Outcome::kOk) return checked;
  const size_t bytes = static_cast<size_t>(columns) * sizeof(T);
  if (y.length == 0) return ok();
  parallel(index.length, kGrain / columns + 1, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) {
      if (isRow(index[j], skipped)) {
        __builtin_memcpy(y.data + j * columns, table.data + index[j] * columns, bytes);
      } else {
        __builtin_memset(y.data + j * columns, 0, bytes);
      }
    }
  });
  return ok();
}

// dTable [rows][columns] = 0, then dTable[index[j]] += dy[j]; dy [m][columns].
template <typename T>
Outcome embeddingBackward(Out<T> dTable, Workspace workspace, In<T> dy, In<int32_t> index, int64_t rows,
                          int64_t columns, double skipped) {
  if (dTable.length != product(rows, columns) || dy.length != product(index.length, columns)) return misfit();
  if (const Outcome checked = checkIndices(index, rows); checked.code != Outcome::kOk) return checked;
  if (dTable.length == 0) return ok();
  const Places places(index, rows, skipped, workspace);
  if (!workspace.isEnough()) return workspace.missing();
  clear(dTable);
  if (places.areMany()) {
    forColumnPieces(columns, index.length, [&](int64_t begin, int64_t end) {
      places.sum(dTable.data, columns, begin, end, [&](int64_t j) { return Row<T>{dy.data + j * columns, T(1)}; });
    });
    return ok();
  }
  if (dy.length == 0) return ok();
  forColumnPieces(columns, index.length, [=](int64_t begin, int64_t end) {
    for (int64_t j = 0; j < index.length; ++j) {
      if (!isRow(index[j], skipped)) continue;
      T* to = dTable.data + index[j] * columns;
      const T* from = dy.data + j * columns;
#pragma omp simd
      for (int64_t k = begin; k < end; ++k) to[k] += from[k];
    }
  });
  return ok();
}

// The bags of index [m]: bag b begins at offsets[b] and ends where the next one begins; without offsets all bags have
// the same size.
struct Bags {
  In<int32_t> index, offsets;
  int64_t count, rows;
  double skipped;

  bool fits() const {
    if (offsets.data != nullptr) return offsets.length == count;
    return count == 0 ? index.length == 0 : index.length % count == 0;
  }

  // A wrong index is a fault at its position, a wrong offset one after all indices.
  Outcome check() const {
    for (int64_t b = 0; offsets.data != nullptr && b < count; ++b) {
      const int64_t least = b == 0 ? 0 : offsets[b - 1], most = b == 0 ? 0 : index.length;
      if (offsets[b] < least || offsets[b] > most) return fault(index.length + b, offsets[b]);
    }
    return checkIndices(index, rows);
  }

  int64_t begin(int64_t bag) const { return offsets.data != nullptr ? offsets[bag] : index.length / count * bag; }
  int64_t end(int64_t bag) const { return bag + 1 == count ? index.length : begin(bag + 1); }

  // The factor of the mean over a bag: 1 / rows that count.
  double share(int64_t bag) const {
    int64_t members = 0;
    for (int64_t j = begin(bag); j < end(bag); ++j) members += isRow(index[j], skipped);
    return members == 0 ? 0 : 1 / static_cast<double>(members);
  }

  // The factors of a bag's rows; factors [m] or absent.
  template <typename T>
  auto factorsOf(int64_t bag, In<T> factors, bool mean) const {
    const T same = mean ? static_cast<T>(share(bag)) : T(1);
    return [=](int64_t j) { return factors.data == nullptr ? same : same * factors[j]; };
  }

  // body(bag, j, factor) for each row that counts, in order.
  template <typename T, typename Body>
  void forRows(int64_t first, int64_t last, In<T> factors, bool mean, Body&& body) const {
    for (int64_t bag = first; bag < last; ++bag) {
      const auto factorOf = factorsOf(bag, factors, mean);
      for (int64_t j = begin(bag); j < end(bag); ++j) {
        if (isRow(index[j], skipped)) body(bag, j, factorOf(j));
      }
    }
  }

  int64_t grain(int64_t columns) const { return kGrain / (product(index.length / (count + 1) + 1, columns) + 1) + 1; }
};

// y [bags][columns] = Σ over each bag of factors [m] (or 1) · table[index[j]], with `mean` divided by the bag's rows.
template <typename T>
Outcome embeddingBag(Out<T> y, In<T> table, In<int32_t> index, In<int32_t> offsets, In<T> factors, int64_t count,
                     int64_t rows, int64_t columns, int64_t mean, double skipped) {
  const Bags bags{index, offsets, count, rows, skipped};
  if (!bags.fits() || !absentOr(factors, index.length)) return misfit();
  if (table.length != product(rows, columns) || y.length != product(count, columns)) return misfit();
  if (const Outcome checked = bags.check(); checked.code != Outcome::kOk) return checked;
  if (y.length == 0) return ok();
  parallel(count, bags.grain(columns), [&](int64_t first, int64_t last) {
    __builtin_memset(y.data + first * columns, 0, static_cast<size_t>((last - first) * columns) * sizeof(T));
    for (int64_t bag = first; bag < last; ++bag) {
      const auto factorOf = bags.factorsOf(bag, factors, mean != 0);
      const int64_t begin = bags.begin(bag);
      sumRows(y.data + bag * columns, 0, columns, bags.end(bag) - begin, [&](int64_t i) {
        const int64_t j = begin + i;
        if (!isRow(index[j], skipped)) return Row<T>{nullptr, T(0)};
        return Row<T>{table.data + index[j] * columns, factorOf(j)};
      });
    }
  });
  return ok();
}

// dTable [rows][columns] = 0, then dTable[index[j]] += factor · dy[bag of j]; dy [bags][columns].
template <typename T>
Outcome embeddingBagBackward(Out<T> dTable, Workspace workspace, In<T> dy, In<int32_t> index, In<int32_t> offsets,
                             In<T> factors, int64_t count, int64_t rows, int64_t columns, int64_t mean,
                             double skipped) {
  const Bags bags{index, offsets, count, rows, skipped};
  if (!bags.fits() || !absentOr(factors, index.length)) return misfit();
  if (dTable.length != product(rows, columns) || dy.length != product(count, columns)) return misfit();
  if (const Outcome checked = bags.check(); checked.code != Outcome::kOk) return checked;
  if (dTable.length == 0) return ok();
  const Places places(index, rows, skipped, workspace);
  const int64_t m = places.isOrdered ? index.length : 0;
  int32_t* const bagOf = workspace.take<int32_t>(m);
  T* const shares = workspace.take<T>(m);
  if (!workspace.isEnough()) return workspace.missing();
  clear(dTable);
  if (places.areMany()) {
    bags.forRows(0, count, factors, mean != 0,
                 [&](int64_t bag, int64_t j, T factor) { bagOf[j] = static_cast<int32_t>(bag), shares[j] = factor; });
    forColumnPieces(columns, m, [&](int64_t begin, int64_t end) {
      places.sum(dTable.data, columns, begin, end,
                 [&](int64_t j) { return Row<T>{dy.data + bagOf[j] * columns, shares[j]}; });
    });
    return ok();
  }
  if (dy.length == 0) return ok();
  forColumnPieces(columns, index.length, [=](int64_t begin, int64_t end) {
    bags.forRows(0, count, factors, mean != 0, [=](int64_t bag, int64_t j, T factor) {
      T* to = dTable.data + index[j] * columns;
      const T* from = dy.data + bag * columns;
#pragma omp simd
      for (int64_t k = begin; k < end; ++k) to[k] += factor * from[k];
    });
  });
  return ok();
}

// dFactors [m] = dy[bag of j] · table[index[j]], and 0 where the row is skipped.
template <typename T>
Outcome embeddingBagFactors(Out<T> dFactors, In<T> dy, In<T> table, In<int32_t> index, In<int32_t> offsets,
                            int64_t count, int64_t rows, int64_t columns, double skipped) {
  const Bags bags{index, offsets, count, rows, skipped};
  if (!bags.fits() || dFactors.length != index.length) return misfit();
  if (table.length != product(rows, columns) || dy.length != product(count, columns)) return misfit();
  if (const Outcome checked = bags.check(); checked.code != Outcome::kOk) return checked;
  clear(dFactors);
  if (count == 0) return ok();
  parallel(count, bags.grain(columns), [&](int64_t first, int64_t last) {
    bags.forRows(first, last, In<T>{nullptr, 0}, false, [&](int64_t bag, int64_t j, T) {
      const T *a = dy.data + bag * columns, *b = table.data + index[j] * columns;
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t k = 0; k < columns; ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
      dFactors[j] = static_cast<T>(sum);
    });
  });
  return ok();
}

// y [bags][columns] = the largest of each column over the rows of each bag, the first of equal ones; 0 for an empty
// bag. chosen [bags][columns]: the index of its row, or -1.
template <typename T>
Outcome embeddingBagMax(Out<T> y, Out<int32_t> chosen, In<T> table, In<int32_t> index, In<int32_t> offsets,
                        int64_t count, int64_t rows, int64_t columns, double skipped) {
  const Bags bags{index, offsets, count, rows, skipped};
  if (!bags.fits() || table.length != product(rows, columns)) return misfit();
  if (y.length != product(count, columns) || chosen.length != y.length) return misfit();
  if (const Outcome checked = bags.check(); checked.code != Outcome::kOk) return checked;
  if (y.length == 0) return ok();
  parallel(count, bags.grain(columns), [&](int64_t first, int64_t last) {
    for (int64_t i = first * columns; i < last * columns; ++i) y[i] = T(0), chosen[i] = -1;
    bags.forRows(first, last, In<T>{nullptr, 0}, false, [&](int64_t bag, int64_t j, T) {
      T* most = y.data + bag * columns;
      int32_t* place = chosen.data + bag * columns;
      const T* from = table.data + index[j] * columns;
      for (int64_t k = 0; k < columns; ++k) {
        if (place[k] >= 0 && !(from[k] > most[k])) continue;
        most[k] = from[k];
        place[k] = index[j];
      }
    });
  });
  return ok();
}

// y [m][columns]: y[i, k] = table[chosen[i, k], k], or 0 where chosen is -1.
template <typename T>
Outcome chosenRows(Out<T> y, In<T> table, In<int32_t> chosen, int64_t rows, int64_t columns) {
  if (table.length != product(rows, columns) || y.length != chosen.length) return misfit();
  if (columns == 0 ? y.length != 0 : y.length % columns != 0) return misfit();
  if (const Outcome checked = checkIndices(chosen, rows, -1); checked.code != Outcome::kOk) return checked;
  for (int64_t i = 0; i < y.length; ++i) y[i] = chosen[i] < 0 ? T(0) : table[chosen[i] * columns + i % columns];
  return ok();
}

// dTable [rows][columns] = 0, then dTable[chosen[i, k], k] += dy[i, k].
template <typename T>
Outcome chosenRowsBackward(Out<T> dTable, Workspace workspace, In<T> dy, In<int32_t> chosen, int64_t rows,
                           int64_t columns) {
  if (dTable.length != product(rows, columns) || dy.length != chosen.length) return misfit();
  if (columns == 0 ? dy.length != 0 : dy.length % columns != 0) return misfit();
  if (const Outcome checked = checkIndices(chosen, rows, -1); checked.code != Outcome::kOk) return checked;
  const Out<T> lost = restsOf(dTable, columns == 0 ? 0 : dy.length / columns, workspace);
  if (!workspace.isEnough()) return workspace.missing();
  clear(dTable);
  clear(lost);
  for (int64_t i = 0; i < dy.length; ++i) {
    if (chosen[i] >= 0) addTo(dTable, lost, chosen[i] * columns + i % columns, dy[i]);
  }
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(embedding, ADJOINT_FLOATS(embedding, "y table index rows columns skipped"),
               ADJOINT_FLOATS(embeddingBackward, "dTable dy index rows columns skipped"),
               ADJOINT_FLOATS(embeddingBag, "y table index offsets factors count rows columns mean skipped"),
               ADJOINT_FLOATS(embeddingBagBackward, "dTable dy index offsets factors count rows columns mean skipped"),
               ADJOINT_FLOATS(embeddingBagFactors, "dFactors dy table index offsets count rows columns skipped"),
               ADJOINT_FLOATS(embeddingBagMax, "y chosen table index offsets count rows columns skipped"),
               ADJOINT_FLOATS(chosenRows, "y table chosen rows columns"),
               ADJOINT_FLOATS(chosenRowsBackward, "dTable dy chosen rows columns"))
