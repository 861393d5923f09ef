// Elementwise arithmetic: unary, broadcasting binary and ternary, conversion between element types.
#include "kernel.h"
#include "loops.h"
#include "math.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// The type for arithmetic on T: integers wrap, which C++ defines only for unsigned numbers.
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
template <typename T> inline T maximum(T a, T b) { return ((a > b) | (a != a)) ? a : b; }
template <typename T> inline T minimum(T a, T b) { return ((a < b) | (a != a)) ? a : b; }
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

// dx = dy where least < x < most, else 0; a bound that is NaN is ignored.
template <typename T>
Outcome clampBackward(Out<T> dx, In<T> dy, In<T> x, double least, double most) {
  const T low = static_cast<T>(least);
  const T high = static_cast<T>(most);
  return zip(dx, dy, x, [=](T g, T v) { return ((v <= low) | (v >= high) | (v != v)) ? T(0) : g; });
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

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

// Make kernels of the functions above: `f` is overloaded, or a template, for the element types named.
#define UNARY_OF(T, f) unary<T, T, f>
#define TEST_OF(T, f) unary<uint8_t, T, f>
#define BINARY_OF(T, f) binary<T, T, f>
#define COMPARISON_OF(T, f) binary<uint8_t, T, f>
#define UNARY(name, f) kernel<ADJOINT_EACH_FLOAT(UNARY_OF, f)>(name, "y x")
#define INTEGER_UNARY(name, f, whole) \
  kernel<ADJOINT_EACH_FLOAT(UNARY_OF, f), unary<int32_t, int32_t, whole>>(name, "y x")
#define BINARY(name, f) kernel<ADJOINT_EACH(BINARY_OF, f)>(name, "y a b dims")
#define FLOAT_BINARY(name, f) kernel<ADJOINT_EACH_FLOAT(BINARY_OF, f)>(name, "y a b dims")
#define COMPARISON(name, f) kernel<ADJOINT_EACH(COMPARISON_OF, f)>(name, "y a b dims")
#define LOGICAL(name, f) kernel<binary<uint8_t, uint8_t, f>>(name, "y a b dims")
#define CAST_TO(T, R) cast<R, T>

// clang-format off
ADJOINT_POINTWISE_FAMILY(elementwise,
    UNARY("exp", math::exp),
    UNARY("log", math::log),
    UNARY("log1p", math::log1p),
    UNARY("expm1", math::expm1),
    UNARY("sqrt", math::sqrt),
    UNARY("rsqrt", math::rsqrt),
    UNARY("erf", math::erf),
    UNARY("floor", math::floor),
    UNARY("ceil", math::ceil),
    UNARY("round", math::round),
    UNARY("reciprocal", reciprocal),
    INTEGER_UNARY("square", square, square),
    INTEGER_UNARY("abs", math::abs, absolute),
    INTEGER_UNARY("sign", sign, sign),
    INTEGER_UNARY("negate", negate, negate),
    kernel<ADJOINT_EACH_FLOAT(TEST_OF, isNaN)>("isnan", "y x"),
    kernel<ADJOINT_EACH_FLOAT(TEST_OF, isFinite)>("isfinite", "y x"),
    kernel<periodic<math::sin, math::sinFar>, unary<double, double, math::sin>>("sin", "y x"),
    kernel<periodic<math::cos, math::cosFar>, unary<double, double, math::cos>>("cos", "y x"),
    kernel<ADJOINT_EACH(TEST_OF, logicalNot)>("logicalNot", "y x"),
    ADJOINT_FLOATS(clamp, "y x least most"),
    ADJOINT_FLOATS(clampBackward, "dx dy x least most"),
    BINARY("add", add),
    BINARY("subtract", subtract),
    BINARY("multiply", multiply),
    FLOAT_BINARY("divide", divide),
    FLOAT_BINARY("pow", math::pow),
    BINARY("maximum", maximum),
    BINARY("minimum", minimum),
    COMPARISON("equal", equal),
    COMPARISON("notEqual", notEqual),
    COMPARISON("less", less),
    COMPARISON("lessEqual", lessEqual),
    LOGICAL("logicalAnd", logicalAnd),
    LOGICAL("logicalOr", logicalOr),
    LOGICAL("logicalXor", logicalXor),
    ADJOINT_ALL(where, "y condition a b dims"),
    ADJOINT_ALL(addScaled, "y x scale"),
    kernel<ADJOINT_EACH(CAST_TO, float), ADJOINT_EACH(CAST_TO, double), ADJOINT_EACH(CAST_TO, int32_t),
           ADJOINT_EACH(CAST_TO, uint8_t)>("cast", "y x"),
    ADJOINT_ALL(fill, "y value"))
// clang-format on
