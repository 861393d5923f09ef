// Eigenvalues and eigenvectors of symmetric matrices: reduction to a tridiagonal matrix by reflections, then the implicit QL
// algorithm (Golub and Van Loan, "Matrix Computations", 8.3). The tridiagonal matrix is in double whatever T is.
#pragma once
#include "householder.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// For work on one matrix. Where no vectors are wanted, z is [n].
template <typename T>
struct EighWork {
  T *a, *tau, *v, *w, *nextV, *z, *blocks;
  double *d, *e;
  Rotation<T>* rotations;

  // In elements of T and of Rotation<T>.
  struct Sizes {
    int64_t elements, rotations;
  };
  static Sizes sizesFor(int64_t n, bool vectors) {
    const int64_t size = product(n, n), own = sum(size, product(4, n));
    if (!vectors) return {sum(own, n), 0};
    return {sum(own, sum(size, BlockWork<T>::sizeFor(n, n))), Rotations<T>::capacityFor(n)};
  }
  EighWork(T* memory, double* doubles, Rotation<T>* rotations, int64_t n)
      : a(memory),
        tau(a + n * n),
        v(tau + n),
        w(v + n),
        nextV(w + n),
        z(nextV + n),
        blocks(z + n * n),
        d(doubles),
        e(doubles + n),
        rotations(rotations) {}
};

// Reduces work.a [n][n], symmetric, to the diagonal d and the off-diagonal e; row k keeps the vector of reflection k, from
// column k + 1 on. The update by one reflection is done together with the product for the next one.
template <typename T>
void tridiagonalise(const EighWork<T>& work, int64_t n) {
  T *v = work.v, *next = work.nextV;
  T* const w = work.w;
  const auto update = [&](int64_t i, int64_t from) {
    T* const row = work.a + i * n;
    const T vi = v[i], wi = w[i];
#pragma omp simd
    for (int64_t j = from; j < n; ++j) row[j] -= vi * w[j] + wi * v[j];
  };
  for (int64_t j = 0; j < n; ++j) v[j] = w[j] = T(0);
  for (int64_t k = 0; k < n; ++k) {
    T* const row = work.a + k * n;
    update(k, k);
    work.d[k] = row[k];
    if (k == n - 1) break;
    const T tau = reflect(row + k + 1, n - k - 1);
    work.tau[k] = tau;
    work.e[k] = row[k + 1];
    next[k + 1] = T(1);
    copyTo(next + k + 2, row + k + 2, n - k - 2);
    T* const p = work.z;  // still free
    parallel(n - k - 1, kGroupWork / (6 * (n - k)) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = k + 1 + begin; i < k + 1 + end; ++i) {
        update(i, k + 1);
        p[i] = tau * dot(work.a + i * n + k + 1, next + k + 1, n - k - 1);
      }
    });
    const T half = tau / 2 * dot(p + k + 1, next + k + 1, n - k - 1);
    for (int64_t i = k + 1; i < n; ++i) w[i] = p[i] - half * next[i];
    T* const used = v;
    v = next;
    next = used;
  }
}

// One QL step on d, e [l, m]; the rotations go to `rotations`.
template <typename T>
void stepQl(double* d, double* e, int64_t l, int64_t m, Rotations<T>& rotations) {
  double g = (d[l + 1] - d[l]) / (2 * e[l]);
  const double root = __builtin_sqrt(g * g + 1);
  g = d[m] - d[l] + e[l] / (g + (g >= 0 ? root : -root));
  double s = 1, c = 1, p = 0;
  for (int64_t i = m - 1; i >= l; --i) {
    const double f = s * e[i], b = c * e[i], r = __builtin_sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r < kNothing) {
      d[i + 1] -= p;
      e[i + 1] = 0;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1] - p;
    const double t = (d[i] - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
    rotations.add(i, i + 1, c, -s);
  }
  d[l] -= p;
  e[l] = g;
  e[m] = 0;
}

// Whether an off-diagonal element counts. The largest element of the matrix is near 1, so that one below kNothing does not,
// however small those beside it are: steps on numbers whose squares underflow would change nothing.
inline bool couples(double e, double limit) { return e > limit && e >= kNothing; }

