// Softmax along the middle dimension of x [outer][n][inner].
#include "softmax.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

inline bool fits(int64_t elements, int64_t outer, int64_t n, int64_t inner) {
  return elements == product(outer, n, inner);
}

// y [rows][n]: a block of forEachRowBlock.
template <typename T>
inline void softmaxOfRows(T* y, const T* x, int64_t rows, int64_t n) {
  for (int64_t row = 0; row < rows; ++row) {
    const T most = largest(x + row * n, n);
#pragma omp simd
    for (int64_t i = row * n; i < (row + 1) * n; ++i) y[i] = x[i] - most;
  }
  expInPlace(y, rows * n);
  for (int64_t row = 0; row < rows; ++row) {
    T* p = y + row * n;
    const T scale = T(1) / sumOf(p, n);
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) p[i] *= scale;
  }
}

// y [n][inner], `width` columns: a tile of forEachColumnTile.
template <typename T>
inline void softmaxOfColumns(T* y, const T* x, int64_t n, int64_t inner, int64_t width) {
  T most[kColumns];
  double sums[kColumns];
  T scale[kColumns];
  largestOfColumns(x, n, inner, width, most);
  for (int64_t j = 0; j < width; ++j) sums[j] = 0;
  for (int64_t row = 0; row < n * inner; row += inner) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      y[row + j] = math::exp(x[row + j] - most[j]);
      sums[j] += static_cast<double>(y[row + j]);
    }
  }
  for (int64_t j = 0; j < width; ++j) scale[j] = static_cast<T>(1 / sums[j]);
  for (int64_t row = 0; row < n * inner; row += inner) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) y[row + j] *= scale[j];
  }
}

// y [outer][n][inner] = exp(x) / Σ exp(x)
template <typename T>
Outcome softmax(Out<T> y, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(x.length, outer, n, inner) || y.length != x.length) return misfit();
  if (y.length == 0) return ok();
  if (inner == 1) {
    forEachRowBlock(outer, n,
                    [&](int64_t row, int64_t rows) { softmaxOfRows(y.data + row * n, x.data + row * n, rows, n); });
  } else {
    forEachColumnTile(outer, n, inner, [&](int64_t from, int64_t, int64_t width) {
      softmaxOfColumns(y.data + from, x.data + from, n, inner, width);
    });
  }
  return ok();
}

// y [outer][n][inner] = x - log Σ exp(x)
template <typename T>
Outcome logSoftmax(Out<T> y, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(x.length, outer, n, inner) || y.length != x.length) return misfit();
  if (y.length == 0) return ok();
  if (inner == 1) {
    forEachRowBlock(outer, n, [&](int64_t first, int64_t rows) {
      T most[kBlock];
      T logSum[kBlock];
      logSumExpOfRows(x.data + first * n, rows, n, most, logSum);
      for (int64_t row = 0; row < rows; ++row) {
        const int64_t from = (first + row) * n;
#pragma omp simd
        for (int64_t i = from; i < from + n; ++i) y[i] = (x[i] - most[row]) - logSum[row];
      }
    });
    return ok();
  }
  forEachColumnTile(outer, n, inner, [&](int64_t from, int64_t, int64_t width) {
    T most[kColumns];
    T logSum[kColumns];
    logSumExpOfColumns(x.data + from, n, inner, width, most, logSum);
    for (int64_t row = from; row < from + n * inner; row += inner) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) y[row + j] = (x[row + j] - most[j]) - logSum[j];
    }
  });
  return ok();
}

// dx = y (dy - Σ dy y); all [outer][n][inner]
template <typename T>
Outcome softmaxBackward(Out<T> dx, In<T> dy, In<T> y, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(y.length, outer, n, inner) || dx.length != y.length || dy.length != y.length) return misfit();
  if (y.length == 0) return ok();
  if (inner == 1) {
    forEachRowBlock(outer, n, [&](int64_t first, int64_t rows) {
      for (int64_t from = first * n; from < (first + rows) * n; from += n) {
        const T sum = dotOf(dy.data + from, y.data + from, n);
#pragma omp simd
        for (int64_t i = from; i < from + n; ++i) dx[i] = y[i] * (dy[i] - sum);
      }
    });
    return ok();
  }
  forEachColumnTile(outer, n, inner, [&](int64_t from, int64_t, int64_t width) {
    double sums[kColumns];
    for (int64_t j = 0; j < width; ++j) sums[j] = 0;
    for (int64_t row = from; row < from + n * inner; row += inner) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) sums[j] += static_cast<double>(dy[row + j] * y[row + j]);
    }
    for (int64_t row = from; row < from + n * inner; row += inner) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) dx[row + j] = y[row + j] * (dy[row + j] - static_cast<T>(sums[j]));
    }
  });
  return ok();
}

// dx = dy - exp(y) Σ dy; all [outer][n][inner]
template <typename T>
Outcome logSoftmaxBackward(Out<T> dx, In<T> dy, In<T> y, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(y.length, outer, n, inner) || dx.length != y.length || dy.length != y.length) return misfit();
  if (y.length == 0) return ok();
  if (inner == 1) {
    forEachRowBlock(outer, n, [&](int64_t first, int64_t rows) {
      T sums[kBlock];  // of each element's row, so that exp runs over the whole block
      for (int64_t row = 0; row < rows; ++row) {
        const T* d = dy.data + (first + row) * n;
        const T sum = sumOf(d, n);
        for (int64_t i = 0; i < smaller(n, kBlock); ++i) sums[row * n + i] = sum;
      }
      for (int64_t begin = first * n; begin < (first + rows) * n; begin += kBlock) {
        const int64_t count = smaller(kBlock, (first + rows) * n - begin);
#pragma omp simd
        for (int64_t i = 0; i < count; ++i) dx[begin + i] = dy[begin + i] - math::exp(y[begin + i]) * sums[i];
      }
    });
    return ok();
  }
  forEachColumnTile(outer, n, inner, [&](int64_t from, int64_t, int64_t width) {
    double sums[kColumns];
    for (int64_t j = 0; j < width; ++j) sums[j] = 0;
    for (int64_t row = from; row < from + n * inner; row += inner) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) sums[j] += static_cast<double>(dy[row + j]);
    }
    for (int64_t row = from; row < from + n * inner; row += inner) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        dx[row + j] = dy[row + j] - math::exp(y[row + j]) * static_cast<T>(sums[j]);
      }
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(softmax, ADJOINT_FLOATS(softmax, "y x outer n inner"),
               ADJOINT_FLOATS(softmaxBackward, "dx dy y outer n inner"),
               ADJOINT_FLOATS(logSoftmax, "y x outer n inner"),
               ADJOINT_FLOATS(logSoftmaxBackward, "dx dy y outer n inner"))
