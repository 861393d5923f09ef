// Kernels that select elements by number or by mask. Every index is checked before anything is written; sums run in the
// order of the indices, on one thread per column, so that they have the same bits at any thread count.
#include "rows.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kGrain = 32768;  // elements a chunk

// Runs body(o, begin, end) on pieces [begin, end) of the columns of each outer slice; a column costs `work` elements.
template <typename Body>
void forColumns(int64_t outer, int64_t inner, int64_t work, Body&& body) {
  parallel(outer * inner, kGrain / (work + 1) + 1, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t o = begin / inner, first = begin % inner;
      const int64_t last = inner - first < end - begin ? inner : first + end - begin;
      body(o, first, last);
      begin += last - first;
    }
  });
}

// x [outer, n, inner], index [m], y [outer, m, inner]: y[o, j, k] = x[o, index[j], k].
template <typename T>
Outcome indexSelect(Out<T> y, In<T> x, In<int32_t> index, int64_t outer, int64_t n, int64_t inner) {
  const int64_t m = index.length;
  if (x.length != product(outer, n, inner) || y.length != product(outer, m, inner)) return misfit();
  if (const Outcome checked = checkIndices(index, n); checked.code != Outcome::kOk) return checked;
  if (y.length == 0) return ok();
  parallel(outer * m, kGrain / inner + 1, [&](int64_t begin, int64_t end) {
    int64_t o = begin / m, j = begin % m;
    for (int64_t row = begin; row < end; ++row) {
      const T* source = x.data + (o * n + index[j]) * inner;
      T* target = y.data + row * inner;
      if (inner == 1) {
        *target = *source;
      } else {
        __builtin_memcpy(target, source, static_cast<size_t>(inner) * sizeof(T));
      }
      if (++j == m) j = 0, ++o;
    }
  });
  return ok();
}

// y [outer, n, inner], index [m], x [outer, m, inner]: y = 0, then y[o, index[j], k] += x[o, j, k].
template <typename T>
Outcome addedRows(Out<T> y, Workspace workspace, In<T> x, In<int32_t> index, int64_t outer, int64_t n, int64_t inner) {
  const int64_t m = index.length;
  if (y.length != product(outer, n, inner) || x.length != product(outer, m, inner)) return misfit();
  if (const Outcome checked = checkIndices(index, n); checked.code != Outcome::kOk) return checked;
  if (y.length == 0) return ok();
  const Places places(index, n, -1, workspace);
  if (!workspace.isEnough()) return workspace.missing();
  clear(y);
  if (places.areMany()) {
    forColumns(outer, inner, m, [&](int64_t o, int64_t begin, int64_t end) {
      places.sum(y.data + o * n * inner, inner, begin, end,
                 [&](int64_t j) { return Row<T>{x.data + (o * m + j) * inner, T(1)}; });
    });
    return ok();
  }
  forColumns(outer, inner, m, [=](int64_t o, int64_t begin, int64_t end) {
    for (int64_t j = 0; j < m; ++j) {
      T* target = y.data + (o * n + index[j]) * inner;
      const T* source = x.data + (o * m + j) * inner;
#pragma omp simd
      for (int64_t k = begin; k < end; ++k) target[k] += source[k];
    }
  });
  return ok();
}

// The m of index [outer, m, inner], or -1.
int64_t middleSize(int64_t length, int64_t outer, int64_t inner) {
  const int64_t others = product(outer, inner);
  if (others == 0) return length == 0 ? 0 : -1;
  return length % others == 0 ? length / others : -1;
}

// x [outer, n, inner], index and y [outer, m, inner]: y[o, j, k] = x[o, index[o, j, k], k].
template <typename T>
Outcome gather(Out<T> y, In<T> x, In<int32_t> index, int64_t outer, int64_t n, int64_t inner) {
  const int64_t m = middleSize(index.length, outer, inner);
  if (m < 0 || x.length != product(outer, n, inner) || y.length != index.length) return misfit();
  if (const Outcome checked = checkIndices(index, n); checked.code != Outcome::kOk) return checked;
  if (y.length == 0) return ok();
  parallel(outer * m, kGrain / inner + 1, [&](int64_t begin, int64_t end) {
    int64_t o = begin / m, j = begin % m;
    for (int64_t row = begin; row < end; ++row) {
      const T* source = x.data + o * n * inner;
      const int32_t* number = index.data + row * inner;
      T* target = y.data + row * inner;
      for (int64_t k = 0; k < inner; ++k) target[k] = source[number[k] * inner + k];
      if (++j == m) j = 0, ++o;
    }
  });
  return ok();
}

