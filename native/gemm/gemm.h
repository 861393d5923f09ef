// The entry to all matrix products: our own register tile (float32, the shapes of training) or OpenBLAS,
// single-threaded, under this library's pool.
#pragma once
#include <cstdint>

namespace adjoint {

// Called for each finished block of c: rows [rowBegin, rowEnd), columns [columnBegin, columnEnd), on the thread that
// computed it, while the block is in its cache.
struct Epilogue {
  void (*apply)(void* context, int64_t rowBegin, int64_t rowEnd, int64_t columnBegin, int64_t columnEnd) = nullptr;
  void* context = nullptr;
};

// Follow-up work for this thread's next product whose result has `elements` elements: called for finished elements
// [begin, end) while they are in the cache. Not taken if a product is small or computed by columns.
struct RowTail {
  void (*apply)(void* context, int64_t begin, int64_t end);
  void* context;
  int64_t elements;
  bool taken = false;
};
RowTail*& nextRowTail();

// c [m, n] = op(a) [m, k] · op(b) [k, n] + bias [n] (or null), added to c where `accumulate`. Row-major: a is [m, k],
// or [k, m] where transA; b is [k, n], or [n, k] where transB; a row begins every lda, ldb, ldc elements. For float and
// double. The sizes alone decide how it is split over the pool. False, and nothing done, if a dimension does not fit in
// 32 bits.
template <typename T>
bool gemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb,
          bool accumulate, T* c, int64_t ldc, Epilogue epilogue = {}, const T* bias = nullptr);

// The same for contiguous operands. (Defined in gemm.cc: an inline one would be compiled by each level's kernels.)
template <typename T>
bool gemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, const T* a, const T* b, bool accumulate, T* c,
          Epilogue epilogue = {}, const T* bias = nullptr);

// `count` products of contiguous operands; product i uses a + offsetA(i) and b + offsetB(i) and writes c + i * m * n.
// `strides` holds `dims` triplets (size, strideA, strideB), outermost first, whose sizes multiply to `count`; a stride
// of 0 repeats an operand.
template <typename T>
bool batchedGemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, const T* a, const T* b, bool accumulate,
                 T* c, int64_t count, const int64_t* strides, int64_t dims);

}  // namespace adjoint
