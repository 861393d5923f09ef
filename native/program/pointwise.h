// What the planner asks about pointwise operations: their width, and which operands are read element by element.
#pragma once
#include "recording.h"

namespace adjoint {

// The number of elements that a pointwise operation writes, or -1.
inline int64_t width(const RecordedOperation& o) {
  if (!o.kernel->pointwise) return -1;
  int64_t n = -1;
  forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
    if (isWritten(kind)) n = span.length;
  });
  return n;
}

// The elements of a chain that this operation (pointwise or a product) may begin, or -1.
inline int64_t chainWidth(const RecordedOperation& o) {
  if (!o.kernel->rowwise) return width(o);
  int64_t n = -1;
  forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
    if (isWritten(kind)) n = span.length;
  });
  return n;
}

// Whether a pointwise operation uses element i of this operand for element i of its result.
inline bool isAligned(const RecordedOperation& o, int64_t n, int operandIndex, int operands, int64_t length) {
  if (length != n) return false;
  if (o.integers.empty()) return true;
  const int64_t step = operands + 1, rank = static_cast<int64_t>(o.integers.size()) / step;
  int64_t stride = 1;
  for (int64_t d = rank - 1; d >= 0; d--) {
    const int64_t size = o.integers[static_cast<size_t>(d * step)];
    if (size != 1 && o.integers[static_cast<size_t>(d * step + 1 + operandIndex)] != stride) return false;
    stride *= size;
  }
  return true;
}

// use(span, kind, aligned) for each span of an operation of a chain; a product meets its operands elsewhere.
template <typename Use>
void forEachOperand(const RecordedOperation& o, Use use) {
  const int64_t n = width(o);
  int operands = 0, index = 0;
  forEachSpan(o, [&](const RecordedSpan&, ArgumentKind kind) { operands += kind == ArgumentKind::kIn; });
  forEachSpan(o, [&](const RecordedSpan& span, ArgumentKind kind) {
    const bool operand = kind == ArgumentKind::kIn;
    use(span, kind, !operand || isAligned(o, n, index, operands, span.length));
    index += operand;
  });
}

// Whether two operations may run tile by tile: where one writes, the other touches the same elements or none.
inline bool mayFuse(const RecordedOperation& a, const RecordedOperation& b) {
  bool may = true;
  forEachOperand(a, [&](const RecordedSpan& x, ArgumentKind kindX, bool alignedX) {
    forEachOperand(b, [&](const RecordedSpan& y, ArgumentKind kindY, bool alignedY) {
      if (x.buffer != y.buffer || (!isWritten(kindX) && !isWritten(kindY))) return;
      may = may && alignedX && alignedY && x.offset == y.offset && x.length == y.length && x.dtype == y.dtype;
    });
  });
  return may;
}

}  // namespace adjoint
