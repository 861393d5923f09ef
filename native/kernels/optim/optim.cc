// Optimizers and gradient clipping. One call updates all parameters of a group in one pass over memory, shared out over
// the concatenation of the parameters. What may change between steps (step counts, learning rate and its like) is read
// from buffers.
#include "adaptive.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// The constant factors of an SGD step.
template <typename T>
struct SgdStep {
  T rate, sign, decay, keep, add;
};

// n elements; `buffer` may be null (no momentum). The choices are template parameters, or the loop would not vectorise.
template <typename T, bool kFirst, bool kNesterov>
void sgdPiece(SgdStep<T> s, int64_t n, T* parameter, const T* gradient, T* buffer) {
  const auto direction = [s](T g, T p) { return s.sign * g + s.decay * p; };
  if (!buffer) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) parameter[i] -= s.rate * direction(gradient[i], parameter[i]);
    return;
  }
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    const T d = direction(gradient[i], parameter[i]);
    const T b = kFirst ? d : s.keep * buffer[i] + s.add * d;
    buffer[i] = b;
    parameter[i] -= s.rate * (kNesterov ? d + s.keep * b : b);
  }
}

// Stochastic gradient descent, for each parameter θ with gradient g (−g to maximize):
//   d = g + weightDecay · θ
//   b = momentum · b + (1 − dampening) · d, but b = d at the parameter's first step
//   d = nesterov ? d + momentum · b : b
//   θ = θ − lr · d
// parameters, gradients, momentumBuffers (none without momentum): n spans of equal lengths; steps: n times [1]; hyper:
// [lr, momentum, dampening, weightDecay].
template <typename T>
Outcome sgd(InOuts<T> parameters, Ins<T> gradients, InOuts<T> momentumBuffers, InOuts<double> steps, In<double> hyper,
            int64_t nesterov, int64_t maximize) {
  const bool hasMomentum = momentumBuffers.count != 0;
  if (!sameLengths(parameters, gradients) || (hasMomentum && !sameLengths(parameters, momentumBuffers)) ||
      !areScalars(steps, parameters.count) || hyper.length != 4) {
    return misfit();
  }
  const SgdStep<T> step{static_cast<T>(hyper[0]), maximize ? T(-1) : T(1), static_cast<T>(hyper[3]),
                        static_cast<T>(hyper[1]), static_cast<T>(1 - hyper[2])};
  parallelPieces(parameters.buffers, parameters.count, [&](int64_t i, int64_t from, int64_t to) {
    const bool first = steps[i][0] == 0;
    const auto piece = nesterov ? (first ? sgdPiece<T, true, true> : sgdPiece<T, false, true>)
                                : (first ? sgdPiece<T, true, false> : sgdPiece<T, false, false>);
    piece(step, to - from, parameters[i].data + from, gradients[i].data + from,
          hasMomentum ? momentumBuffers[i].data + from : nullptr);
  });
  advance(steps);
  return ok();
}

double sgdFlops(InOuts<float> parameters, Ins<float>, InOuts<float> momentumBuffers, InOuts<double> steps, In<double>,
                int64_t, int64_t) {
  return 4.0 * static_cast<double>(elementsOf(parameters) + elementsOf(momentumBuffers) + steps.count);
}

// What one Adam step of one parameter needs besides the spans.
template <typename T>
struct AdamStep {
  T sign, shrink, decay, beta1, rest1, beta2, rest2, inverseRoot, eps, size;
};

template <typename T>
AdamStep<T> adamStep(double step, In<double> hyper, bool decoupled, bool maximize) {
  const double lr = hyper[0], beta1 = hyper[1], beta2 = hyper[2], eps = hyper[3], weightDecay = hyper[4];
  const double correction1 = 1 - __builtin_pow(beta1, step), correction2 = 1 - __builtin_pow(beta2, step);
  return {maximize ? T(-1) : T(1),
          decoupled ? static_cast<T>(1 - lr * weightDecay) : T(1),
          decoupled ? T(0) : static_cast<T>(weightDecay),
          static_cast<T>(beta1),
          static_cast<T>(1 - beta1),
          static_cast<T>(beta2),
          static_cast<T>(1 - beta2),
          static_cast<T>(1 / __builtin_sqrt(correction2)),
          static_cast<T>(eps),
          static_cast<T>(lr / correction1)};
}

