// What optimizers share: lists of spans, updated in one pass over memory.
#pragma once
#include "../kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kGrain = 16384;  // elements a chunk

template <typename T>
inline bool sameLengths(InOuts<T> a, Ins<T> b) {
  if (a.count != b.count) return false;
  for (int64_t i = 0; i < a.count; i++) {
    if (a[i].length != b[i].length) return false;
  }
  return true;
}

template <typename T>
inline bool sameLengths(InOuts<T> a, InOuts<T> b) {
  return sameLengths(a, Ins<T>{b.buffers, b.count});
}

inline bool areScalars(InOuts<double> steps, int64_t count) {
  if (steps.count != count) return false;
  for (int64_t i = 0; i < count; i++) {
    if (steps[i].length != 1) return false;
  }
  return true;
}

inline int64_t totalLength(const Buffer* buffers, int64_t count) {
  int64_t total = 0;
  for (int64_t i = 0; i < count; i++) total += buffers[i].length;
  return total;
}

template <typename List>
int64_t elementsOf(const List& list) {
  return totalLength(list.buffers, list.count);
}

// body(i, from, to) for each piece of a list that lies in [begin, end) of the concatenation of its spans.
template <typename Body>
inline void forPieces(const Buffer* buffers, int64_t count, int64_t begin, int64_t end, Body&& body) {
  int64_t start = 0;
  for (int64_t i = 0; i < count && start < end; i++) {
    const int64_t length = buffers[i].length;
    const int64_t from = begin > start ? begin - start : 0, to = end - start < length ? end - start : length;
    if (from < to) body(i, from, to);
    start += length;
  }
}

template <typename Body>
inline void parallelPieces(const Buffer* buffers, int64_t count, Body&& body) {
  parallel(totalLength(buffers, count), kGrain,
           [&](int64_t begin, int64_t end) { forPieces(buffers, count, begin, end, body); });
}

inline void advance(InOuts<double> steps) {
  for (int64_t i = 0; i < steps.count; i++) steps[i][0] += 1;
}

inline float squareRoot(float x) { return __builtin_sqrtf(x); }
inline double squareRoot(double x) { return __builtin_sqrt(x); }

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