// The targets of scatterAdd in y [outer, n, inner], with x and index [outer, m, inner]: body(place in y, in x).
template <typename Body>
void forTargets(In<int32_t> index, int64_t outer, int64_t n, int64_t m, int64_t inner, Body&& body) {
  forColumns(outer, inner, m, [&](int64_t o, int64_t begin, int64_t end) {
    for (int64_t j = 0; j < m; ++j) {
      const int64_t row = (o * m + j) * inner;
      for (int64_t k = begin; k < end; ++k) body((o * n + index[row + k]) * inner + k, row + k);
    }
  });
}

// y [outer, n, inner], index and x [outer, m, inner]: y[o, index[o, j, k], k] += x[o, j, k]. Where a sum of integers
// does not fit, the first element of x that overflows it is a fault, its position counted after all indices.
template <typename T>
Outcome scatterAdd(InOut<T> y, Workspace workspace, In<T> x, In<int32_t> index, int64_t outer, int64_t n,
                   int64_t inner) {
  const int64_t m = middleSize(index.length, outer, inner);
  if (m < 0 || y.length != product(outer, n, inner) || x.length != index.length) return misfit();
  if (overlap(y, x) || overlap(y, index)) return misfit();
  if (const Outcome checked = checkIndices(index, n); checked.code != Outcome::kOk) return checked;
  if (x.length == 0) return ok();
  if constexpr (std::is_integral_v<T>) {
    int64_t first = INT64_MAX;
    forTargets(index, outer, n, m, inner, [&](int64_t place, int64_t i) {
      if (__builtin_add_overflow(y[place], x[i], &y[place])) lowerTo(first, i);
    });
    if (first == INT64_MAX) return ok();
    // Wrapped sums are unwrapped by subtracting.
    forTargets(index, outer, n, m, inner,
               [&](int64_t place, int64_t i) { (void)__builtin_sub_overflow(y[place], x[i], &y[place]); });
    return fault(index.length + first, static_cast<double>(x[first]));
  } else {
    const Out<T> to{y.data, y.length}, lost = restsOf(to, m, workspace);
    if (!workspace.isEnough()) return workspace.missing();
    clear(lost);
    forTargets(index, outer, n, m, inner, [&](int64_t place, int64_t i) { addTo(to, lost, place, x[i]); });
    return ok();
  }
}

// Whether T holds the number: a conversion out of range is undefined for integers.
template <typename T>
bool holds(double value) {
  if (static_cast<T>(0.5) != T(0)) return true;  // a float type
  const double least = static_cast<T>(-1) < T(0) ? INT32_MIN : 0, most = sizeof(T) == 1 ? UINT8_MAX : INT32_MAX;
  return value >= least && value <= most;
}

// y[i] = mask[i] ? value : x[i]; equal lengths.
template <typename T>
Outcome maskedFill(Out<T> y, In<T> x, In<uint8_t> mask, double value) {
  if (x.length != y.length || mask.length != y.length || !holds<T>(value)) return misfit();
  const T filling = static_cast<T>(value);
  parallel(y.length, kGrain, [&](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) y[i] = mask[i] ? filling : x[i];
  });
  return ok();
}

// index [m], y [m, classes]: y[j, c] = c == index[j].
template <typename T>
Outcome oneHot(Out<T> y, In<int32_t> index, int64_t classes) {
  if (y.length != product(index.length, classes)) return misfit();
  if (const Outcome checked = checkIndices(index, classes); checked.code != Outcome::kOk) return checked;
  if (y.length == 0) return ok();
  parallel(index.length, kGrain / classes + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * classes; i < end * classes; ++i) y[i] = T(0);
    for (int64_t j = begin; j < end; ++j) y[j * classes + index[j]] = T(1);
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(indexing, ADJOINT_ALL(indexSelect, "y x index outer n inner"),
               ADJOINT_FLOATS(addedRows, "y x index outer n inner"), ADJOINT_ALL(gather, "y x index outer n inner"),
               ADJOINT_ALL(scatterAdd, "y x index outer n inner"), ADJOINT_ALL(maskedFill, "y x mask value"),
               ADJOINT_ALL(oneHot, "y index classes"))
