// One reduction loop for all reductions: a slab [n][inner] is folded along n, many columns at a time.
//
// An Op says what is folded:
//   Lane, Total     the type inside a block of rows, and the (wider) one that blocks are merged in
//   identity        where a fold starts
//   map(x, shift)   the term of one element; `shift` is a number of its column (a mean, a maximum) or unused
//   combine(a, b)   the fold, of Lanes and of Totals
//
// Float sums stay accurate because lanes add at most kBlockRows terms before they are merged in double.
#pragma once
#include "../kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kTileWidth = 512;      // columns folded at a time: lanes and totals stay in the first cache
constexpr int64_t kBlockRows = 64;       // rows folded into lanes before these are merged into totals
constexpr int64_t kReduceGrain = 32768;  // elements that are worth a thread
constexpr int64_t kParts = 16;           // parts of a long fold with few results, whatever the thread count
constexpr int64_t kFewResults = 64;

// For Ops that do not use the shift.
struct NoShift {
  int operator[](int64_t) const { return 0; }
  NoShift operator+(int64_t) const { return {}; }
};

// Sums of integers are exact in 64 bits, so that overflow of the result's range is noticed; float blocks are merged in
// double.
template <typename T>
struct Numeric {
  using Lane = std::conditional_t<sizeof(T) == 1, int32_t, int64_t>;
  using Total = int64_t;
  static constexpr T lowest = sizeof(T) == 1 ? T(0) : T(INT32_MIN);
  static constexpr T highest = sizeof(T) == 1 ? T(255) : T(INT32_MAX);
};
template <>
struct Numeric<float> {
  using Lane = float;
  using Total = double;
  static constexpr float lowest = -__builtin_inff();
  static constexpr float highest = __builtin_inff();
};
template <>
struct Numeric<double> {
  using Lane = double;
  using Total = double;
  static constexpr double lowest = -__builtin_inf();
  static constexpr double highest = __builtin_inf();
};

template <typename T>
struct Sum {
  using Lane = typename Numeric<T>::Lane;
  using Total = typename Numeric<T>::Total;
  static constexpr int identity = 0;
  static Lane map(T x, T) { return static_cast<Lane>(x); }
  template <typename A>
  static A combine(A a, A b) {
    return a + b;
  }
};

// In double: the product of a few floats overflows where the product of all does not. A product of integers is exact
// there as long as it fits 32 bits, and one that does not never comes back to where it would, but to 0.
template <typename T>
struct Product {
  using Lane = double;
  using Total = double;
  static constexpr int identity = 1;
  static Lane map(T x, T) { return static_cast<Lane>(x); }
  template <typename A>
  static A combine(A a, A b) {
    return a * b;
  }
};

template <typename T>
struct Largest {
  using Lane = T;
  using Total = T;
  static constexpr T identity = Numeric<T>::lowest;
  static T map(T x, T) { return x; }
  static bool better(T a, T b) { return a > b; }
  // NaN wins over all.
  static T combine(T a, T b) {
    const T most = a > b ? a : b;
    return a != a ? a : most;
  }
};

template <typename T>
struct Smallest {
  using Lane = T;
  using Total = T;
  static constexpr T identity = Numeric<T>::highest;
  static T map(T x, T) { return x; }
  static bool better(T a, T b) { return a < b; }
  static T combine(T a, T b) {
    const T least = a < b ? a : b;
    return a != a ? a : least;
  }
};

// NaN counts as true.
template <typename T>
struct Any {
  using Lane = T;
  using Total = T;
  static constexpr int identity = 0;
  static T map(T x, T) { return x != 0 ? T(1) : T(0); }
  static T combine(T a, T b) { return a > b ? a : b; }
};
template <typename T>
struct All : Any<T> {
  static constexpr int identity = 1;
  static T combine(T a, T b) { return a < b ? a : b; }
};

