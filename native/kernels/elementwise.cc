// Elementwise arithmetic: unary, broadcasting binary and ternary, conversion between element types.
#include "kernel.h"
#include "loops.h"
#include "math.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// Where arithmetic on T is done: integers wrap around, which C++ defines for unsigned numbers only.
template <typename T>
using Wide = std::conditional_t<std::is_integral_v<T>, uint32_t, T>;

// clang-format off
template <typename T> inline T square(T x) { return static_cast<T>(Wide<T>(x) * Wide<T>(x)); }
template <typename T> inline T negate(T x) { return static_cast<T>(-Wide<T>(x)); }
template <typename T> inline T reciprocal(T x) { return T(1) / x; }
template <typename T> inline T sign(T x) { return static_cast<T>((x > T(0)) - (x < T(0))); }
template <typename T> inline uint8_t isNaN(T x) { return x != x; }
template <typename T> inline uint8_t isFinite(T x) { return x - x == T(0); }
template <typename T> inline uint8_t logicalNot(T x) { return x == T(0); }
inline int32_t absolute(int32_t x) { return x < 0 ? negate(x) : x; }

template <typename T> inline T add(T a, T b) { return static_cast<T>(Wide<T>(a) + Wide<T>(b)); }
template <typename T> inline T subtract(T a, T b) { return static_cast<T>(Wide<T>(a) - Wide<T>(b)); }
template <typename T> inline T multiply(T a, T b) { return static_cast<T>(Wide<T>(a) * Wide<T>(b)); }
template <typename T> inline T divide(T a, T b) { return a / b; }
// NaN wins in both.
template <typename T> inline T maximum(T a, T b) { return (a > b) | (a != a) ? a : b; }
template <typename T> inline T minimum(T a, T b) { return (a < b) | (a != a) ? a : b; }
template <typename T> inline uint8_t equal(T a, T b) { return a == b; }
template <typename T> inline uint8_t notEqual(T a, T b) { return a != b; }
// a > b is less(b, a).
template <typename T> inline uint8_t less(T a, T b) { return a < b; }
template <typename T> inline uint8_t lessEqual(T a, T b) { return a <= b; }
inline uint8_t logicalAnd(uint8_t a, uint8_t b) { return (a != 0) & (b != 0); }
inline uint8_t logicalOr(uint8_t a, uint8_t b) { return (a | b) != 0; }
inline uint8_t logicalXor(uint8_t a, uint8_t b) { return (a != 0) ^ (b != 0); }
// clang-format on

// Conversion to an integer type truncates and saturates; NaN becomes 0.
template <typename R, typename T>
inline R convert(T x) {
  if constexpr (std::is_same_v<R, float> || std::is_same_v<R, double>) {
    return static_cast<R>(x);
  } else if constexpr (std::is_same_v<R, T>) {
    return x;
  } else if constexpr (std::is_same_v<R, uint8_t>) {
    const T low = x > T(0) ? x : T(0);
    return static_cast<uint8_t>(static_cast<int32_t>(low < T(255) ? low : T(255)));
  } else if constexpr (std::is_same_v<T, uint8_t>) {
    return x;
  } else {
    const bool inside = (x > T(-2147483648.0)) & (x < T(2147483648.0));
    const int32_t edge = x >= T(2147483648.0) ? INT32_MAX : x == x ? INT32_MIN : 0;
    return inside ? static_cast<int32_t>(inside ? x : T(0)) : edge;
  }
}

template <typename R, typename T, R (*f)(T)>
Outcome unary(Out<R> y, In<T> x) {
  return map(y, x, [](T v) { return f(v); });
}

// sine and cosine: `f` where its range reduction is exact, `far` for the rare elements beyond.
template <float (*f)(float), float (*far)(float)>
Outcome periodic(Out<float> y, In<float> x) {
  if (y.length != x.length) return misfit();
  parallel(y.length, kGrain, [=](int64_t begin, int64_t end) {
    constexpr int64_t kTile = 256;
    for (int64_t from = begin; from < end; from += kTile) {
      const int64_t to = from + kTile < end ? from + kTile : end;
      bool exact = true;
#pragma omp simd reduction(& : exact)
      for (int64_t i = from; i < to; i++) exact &= math::abs(x[i]) <= math::kPeriodicLimit;
      if (exact) {
#pragma omp simd
        for (int64_t i = from; i < to; i++) y[i] = f(x[i]);
      } else {
        for (int64_t i = from; i < to; i++) y[i] = math::abs(x[i]) <= math::kPeriodicLimit ? f(x[i]) : far(x[i]);
      }
    }
  });
  return ok();
}

// min(max(x, least), most)
template <typename T>
Outcome clamp(Out<T> y, In<T> x, double least, double most) {
  const T low = static_cast<T>(least);
  const T high = static_cast<T>(most);
  return map(y, x, [=](T v) { return math::limit(v, low, high); });
}

