// The mathematics of elementwise kernels. The float functions are branch-free polynomials that vectorise when inlined
// into a loop (relative error below 3e-7, right for NaN, infinities, overflow, underflow and subnormal arguments);
// their coefficients are minimax fits of the remainders named beside them. The double functions are libm's.
#pragma once
#include "kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {
namespace math {

constexpr float kInfinity = __builtin_inff();
constexpr float kSmallestNormal = 1.17549435e-38f;
constexpr float kLn2High = 0.693145752f;  // 15 bits: multiples by whole numbers up to 2^9 are exact
constexpr float kLn2Low = 1.42860677e-06f;

inline int32_t toBits(float x) {
  int32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float fromBits(int32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

// 2^n for -126 <= n <= 127; -127 gives 0.
inline float powerOfTwo(int32_t n) { return fromBits(static_cast<int32_t>(static_cast<uint32_t>(n + 127) << 23)); }

// x = n ln 2 + r with |r| <= ln 2 / 2, for |x| < 2^20; `growth` is exp(r) - 1.
struct Exponential {
  int32_t n;
  float growth;
};

inline Exponential reduceExp(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, held by the low bits
  const float shifted = x * 1.44269504f + kRound;
  const float whole = shifted - kRound;
  const float r = (x - whole * kLn2High) - whole * kLn2Low;
  float q = 0.00138825178f;  // (exp(r) - 1 - r) / r^2
  q = q * r + 0.00836654752f;
  q = q * r + 0.0416672006f;
  q = q * r + 0.166665435f;
  q = q * r + 0.49999997f;
  return {toBits(shifted) - toBits(kRound), r + (r * r) * q};
}

// NaN stays NaN, because both comparisons are false for it.
template <typename T>
inline T limit(T x, T least, T most) {
  const T raised = x < least ? least : x;
  return raised > most ? most : raised;
}

inline float exp(float x) {
  const Exponential e = reduceExp(limit(x, -104.0f, 89.0f));
  const int32_t half = e.n >> 1;  // two factors, as 2^n itself may be out of range
  return (1.0f + e.growth) * powerOfTwo(half) * powerOfTwo(e.n - half);
}

inline float expm1(float x) {
  const Exponential e = reduceExp(limit(x, -20.0f, 89.0f));
  const int32_t half = e.n >> 1;
  const float high = powerOfTwo(half);
  const float y = (e.growth * high + (high - powerOfTwo(half - e.n))) * powerOfTwo(e.n - half);
  return __builtin_copysignf(y, x);  // keeps -0
}

// log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)], without its first term f.
inline float logTail(float f) {
  float p = -0.0763449445f;  // (log(1 + f) - f + f^2 / 2) / f^3
  p = p * f + 0.12761575f;
  p = p * f + -0.131601825f;
  p = p * f + 0.142017588f;
  p = p * f + -0.166233569f;
  p = p * f + 0.200012267f;
  p = p * f + -0.250008196f;
  p = p * f + 0.333333313f;
  return (f * f) * (f * p - 0.5f);
}

// The exponent e for which x 2^-e is in [sqrt(1/2), sqrt(2)).
inline int32_t exponentOf(float x) {
  return static_cast<int32_t>(static_cast<uint32_t>(toBits(x)) - 0x3f3504f3u) >> 23;  // wraps around where x < 0
}

inline float scaleDown(float x, int32_t exponent) {
  return fromBits(static_cast<int32_t>(static_cast<uint32_t>(toBits(x)) - (static_cast<uint32_t>(exponent) << 23)));
}

inline float log(float x) {
  const bool small = x < kSmallestNormal;
  const float scaled = small ? x * 8388608.0f : x;
  const int32_t e = exponentOf(scaled);
  const float f = scaleDown(scaled, e) - 1.0f;
  const float n = static_cast<float>(e) - (small ? 23.0f : 0.0f);
  const float y = (f + (logTail(f) + n * kLn2Low)) + n * kLn2High;
  const float finite = x < kInfinity ? y : x;
  const float edge = x == 0.0f ? -kInfinity : __builtin_nanf("");
  return x > 0.0f ? finite : edge;
}

inline float log1p(float x) {
  const float u = 1.0f + x;
  const float lost = x < 1.0f ? x - (u - 1.0f) : 1.0f - (u - x);  // what rounding took from 1 + x
  const int32_t e = exponentOf(u);
  const float f = (scaleDown(u, e) - 1.0f) + lost * powerOfTwo(e < 127 ? -e : -127);
  const float n = static_cast<float>(e);
  const float y = (f + (logTail(f) + n * kLn2Low)) + n * kLn2High;
  const float finite = x < kInfinity ? y : x;
  const float edge = x == -1.0f ? -kInfinity : __builtin_nanf("");
  return __builtin_copysignf(x > -1.0f ? finite : edge, x);  // keeps -0
}

inline float tanh(float x) {
  const float doubled = 2.0f * __builtin_fabsf(x);
  const float t = expm1(doubled > 20.0f ? 20.0f : doubled);
  return __builtin_copysignf(t / (t + 2.0f), x);
}

inline float sigmoid(float x) {
  const float e = exp(-__builtin_fabsf(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

// erf(x) = 1 - exp(-Q(x)) for x >= 0 with a smooth Q; from 4 on it rounds to 1.
inline float erf(float x) {
  const float size = __builtin_fabsf(x);
  const float t = size > 4.0f ? 4.0f : size;
  float q = -9.25625227e-06f;  // -log(erfc(t)) / t
  q = q * t + 0.000117641168f;
  q = q * t + -0.000632836542f;
  q = q * t + 0.00166702701f;
  q = q * t + -0.00016039575f;
  q = q * t + -0.0191530641f;
  q = q * t + 0.102777831f;
  q = q * t + 0.636619389f;
  q = q * t + 1.12837923f;
  return __builtin_copysignf(expm1(-q * t), x);
}

// Of the standard normal distribution: the probability below x and the density there.
template <typename T>
struct Normal {
  T below, density;
};

// below(-u) = exp(-u^2 / 2) R(u), where R is a polynomial in 1 / (1 + 0.3 u): precise in the tail as well.
inline Normal<float> normal(float x) {
  const float e = exp(-0.5f * x * x);
  const float t = 1.0f / (1.0f + 0.3f * __builtin_fabsf(x));
  float r = 0.0354235843f;  // R / t
  r = r * t + -0.156157792f;
  r = r * t + 0.204555616f;
  r = r * t + -0.0520329177f;
  r = r * t + 0.12769118f;
  r = r * t + 0.100176133f;
  r = r * t + 0.120712109f;
  r = r * t + 0.119632006f;
  const float tail = e * (r * t);
  return {x < 0.0f ? tail : 1.0f - tail, 0.398942280f * e};
}

// Beyond this the reduction below is not exact, and callers use sinFar and cosFar.
constexpr float kPeriodicLimit = 1e6f;

// sin(x + quarters * pi / 2) for |x| <= kPeriodicLimit. The reduction is done in double: n * kHigh is exact.
inline float sinShifted(float x, int32_t quarters) {
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52
  constexpr double kHigh = 1.5707963267341256;   // the first 33 bits of pi / 2
  constexpr double kLow = 6.0771005065061922e-11;
  const double shifted = x * 0.63661977236758134 + kRound;
  const double whole = shifted - kRound;
  const float r = static_cast<float>((x - whole * kHigh) - whole * kLow);
  const int32_t quadrant = static_cast<int32_t>(whole) + quarters;
  const float z = r * r;
  const float sine = r * (1.0f + z * ((-0.000195166562f * z + 0.00833217334f) * z + -0.166666552f));  // keeps -0
  const float cosine = 1.0f + z * (z * ((2.44377297e-05f * z + -0.00138873619f) * z + 0.0416666456f) - 0.5f);
  const float y = (quadrant & 1) != 0 ? cosine : sine;
  return (quadrant & 2) != 0 ? -y : y;
}

inline float sin(float x) { return sinShifted(x, 0); }
inline float cos(float x) { return sinShifted(x, 1); }
inline float sinFar(float x) { return __builtin_sinf(x); }
inline float cosFar(float x) { return __builtin_cosf(x); }

inline double exp(double x) { return __builtin_exp(x); }
inline double expm1(double x) { return __builtin_expm1(x); }
inline double log(double x) { return __builtin_log(x); }
inline double log1p(double x) { return __builtin_log1p(x); }
inline double tanh(double x) { return __builtin_tanh(x); }
inline double erf(double x) { return __builtin_erf(x); }
inline double sin(double x) { return __builtin_sin(x); }
inline double cos(double x) { return __builtin_cos(x); }
inline Normal<double> normal(double x) {
  return {0.5 * (1.0 + erf(x * 0.70710678118654752)), 0.39894228040143268 * exp(-0.5 * x * x)};
}
inline double sigmoid(double x) {
  const double e = __builtin_exp(-__builtin_fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

inline float pow(float x, float y) { return __builtin_powf(x, y); }
inline double pow(double x, double y) { return __builtin_pow(x, y); }
inline float sqrt(float x) { return __builtin_sqrtf(x); }
inline double sqrt(double x) { return __builtin_sqrt(x); }
inline float abs(float x) { return __builtin_fabsf(x); }
inline double abs(double x) { return __builtin_fabs(x); }
inline float floor(float x) { return __builtin_floorf(x); }
inline double floor(double x) { return __builtin_floor(x); }
inline float ceil(float x) { return __builtin_ceilf(x); }
inline double ceil(double x) { return __builtin_ceil(x); }
inline float round(float x) { return __builtin_rintf(x); }  // halves go to the even neighbour
inline double round(double x) { return __builtin_rint(x); }

template <typename T>
inline T rsqrt(T x) {
  return T(1) / sqrt(x);
}

}  // namespace math
}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
