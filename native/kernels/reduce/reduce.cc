// Reductions along the middle dimension of x [outer][n][inner]; results are [outer][inner].
#include "reduce.h"

#include "../indices.h"
#include "../math.h"
#include "../scaled.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

template <typename T>
struct SquaredDistance : Sum<T> {
  static T map(T x, T center) { return (x - center) * (x - center); }
};

template <typename T>
struct Square : Sum<T> {
  static T map(T x, T) { return x * x; }
};

template <typename T>
struct SumOfExp : Sum<T> {
  static T map(T x, T shift) { return math::exp(x - shift); }
};

inline bool fits(int64_t results, int64_t elements, int64_t outer, int64_t n, int64_t inner) {
  return results == product(outer, inner) && elements == product(outer, n, inner);
}

// The position in x [outer][n][inner] of the first element of result j of [outer][inner].
constexpr int64_t columnAt(int64_t j, int64_t n, int64_t inner) { return j / inner * n * inner + j % inner; }

// y [outer][inner], x [outer][n][inner]
template <typename Op, typename R, typename T>
inline Outcome reduceTo(Out<R> y, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(y.length, x.length, outer, n, inner)) return misfit();
  if (y.length == 0) return ok();
  reduce<Op>(x.data, outer, n, inner, NoShift{}, [&](int64_t j, auto total) { y[j] = static_cast<R>(total); });
  return ok();
}

// NaN comes from a product that overflowed and met a 0.
inline bool isInt32(double total) { return !(math::abs(total) > 2147483648.0) && total != 2147483648.0; }
inline bool isInt32(int64_t total) { return total == static_cast<int32_t>(total); }
inline int32_t toInt32(double total) { return total == total ? static_cast<int32_t>(total) : 0; }
inline int32_t toInt32(int64_t total) { return static_cast<int32_t>(total); }

// Whether any sum of n elements fits in int32.
template <typename T>
constexpr bool alwaysFits(int64_t n) {
  return sizeof(T) == 1 && n <= INT32_MAX / 255;
}

// reduceTo of integers: a total that does not fit is a fault, at the first result that has one.
template <typename Op, typename T>
inline Outcome reduceIntegers(Out<int32_t> y, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(y.length, x.length, outer, n, inner)) return misfit();
  if (y.length == 0) return ok();
  if (!std::is_same_v<Op, Sum<T>> || !alwaysFits<T>(n)) {
    int64_t first = INT64_MAX;
    reduce<Op>(x.data, outer, n, inner, NoShift{}, [&](int64_t j, auto total) {
      if (!isInt32(total)) lowerTo(first, j);
    });
    if (first != INT64_MAX) {
      typename Op::Total total;
      fold<Op>(x.data + columnAt(first, n, inner), n, inner, 1, NoShift{}, &total);
      return fault(first, static_cast<double>(total));
    }
  }
  reduce<Op>(x.data, outer, n, inner, NoShift{}, [&](int64_t j, auto total) { y[j] = toInt32(total); });
  return ok();
}

// y [outer][inner] = Σ x / divisor. A sum whose blocks overflow in T is taken again in double.
template <typename T>
inline Outcome sumOver(Out<T> y, In<T> x, int64_t outer, int64_t n, int64_t inner, double divisor) {
  if (!fits(y.length, x.length, outer, n, inner)) return misfit();
  if (y.length == 0) return ok();
  reduce<Sum<T>>(x.data, outer, n, inner, NoShift{}, [&](int64_t j, double total) {
    if (sizeof(T) == 4 && !(total - total == 0)) {
      const T* column = x.data + columnAt(j, n, inner);
      total = 0;
      for (int64_t i = 0; i < n; ++i) total += static_cast<double>(column[i * inner]);
    }
    y[j] = static_cast<T>(total / divisor);
  });
  return ok();
}

