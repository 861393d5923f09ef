// Singular value decomposition: a QR factorisation of a tall matrix, reduction to a bidiagonal matrix by reflections, then
// implicit QR steps with a shift (Golub and Kahan, 1965; Golub and Van Loan, "Matrix Computations", 8.6). The bidiagonal matrix
// is in double whatever T is.
#pragma once
#include "householder.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// For work on one matrix [m][n], m ≥ n, whose transpose is `tall` [n][m]. q is there where m > n; q, u, vt and the lists are
// there where vectors are wanted.
template <typename T>
struct SvdWork {
  T *tall, *q, *square, *left, *u, *vt, *tallTau, *leftTau, *rightTau, *v, *blocks;
  double *d, *e;
  Rotation<T>*leftList, *rightList;

  // In elements of T, of double and of Rotation<T>.
  struct Sizes {
    int64_t elements, doubles, rotations;
  };
  static Sizes sizesFor(int64_t m, int64_t n, bool vectors) {
    const int64_t tall = product(vectors && m > n ? 2 : 1, product(m, n));
    const int64_t squares = product(vectors ? 4 : 2, product(n, n));
    const int64_t elements = sum(sum(tall, squares), sum(product(4, n), BlockWork<T>::sizeFor(m, n)));
    return {elements, product(2, n), vectors ? product(2, Rotations<T>::capacityFor(n)) : 0};
  }
  SvdWork(T* memory, double* doubles, Rotation<T>* rotations, int64_t m, int64_t n, bool vectors)
      : tall(memory),
        q(tall + m * n),
        square(vectors && m > n ? q + m * n : q),
        left(square + n * n),
        u(left + n * n),
        vt(vectors ? u + n * n : u),
        tallTau(vectors ? vt + n * n : vt),
        leftTau(tallTau + n),
        rightTau(leftTau + n),
        v(rightTau + n),
        blocks(v + n),
        d(doubles),
        e(doubles + n),
        leftList(rotations),
        rightList(rotations + (vectors ? Rotations<T>::capacityFor(n) : 0)) {}
};

// Reduces work.square [n][n] to the diagonal d and what is above it, e. Row k keeps the vector of the reflection from the
// right k, from column k + 1 on; row k of work.left that of the one from the left, from column k on.
template <typename T>
void bidiagonalise(const SvdWork<T>& work, int64_t n) {
  constexpr int64_t strip = 64;
  T* const a = work.square;
  for (int64_t k = 0; k < n; ++k) {
    T* const v = work.left + k * n;
    for (int64_t i = k; i < n; ++i) v[i] = a[i * n + k];
    const T tau = work.leftTau[k] = reflect(v + k, n - k);
    work.d[k] = v[k];
    v[k] = T(1);
    parallel(ceilDivide(n - k - 1, strip), kGroupWork / (4 * strip * (n - k)) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        const int64_t from = k + 1 + part * strip, width = smaller(strip, n - from);
        T sums[strip] = {};
        for (int64_t i = k; i < n; ++i) addScaled(sums, a + i * n + from, v[i], width);
        for (int64_t i = k; i < n; ++i) addScaled(a + i * n + from, sums, -tau * v[i], width);
      }
    });
    if (k == n - 1) break;
    T* const row = a + k * n + k + 1;
    const int64_t rest = n - k - 1;
    const T other = work.rightTau[k] = reflect(row, rest);
    work.e[k] = row[0];
    copyTo(work.v, row, rest);
    work.v[0] = T(1);
    parallel(rest, kGroupWork / (4 * rest) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = k + 1 + begin; i < k + 1 + end; ++i) {
        T* const target = a + i * n + k + 1;
        addScaled(target, work.v, -other * dot(target, work.v, rest), rest);
      }
    });
  }
}

// The bidiagonal matrix, and the rotations of the rows of Uᵀ and Vᵀ.
template <typename T>
struct Bidiagonal {
  double *d, *e;
  Rotations<T> u, v;

  // The rotation that maps (y, z) to (r, 0). So small a z counts as 0: c and s would have few correct digits.
  static double rotation(double y, double z, double& c, double& s) {
    const double r = __builtin_hypot(y, z);
    const bool none = r < kNothing;
    c = none ? 1 : y / r;
    s = none ? 0 : z / r;
    return none ? y : r;
  }

