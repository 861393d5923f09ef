// Kernels that move elements and compute nothing: permute, expand, slice, tile, concat, flip, tril, triu. All but the
// triangles are one walk over axes, each with a stride in the source and one in the target.
#include "kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kGrain = 32768;  // elements a chunk
constexpr int64_t kTile = 16;      // a tile of a transposition: a line of memory wide and high
constexpr int kMaxAxes = 64;       // axes of size 1 are dropped, and more would be 2^64 elements

struct Axis {
  int64_t size, from, to;  // from, to: distance of neighbours in the source and in the target
};

// Axes, outermost first. None stands for one element.
struct Walk {
  Axis axes[kMaxAxes];
  int count = 0;

  void add(Axis axis) {
    if (axis.size == 1) return;
    if (count > 0) {  // two axes that are passed through as one, become one
      Axis& outer = axes[count - 1];
      if (outer.from == axis.size * axis.from && outer.to == axis.size * axis.to) {
        outer = {outer.size * axis.size, axis.from, axis.to};
        return;
      }
    }
    axes[count++] = axis;
  }
};

template <typename T>
void copyRow(T* y, const T* x, Axis row) {
  if (row.from == 1 && row.to == 1) {
    __builtin_memmove(y, x, static_cast<size_t>(row.size) * sizeof(T));
  } else if (row.from == 0 && row.to == 1) {
    const T value = *x;
    for (int64_t i = 0; i < row.size; ++i) y[i] = value;
  } else if (row.to == 1) {
    for (int64_t i = 0; i < row.size; ++i) y[i] = x[i * row.from];
  } else {
    for (int64_t i = 0; i < row.size; ++i) y[i * row.to] = x[i * row.from];
  }
}

// rows.size is at most kTile. The source is dense along the rows' axis, the target along the columns'. Each tile passes
// through a buffer, so that every line of memory is touched once: with powers of two as strides, few lines stay in a
// cache.
template <typename T>
void copyTransposed(T* y, const T* x, Axis rows, Axis columns) {
  T tile[kTile][kTile];
  for (int64_t begin = 0; begin < columns.size; begin += kTile) {
    const int64_t width = columns.size - begin < kTile ? columns.size - begin : kTile;
    if (width == kTile && rows.size == kTile && rows.from == 1 && columns.to == 1) {
      for (int64_t j = 0; j < kTile; ++j) {
        const T* source = x + (begin + j) * columns.from;
        for (int64_t i = 0; i < kTile; ++i) tile[j][i] = source[i];
      }
      for (int64_t i = 0; i < kTile; ++i) {
        T* target = y + i * rows.to + begin;
        for (int64_t j = 0; j < kTile; ++j) target[j] = tile[j][i];
      }
      continue;
    }
    for (int64_t i = 0; i < rows.size; ++i) {
      T* row = y + i * rows.to + begin * columns.to;
      const T* column = x + i * rows.from + begin * columns.from;
      for (int64_t j = 0; j < width; ++j) row[j * columns.to] = column[j * columns.from];
    }
  }
}

// The position of an item in the odometer that the outer axes make.
struct Position {
  int64_t index[kMaxAxes];
  int64_t from = 0, to = 0;

  Position(const Walk& walk, int axes, int64_t item) {
    for (int a = axes - 1; a >= 0; --a) {
      index[a] = item % walk.axes[a].size;
      item /= walk.axes[a].size;
      from += index[a] * walk.axes[a].from;
      to += index[a] * walk.axes[a].to;
    }
  }
  void advance(const Walk& walk, int axes) {
    for (int a = axes - 1; a >= 0; --a) {
      const Axis& axis = walk.axes[a];
      from += axis.from;
      to += axis.to;
      if (++index[a] < axis.size) return;
      index[a] = 0;
      from -= axis.size * axis.from;
      to -= axis.size * axis.to;
    }
  }
};

// The outer axis along which the source is denser than along the innermost one: the two are a matrix to transpose.
int denserAxis(const Walk& walk) {
  int best = -1;
  int64_t least = walk.axes[walk.count - 1].from;
  for (int a = 0; a < walk.count - 1; ++a) {
    const Axis& axis = walk.axes[a];
    if (axis.from > 0 && axis.from < least) {
      least = axis.from;
      best = a;
    }
  }
  return best;
}

// The walk's sizes must be checked, and none of them 0.
template <typename T>
void run(T* y, const T* x, Walk& walk) {
  if (walk.count == 0) {
    *y = *x;
    return;
  }
  const Axis row = walk.axes[walk.count - 1];
  const int outer = walk.count - 1;
  if (outer == 0) {
    parallel(row.size, kGrain, [&](int64_t begin, int64_t end) {
      copyRow(y + begin * row.to, x + begin * row.from, {end - begin, row.from, row.to});
    });
    return;
  }
  const int dense = denserAxis(walk);
  Axis block{1, 0, 0};
  if (dense >= 0) {  // walk this axis in steps of kTile
    block = walk.axes[dense];
    walk.axes[dense] = {ceilDivide(block.size, kTile), block.from * kTile, block.to * kTile};
  }
  int64_t items = 1;
  for (int a = 0; a < outer; ++a) items *= walk.axes[a].size;
  const int64_t itemSize = row.size * (block.size < kTile ? block.size : kTile);
  parallel(items, kGrain / itemSize + 1, [&](int64_t begin, int64_t end) {
    Position at(walk, outer, begin);
    for (int64_t item = begin; item < end; ++item, at.advance(walk, outer)) {
      if (dense < 0) {
        copyRow(y + at.to, x + at.from, row);
      } else {
        const int64_t left = block.size - at.index[dense] * kTile;
        copyTransposed(y + at.to, x + at.from, {left < kTile ? left : kTile, block.from, block.to}, row);
      }
    }
  });
}