template <typename R, typename T>
Outcome sum(Out<R> y, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if constexpr (std::is_integral_v<T>) {
    return reduceIntegers<Sum<T>>(y, x, outer, n, inner);
  } else {
    return sumOver(y, x, outer, n, inner, 1);
  }
}
template <typename R, typename T>
Outcome prod(Out<R> y, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if constexpr (std::is_integral_v<T>) {
    return reduceIntegers<Product<T>>(y, x, outer, n, inner);
  } else {
    return reduceTo<Product<T>>(y, x, outer, n, inner);
  }
}
template <typename T>
constexpr auto* max = reduceTo<Largest<T>, T, T>;
template <typename T>
constexpr auto* min = reduceTo<Smallest<T>, T, T>;
template <typename T>
constexpr auto* any = reduceTo<Any<T>, uint8_t, T>;
template <typename T>
constexpr auto* all = reduceTo<All<T>, uint8_t, T>;

template <typename T>
Outcome mean(Out<T> y, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  return sumOver(y, x, outer, n, inner, static_cast<double>(n));
}

// y (with `root`, the standard deviation) and
// means [outer][inner].
template <typename T>
Outcome variance(Out<T> y, Out<T> means, In<T> x, int64_t outer, int64_t n, int64_t inner, double correction,
                 int64_t root) {
  if (!fits(y.length, x.length, outer, n, inner) || means.length != y.length) return misfit();
  if (y.length == 0) return ok();
  const double count = static_cast<double>(n);
  const double divisor = count > correction ? count - correction : 0;
  const auto setMean = [&](int64_t j, double total) { means[j] = static_cast<T>(total / count); };
  const auto setVariance = [&](int64_t j, double total) {
    double unit = 1;
    if (isOffScale<T>(total, count, 0)) {
      const ScaledSquares exact = scaledSquares(x.data + columnAt(j, n, inner), n, 1, inner, true);
      if (exact.unit > 0) unit = exact.unit, total = exact.sum, means[j] = static_cast<T>(exact.mean);
    }
    y[j] = static_cast<T>(root != 0 ? unit * __builtin_sqrt(total / divisor) : unit * (unit * (total / divisor)));
  };
  reduceTwice<Sum<T>, SquaredDistance<T>>(x.data, outer, n, inner, means.data, setMean, setVariance);
  return ok();
}

// y [outer][inner] = √Σ x²
template <typename T>
Outcome euclideanNorm(Out<T> y, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(y.length, x.length, outer, n, inner)) return misfit();
  if (y.length == 0) return ok();
  reduce<Square<T>>(x.data, outer, n, inner, NoShift{}, [&](int64_t j, double total) {
    double unit = 1;
    if (isOffScale<T>(total, static_cast<double>(n), 0)) {
      const ScaledSquares exact = scaledSquares(x.data + columnAt(j, n, inner), n, 1, inner, false);
      if (exact.unit > 0) unit = exact.unit, total = exact.sum;
    }
    y[j] = static_cast<T>(unit * __builtin_sqrt(total));
  });
  return ok();
}

template <typename T>
inline bool same(T a, T b) {
  return a == b || (a != a && b != b);
}

// 1 for each element that is `value`.
template <typename T>
struct Same : Sum<T> {
  static T map(T x, T value) { return same(x, value) ? T(1) : T(0); }
};

// dx = slope(x, of [inner], share [inner]) in `rows` rows of `width` columns.
template <typename T, typename Slope>
__attribute__((noinline, flatten)) void writeSlopes(T* dx, const T* x, int64_t rows, int64_t inner, int64_t width,
                                                    const T* of, const T* share, Slope slope) {
  if (inner == 1) {
    const T at = *of, part = *share;
#pragma omp simd
    for (int64_t i = 0; i < rows; ++i) dx[i] = slope(x[i], at, part);
    return;
  }
  for (int64_t i = 0; i < rows; ++i, x += inner, dx += inner) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) dx[j] = slope(x[j], of[j], share[j]);
  }
}

