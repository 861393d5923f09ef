// Activation functions and their fused derivatives: dx = dy f'(x), from the input x unless stated otherwise.
#include "kernel.h"
#include "loops.h"
#include "math.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

template <typename T>
Outcome relu(Out<T> y, In<T> x) {
  return map(y, x, [](T v) { return v < T(0) ? T(0) : v; });  // NaN stays NaN
}

// From the output y.
template <typename T>
Outcome reluBackward(Out<T> dx, In<T> dy, In<T> y) {
  return zip(dx, dy, y, [](T g, T v) { return v <= T(0) ? T(0) : g; });
}

template <typename T>
Outcome leakyRelu(Out<T> y, In<T> x, double negativeSlope) {
  const T slope = static_cast<T>(negativeSlope);
  return map(y, x, [=](T v) { return v > T(0) ? v : v * slope; });
}

template <typename T>
Outcome leakyReluBackward(Out<T> dx, In<T> dy, In<T> x, double negativeSlope) {
  const T slope = static_cast<T>(negativeSlope);
  return zip(dx, dy, x, [=](T g, T v) { return v > T(0) ? g : g * slope; });
}

// scale * (x > 0 ? x : alpha (exp(x) - 1)): ELU with scale 1, and SELU.
template <typename T>
Outcome elu(Out<T> y, In<T> x, double alpha, double scale) {
  const T positive = static_cast<T>(scale);
  const T negative = static_cast<T>(scale * alpha);
  return map(y, x, [=](T v) { return v > T(0) ? positive * v : negative * math::expm1(v); });
}

template <typename T>
Outcome eluBackward(Out<T> dx, In<T> dy, In<T> x, double alpha, double scale) {
  const T positive = static_cast<T>(scale);
  const T negative = static_cast<T>(scale * alpha);
  // For NaN it is that of positive numbers, as in PyTorch.
  return zip(dx, dy, x, [=](T g, T v) { return g * (v <= T(0) ? negative * math::exp(v) : positive); });
}

template <typename T>
Outcome gelu(Out<T> y, In<T> x) {
  return map(y, x, [](T v) { return v * math::normal(v).below; });
}

template <typename T>
Outcome geluBackward(Out<T> dx, In<T> dy, In<T> x) {
  return zip(dx, dy, x, [](T g, T v) {
    const math::Normal<T> n = math::normal(v);
    return g * (n.below + v * n.density);
  });
}

// 0.5 (1 + tanh(u)) = sigmoid(2u), and here 2u = v (c + d v^2) with c = 2 sqrt(2 / pi), d = 0.044715 c.
template <typename T>
Outcome geluTanh(Out<T> y, In<T> x) {
  return map(y, x,
             [](T v) { return v * math::sigmoid(v * (T(1.5957691216057308) + T(0.071354816272600248) * v * v)); });
}

template <typename T>
Outcome geluTanhBackward(Out<T> dx, In<T> dy, In<T> x) {
  return zip(dx, dy, x, [](T g, T v) {
    const T c = math::limit(v, T(-100), T(100));  // beyond, the slope is 0 or 1, and v^2 must not overflow
    const T s = math::sigmoid(c * (T(1.5957691216057308) + T(0.071354816272600248) * c * c));
    const T slope = T(1.5957691216057308) + T(0.21406444881780074) * c * c;
    return g * (s + c * slope * s * (T(1) - s));
  });
}

template <typename T>
Outcome silu(Out<T> y, In<T> x) {
  return map(y, x, [](T v) { return v * math::sigmoid(v); });
}

template <typename T>
Outcome siluBackward(Out<T> dx, In<T> dy, In<T> x) {
  return zip(dx, dy, x, [](T g, T v) {
    const T s = math::sigmoid(v);
    return g * s * (T(1) + v * (T(1) - s));
  });
}

// log(1 + exp(beta x)) / beta, and x itself where beta x > threshold.
template <typename T>
Outcome softplus(Out<T> y, In<T> x, double beta, double threshold) {
  const T b = static_cast<T>(beta);
  const T linear = static_cast<T>(threshold);
  return map(y, x, [=](T v) {
    const T z = v * b;
    const T soft = (z > T(0) ? z : T(0)) + math::log1p(math::exp(-math::abs(z)));
    return z > linear ? v : soft / b;
  });
}