// The number of elements that pairs (size, stride) address, or -1 if one of them is at `length` or beyond.
int64_t countWithin(int64_t length, int64_t offset, Integers pairs) {
  if (pairs.count % 2 != 0) return -1;
  int64_t count = 1;
  for (int64_t i = 0; i < pairs.count; i += 2) count = product(count, pairs[i]);
  if (count == 0) return 0;
  int64_t last = offset;
  for (int64_t i = 0; i < pairs.count; i += 2) {
    if (__builtin_add_overflow(last, product(pairs[i] - 1, pairs[i + 1]), &last)) return -1;
  }
  return last < length ? count : -1;
}

// Whether all elements of the pairs are distinct: each stride is longer than the span of all axes inside it.
bool areDistinct(Integers pairs) {
  int64_t span = 0;
  for (int64_t i = pairs.count - 2; i >= 0; i -= 2) {
    if (pairs[i] == 1) continue;
    if (pairs[i + 1] <= span) return false;
    span += (pairs[i] - 1) * pairs[i + 1];
  }
  return true;
}

// y[i…] = x[offset + Σ i·stride]: pairs (size, stride), outermost first; y is contiguous, of the pairs' sizes. Strides
// of 0 repeat, so that this is permute, expand, slice and tile.
template <typename T>
Outcome stridedCopy(Out<T> y, In<T> x, int64_t offset, Integers pairs) {
  if (countWithin(x.length, offset, pairs) != y.length) return misfit();
  if (y.length == 0) return ok();
  Walk walk;
  int64_t to = y.length;
  for (int64_t i = 0; i < pairs.count; i += 2) {
    to /= pairs[i];
    walk.add({pairs[i], pairs[i] == 1 ? 0 : pairs[i + 1], to});
  }
  run(y.data, x.data + offset, walk);
  return ok();
}

// y[offset + Σ i·stride] = x[i…], the inverse: x is contiguous, of the pairs' sizes; the rest of y stays. It puts a
// part into a concatenation and a slice's gradient into zeros.
template <typename T>
Outcome stridedAssign(InOut<T> y, In<T> x, int64_t offset, Integers pairs) {
  if (countWithin(y.length, offset, pairs) != x.length) return misfit();
  if (x.length == 0) return ok();
  if (!areDistinct(pairs)) return misfit();
  Walk walk;
  int64_t from = x.length;
  for (int64_t i = 0; i < pairs.count; i += 2) {
    from /= pairs[i];
    walk.add({pairs[i], from, pairs[i] == 1 ? 0 : pairs[i + 1]});
  }
  run(y.data + offset, x.data, walk);
  return ok();
}

// y, x [outer, n, inner]: y[o, i, k] = x[o, n - 1 - i, k].
template <typename T>
Outcome flip(Out<T> y, In<T> x, int64_t outer, int64_t n, int64_t inner) {
  if (x.length != product(outer, n, inner) || y.length != x.length) return misfit();
  if (y.length == 0) return ok();
  Walk walk;
  walk.add({outer, n * inner, n * inner});
  walk.add({n, -inner, inner});
  walk.add({inner, 1, 1});
  run(y.data, x.data + (n - 1) * inner, walk);
  return ok();
}

// y, x [batch, rows, columns]: lower ? the elements with column - row <= d : those with column - row >= d, the others
// become 0; d = negative ? -diagonal : diagonal.
template <typename T>
Outcome triangle(Out<T> y, In<T> x, int64_t batch, int64_t rows, int64_t columns, int64_t diagonal, int64_t negative,
                 int64_t lower) {
  if (x.length != product(batch, rows, columns) || y.length != x.length) return misfit();
  if (y.length == 0) return ok();
  const int64_t shift = (negative ? -diagonal : diagonal) + (lower ? 1 : 0);
  parallel(batch * rows, kGrain / columns + 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      int64_t border = r % rows + shift;  // the first column right of the border
      border = border < 0 ? 0 : border > columns ? columns : border;
      const int64_t first = lower ? 0 : border, last = lower ? border : columns;
      T* row = y.data + r * columns;
      const T* source = x.data + r * columns;
      for (int64_t j = 0; j < first; ++j) row[j] = T(0);
      for (int64_t j = first; j < last; ++j) row[j] = source[j];
      for (int64_t j = last; j < columns; ++j) row[j] = T(0);
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(shape, ADJOINT_ALL(stridedCopy, "y x offset pairs"), ADJOINT_ALL(stridedAssign, "y x offset pairs"),
               ADJOINT_ALL(flip, "y x outer n inner"),
               ADJOINT_ALL(triangle, "y x batch rows columns diagonal negative lower"))