// dx [outer][n][inner] = slope(x, y, shareOf(j, how many of the column are y)); y [outer][inner].
template <typename T, typename Share, typename Slope>
inline void shareGradient(T* dx, const T* x, const T* y, int64_t outer, int64_t n, int64_t inner, Share shareOf,
                          Slope slope) {
  if (isLong(outer, n, inner)) {
    T share[kFewResults];
    reduce<Same<T>>(x, outer, n, inner, y, [&](int64_t j, double count) { share[j] = shareOf(j, count); });
    parallel(outer * kParts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t o = unit / kParts, part = unit % kParts, first = n / kParts * part;
        const int64_t rows = part + 1 < kParts ? n / kParts : n - first, at = (o * n + first) * inner;
        writeSlopes(dx + at, x + at, rows, inner, inner, y + o * inner, share + o * inner, slope);
      }
    });
    return;
  }
  forEachTile(outer, n, inner, [&](int64_t from, int64_t to, int64_t width) {
    double counts[kTileWidth];
    T share[kTileWidth];
    fold<Same<T>>(x + from, n, inner, width, y + to, counts);
    for (int64_t j = 0; j < width; ++j) share[j] = shareOf(to + j, counts[j]);
    writeSlopes(dx + from, x + from, n, inner, width, y + to, share, slope);
  });
}

// dx [outer][n][inner] = dy, shared evenly by the elements that are y [outer][inner] (all NaN, where y is), 0
// elsewhere.
template <typename T>
Outcome extremeBackward(Out<T> dx, In<T> dy, In<T> x, In<T> y, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(y.length, x.length, outer, n, inner) || dy.length != y.length || dx.length != x.length) return misfit();
  if (dx.length == 0) return ok();
  shareGradient(
      dx.data, x.data, y.data, outer, n, inner, [&](int64_t j, double count) { return dy[j] / static_cast<T>(count); },
      [](T v, T most, T share) { return same(v, most) ? share : T(0); });
  return ok();
}

// dx [outer][n][inner] = dy exp(x - y), or its limit where y [outer][inner] is infinite: elements of ∞ share dy evenly,
// and elements that are all -∞ get 0.
template <typename T>
Outcome logsumexpBackward(Out<T> dx, In<T> dy, In<T> x, In<T> y, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(y.length, x.length, outer, n, inner) || dy.length != y.length || dx.length != x.length) return misfit();
  if (dx.length == 0) return ok();
  const T infinity = static_cast<T>(__builtin_inf());
  shareGradient(
      dx.data, x.data, y.data, outer, n, inner,
      [&](int64_t j, double count) {
        return y[j] == infinity ? dy[j] / static_cast<T>(count) : y[j] == -infinity ? T(0) : dy[j];
      },
      [](T v, T sum, T share) { return v == sum ? share : share * math::exp(v - sum); });
  return ok();
}

// log Σ exp(x) = m + log Σ exp(x - m). An infinite maximum is not subtracted: ∞ - ∞ would make NaN.
template <typename T>
Outcome logsumexp(Out<T> y, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(y.length, x.length, outer, n, inner)) return misfit();
  if (y.length == 0) return ok();
  const auto setShift = [&](int64_t j, T most) { y[j] = most - most == 0 ? most : T(0); };
  const auto setResult = [&](int64_t j, double total) { y[j] += static_cast<T>(__builtin_log(total)); };
  reduceTwice<Largest<T>, SumOfExp<T>>(x.data, outer, n, inner, y.data, setShift, setResult);
  return ok();
}

// The first position of `value` in x [n], which is known to contain it.
template <typename T>
inline int32_t find(const T* x, int64_t n, T value) {
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) {
    int hits = 0;
#pragma omp simd reduction(+ : hits)
    for (int64_t j = 0; j < 64; ++j) hits += same(x[i + j], value) ? 1 : 0;
    if (hits > 0) break;
  }
  while (i + 1 < n && !same(x[i], value)) ++i;
  return static_cast<int32_t>(i);
}

