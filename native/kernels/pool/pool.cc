// Pooling over images [planes, height, width], a plane for each image and channel; sequences have height 1.
#include "pool.h"

#include "../indices.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// Takes v at `at` if it is larger, or NaN, or the first.
template <typename T>
inline void takeLarger(T& best, int32_t& position, T v, int32_t at) {
  const bool take = (v > best) | (v != v) | (position < 0);  // without branches
  best = take ? v : best;
  position = take ? at : position;
}

template <typename T>
struct MaxPool {
  const PoolShape& s;
  const T* x;
  T* y;
  int32_t* index;

  void single(int64_t plane, int64_t i, int64_t j, int64_t position) const {
    const T* image = x + plane * s.inPixels();
    const Window rows = s.h.window(i), columns = s.w.window(j);
    T best = -static_cast<T>(__builtin_inf());
    int32_t at = -1;
    for (int64_t r = rows.first; r < rows.end; r += rows.step) {
      for (int64_t c = columns.first; c < columns.end; c += columns.step) {
        takeLarger(best, at, image[r * s.w.in + c], static_cast<int32_t>(r * s.w.in + c));
      }
    }
    y[position] = best;
    index[position] = at;
  }

  // `fixed`: the stride, if it is to be a compile-time constant.
  template <int fixed>
  void block(int64_t plane, int64_t i, int64_t j, int64_t position) const {
    const int64_t stride = fixed ? fixed : s.w.stride;
    const int64_t start = (i * s.h.stride - s.h.pad) * s.w.in + j * s.w.stride - s.w.pad;
    const T* from = x + plane * s.inPixels() + start;
    T best[kBlock];
    int32_t at[kBlock];
    for (int l = 0; l < kBlock; l++) {
      best[l] = -static_cast<T>(__builtin_inf());
      at[l] = -1;
    }
    for (int64_t r = 0; r < s.h.taps; r++) {
      for (int64_t c = 0; c < s.w.taps; c++) {
        const int64_t offset = r * s.h.dilation * s.w.in + c * s.w.dilation;
        const int32_t first = static_cast<int32_t>(start + offset), step = static_cast<int32_t>(stride);
        T v[kBlock];
        loadBlock<fixed>(v, from + offset, stride);
#pragma omp simd
        for (int l = 0; l < kBlock; l++) takeLarger(best[l], at[l], v[l], first + l * step);
      }
    }
    __builtin_memcpy(y + position, best, sizeof best);
    __builtin_memcpy(index + position, at, sizeof at);
  }
};

// y = the largest of each window, index = its position in the plane (the first among equal ones; NaN beats all; -1 for a
// window without elements).
template <typename T>
Outcome maxPool(Out<T> y, Out<int32_t> index, In<T> x, Integers numbers) {
  PoolShape s;
  if (!readPool(numbers, x.length, y.length, s) || index.length != y.length) return misfit();
  parallel(s.planes, planesAChunk(s), [&](int64_t begin, int64_t end) {
    const MaxPool<T> pool{s, x.data, y.data, index.data};
    const auto single = [&](auto... at) { pool.single(at...); };
    if (s.w.stride == 1) {
      forEachOutput(s, begin, end, single, [&](auto... at) { pool.template block<1>(at...); });
    } else if (s.w.stride == 2) {
      forEachOutput(s, begin, end, single, [&](auto... at) { pool.template block<2>(at...); });
    } else {
      forEachOutput(s, begin, end, single, [&](auto... at) { pool.template block<0>(at...); });
    }
  });
  return ok();
}

// One row of dx, where pairs of elements share an output: dy where its index is that element, else 0. `first`: the row's
// first index.
template <typename T>
void spreadPairs(T* dx, const T* dy, const int32_t* index, int32_t first, int64_t outputs, int64_t columns,
                 bool beyond) {
  int64_t j = 0;
  while (j < outputs) {
    if (beyond || j + kBlock <= outputs) {
      const int32_t at = first + static_cast<int32_t>(2 * j);
#pragma omp simd
      for (int l = 0; l < kBlock; l++) {
        dx[2 * (j + l)] = index[j + l] == at + 2 * l ? dy[j + l] : T(0);
        dx[2 * (j + l) + 1] = index[j + l] == at + 2 * l + 1 ? dy[j + l] : T(0);
      }
      j += kBlock;
    } else {
      for (int64_t e = 0; e < 2; e++) dx[2 * j + e] = index[j] == first + 2 * j + e ? dy[j] : T(0);
      j++;
    }
  }
  for (int64_t c = 2 * outputs; c < columns; c++) dx[c] = 0;
}