// lanes[width] = lanes ∘ the rows of x [rows][stride]; sums take four at a time to spare loads and stores of the lanes
// (of comparisons, the compiler makes branches then).
template <typename Op, typename T, typename Shift>
inline void foldRows(const T* x, int64_t rows, int64_t stride, int64_t width, Shift shift,
                     typename Op::Lane* __restrict lanes) {
  int64_t i = 0;
  constexpr bool kArithmetic = std::is_base_of_v<Sum<T>, Op> || std::is_same_v<Product<T>, Op>;
  for (; kArithmetic && i + 4 <= rows; i += 4, x += 4 * stride) {
    const T* x1 = x + stride;
    const T* x2 = x1 + stride;
    const T* x3 = x2 + stride;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      const auto a = Op::combine(Op::map(x[j], shift[j]), Op::map(x1[j], shift[j]));
      const auto b = Op::combine(Op::map(x2[j], shift[j]), Op::map(x3[j], shift[j]));
      lanes[j] = Op::combine(lanes[j], Op::combine(a, b));
    }
  }
  for (; i < rows; ++i, x += stride) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) lanes[j] = Op::combine(lanes[j], Op::map(x[j], shift[j]));
  }
}

// totals[width] = totals ∘ the columns of x [rows][stride]; width ≤ kTileWidth.
template <typename Op, typename T, typename Shift>
__attribute__((noinline)) void foldTile(const T* x, int64_t rows, int64_t stride, int64_t width, Shift shift,
                                        typename Op::Total* __restrict totals) {
  using Lane = typename Op::Lane;
  using Total = typename Op::Total;
  alignas(64) Lane lanes[kTileWidth];
  for (int64_t begin = 0; begin < rows; begin += kBlockRows) {
    for (int64_t j = 0; j < width; ++j) lanes[j] = Op::identity;
    foldRows<Op>(x + begin * stride, smaller(kBlockRows, rows - begin), stride, width, shift, lanes);
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) totals[j] = Op::combine(totals[j], static_cast<Total>(lanes[j]));
  }
}

// totals[inner] = the fold of x [n][inner], inner small: several rows side by side make one wide row.
template <typename Op, typename T, typename Shift>
inline void foldNarrow(const T* x, int64_t n, int64_t inner, Shift shift, typename Op::Total* totals) {
  using Total = typename Op::Total;
  constexpr int64_t kWide = 64;
  int64_t groups = (n * inner < 512 && inner <= 8 ? 16 : kWide) / inner;
  const int64_t width = groups * inner;
  Total wide[kWide];
  for (int64_t j = 0; j < width; ++j) wide[j] = Op::identity;
  const int64_t rows = n / groups;
  const int64_t rest = (n - rows * groups) * inner;
  if constexpr (std::is_same_v<Shift, NoShift>) {
    foldTile<Op>(x, rows, width, width, shift, wide);
    foldTile<Op>(x + rows * width, 1, width, rest, shift, wide);
  } else {
    T shifts[kWide];
    for (int64_t j = 0; j < width; ++j) shifts[j] = j < inner ? shift[j] : shifts[j - inner];
    foldTile<Op>(x, rows, width, width, static_cast<const T*>(shifts), wide);
    foldTile<Op>(x + rows * width, 1, width, rest, static_cast<const T*>(shifts), wide);
  }
  while (groups > 1) {
    const int64_t half = groups / 2;
    const Total* upper = wide + (groups - half) * inner;
    for (int64_t j = 0; j < half * inner; ++j) wide[j] = Op::combine(wide[j], upper[j]);
    groups -= half;
  }
  for (int64_t j = 0; j < inner; ++j) totals[j] = wide[j];
}

// totals[width] = the fold of `width` columns of x [n][inner]; width ≤ kTileWidth.
template <typename Op, typename T, typename Shift>
__attribute__((noinline)) void fold(const T* x, int64_t n, int64_t inner, int64_t width, Shift shift,
                                    typename Op::Total* totals) {
  using Total = typename Op::Total;
  if (width == inner && inner <= 32 && n * inner >= 16) return foldNarrow<Op>(x, n, inner, shift, totals);
  for (int64_t j = 0; j < width; ++j) totals[j] = Op::identity;
  if (width == 1) {
    for (int64_t i = 0; i < n; ++i)
      totals[0] = Op::combine(totals[0], static_cast<Total>(Op::map(x[i * inner], shift[0])));
    return;
  }
  foldTile<Op>(x, n, inner, width, shift, totals);
}

