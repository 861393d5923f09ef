// Losses that compare x and target element by element, and their sums.
#pragma once
#include "../kernel.h"
#include "../math.h"
#include "../shared.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kLossGrain = 16384;
constexpr int64_t kMostParts = 64;
constexpr int64_t kTerms = 256;

// The number of parts of a sum over n elements, which are added in order, whichever thread computed them.
constexpr int64_t partsOf(int64_t n) {
  return n < 2 * kLossGrain ? 1 : n / kLossGrain < kMostParts ? n / kLossGrain : kMostParts;
}

inline bool lossFits(int64_t length, int64_t n, int64_t reduction) {
  return reduction <= Reduction::kSum && length == (reduction == Reduction::kNone ? n : 1);
}

// Σ lossAt(i) over [begin, end). Flattened: the loops vectorise only when the mathematics inside is inlined.
template <typename T, typename Loss>
__attribute__((noinline, flatten)) double sumOfLosses(int64_t begin, int64_t end, const Loss& lossAt) {
  double total = 0;
  for (; begin < end; begin += kTerms) {
    const int64_t count = begin + kTerms < end ? kTerms : end - begin;
    T terms[kTerms];  // the compiler vectorises terms and sum, but not the sum of terms
    T sum = 0;
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) terms[i] = lossAt(begin + i);
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; ++i) sum += terms[i];
    total += static_cast<double>(sum);
  }
  return total;
}

// y [n] or [1] = lossAt(i), its mean or its sum.
template <typename T, typename Loss>
inline void pointwise(Out<T> y, int64_t n, int64_t reduction, Loss&& lossAt) {
  if (reduction == Reduction::kNone) {
    parallel(n, kLossGrain, [&](int64_t begin, int64_t end) __attribute__((flatten)) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) y[i] = lossAt(i);
    });
    return;
  }
  double totals[kMostParts];
  const int64_t parts = partsOf(n);
  parallel(parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      totals[part] = sumOfLosses<T>(n / parts * part, part + 1 < parts ? n / parts * (part + 1) : n, lossAt);
    }
  });
  double total = 0;
  for (int64_t part = 0; part < parts; ++part) total += totals[part];
  y[0] = static_cast<T>(reduction == Reduction::kMean ? total / static_cast<double>(n) : total);
}

// dx [n] = dy slopeAt(i), with dy [n] or [1].
template <typename T, typename Slope>
inline void pointwiseBackward(Out<T> dx, In<T> dy, int64_t reduction, Slope&& slopeAt) {
  const int64_t n = dx.length;
  if (n == 0) return;
  const T scale = reduction == Reduction::kMean ? static_cast<T>(dy[0] / static_cast<double>(n)) : dy[0];
  parallel(n, kLossGrain, [&](int64_t begin, int64_t end) __attribute__((flatten)) {
    if (reduction == Reduction::kNone) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) dx[i] = dy[i] * slopeAt(i);
    } else {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) dx[i] = scale * slopeAt(i);
    }
  });
}

// The loss of one element, and its slope in x.
template <typename T>
struct Squared {
  static T loss(T x, T target) { return (x - target) * (x - target); }
  static T slope(T x, T target) { return T(2) * (x - target); }
};

template <typename T>
struct Absolute {
  static T loss(T x, T target) { return math::abs(x - target); }
  static T slope(T x, T target) {  // 0 where one is NaN, as PyTorch has it
    return static_cast<T>(x > target) - static_cast<T>(x < target);
  }
};

template <typename T>
struct Huber {
  static T loss(T x, T target, T delta) {
    const T size = math::abs(x - target);
    return size <= delta ? T(0.5) * size * size : delta * (size - T(0.5) * delta);
  }
  static T slope(T x, T target, T delta) {
    const T difference = x - target;
    const T raised = difference < -delta ? -delta : difference;
    return raised > delta ? delta : raised;
  }
};

// Logarithms end at -100, as PyTorch has it: log(0) would make the loss infinite.
template <typename T>
inline T boundedLog(T logarithm) {
  return logarithm < T(-100) ? T(-100) : logarithm;
}
template <typename T>
inline T crossEntropyOf(T x, T target) {
  return -(target * boundedLog(math::log(x)) + (T(1) - target) * boundedLog(math::log1p(-x)));
}
template <typename T>
inline T crossEntropySlope(T x, T target) {
  constexpr T kLeast = 1e-12f;  // PyTorch's limit, a float for double too
  const T spread = (T(1) - x) * x;
  return (x - target) / (spread < kLeast ? kLeast : spread);
}

// (1 - target) x + (1 + (positive - 1) target) log(1 + exp(-x)), without overflow.
template <typename T>
inline T logitLoss(T x, T target, T positive) {
  const T softplus = math::log1p(math::exp(-math::abs(x))) + (x < T(0) ? -x : T(0));
  return (T(1) - target) * x + (T(1) + (positive - T(1)) * target) * softplus;
}
template <typename T>
inline T logitSlope(T x, T target, T positive) {
  const T scaled = positive * target;
  return (scaled + T(1) - target) * math::sigmoid(x) - scaled;
}