// index [outer][inner] of the first best element, NaN best of all; values [outer][inner], or absent, the element.
template <typename Op, typename T>
inline Outcome argBest(Out<int32_t> index, Out<T> values, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(index.length, x.length, outer, n, inner) || !absentOr(values, index.length)) return misfit();
  if (index.length == 0) return ok();
  if (n == 0 || n > INT32_MAX) return misfit();
  if (inner == 1) {
    reduce<Op>(x.data, outer, n, inner, NoShift{}, [&](int64_t j, T best) {
      index[j] = find(x.data + j * n, n, best);
      if (values.data != nullptr) values[j] = best;
    });
    return ok();
  }
  forEachTile(outer, n, inner, [&](int64_t from, int64_t to, int64_t width) {
    T best[kTileWidth];
    int32_t* position = index.data + to;
    for (int64_t j = 0; j < width; ++j) {
      best[j] = x[from + j];
      position[j] = 0;
    }
    for (int64_t i = 1; i < n; ++i) {
      const T* row = x.data + from + i * inner;
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        const bool wins = Op::better(row[j], best[j]) | ((row[j] != row[j]) & (best[j] == best[j]));
        best[j] = wins ? row[j] : best[j];
        position[j] = wins ? static_cast<int32_t>(i) : position[j];
      }
    }
    for (int64_t j = 0; j < width && values.data != nullptr; ++j) values[to + j] = best[j];
  });
  return ok();
}

template <typename T>
constexpr auto* argMax = argBest<Largest<T>, T>;
template <typename T>
constexpr auto* argMin = argBest<Smallest<T>, T>;

// The running sums of `width` columns along n, with rows `step` elements apart: put(total, offset).
template <typename T, typename Put>
inline __attribute__((always_inline)) void sumAlong(const T* x, int64_t n, int64_t step, int64_t width, Put put) {
  using Total = typename Numeric<T>::Total;
  if (width == 1) {
    Total total = 0;
    for (int64_t i = 0; i < n; ++i) put(total += static_cast<Total>(x[i * step]), i * step);
    return;
  }
  Total totals[kTileWidth];
  for (int64_t j = 0; j < width; ++j) totals[j] = 0;
  for (int64_t row = 0; row != n * step; row += step) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) put(totals[j] += static_cast<Total>(x[row + j]), row + j);
  }
}

// The first place where a running sum of integers does not fit, or none.
template <typename T>
Outcome firstBeyond(In<T> x, int64_t outer, int64_t n, int64_t inner, int64_t start, int64_t step) {
  int64_t first = INT64_MAX;
  forEachTile(outer, n, inner, [&](int64_t from, int64_t, int64_t width) {
    int64_t lost = 0;
    sumAlong(x.data + from + start, n, step, width,
             [&](int64_t total, int64_t) { lost |= total ^ static_cast<int32_t>(total); });
    if (lost == 0) return;
    sumAlong(x.data + from + start, n, step, width, [&](int64_t total, int64_t at) {
      if (!isInt32(total)) lowerTo(first, from + start + at);
    });
  });
  if (first == INT64_MAX) return ok();
  int64_t total = 0;
  for (int64_t at = first / (n * inner) * n * inner + first % inner + start; at != first + step; at += step) {
    total += static_cast<int64_t>(x[at]);
  }
  return fault(first, static_cast<double>(total));
}

// y [outer][n][inner] = the running sums of x along n, or from its end with reverse. An integer sum that does not fit is
// a fault at the first such element of y.
template <typename R, typename T>
Outcome cumsum(Out<R> y, In<T> x, int64_t outer, int64_t n, int64_t inner, int64_t reverse) {
  if (!fits(product(outer, inner), x.length, outer, n, inner) || y.length != x.length) return misfit();
  if (y.length == 0) return ok();
  const int64_t start = reverse != 0 ? (n - 1) * inner : 0;
  const int64_t step = reverse != 0 ? -inner : inner;
  if constexpr (std::is_integral_v<T>) {
    const Outcome found = alwaysFits<T>(n) ? ok() : firstBeyond(x, outer, n, inner, start, step);
    if (found.code != Outcome::kOk) return found;
  }
  forEachTile(outer, n, inner, [&](int64_t from, int64_t, int64_t width) {
    R* out = y.data + from + start;
    sumAlong(x.data + from + start, n, step, width, [=](auto total, int64_t at) { out[at] = static_cast<R>(total); });
  });
  return ok();
}

