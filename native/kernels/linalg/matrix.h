// Batches of row-major matrices, triangular systems, and rotations. Factorisations work on copies in a workspace.
#pragma once
#include "../../gemm/gemm.h"
#include "../kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kBlock = 32;           // rows or columns that are factored by loops, before one product for the rest
constexpr int64_t kGroupWork = 100'000;  // operations that are worth a thread

// How a batch is spread over the threads: each group of matrices has a workspace of its own.
inline int64_t groupsOf(int64_t count, double workEach, int64_t threads) {
  const double worth = workEach * static_cast<double>(count) / kGroupWork;
  const int64_t most = smaller(count, larger(threads, 1));
  return worth >= static_cast<double>(most) ? most : larger(1, static_cast<int64_t>(worth));
}

// Calls body(group, i) for each matrix i of a batch.
template <typename Body>
void eachMatrix(int64_t count, int64_t groups, Body body) {
  parallel(groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      const int64_t share = count / groups, rest = count % groups;
      const int64_t first = group * share + smaller(group, rest);
      for (int64_t i = first; i < first + share + (group < rest); ++i) body(group, i);
    }
  });
}

// The error of rounding to T.
template <typename T>
constexpr double kRounding = sizeof(T) == 4 ? 6e-8 : 1.1e-16;

// What a rotation of a matrix of norm 1 may leave out: squares of larger numbers do not underflow.
constexpr double kNothing = 1e-140;

template <typename T>
void copyTo(T* to, const T* from, int64_t n) {
  if (n > 0) __builtin_memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
}

// to [columns][rows] = the transpose of from [rows][columns]; a row of `from` begins every ld elements.
template <typename T>
void transposeTo(T* to, const T* from, int64_t rows, int64_t columns, int64_t ld) {
  constexpr int64_t tile = 16;
  for (int64_t i0 = 0; i0 < rows; i0 += tile) {
    for (int64_t j0 = 0; j0 < columns; j0 += tile) {
      const int64_t i1 = smaller(rows, i0 + tile), j1 = smaller(columns, j0 + tile);
      for (int64_t j = j0; j < j1; ++j) {
        for (int64_t i = i0; i < i1; ++i) to[j * rows + i] = from[i * ld + j];
      }
    }
  }
}

// y += factor · x
template <typename T>
void addScaled(T* y, const T* x, T factor, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] += factor * x[i];
}

template <typename T>
T dot(const T* a, const T* b, int64_t n) {
  T total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < n; ++i) total += a[i] * b[i];
  return total;
}

template <typename T>
void swapRows(T* a, T* b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T moved = a[i];
    a[i] = b[i];
    b[i] = moved;
  }
}

template <typename T>
T absolute(T x) {
  return __builtin_fabs(x);
}

// Neither infinite nor NaN. (The loops are compiled to keep both.)
template <typename T>
bool isFinite(T x) {
  return absolute(x) <= (sizeof(T) == 4 ? T(__FLT_MAX__) : T(__DBL_MAX__));
}

// The first of `count` matrices of `size` elements that is not finite, or -1.
template <typename T>
int64_t firstNonfinite(const T* x, int64_t count, int64_t size) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < size; ++j) {
      if (!isFinite(x[i * size + j])) return i;
    }
  }
  return -1;
}

// The power of two by which the largest element lies in [0.5, 1): scaled by it, squares neither overflow nor vanish.
template <typename T>
int exponentOf(const T* x, int64_t n) {
  T most = 0;
  for (int64_t i = 0; i < n; ++i) most = absolute(x[i]) > most ? absolute(x[i]) : most;
  int exponent = 0;
  if (most > 0) __builtin_frexp(static_cast<double>(most), &exponent);
  return exponent;
}

// x · 2^exponent
template <typename T>
void scale(T* x, int64_t n, int exponent) {
  for (int64_t i = 0; i < n; ++i) x[i] = static_cast<T>(__builtin_ldexp(static_cast<double>(x[i]), exponent));
}

// A triangular matrix: which half of `data` it is, and whether its transpose is meant.
template <typename T>
struct Triangle {
  const T* data;
  int64_t n, ld;
  bool upper, transposed, unit;

  bool actsUpper() const { return upper != transposed; }
  T at(int64_t i, int64_t j) const { return transposed ? data[j * ld + i] : data[i * ld + j]; }
};

// x [n][columns] = the solution of triangle · x = x, by blocks of rows: a block takes what is solved already by one product.
// negated [n][columns] is for work.
template <typename T>
void solveTriangle(const Triangle<T>& a, T* x, int64_t columns, T* negated) {
  const bool backwards = a.actsUpper();
  const int64_t blocks = ceilDivide(a.n, kBlock);
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t begin = (backwards ? blocks - 1 - b : b) * kBlock, end = smaller(a.n, begin + kBlock);
    const int64_t from = backwards ? end : 0, done = backwards ? a.n - end : begin;
    if (done > 0) {
      const T* part = a.transposed ? a.data + from * a.ld + begin : a.data + begin * a.ld + from;
      gemm<T>(a.transposed, false, end - begin, columns, done, part, a.ld, negated + from * columns, columns, true,
              x + begin * columns, columns);
    }
    for (int64_t step = 0; step < end - begin; ++step) {
      const int64_t i = backwards ? end - 1 - step : begin + step;
      T* const row = x + i * columns;
      for (int64_t j = backwards ? i + 1 : begin; j < (backwards ? end : i); ++j) {
        addScaled(row, x + j * columns, -a.at(i, j), columns);
      }
      if (!a.unit) {
        const T pivot = a.at(i, i);
        for (int64_t c = 0; c < columns; ++c) row[c] /= pivot;
      }
    }
    for (int64_t i = begin * columns; i < end * columns; ++i) negated[i] = -x[i];
  }
}

// Rotations of rows, in order: row a becomes c · a + s · b, row b becomes c · b - s · a.
template <typename T>
struct Rotation {
  int32_t a, b;
  T c, s;
};

// A list of rotations that is applied to a matrix [n][n] when it is full: strip by strip, each of which stays in the cache
// for the whole list.
template <typename T>
struct Rotations {
  static constexpr int64_t kStrip = 64;
  Rotation<T>* list;
  int64_t capacity;
  T* rows;  // null: nobody wants them
  int64_t n;
  int64_t length = 0;

  static int64_t capacityFor(int64_t n) { return product(8, n); }

  void add(int64_t a, int64_t b, double c, double s) {
    if (rows == nullptr) return;
    if (length == capacity) apply();
    list[length++] = {static_cast<int32_t>(a), static_cast<int32_t>(b), static_cast<T>(c), static_cast<T>(s)};
  }

  void apply() {
    if (length == 0) return;
    const int64_t grain = 200'000 / (6 * kStrip * (length + 1)) + 1;
    parallel(ceilDivide(n, kStrip), grain, [&](int64_t begin, int64_t end) {
      for (int64_t strip = begin; strip < end; ++strip) {
        const int64_t first = strip * kStrip, width = smaller(kStrip, n - first);
        for (int64_t r = 0; r < length; ++r) rotate(list[r], first, width);
      }
    });
    length = 0;
  }

  void rotate(const Rotation<T>& r, int64_t first, int64_t width) {
    T* const a = rows + r.a * n + first;
    T* const b = rows + r.b * n + first;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      const T u = a[j], v = b[j];
      a[j] = r.c * u + r.s * v;
      b[j] = r.c * v - r.s * u;
    }
  }
};

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