// dx of adjacent 2 × 2 windows, row after row; what a block writes beyond its row is overwritten later.
template <typename T>
void spreadQuads(const PoolShape& s, T* dx, const T* dy, const int32_t* index, int64_t begin, int64_t end) {
  for (int64_t plane = begin; plane < end; plane++) {
    for (int64_t r = 0; r < s.h.in; r++) {
      T* row = dx + plane * s.inPixels() + r * s.w.in;
      const int64_t outputs = r / 2 < s.h.out ? s.w.out : 0, from = (plane * s.h.out + r / 2) * s.w.out;
      const int64_t blocks = roundUp(outputs, kBlock);
      const bool beyond = row + 2 * blocks <= dx + end * s.inPixels() && from + blocks <= end * s.outPixels();
      spreadPairs(row, dy + from, index + from, static_cast<int32_t>(r * s.w.in), outputs, s.w.in, beyond);
    }
  }
}

// dx = the sum of dy where y came from; 0 elsewhere.
template <typename T>
Outcome maxPoolBackward(Out<T> dx, In<T> dy, In<int32_t> index, Integers numbers) {
  PoolShape s;
  if (!readPool(numbers, dx.length, dy.length, s) || index.length != dy.length) return misfit();
  if (const Outcome checked = checkIndices(index, s.inPixels(), -1); checked.code != Outcome::kOk) return checked;
  const auto isPair = [](const PoolAxis& a) { return a.taps == 2 && a.stride == 2 && a.pad == 0 && a.dilation == 1; };
  const bool quads = isPair(s.h) && isPair(s.w) && 2 * s.h.out <= s.h.in && 2 * s.w.out <= s.w.in;
  parallel(s.planes, planesAChunk(s), [&](int64_t begin, int64_t end) {
    if (quads) return spreadQuads(s, dx.data, dy.data, index.data, begin, end);
    __builtin_memset(dx.data + begin * s.inPixels(), 0, (end - begin) * s.inPixels() * sizeof(T));
    for (int64_t plane = begin; plane < end; plane++) {
      T* to = dx.data + plane * s.inPixels();
      for (int64_t i = plane * s.outPixels(); i < (plane + 1) * s.outPixels(); i++) {
        if (index[i] >= 0) to[index[i]] += dy[i];
      }
    }
  });
  return ok();
}

// y = the elements of x at `index`; 0 for -1.
template <typename T>
Outcome maxPoolPick(Out<T> y, In<T> x, In<int32_t> index, Integers numbers) {
  PoolShape s;
  if (!readPool(numbers, x.length, y.length, s) || index.length != y.length) return misfit();
  if (const Outcome checked = checkIndices(index, s.inPixels(), -1); checked.code != Outcome::kOk) return checked;
  parallel(s.planes, planesAChunk(s), [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; plane++) {
      const T* from = x.data + plane * s.inPixels();
      for (int64_t i = plane * s.outPixels(); i < (plane + 1) * s.outPixels(); i++) {
        y[i] = index[i] < 0 ? T(0) : from[index[i]];
      }
    }
  });
  return ok();
}

template <typename T>
struct AveragePool {
  const PoolShape& s;
  bool withPadding;
  int64_t divisor;  // of all windows, or 0: the number of elements

  T factor(int64_t i, int64_t j) const {
    if (divisor != 0) return T(1) / static_cast<T>(divisor);
    return T(1) / static_cast<T>(s.h.divisor(i, withPadding) * s.w.divisor(j, withPadding));
  }

  void single(T* y, const T* x, int64_t plane, int64_t i, int64_t j, int64_t position) const {
    const Window rows = s.h.window(i), columns = s.w.window(j);
    const T* image = x + plane * s.inPixels();
    if ((rows.end - rows.first) * (columns.end - columns.first) > kLong) {
      y[position] = static_cast<T>(longSum(image, rows, columns)) * factor(i, j);
      return;
    }
    T total = 0;
    for (int64_t r = rows.first; r < rows.end; r++) total += rowSum(image + r * s.w.in, columns.first, columns.end);
    y[position] = total * factor(i, j);
  }