template <typename T>
Outcome softplusBackward(Out<T> dx, In<T> dy, In<T> x, double beta, double threshold) {
  const T b = static_cast<T>(beta);
  const T linear = static_cast<T>(threshold);
  return zip(dx, dy, x, [=](T g, T v) { return v * b > linear ? g : g * math::sigmoid(v * b); });
}

// Its forward is clamp; unlike clamp's, its slope at both bounds is 0.
template <typename T>
Outcome hardtanhBackward(Out<T> dx, In<T> dy, In<T> x, double least, double most) {
  const T low = static_cast<T>(least);
  const T high = static_cast<T>(most);
  return zip(dx, dy, x, [=](T g, T v) { return ((v <= low) | (v >= high)) ? T(0) : g; });
}

// tanh(log(1 + e)) with e = exp(x) is n / (n + 2) with n = e (e + 2); beyond 40 it rounds to 1.
template <typename T>
Outcome mish(Out<T> y, In<T> x) {
  return map(y, x, [](T v) {
    const T e = math::exp(v > T(40) ? T(40) : v);
    const T n = e * (e + T(2));
    return v * (n / (n + T(2)));
  });
}

template <typename T>
Outcome mishBackward(Out<T> dx, In<T> dy, In<T> x) {
  return zip(dx, dy, x, [](T g, T v) {
    const T c = v > T(40) ? T(40) : v;
    const T e = math::exp(c);
    const T n = e * (e + T(2));
    const T gap = T(2) / (n + T(2));  // 1 - tanh
    const T t = n / (n + T(2));
    return g * (t + c * (e / (T(1) + e)) * gap * (T(1) + t));
  });
}

template <typename T>
Outcome tanh(Out<T> y, In<T> x) {
  return map(y, x, [](T v) { return math::tanh(v); });
}

// From the output y.
template <typename T>
Outcome tanhBackward(Out<T> dx, In<T> dy, In<T> y) {
  return zip(dx, dy, y, [](T g, T v) { return g * (T(1) - v * v); });
}

template <typename T>
Outcome sigmoid(Out<T> y, In<T> x) {
  return map(y, x, [](T v) { return math::sigmoid(v); });
}

// From the output y.
template <typename T>
Outcome sigmoidBackward(Out<T> dx, In<T> dy, In<T> y) {
  return zip(dx, dy, y, [](T g, T v) { return g * (T(1) - v) * v; });
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_POINTWISE_FAMILY(activation, ADJOINT_FLOATS(tanh, "y x"), ADJOINT_FLOATS(sigmoid, "y x"),
                         ADJOINT_FLOATS(relu, "y x"), ADJOINT_FLOATS(reluBackward, "dx dy y"),
                         ADJOINT_FLOATS(leakyRelu, "y x negativeSlope"),
                         ADJOINT_FLOATS(leakyReluBackward, "dx dy x negativeSlope"),
                         ADJOINT_FLOATS(elu, "y x alpha scale"), ADJOINT_FLOATS(eluBackward, "dx dy x alpha scale"),
                         ADJOINT_FLOATS(gelu, "y x"), ADJOINT_FLOATS(geluBackward, "dx dy x"),
                         ADJOINT_FLOATS(geluTanh, "y x"), ADJOINT_FLOATS(geluTanhBackward, "dx dy x"),
                         ADJOINT_FLOATS(silu, "y x"), ADJOINT_FLOATS(siluBackward, "dx dy x"),
                         ADJOINT_FLOATS(softplus, "y x beta threshold"),
                         ADJOINT_FLOATS(softplusBackward, "dx dy x beta threshold"),
                         ADJOINT_FLOATS(hardtanhBackward, "dx dy x least most"), ADJOINT_FLOATS(mish, "y x"),
                         ADJOINT_FLOATS(mishBackward, "dx dy x"), ADJOINT_FLOATS(tanhBackward, "dx dy y"),
                         ADJOINT_FLOATS(sigmoidBackward, "dx dy y"))
