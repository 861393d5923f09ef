// The order of the elements of each row of x [rows][n]. NaN counts as greater than all numbers; equal elements keep
// their order, so that the result is the same for every thread count.
#include "kernel.h"
#include "shared.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kGrain = 4096;   // elements that are worth a thread
constexpr int64_t kShortRun = 16;  // runs of this length are sorted by insertion

template <typename T>
bool less(T a, T b) {
  return a < b || (b != b && a == a);
}

// Whether element i of a row comes before element j in the sorted order.
template <typename T>
struct Order {
  const T* x;
  bool descending;

  bool strictly(int32_t i, int32_t j) const { return descending ? less(x[j], x[i]) : less(x[i], x[j]); }
  // Equal elements: the first one.
  bool before(int32_t i, int32_t j) const { return strictly(i, j) || (i < j && !strictly(j, i)); }
};

template <typename T>
void sortShort(int32_t* index, int64_t begin, int64_t end, Order<T> order) {
  for (int64_t i = begin + 1; i < end; ++i) {
    const int32_t moved = index[i];
    int64_t j = i;
    for (; j > begin && order.strictly(moved, index[j - 1]); --j) index[j] = index[j - 1];
    index[j] = moved;
  }
}

// to [begin, end) = the sorted runs [begin, middle) and [middle, end) of from, merged.
template <typename T>
void merge(int32_t* to, const int32_t* from, int64_t begin, int64_t middle, int64_t end, Order<T> order) {
  int64_t left = begin, right = middle;
  for (int64_t k = begin; k < end; ++k) {
    const bool takeRight = right < end && (left >= middle || order.strictly(from[right], from[left]));
    to[k] = from[takeRight ? right++ : left++];
  }
}

template <typename T>
void sortRow(int32_t* index, int32_t* other, int64_t n, Order<T> order) {
  for (int64_t i = 0; i < n; ++i) index[i] = static_cast<int32_t>(i);
  for (int64_t i = 0; i < n; i += kShortRun) sortShort(index, i, i + kShortRun < n ? i + kShortRun : n, order);
  int32_t *from = index, *to = other;
  for (int64_t run = kShortRun; run < n; run *= 2) {
    for (int64_t i = 0; i < n; i += 2 * run) {
      merge(to, from, i, i + run < n ? i + run : n, i + 2 * run < n ? i + 2 * run : n, order);
    }
    int32_t* const sorted = to;
    to = from;
    from = sorted;
  }
  if (from != index) __builtin_memcpy(index, from, static_cast<size_t>(n) * sizeof(int32_t));
}

// index [rows][n]: the positions in a row in the order of its elements.
template <typename T>
Outcome argsort(Out<int32_t> index, Workspace workspace, In<T> x, int64_t rows, int64_t n, int64_t descending) {
  if (x.length != product(rows, n) || index.length != x.length || n >= kPositionLimit) return misfit();
  if (x.length == 0) return ok();
  int32_t* const other = workspace.take<int32_t>(n > kShortRun ? x.length : 0);
  if (!workspace.isEnough()) return workspace.missing();
  parallel(rows, kGrain / n + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int32_t* const merged = n > kShortRun ? other + row * n : nullptr;
      sortRow(index.data + row * n, merged, n, Order<T>{x.data + row * n, descending != 0});
    }
  });
  return ok();
}

// Restores the heap at `place`: the element of heap [k] that comes last in the order is at its top.
template <typename T>
void sink(int32_t* heap, int64_t place, int64_t k, Order<T> order) {
  const int32_t moved = heap[place];
  for (;;) {
    int64_t child = 2 * place + 1;
    if (child >= k) break;
    if (child + 1 < k && order.before(heap[child], heap[child + 1])) ++child;
    if (!order.before(moved, heap[child])) break;
    heap[place] = heap[child];
    place = child;
  }
  heap[place] = moved;
}

// heap [k]: the positions of the first k of n elements, in order.
template <typename T>
void firstOfRow(int32_t* heap, int64_t k, int64_t n, Order<T> order) {
  for (int64_t i = 0; i < k; ++i) heap[i] = static_cast<int32_t>(i);
  for (int64_t i = k / 2 - 1; i >= 0; --i) sink(heap, i, k, order);
  for (int64_t i = k; i < n; ++i) {
    if (!order.before(static_cast<int32_t>(i), heap[0])) continue;
    heap[0] = static_cast<int32_t>(i);
    sink(heap, 0, k, order);
  }
  for (int64_t last = k - 1; last > 0; --last) {
    const int32_t top = heap[0];
    heap[0] = heap[last];
    heap[last] = top;
    sink(heap, 0, last, order);
  }
}

// index [rows][k]: the positions of the k largest (or smallest) elements of each row, in order.
template <typename T>
Outcome topk(Out<int32_t> index, In<T> x, int64_t rows, int64_t n, int64_t k, int64_t largest) {
  if (x.length != product(rows, n) || index.length != product(rows, k) || k > n || n >= kPositionLimit) return misfit();
  if (index.length == 0) return ok();
  parallel(rows, kGrain / n + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      firstOfRow(index.data + row * k, k, n, Order<T>{x.data + row * n, largest != 0});
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(sort, ADJOINT_ALL(argsort, "index x rows n descending"), ADJOINT_ALL(topk, "index x rows n k largest"))