// The tiles of columns of x [outer][n][inner], on all threads: body(offset of the tile in x, offset in the results
// [outer][inner], columns).
template <typename Body>
inline void forEachTile(int64_t outer, int64_t n, int64_t inner, Body&& body) {
  const bool few = outer * n * smaller(inner, kTileWidth) < 4 * kReduceGrain;
  const int64_t tile = inner <= 64 ? inner : few || outer > 1 ? smaller(inner, kTileWidth) : 64;
  const int64_t tiles = ceilDivide(inner, tile);
  parallel(outer * tiles, larger(1, kReduceGrain / larger(1, n * tile)), [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t o = unit / tiles;
      const int64_t first = (unit - o * tiles) * tile;
      body(o * n * inner + first, o * inner + first, smaller(tile, inner - first));
    }
  });
}

// results[outer][inner] of a long fold with few results: cut along n, so that all threads have work, and merged in the
// order of the parts.
template <typename Op, typename T, typename Shift>
__attribute__((noinline)) void foldLong(const T* x, int64_t outer, int64_t n, int64_t inner, Shift shift,
                                        typename Op::Total* results) {
  typename Op::Total totals[kParts][kFewResults];
  parallel(kParts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const int64_t first = n / kParts * part;
      const int64_t rows = part + 1 < kParts ? n / kParts : n - first;
      for (int64_t o = 0; o < outer; ++o) {
        fold<Op>(x + (o * n + first) * inner, rows, inner, inner, shift + o * inner, totals[part] + o * inner);
      }
    }
  });
  const int64_t count = outer * inner;
  for (int64_t j = 0; j < count; ++j) results[j] = totals[0][j];
  for (int64_t part = 1; part < kParts; ++part) {
    for (int64_t j = 0; j < count; ++j) results[j] = Op::combine(results[j], totals[part][j]);
  }
}

inline bool isLong(int64_t outer, int64_t n, int64_t inner) {
  return outer * inner <= kFewResults && n >= 1024 && outer * n * inner >= 4 * kReduceGrain;
}

// finish(j, total) for each result j of [outer][inner]; shift [outer][inner] is read by Ops that map with it.
template <typename Op, typename T, typename Shift, typename Finish>
inline void reduce(const T* x, int64_t outer, int64_t n, int64_t inner, Shift shift, Finish&& finish) {
  if (isLong(outer, n, inner)) {
    typename Op::Total results[kFewResults];
    foldLong<Op>(x, outer, n, inner, shift, results);
    for (int64_t j = 0; j < outer * inner; ++j) finish(j, results[j]);
    return;
  }
  forEachTile(outer, n, inner, [&](int64_t from, int64_t to, int64_t width) {
    typename Op::Total totals[kTileWidth];
    fold<Op>(x + from, n, inner, width, shift + to, totals);
    for (int64_t j = 0; j < width; ++j) finish(to + j, totals[j]);
  });
}

// Two folds, the second over x and what setFirst wrote to `shift` [outer][inner], while a tile is still in the cache.
template <typename First, typename Second, typename T, typename SetFirst, typename SetSecond>
inline void reduceTwice(const T* x, int64_t outer, int64_t n, int64_t inner, const T* shift, SetFirst setFirst,
                        SetSecond setSecond) {
  if (isLong(outer, n, inner)) {
    reduce<First>(x, outer, n, inner, NoShift{}, setFirst);
    reduce<Second>(x, outer, n, inner, shift, setSecond);
    return;
  }
  forEachTile(outer, n, inner, [&](int64_t from, int64_t to, int64_t width) {
    typename First::Total firsts[kTileWidth];
    fold<First>(x + from, n, inner, width, NoShift{}, firsts);
    for (int64_t j = 0; j < width; ++j) setFirst(to + j, firsts[j]);
    typename Second::Total seconds[kTileWidth];
    fold<Second>(x + from, n, inner, width, shift + to, seconds);
    for (int64_t j = 0; j < width; ++j) setSecond(to + j, seconds[j]);
  });
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