// dx = dy where least < x < most, else 0; a bound that is NaN does not count.
template <typename T>
Outcome clampBackward(Out<T> dx, In<T> dy, In<T> x, double least, double most) {
  const T low = static_cast<T>(least);
  const T high = static_cast<T>(most);
  return zip(dx, dy, x, [=](T g, T v) { return (v <= low) | (v >= high) | (v != v) ? T(0) : g; });
}

// y [contiguous] = f(a, b), dims = (size, stride of a, stride of b) …
template <typename R, typename T, R (*f)(T, T)>
Outcome binary(Out<R> y, In<T> a, In<T> b, Integers dims) {
  const int64_t strideA = dims.count >= 3 ? dims[dims.count - 2] : 0;
  const int64_t strideB = dims.count >= 3 ? dims[dims.count - 1] : 0;
  const int64_t lengths[] = {a.length, b.length};
  return broadcast(y.length, lengths, dims, [=](int64_t begin, const int64_t* at, int64_t count) {
    R* to = y.data + begin;
    const T* left = a.data + at[0];
    const T* right = b.data + at[1];
    if (strideA == 1 && strideB == 1) {
#pragma omp simd
      for (int64_t i = 0; i < count; i++) to[i] = f(left[i], right[i]);
    } else if (strideA == 1 && strideB == 0) {
      const T value = *right;
#pragma omp simd
      for (int64_t i = 0; i < count; i++) to[i] = f(left[i], value);
    } else if (strideA == 0 && strideB == 1) {
      const T value = *left;
#pragma omp simd
      for (int64_t i = 0; i < count; i++) to[i] = f(value, right[i]);
    } else {
      for (int64_t i = 0; i < count; i++) to[i] = f(left[i * strideA], right[i * strideB]);
    }
  });
}

// y [contiguous] = condition ? a : b, dims = (size, stride of condition, of a, of b) …
template <typename T>
Outcome where(Out<T> y, In<uint8_t> condition, In<T> a, In<T> b, Integers dims) {
  const int64_t strideC = dims.count >= 4 ? dims[dims.count - 3] : 0;
  const int64_t strideA = dims.count >= 4 ? dims[dims.count - 2] : 0;
  const int64_t strideB = dims.count >= 4 ? dims[dims.count - 1] : 0;
  const int64_t lengths[] = {condition.length, a.length, b.length};
  return broadcast(y.length, lengths, dims, [=](int64_t begin, const int64_t* at, int64_t count) {
    T* to = y.data + begin;
    const uint8_t* choose = condition.data + at[0];
    const T* yes = a.data + at[1];
    const T* no = b.data + at[2];
    if (strideC == 1 && strideA == 1 && strideB == 1) {
#pragma omp simd
      for (int64_t i = 0; i < count; i++) to[i] = choose[i] != 0 ? yes[i] : no[i];
    } else if (strideC == 1 && strideA == 0 && strideB == 1) {
      const T value = *yes;
#pragma omp simd
      for (int64_t i = 0; i < count; i++) to[i] = choose[i] != 0 ? value : no[i];
    } else if (strideC == 1 && strideA == 1 && strideB == 0) {
      const T value = *no;
#pragma omp simd
      for (int64_t i = 0; i < count; i++) to[i] = choose[i] != 0 ? yes[i] : value;
    } else {
      for (int64_t i = 0; i < count; i++) to[i] = choose[i * strideC] != 0 ? yes[i * strideA] : no[i * strideB];
    }
  });
}

// y += scale * x; for integers the scale is truncated and sums wrap around.
template <typename T>
Outcome addScaled(InOut<T> y, In<T> x, double scale) {
  using Scale = std::conditional_t<std::is_integral_v<T>, int32_t, T>;
  const Wide<T> factor = static_cast<Wide<T>>(convert<Scale>(scale));
  return zip(Out<T>{y.data, y.length}, In<T>{y.data, y.length}, x,
             [=](T v, T w) { return static_cast<T>(Wide<T>(v) + factor * Wide<T>(w)); });
}

template <typename R, typename T>
Outcome cast(Out<R> y, In<T> x) {
  return map(y, x, [](T v) { return convert<R>(v); });
}

template <typename T>
Outcome fill(Out<T> y, double value) {
  const T filling = convert<T>(value);
  parallel(y.length, 2 * kGrain, [=](int64_t begin, int64_t end) {
    T* to = y.data;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) to[i] = filling;
  });
  return ok();
}