// n elements; `most` (the largest second moment so far) may be null.
template <typename T>
void adamPiece(AdamStep<T> s, int64_t n, T* parameter, const T* gradient, T* average, T* averageSquare, T* most) {
  const auto update = [s](T p, T g, T& m, T& v, auto denominatorOf) {
    p *= s.shrink;
    const T d = s.sign * g + s.decay * p;
    m = s.beta1 * m + s.rest1 * d;
    v = s.beta2 * v + s.rest2 * d * d;
    return p - s.size * m / (squareRoot(denominatorOf(v)) * s.inverseRoot + s.eps);
  };
  if (most) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
      parameter[i] = update(parameter[i], gradient[i], average[i], averageSquare[i], [&](T v) {
        most[i] = v <= most[i] ? most[i] : v;  // NaN stays
        return most[i];
      });
    }
  } else {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
      parameter[i] = update(parameter[i], gradient[i], average[i], averageSquare[i], [](T v) { return v; });
    }
  }
}

// Adam, for each parameter θ with gradient g (−g to maximize) at its step t = 1, 2, …:
//   decoupled (AdamW): θ = θ − lr · weightDecay · θ, d = g;  otherwise d = g + weightDecay · θ
//   m = β₁ m + (1 − β₁) d;  v = β₂ v + (1 − β₂) d²;  with AMSGrad v̂ = max(v̂, v), otherwise v̂ = v
//   θ = θ − lr / (1 − β₁ᵗ) · m / (√v̂ / √(1 − β₂ᵗ) + ε)
// parameters, gradients, averages (m), averageSquares (v), maxAverageSquares (v̂; none without AMSGrad): n spans of
// equal lengths; steps: n times [1]; hyper: [lr, β₁, β₂, ε, weightDecay].
template <typename T>
Outcome adam(InOuts<T> parameters, Ins<T> gradients, InOuts<T> averages, InOuts<T> averageSquares,
             InOuts<T> maxAverageSquares, InOuts<double> steps, In<double> hyper, int64_t decoupled, int64_t maximize) {
  const bool amsgrad = maxAverageSquares.count != 0;
  if (!sameLengths(parameters, gradients) || !sameLengths(parameters, averages) ||
      !sameLengths(parameters, averageSquares) || (amsgrad && !sameLengths(parameters, maxAverageSquares)) ||
      !areScalars(steps, parameters.count) || hyper.length != 5) {
    return misfit();
  }
  parallelPieces(parameters.buffers, parameters.count, [&](int64_t i, int64_t from, int64_t to) {
    const AdamStep<T> step = adamStep<T>(steps[i][0] + 1, hyper, decoupled != 0, maximize != 0);
    adamPiece(step, to - from, parameters[i].data + from, gradients[i].data + from, averages[i].data + from,
              averageSquares[i].data + from, amsgrad ? maxAverageSquares[i].data + from : nullptr);
  });
  advance(steps);
  return ok();
}

double adamFlops(InOuts<float> parameters, Ins<float>, InOuts<float> averages, InOuts<float> averageSquares,
                 InOuts<float> maxAverageSquares, InOuts<double> steps, In<double>, int64_t, int64_t) {
  const int64_t averaged = elementsOf(averages) + elementsOf(averageSquares) + elementsOf(maxAverageSquares);
  return 12.0 * static_cast<double>(elementsOf(parameters) + averaged + steps.count);
}

// g = min(max(g, −limit), limit); NaN stays.
template <typename T>
Outcome clipByValue(InOuts<T> gradients, double limit) {
  const T most = static_cast<T>(limit), least = -most;
  parallelPieces(gradients.buffers, gradients.count, [&](int64_t index, int64_t from, int64_t to) {
    T* g = gradients[index].data;
#pragma omp simd
    for (int64_t i = from; i < to; i++) {
      const T raised = g[i] < least ? least : g[i];
      g[i] = raised > most ? most : raised;
    }
  });
  return ok();
}

constexpr int64_t kLanes = 32;  // independent sums, or each addition would wait for the one before