// y [n] or [1]; x and target [n]; the numbers are further parameters of the form
template <typename Form, typename T, typename... Numbers>
Outcome compare(Out<T> y, In<T> x, In<T> target, Numbers... numbers, int64_t reduction) {
  if (!lossFits(y.length, x.length, reduction) || target.length != x.length) return misfit();
  pointwise(y, x.length, reduction, [=](int64_t i) { return Form::loss(x[i], target[i], static_cast<T>(numbers)...); });
  return ok();
}

// dx, x and target [n]; dy [n] or [1]
template <typename Form, typename T, typename... Numbers>
Outcome compareBackward(Out<T> dx, In<T> dy, In<T> x, In<T> target, Numbers... numbers, int64_t reduction) {
  if (!lossFits(dy.length, x.length, reduction) || target.length != x.length || dx.length != x.length) return misfit();
  pointwiseBackward(dx, dy, reduction,
                    [=](int64_t i) { return Form::slope(x[i], target[i], static_cast<T>(numbers)...); });
  return ok();
}

template <typename T>
constexpr auto* mseLoss = compare<Squared<T>, T>;
template <typename T>
constexpr auto* mseLossBackward = compareBackward<Squared<T>, T>;
template <typename T>
constexpr auto* l1Loss = compare<Absolute<T>, T>;
template <typename T>
constexpr auto* l1LossBackward = compareBackward<Absolute<T>, T>;
template <typename T>
constexpr auto* huberLoss = compare<Huber<T>, T, double>;
template <typename T>
constexpr auto* huberLossBackward = compareBackward<Huber<T>, T, double>;

template <typename T>
struct Ones {
  T operator[](int64_t) const { return T(1); }
};

// body(weight), or body(ones) if it is absent: a test for each element would keep the loop from vectorising.
template <typename T, typename Body>
inline void weighted(In<T> weight, Body&& body) {
  if (weight.data == nullptr) {
    body(Ones<T>{});
  } else {
    body(weight);
  }
}

// y [n] or [1]; x, the probabilities, and target [n]; weight [n] or absent
template <typename T>
Outcome binaryCrossEntropy(Out<T> y, In<T> x, In<T> target, In<T> weight, int64_t reduction) {
  const int64_t n = x.length;
  if (!lossFits(y.length, n, reduction) || target.length != n || !absentOr(weight, n)) return misfit();
  for (int64_t i = 0; i < n; ++i) {
    if (!(x[i] >= T(0) && x[i] <= T(1))) return fault(i, static_cast<double>(x[i]));
  }
  weighted(weight, [&](auto w) {
    pointwise(y, n, reduction, [=](int64_t i) { return w[i] * crossEntropyOf(x[i], target[i]); });
  });
  return ok();
}

template <typename T>
Outcome binaryCrossEntropyBackward(Out<T> dx, In<T> dy, In<T> x, In<T> target, In<T> weight, int64_t reduction) {
  const int64_t n = x.length;
  if (!lossFits(dy.length, n, reduction) || target.length != n || !absentOr(weight, n)) return misfit();
  if (dx.length != n) return misfit();
  weighted(weight, [&](auto w) {
    pointwiseBackward(dx, dy, reduction, [=](int64_t i) { return w[i] * crossEntropySlope(x[i], target[i]); });
  });
  return ok();
}

// y [n] or [1]; x, the logits, and target [n]; weight and positive (the weight of the positive class) [n] or absent
template <typename T>
Outcome binaryCrossEntropyWithLogits(Out<T> y, In<T> x, In<T> target, In<T> weight, In<T> positive, int64_t reduction) {
  const int64_t n = x.length;
  if (!lossFits(y.length, n, reduction) || target.length != n) return misfit();
  if (!absentOr(weight, n) || !absentOr(positive, n)) return misfit();
  weighted(weight, [&](auto w) {
    weighted(positive, [&](auto p) {
      pointwise(y, n, reduction, [=](int64_t i) { return w[i] * logitLoss(x[i], target[i], p[i]); });
    });
  });
  return ok();
}

template <typename T>
Outcome binaryCrossEntropyWithLogitsBackward(Out<T> dx, In<T> dy, In<T> x, In<T> target, In<T> weight, In<T> positive,
                                             int64_t reduction) {
  const int64_t n = x.length;
  if (!lossFits(dy.length, n, reduction) || target.length != n || dx.length != n) return misfit();
  if (!absentOr(weight, n) || !absentOr(positive, n)) return misfit();
  weighted(weight, [&](auto w) {
    weighted(positive, [&](auto p) {
      pointwiseBackward(dx, dy, reduction, [=](int64_t i) { return w[i] * logitSlope(x[i], target[i], p[i]); });
    });
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
