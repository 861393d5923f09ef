// Our own float32 product for the shapes of training, where OpenBLAS's packing costs more than it gains: a tile of c
// stays in registers, a is read in place, b one panel of columns at a time. Compiled once per level.
#pragma once
#include <cstdint>

namespace adjoint {

// c [m, n] = op(a) [m, k] · op(b) [k, n] + bias, or c += … where `accumulate`; the layout is gemm's. m, n, k > 0.
struct TileProduct {
  bool transA, transB;
  int64_t m, n, k;
  const float* a;  // [m, k] or, where transA, [k, m]; a row begins every lda elements
  int64_t lda;
  const float* b;  // [k, n] or, where transB, [n, k]
  int64_t ldb;
  const float* bias;  // [n], for every row; null: zeros
  bool accumulate;
  float* c;  // [m, n]
  int64_t ldc;
  // Called for each finished block of rows of c while it is in the cache; may be null.
  void (*finish)(void* context, int64_t rowBegin, int64_t rowEnd);
  void* context;
};

// One level's product. `multiply` computes on the calling thread; `workspace` holds kTileWorkspace floats, aligned to
// 64 bytes. Each element of c is summed in an order that depends on k alone. Null where the level has none.
struct TileEngine {
  // Multiplications of one thread's part of a product up to which it is faster than OpenBLAS.
  int64_t mostWork;
  void (*multiply)(const TileProduct& product, float* workspace);
};

constexpr int64_t kTileWorkspace = 232 * 1024;

}  // namespace adjoint