  // d[i] is 0: rotates e[i] out of row i, to the right.
  void clearRow(int64_t i, int64_t end) {
    double f = e[i], c = 1, s = 0;
    e[i] = 0;
    for (int64_t j = i + 1; j <= end && f != 0; ++j) {
      d[j] = rotation(d[j], f, c, s);
      if (j < end) {
        f = -s * e[j];
        e[j] *= c;
      }
      u.add(j, i, c, s);
    }
  }

  // d[end] is 0: rotates e[end - 1] out of column `end`, upwards.
  void clearColumn(int64_t begin, int64_t end) {
    double f = e[end - 1], c = 1, s = 0;
    e[end - 1] = 0;
    for (int64_t j = end - 1; j >= begin && f != 0; --j) {
      d[j] = rotation(d[j], f, c, s);
      if (j > begin) {
        f = -s * e[j - 1];
        e[j - 1] *= c;
      }
      v.add(j, end, c, s);
    }
  }

  // A step on rows [begin, end], whose shift is the eigenvalue of the last 2 × 2 block of BᵀB that is nearer its last element.
  void step(int64_t begin, int64_t end) {
    const double above = end - 1 > begin ? e[end - 2] : 0;
    const double t11 = d[end - 1] * d[end - 1] + above * above, t12 = d[end - 1] * e[end - 1];
    const double t22 = d[end] * d[end] + e[end - 1] * e[end - 1], half = (t11 - t22) / 2;
    const double root = __builtin_hypot(half, t12), away = half + (half >= 0 ? root : -root);
    const double shift = away == 0 ? t22 : t22 - t12 * (t12 / away);
    double y = d[begin] - shift / d[begin], z = e[begin], c = 1, s = 0;
    for (int64_t k = begin; k < end; ++k) {
      const double r = rotation(y, z, c, s);
      if (k > begin) e[k - 1] = r;
      y = c * d[k] + s * e[k];
      e[k] = c * e[k] - s * d[k];
      z = s * d[k + 1];
      d[k + 1] *= c;
      v.add(k, k + 1, c, s);
      d[k] = rotation(y, z, c, s);
      y = c * e[k] + s * d[k + 1];
      d[k + 1] = c * d[k + 1] - s * e[k];
      if (k < end - 1) {
        z = s * e[k + 1];
        e[k + 1] *= c;
      }
      u.add(k, k + 1, c, s);
    }
    e[end - 1] = y;
  }

  // False if a step count is exceeded that no matrix is known to need.
  bool diagonalise(int64_t n) {
    double most = 0;
    e[n - 1] = 0;
    for (int64_t i = 0; i < n; ++i)
      most = __builtin_fmax(most, __builtin_fmax(__builtin_fabs(d[i]), __builtin_fabs(e[i])));
    const double nothing = kRounding<T> * most;
    int64_t steps = 0;
    for (int64_t end = n - 1; end > 0;) {
      for (int64_t i = 0; i < end; ++i) {
        if (__builtin_fabs(e[i]) <= kRounding<T> * (__builtin_fabs(d[i]) + __builtin_fabs(d[i + 1]))) e[i] = 0;
      }
      if (e[end - 1] == 0) {
        --end;
        continue;
      }
      if (++steps > 60 * n) return false;
      int64_t begin = end - 1;
      while (begin > 0 && e[begin - 1] != 0) --begin;
      int64_t zero = begin;
      while (zero <= end && __builtin_fabs(d[zero]) > nothing) ++zero;
      if (zero <= end) d[zero] = 0;
      if (zero < end) {
        clearRow(zero, end);
      } else if (zero == end) {
        clearColumn(begin, end);
      } else {
        step(begin, end);
      }
    }
    u.apply();
    v.apply();
    return true;
  }
};

// Makes the singular values positive and descending.
template <typename T>
void order(const SvdWork<T>& work, int64_t n, bool vectors) {
  for (int64_t i = 0; i < n; ++i) {
    if (work.d[i] >= 0) continue;
    work.d[i] = -work.d[i];
    for (int64_t j = 0; vectors && j < n; ++j) work.vt[i * n + j] = -work.vt[i * n + j];
  }
  for (int64_t i = 0; i < n; ++i) {
    int64_t most = i;
    for (int64_t j = i + 1; j < n; ++j) most = work.d[j] > work.d[most] ? j : most;
    if (most == i) continue;
    const double value = work.d[most];
    work.d[most] = work.d[i];
    work.d[i] = value;
    if (!vectors) continue;
    swapRows(work.u + i * n, work.u + most * n, n);
    swapRows(work.vt + i * n, work.vt + most * n, n);
  }
}

