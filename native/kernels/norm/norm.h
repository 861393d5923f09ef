// What the normalisations share: sums in registers, means and squared deviations in one pass over memory.
#pragma once
#include "../../simd/lanes.h"
#include "../kernel.h"
#include "../math.h"
#include "../scaled.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kNormGrain = 16384;  // elements that are worth a thread
constexpr int64_t kSegment = 2048;     // elements added in T before they are merged in double; both readings hit L1

template <typename T>
struct VectorAt {
  using Vector = Lanes<T>;
  static constexpr int64_t lanes = kLanesOf<T>;
  int64_t i;
  Vector operator()(const T* p) const {
    Vector v;
    __builtin_memcpy(&v, p + i, sizeof v);
    return v;
  }
};

template <typename T>
struct ScalarAt {
  int64_t i;
  T operator()(const T* p) const { return p[i]; }
};

// The sum of a vector's lanes, halves first.
template <typename T, int64_t bytes>
struct LaneSum {
  typedef T Vector __attribute__((vector_size(bytes)));
  typedef T Half __attribute__((vector_size(bytes / 2)));

  static T of(Vector v) {
    if constexpr (bytes > 16) {
      union {
        Vector whole;
        Half halves[2];
      } u = {v};
      return LaneSum<T, bytes / 2>::of(u.halves[0] + u.halves[1]);
    } else if constexpr (sizeof(T) == 4) {
      return (v[0] + v[2]) + (v[1] + v[3]);
    } else {
      return v[0] + v[1];
    }
  }
};

// totals[k] += Σ over i in [0, n) of what terms(at, s) adds to s[k], where at(p) is p[i]: many i at a time.
template <typename T, int kSums, typename Terms>
inline __attribute__((always_inline)) void addUp(int64_t n, double* totals, Terms terms) {
  using At = VectorAt<T>;
  constexpr int64_t lanes = At::lanes, unroll = 4;
  for (int64_t begin = 0; begin < n; begin += kSegment) {
    const int64_t end = smaller(n, begin + kSegment);
    typename At::Vector s[unroll][kSums] = {};
    T rest[kSums] = {};
    int64_t i = begin;
    for (; i + unroll * lanes <= end; i += unroll * lanes) {
#pragma GCC unroll 4
      for (int64_t u = 0; u < unroll; ++u) terms(At{i + u * lanes}, s[u]);
    }
    for (; i + lanes <= end; i += lanes) terms(At{i}, s[0]);
    for (; i < end; ++i) terms(ScalarAt<T>{i}, rest);
#pragma GCC unroll 2
    for (int k = 0; k < kSums; ++k) {
      const T sum = LaneSum<T, kVectorBytes>::of((s[0][k] + s[1][k]) + (s[2][k] + s[3][k]));
      totals[k] += static_cast<double>(sum) + static_cast<double>(rest[k]);
    }
  }
}

#define ADJOINT_TERMS(at, s) [&](auto at, auto* s) __attribute__((always_inline))

// Count, mean and Σ (x - mean)² of elements that come in pieces (Chan, Golub, LeVeque, "Updating formulae and a
// pairwise algorithm for computing sample variances", 1979).
struct Moments {
  double count, mean, squares;

  void merge(double n, double pieceMean, double pieceSquares) {
    if (count == 0) {
      *this = {n, pieceMean, pieceSquares};
      return;
    }
    const double total = count + n, distance = pieceMean - mean;
    squares += pieceSquares + distance * distance * (count * n / total);
    mean += distance * (n / total);
    count = total;
  }
};

// Adds n elements. In each segment the deviations are taken from its own mean, rounded to T, and corrected for the
// rounding: a constant x has variance 0.
template <typename T>
__attribute__((noinline)) void addMoments(Moments& moments, const T* x, int64_t n) {
  for (int64_t begin = 0; begin < n; begin += kSegment) {
    const int64_t size = smaller(kSegment, n - begin);
    const double count = static_cast<double>(size), share = 1 / count;
    const T* from = x + begin;
    double sum = 0, deviations[2] = {};
    addUp<T, 1>(size, &sum, ADJOINT_TERMS(at, s) { s[0] += at(from); });
    const T center = static_cast<T>(sum * share);
    addUp<T, 2>(
        size, deviations, ADJOINT_TERMS(at, s) {
          const auto d = at(from) - center;
          s[0] += d;
          s[1] += d * d;
        });
    const double off = deviations[0] * share;
    moments.merge(count, static_cast<double>(center) + off, deviations[1] - off * deviations[0]);
  }
}

template <typename T>
__attribute__((noinline)) double sumOfSquares(const T* x, int64_t n) {
  double sum = 0;
  addUp<T, 1>(
      n, &sum, ADJOINT_TERMS(at, s) {
        const auto v = at(x);
        s[0] += v * v;
      });
  return sum;
}

// y = (x - mean) · scale + shift, n elements.
template <typename T>
inline void writePlane(T* y, const T* x, int64_t n, T mean, T scale, T shift) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * scale + shift;
}

// totals += Σ dy and Σ dy (x - mean), n elements.
template <typename T>
__attribute__((noinline)) void addPlaneSums(double* totals, const T* dy, const T* x, int64_t n, T mean) {
  addUp<T, 2>(
      n, totals, ADJOINT_TERMS(at, s) {
        const auto g = at(dy);
        s[0] += g;
        s[1] += g * (at(x) - mean);
      });
}

// dx = scale · (weight · dy - constant - slope · (x - mean)), n elements: multiplied by scale at the end, as the
// product of scale and slope may leave T.
template <typename T>
inline void writePlaneGradient(T* dx, const T* dy, const T* x, int64_t n, T mean, T scale, T weight, T constant,
                               T slope) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) dx[i] = scale * (weight * dy[i] - constant - slope * (x[i] - mean));
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