  static T rowSum(const T* row, int64_t first, int64_t end) {
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t c = first; c < end; c++) sum += row[c];
    return sum;
  }

  double longSum(const T* image, Window rows, Window columns) const {
    double total = 0;
    for (int64_t r = rows.first; r < rows.end; r++) {
      for (int64_t c = columns.first; c < columns.end; c += kPiece) {
        total += static_cast<double>(rowSum(image + r * s.w.in, c, smaller(c + kPiece, columns.end)));
      }
    }
    return total;
  }

  template <int fixed>
  void block(T* y, const T* x, int64_t plane, int64_t i, int64_t j, int64_t position) const {
    if (s.h.taps * s.w.taps > kLong) {
      for (int l = 0; l < kBlock && j + l < s.w.out; l++) single(y, x, plane, i, j + l, position + l);
      return;
    }
    const int64_t stride = fixed ? fixed : s.w.stride;
    const T* from = x + plane * s.inPixels() + (i * s.h.stride - s.h.pad) * s.w.in + j * s.w.stride - s.w.pad;
    const T scale = factor(i, j);
    T sum[kBlock] = {};
    for (int64_t r = 0; r < s.h.taps; r++) {
      for (int64_t c = 0; c < s.w.taps; c++) {
        T v[kBlock];
        loadBlock<fixed>(v, from + r * s.w.in + c, stride);
#pragma omp simd
        for (int l = 0; l < kBlock; l++) sum[l] += v[l];
      }
    }
    for (int l = 0; l < kBlock; l++) sum[l] *= scale;
    __builtin_memcpy(y + position, sum, sizeof sum);
  }
};

// y = the mean of each window; withPadding: the padding counts as elements of 0; divisor: the divisor of sums instead,
// or 0.
template <typename T>
Outcome averagePool(Out<T> y, In<T> x, int64_t withPadding, int64_t divisor, Integers numbers) {
  PoolShape s;
  if (!readPool(numbers, x.length, y.length, s) || s.h.dilation != 1 || s.w.dilation != 1) return misfit();
  const AveragePool<T> pool{s, withPadding != 0, divisor};
  parallel(s.planes, planesAChunk(s), [&](int64_t begin, int64_t end) {
    const auto single = [&](auto... at) { pool.single(y.data, x.data, at...); };
    if (s.w.stride == 2) {
      forEachOutput(s, begin, end, single, [&](auto... at) { pool.template block<2>(y.data, x.data, at...); });
    } else {
      forEachOutput(s, begin, end, single, [&](auto... at) { pool.template block<0>(y.data, x.data, at...); });
    }
  });
  return ok();
}

// dx = Σ dy / divisor over the windows that an element is in.
template <typename T>
Outcome averagePoolBackward(Out<T> dx, In<T> dy, int64_t withPadding, int64_t divisor, Integers numbers) {
  PoolShape s;
  if (!readPool(numbers, dx.length, dy.length, s) || s.h.dilation != 1 || s.w.dilation != 1) return misfit();
  const AveragePool<T> pool{s, withPadding != 0, divisor};
  parallel(s.planes, planesAChunk(s), [&](int64_t begin, int64_t end) {
    __builtin_memset(dx.data + begin * s.inPixels(), 0, (end - begin) * s.inPixels() * sizeof(T));
    for (int64_t o = begin * s.outPixels(); o < end * s.outPixels(); o++) {
      const int64_t i = o / s.w.out % s.h.out, j = o % s.w.out;
      const Window rows = s.h.window(i), columns = s.w.window(j);
      const T part = dy[o] * pool.factor(i, j);
      T* image = dx.data + o / s.outPixels() * s.inPixels();
      for (int64_t r = rows.first; r < rows.end; r++) {
#pragma omp simd
        for (int64_t c = columns.first; c < columns.end; c++) image[r * s.w.in + c] += part;
      }
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(pool, ADJOINT_FLOATS(maxPool, "y index x " ADJOINT_POOL_SIZES),
               ADJOINT_FLOATS(maxPoolBackward, "dx dy index " ADJOINT_POOL_SIZES),
               ADJOINT_FLOATS(maxPoolPick, "y x index " ADJOINT_POOL_SIZES),
               ADJOINT_FLOATS(averagePool, "y x withPadding divisor " ADJOINT_POOL_SIZES),
               ADJOINT_FLOATS(averagePoolBackward, "dx dy withPadding divisor " ADJOINT_POOL_SIZES))