// The decomposition of the matrix whose transpose, scaled by 2^-exponent, is in work.tall [n][m]: values [n], and where
// `vectors` Uᵀ of its part [n][n] in work.u and Vᵀ in work.vt; U is Q · that, Qᵀ [n][m] in work.q where m > n.
template <typename T>
void decompose(T* values, bool vectors, int64_t m, int64_t n, int exponent, const SvdWork<T>& work) {
  const BlockWork<T> blocks(work.blocks, m, n);
  if (m > n) {
    factorTransposed(work.tall, work.tallTau, m, n, blocks);
    if (vectors) formProduct(Reflectors<T>{work.tall, m, m, work.tallTau, n, 0}, work.q, n, blocks);
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) work.square[i * n + j] = m > n && j < i ? T(0) : work.tall[j * m + i];
  }
  bidiagonalise(work, n);
  if (vectors) {
    formProduct(Reflectors<T>{work.left, n, n, work.leftTau, n, 0}, work.u, n, blocks);
    formProduct(Reflectors<T>{work.square, n, n, work.rightTau, n - 1, 1}, work.vt, n, blocks);
  }
  const int64_t capacity = Rotations<T>::capacityFor(n);
  Bidiagonal<T> b{work.d,
                  work.e,
                  {work.leftList, capacity, vectors ? work.u : nullptr, n},
                  {work.rightList, capacity, vectors ? work.vt : nullptr, n}};
  const bool done = b.diagonalise(n);
  order(work, n, vectors);
  for (int64_t i = 0; i < n; ++i) {
    values[i] = done ? static_cast<T>(__builtin_ldexp(work.d[i], exponent)) : T(__builtin_nan(""));
  }
}

// s [count][k] descending, k = min(m, n); u [count][m][k] and vh [count][k][n], or both absent. A fault is the first matrix
// that is not finite.
template <typename T>
Outcome svd(Out<T> u, Out<T> s, Out<T> vh, Workspace workspace, In<T> x, int64_t count, int64_t m, int64_t n) {
  const int64_t k = smaller(m, n), longer = larger(m, n), size = product(m, n);
  const bool vectors = u.length != 0 || vh.length != 0, wide = m < n;
  if (x.length != product(count, size) || s.length != product(count, k) || k > INT32_MAX) return misfit();
  if (vectors && (u.length != product(count, m, k) || vh.length != product(count, k, n))) return misfit();
  if (x.length == 0) return ok();
  const double work = (vectors ? 20.0 : 4.0) * static_cast<double>(size) * static_cast<double>(k);
  const int64_t groups = groupsOf(count, work, workspace.threads);
  const auto sizes = SvdWork<T>::sizesFor(longer, k, vectors);
  T* const memory = workspace.take<T>(product(groups, sizes.elements));
  double* const doubles = workspace.take<double>(product(groups, sizes.doubles));
  Rotation<T>* const rotations = workspace.take<Rotation<T>>(product(groups, sizes.rotations));
  if (!workspace.isEnough()) return workspace.missing();
  const int64_t first = firstNonfinite(x.data, count, size);
  if (first >= 0) return fault(first, 0);
  eachMatrix(count, groups, [&](int64_t group, int64_t i) {
    const SvdWork<T> own(memory + group * sizes.elements, doubles + group * sizes.doubles,
                         rotations + group * sizes.rotations, longer, k, vectors);
    const T* const from = x.data + i * size;
    const int exponent = exponentOf(from, size);
    if (wide) {
      copyTo(own.tall, from, size);
    } else {
      transposeTo(own.tall, from, m, n, n);
    }
    scale(own.tall, size, -exponent);
    decompose(s.data + i * k, vectors, longer, k, exponent, own);
    if (!vectors) return;
    T* const left = u.data + i * m * k;
    T* const right = vh.data + i * k * n;
    if (wide) {  // the left vectors of the tall matrix are the right ones of the wide one
      gemm<T>(false, false, k, n, k, own.u, own.q, false, right);
      transposeTo(left, own.vt, k, k, k);
      return;
    }
    copyTo(right, own.vt, k * k);
    if (m > n) {
      gemm<T>(true, true, m, k, k, own.q, own.u, false, left);
    } else {
      transposeTo(left, own.u, k, k, k);
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