template <float (*single)(float), double (*twice)(double)>
constexpr Kernel floats(const char* name) {
  return kernel<unary<float, float, single>, unary<double, double, twice>>(name);
}
template <float (*single)(float), double (*twice)(double), int32_t (*whole)(int32_t)>
constexpr Kernel numbers(const char* name) {
  return kernel<unary<float, float, single>, unary<double, double, twice>, unary<int32_t, int32_t, whole>>(name);
}
template <uint8_t (*single)(float), uint8_t (*twice)(double)>
constexpr Kernel tests(const char* name) {
  return kernel<unary<uint8_t, float, single>, unary<uint8_t, double, twice>>(name);
}
template <float (*single)(float, float), double (*twice)(double, double)>
constexpr Kernel floatPairs(const char* name) {
  return kernel<binary<float, float, single>, binary<double, double, twice>>(name);
}
template <float (*single)(float, float), double (*twice)(double, double), int32_t (*whole)(int32_t, int32_t),
          uint8_t (*byte)(uint8_t, uint8_t)>
constexpr Kernel pairs(const char* name) {
  return kernel<binary<float, float, single>, binary<double, double, twice>, binary<int32_t, int32_t, whole>,
                binary<uint8_t, uint8_t, byte>>(name);
}
template <uint8_t (*single)(float, float), uint8_t (*twice)(double, double), uint8_t (*whole)(int32_t, int32_t),
          uint8_t (*byte)(uint8_t, uint8_t)>
constexpr Kernel comparison(const char* name) {
  return kernel<binary<uint8_t, float, single>, binary<uint8_t, double, twice>, binary<uint8_t, int32_t, whole>,
                binary<uint8_t, uint8_t, byte>>(name);
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

// clang-format off
ADJOINT_POINTWISE_FAMILY(elementwise,
    floats<math::exp, math::exp>("exp"),
    floats<math::log, math::log>("log"),
    floats<math::log1p, math::log1p>("log1p"),
    floats<math::expm1, math::expm1>("expm1"),
    floats<math::sqrt, math::sqrt>("sqrt"),
    floats<math::rsqrt, math::rsqrt>("rsqrt"),
    floats<math::tanh, math::tanh>("tanh"),
    floats<math::sigmoid, math::sigmoid>("sigmoid"),
    floats<math::erf, math::erf>("erf"),
    floats<math::floor, math::floor>("floor"),
    floats<math::ceil, math::ceil>("ceil"),
    floats<math::round, math::round>("round"),
    floats<reciprocal, reciprocal>("reciprocal"),
    numbers<square, square, square>("square"),
    numbers<math::abs, math::abs, absolute>("abs"),
    numbers<sign, sign, sign>("sign"),
    numbers<negate, negate, negate>("negate"),
    tests<isNaN, isNaN>("isNaN"),
    tests<isFinite, isFinite>("isFinite"),
    kernel<periodic<math::sin, math::sinFar>, unary<double, double, math::sin>>("sin"),
    kernel<periodic<math::cos, math::cosFar>, unary<double, double, math::cos>>("cos"),
    kernel<unary<uint8_t, float, logicalNot>, unary<uint8_t, double, logicalNot>, unary<uint8_t, int32_t, logicalNot>,
           unary<uint8_t, uint8_t, logicalNot>>("logicalNot"),
    kernel<clamp<float>, clamp<double>>("clamp"),
    kernel<clampBackward<float>, clampBackward<double>>("clampBackward"),
    pairs<add, add, add, add>("add"),
    pairs<subtract, subtract, subtract, subtract>("subtract"),
    pairs<multiply, multiply, multiply, multiply>("multiply"),
    floatPairs<divide, divide>("divide"),
    floatPairs<math::pow, math::pow>("pow"),
    pairs<maximum, maximum, maximum, maximum>("maximum"),
    pairs<minimum, minimum, minimum, minimum>("minimum"),
    comparison<equal, equal, equal, equal>("equal"),
    comparison<notEqual, notEqual, notEqual, notEqual>("notEqual"),
    comparison<less, less, less, less>("less"),
    comparison<lessEqual, lessEqual, lessEqual, lessEqual>("lessEqual"),
    kernel<binary<uint8_t, uint8_t, logicalAnd>>("logicalAnd"),
    kernel<binary<uint8_t, uint8_t, logicalOr>>("logicalOr"),
    kernel<binary<uint8_t, uint8_t, logicalXor>>("logicalXor"),
    kernel<where<float>, where<double>, where<int32_t>, where<uint8_t>>("where"),
    kernel<addScaled<float>, addScaled<double>, addScaled<int32_t>, addScaled<uint8_t>>("addScaled"),
    kernel<cast<float, float>, cast<float, double>, cast<float, int32_t>, cast<float, uint8_t>, cast<double, float>,
           cast<double, double>, cast<double, int32_t>, cast<double, uint8_t>, cast<int32_t, float>, cast<int32_t,
           double>, cast<int32_t, int32_t>, cast<int32_t, uint8_t>, cast<uint8_t, float>, cast<uint8_t, double>,
           cast<uint8_t, int32_t>, cast<uint8_t, uint8_t>>("cast"),
    kernel<fill<float>, fill<double>, fill<int32_t>, fill<uint8_t>>("fill"))
// clang-format on