// False if a step count is exceeded that no matrix is known to need.
template <typename T>
bool diagonalise(double* d, double* e, int64_t n, Rotations<T>& rotations) {
  if (n > 0) e[n - 1] = 0;
  for (int64_t l = 0; l < n; ++l) {
    for (int steps = 0;; ++steps) {
      int64_t m = l;
      // Among what rounding left of a matrix without full rank, steps may not end; what is small beside the largest element
      // of the matrix, near 1, then no longer counts.
      const double least = steps < 30 ? 0 : kRounding<T>;
      const auto limit = [&](int64_t i) {
        return kRounding<T> * (__builtin_fabs(d[i]) + __builtin_fabs(d[i + 1])) + least;
      };
      while (m < n - 1 && couples(__builtin_fabs(e[m]), limit(m))) ++m;
      if (m == l) break;
      if (steps == 100) return false;
      stepQl(d, e, l, m, rotations);
    }
  }
  rotations.apply();
  return true;
}

// values [n] ascending, and vectors [n][n] in columns or null, of the lower triangle of x.
template <typename T>
void decomposeSymmetric(T* values, T* vectors, const T* x, int64_t n, const EighWork<T>& work) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) work.a[i * n + j] = work.a[j * n + i] = x[i * n + j];
  }
  if (firstNonfinite(work.a, 1, n * n) == 0) {
    for (int64_t i = 0; i < n; ++i) values[i] = T(__builtin_nan(""));
    for (int64_t i = 0; vectors && i < n * n; ++i) vectors[i] = T(__builtin_nan(""));
    return;
  }
  const int exponent = exponentOf(work.a, n * n);
  scale(work.a, n * n, -exponent);
  tridiagonalise(work, n);
  if (vectors) {
    const Reflectors<T> reflectors{work.a, n, n, work.tau, n - 1, 1};
    formProduct(reflectors, work.z, n, BlockWork<T>(work.blocks, n, n));
  }
  Rotations<T> rotations{work.rotations, Rotations<T>::capacityFor(n), vectors ? work.z : nullptr, n};
  const bool done = diagonalise(work.d, work.e, n, rotations);
  for (int64_t i = 0; i < n; ++i) {
    int64_t least = i;
    for (int64_t j = i + 1; j < n; ++j) least = work.d[j] < work.d[least] ? j : least;
    const double value = work.d[least];
    work.d[least] = work.d[i];
    values[i] = done ? static_cast<T>(__builtin_ldexp(value, exponent)) : T(__builtin_nan(""));
    if (vectors && least != i) swapRows(work.z + i * n, work.z + least * n, n);
  }
  if (vectors) transposeTo(vectors, work.z, n, n, n);
}

// values [count][n] ascending; vectors [count][n][n], in columns, or absent. Reads the lower triangles of x; one that is
// not finite gives NaN.
template <typename T>
Outcome eigh(Out<T> values, Out<T> vectors, Workspace workspace, In<T> x, int64_t count, int64_t n) {
  const int64_t size = product(n, n);
  if (x.length != product(count, size) || values.length != product(count, n) || n > INT32_MAX) return misfit();
  if (vectors.length != 0 && vectors.length != x.length) return misfit();
  if (x.length == 0) return ok();
  const double work = (vectors.length ? 9.0 : 2.0) * static_cast<double>(n) * static_cast<double>(size);
  const int64_t groups = groupsOf(count, work, workspace.threads);
  const auto sizes = EighWork<T>::sizesFor(n, vectors.length != 0);
  T* const memory = workspace.take<T>(product(groups, sizes.elements));
  double* const doubles = workspace.take<double>(product(groups, 2, n));
  Rotation<T>* const rotations = workspace.take<Rotation<T>>(product(groups, sizes.rotations));
  if (!workspace.isEnough()) return workspace.missing();
  eachMatrix(count, groups, [&](int64_t group, int64_t i) {
    const EighWork<T> own(memory + group * sizes.elements, doubles + group * 2 * n, rotations + group * sizes.rotations,
                          n);
    decomposeSymmetric(values.data + i * n, vectors.length ? vectors.data + i * size : nullptr, x.data + i * size, n,
                       own);
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