// Σ term(x[i]) in double.
template <typename T, typename F>
double sumOf(const T* x, int64_t n, F term) {
  double lanes[kLanes] = {}, sum = 0;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
#pragma omp simd
    for (int64_t j = 0; j < kLanes; j++) lanes[j] += term(static_cast<double>(x[i + j]));
  }
  for (; i < n; i++) lanes[i % kLanes] += term(static_cast<double>(x[i]));
  for (int64_t j = 0; j < kLanes; j++) sum += lanes[j];
  return sum;
}

// The larger one; NaN stays.
double larger(double a, double b) { return b <= a || a != a ? a : b; }

// Σ |x|^p of n elements, or the largest |x| for p = ∞.
template <typename T>
double powerSum(const T* x, int64_t n, double p) {
  if (p == 2) return sumOf(x, n, [](double v) { return v * v; });
  if (p == 1) return sumOf(x, n, [](double v) { return __builtin_fabs(v); });
  if (p != __builtin_inf()) return sumOf(x, n, [p](double v) { return __builtin_pow(__builtin_fabs(v), p); });
  double largest = 0;
  for (int64_t i = 0; i < n; i++) largest = larger(largest, __builtin_fabs(static_cast<double>(x[i])));
  return largest;
}

// The number of pieces whose sums are added in order, whoever computed them: the same bits at any thread count.
constexpr int64_t kParts = 64;

// norm [1] = (Σ |g|^p)^(1/p) over all gradients, or the largest |g| for p = ∞.
template <typename T>
Outcome gradientNorm(Out<T> norm, Ins<T> gradients, double p) {
  if (norm.length != 1) return misfit();
  const int64_t total = totalLength(gradients.buffers, gradients.count), size = total / kParts + 1;
  const bool isMax = p == __builtin_inf();
  const auto join = [isMax](double a, double b) { return isMax ? larger(a, b) : a + b; };
  double parts[kParts] = {};
  parallel(kParts, kGrain / size + 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      forPieces(gradients.buffers, gradients.count, part * size, part * size + size,
                [&](int64_t i, int64_t from, int64_t to) {
                  parts[part] = join(parts[part], powerSum(gradients[i].data + from, to - from, p));
                });
    }
  });
  double sum = 0;
  for (const double part : parts) sum = join(sum, part);
  const double root = isMax || p == 1 ? sum : p == 2 ? __builtin_sqrt(sum) : __builtin_pow(sum, 1 / p);
  norm[0] = static_cast<T>(root);
  return ok();
}

// g = g · min(1, maxNorm / (norm [1] + 1e-6)); with `onlyFinite`, a norm that is NaN or infinite is a fault.
template <typename T>
Outcome scaleByNorm(InOuts<T> gradients, In<T> norm, double maxNorm, int64_t onlyFinite) {
  if (norm.length != 1) return misfit();
  if (onlyFinite != 0 && norm[0] - norm[0] != 0) return fault(0, static_cast<double>(norm[0]));
  const double ratio = maxNorm / (static_cast<double>(norm[0]) + 1e-6);
  if (ratio >= 1) return ok();
  const T scale = static_cast<T>(ratio);
  parallelPieces(gradients.buffers, gradients.count, [&](int64_t index, int64_t from, int64_t to) {
    T* g = gradients[index].data;
#pragma omp simd
    for (int64_t i = from; i < to; i++) g[i] *= scale;
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(
    optim, flops<sgdFlops>(ADJOINT_FLOATS(sgd, "parameters gradients momentumBuffers steps hyper nesterov maximize")),
    flops<adamFlops>(ADJOINT_FLOATS(
        adam, "parameters gradients averages averageSquares maxAverageSquares steps hyper decoupled maximize")),
    ADJOINT_FLOATS(rmsprop, "parameters gradients squares means buffers steps hyper maximize"),
    ADJOINT_FLOATS(adagrad, "parameters gradients sums steps hyper maximize"),
    ADJOINT_FLOATS(clipByValue, "gradients limit"), ADJOINT_FLOATS(gradientNorm, "norm gradients p"),
    ADJOINT_FLOATS(scaleByNorm, "gradients norm maxNorm onlyFinite"))