// dx [outer][n][inner] = dy [outer][inner] times the product of all other x: those before, then those after, so that
// zeros are no special case.
template <typename T>
Outcome prodBackward(Out<T> dx, In<T> dy, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(dy.length, x.length, outer, n, inner) || dx.length != x.length) return misfit();
  if (dx.length == 0) return ok();
  forEachTile(outer, n, inner, [&](int64_t from, int64_t to, int64_t width) {
    double others[kTileWidth];
    for (int64_t j = 0; j < width; ++j) others[j] = 1;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t row = from + i * inner;
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        dx[row + j] = static_cast<T>(others[j]);
        others[j] *= x[row + j];
      }
    }
    for (int64_t j = 0; j < width; ++j) others[j] = dy[to + j];
    for (int64_t i = n - 1; i >= 0; --i) {
      const int64_t row = from + i * inner;
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        dx[row + j] = static_cast<T>(dx[row + j] * others[j]);
        others[j] *= x[row + j];
      }
    }
  });
  return ok();
}

// y [outer][inner] = x [outer][n][inner] at index [outer][inner]
template <typename T>
Outcome pick(Out<T> y, In<T> x, In<int32_t> index, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(y.length, x.length, outer, n, inner) || index.length != y.length) return misfit();
  if (const Outcome checked = checkIndices(index, n); checked.code != Outcome::kOk) return checked;
  for (int64_t o = 0, j = 0; j < y.length; ++o) {
    for (int64_t i = 0; i < inner; ++i, ++j) y[j] = x[(o * n + index[j]) * inner + i];
  }
  return ok();
}

// dx [outer][n][inner] = dy [outer][inner] at index [outer][inner], 0 elsewhere
template <typename T>
Outcome pickBackward(Out<T> dx, In<T> dy, In<int32_t> index, int64_t outer, int64_t n, int64_t inner) {
  if (!fits(dy.length, dx.length, outer, n, inner) || index.length != dy.length) return misfit();
  if (const Outcome checked = checkIndices(index, n); checked.code != Outcome::kOk) return checked;
  if (dx.length > 0) __builtin_memset(dx.data, 0, static_cast<size_t>(dx.length) * sizeof(T));
  for (int64_t o = 0, j = 0; j < dy.length; ++o) {
    for (int64_t i = 0; i < inner; ++i, ++j) dx[(o * n + index[j]) * inner + i] = dy[j];
  }
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

// 8-bit integers are summed in 32 bits.
#define SUMMED_INSTANCE(T, function) function<T, T>
#define SUMMED(function, parameters)                                                                             \
  kernel<ADJOINT_EACH_FLOAT(SUMMED_INSTANCE, function), function<int32_t, int32_t>, function<int32_t, uint8_t>>( \
      #function, parameters)

ADJOINT_FAMILY(reduce, SUMMED(sum, "y x outer n inner"), SUMMED(prod, "y x outer n inner"),
               ADJOINT_FLOATS(prodBackward, "dx dy x outer n inner"), ADJOINT_FLOATS(mean, "y x outer n inner"),
               ADJOINT_FLOATS(variance, "y means x outer n inner correction root"),
               ADJOINT_FLOATS(euclideanNorm, "y x outer n inner"), ADJOINT_FLOATS(logsumexp, "y x outer n inner"),
               ADJOINT_FLOATS(logsumexpBackward, "dx dy x y outer n inner"),
               ADJOINT_FLOATS(extremeBackward, "dx dy x y outer n inner"), ADJOINT_ALL(max, "y x outer n inner"),
               ADJOINT_ALL(min, "y x outer n inner"), ADJOINT_ALL(argMax, "index values x outer n inner"),
               ADJOINT_ALL(argMin, "index values x outer n inner"), ADJOINT_ALL(any, "y x outer n inner"),
               ADJOINT_ALL(all, "y x outer n inner"), SUMMED(cumsum, "y x outer n inner reverse"),
               ADJOINT_ALL(pick, "y x index outer n inner"), ADJOINT_FLOATS(pickBackward, "dx dy index outer n inner"))
