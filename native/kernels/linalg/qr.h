// QR factorisation by Householder reflections.
#pragma once
#include "householder.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// a [count][m][n]: R on and above the diagonal, the vectors of the reflections below; tau [count][min(m, n)].
template <typename T>
Outcome geqrf(Out<T> a, Out<T> tau, Workspace workspace, In<T> x, int64_t count, int64_t m, int64_t n) {
  const int64_t k = smaller(m, n);
  if (x.length != product(count, m, n) || a.length != x.length || tau.length != product(count, k)) return misfit();
  if (x.length == 0) return ok();
  const double work = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const int64_t groups = groupsOf(count, work, workspace.threads), free = BlockWork<T>::sizeFor(m, n);
  T* const copies = workspace.take<T>(product(groups, m, n));
  T* const blocks = workspace.take<T>(product(groups, free));
  if (!workspace.isEnough()) return workspace.missing();
  eachMatrix(count, groups, [&](int64_t group, int64_t i) {
    T* const copy = copies + group * m * n;
    transposeTo(copy, x.data + i * m * n, m, n, n);
    factorTransposed(copy, tau.data + i * k, m, n, BlockWork<T>(blocks + group * free, m, n));
    transposeTo(a.data + i * m * n, copy, n, m, m);
  });
  return ok();
}

// q [count][m][columns]: the first columns of the product of the k reflections in the columns of a [count][m][n].
template <typename T>
Outcome householderProduct(Out<T> q, Workspace workspace, In<T> a, In<T> tau, int64_t count, int64_t m, int64_t n,
                           int64_t k, int64_t columns) {
  if (a.length != product(count, m, n) || tau.length != product(count, k) || k > n || n > m) return misfit();
  if (q.length != product(count, m, columns) || columns > m || k > columns) return misfit();
  if (q.length == 0) return ok();
  const double work = 2.0 * static_cast<double>(m) * static_cast<double>(columns) * static_cast<double>(k + 1);
  const int64_t groups = groupsOf(count, work, workspace.threads), free = BlockWork<T>::sizeFor(m, columns);
  T* const vectors = workspace.take<T>(product(groups, m, n));
  T* const results = workspace.take<T>(product(groups, m, columns));
  T* const blocks = workspace.take<T>(product(groups, free));
  if (!workspace.isEnough()) return workspace.missing();
  eachMatrix(count, groups, [&](int64_t group, int64_t i) {
    T* const rows = vectors + group * m * n;
    T* const result = results + group * m * columns;
    transposeTo(rows, a.data + i * m * n, m, n, n);
    const Reflectors<T> reflectors{rows, m, m, tau.data + i * k, k, 0};
    formProduct(reflectors, result, columns, BlockWork<T>(blocks + group * free, m, columns));
    transposeTo(q.data + i * m * columns, result, columns, m, m);
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
