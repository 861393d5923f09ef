// The floating-point operations of the kernels (Golub and Van Loan, "Matrix Computations"; those that iterate: typically).
#pragma once
#include "matrix.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// n² · columns
double cube(int64_t n, int64_t columns) {
  return static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(columns);
}

// Of k steps of elimination in a matrix [m][n].
double elimination(int64_t m, int64_t n, int64_t k) {
  const double both = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  return 2 * both - (cube(k, m) + cube(k, n)) + cube(k, k) * 2 / 3;
}

double luFactorFlops(Out<float>, Out<int32_t>, Workspace, In<float>, int64_t count, int64_t m, int64_t n) {
  return static_cast<double>(count) * elimination(m, n, smaller(m, n));
}
double luSolveFlops(Out<float>, Workspace, In<float>, In<int32_t>, In<float>, int64_t count, int64_t n, int64_t columns,
                    int64_t, int64_t) {
  return static_cast<double>(count) * 2 * cube(n, columns);
}
double triangularSolveFlops(Out<float>, Workspace, In<float>, In<float>, int64_t count, int64_t n, int64_t columns,
                            int64_t, int64_t, int64_t) {
  return static_cast<double>(count) * cube(n, columns);
}
double choleskyFlops(Out<float>, Out<int32_t>, Workspace, In<float>, int64_t count, int64_t n, int64_t) {
  return static_cast<double>(count) * cube(n, n) / 3;
}
double geqrfFlops(Out<float>, Out<float>, Workspace, In<float>, int64_t count, int64_t m, int64_t n) {
  return static_cast<double>(count) * 2 * elimination(m, n, smaller(m, n));
}
double householderProductFlops(Out<float>, Workspace, In<float>, In<float>, int64_t count, int64_t m, int64_t,
                               int64_t k, int64_t columns) {
  return static_cast<double>(count) * 2 * elimination(m, columns, k);
}
double eighFlops(Out<float>, Out<float> vectors, Workspace, In<float>, int64_t count, int64_t n) {
  return static_cast<double>(count) * cube(n, n) * (vectors.length ? 9 : 4.0 / 3);
}
double svdFlops(Out<float> u, Out<float>, Out<float>, Workspace, In<float>, int64_t count, int64_t m, int64_t n) {
  const int64_t k = smaller(m, n), longer = larger(m, n);
  const double all = u.length ? 6 * cube(k, longer) + 20 * cube(k, k) : 2 * (cube(k, longer) + cube(k, k));
  return static_cast<double>(count) * all;
}
double matrixExpFlops(Out<float>, Workspace, In<float>, int64_t count, int64_t n) {
  return static_cast<double>(count) * cube(n, n) * (2 * 6 + 8.0 / 3);  // without squarings
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
