#include "gemm.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "../runtime/levels.h"
#include "../runtime/parallel.h"
#include "../runtime/system.h"
#include "../simd/integers.h"
#include "blas.h"
#include "long_sum.h"
#include "tile.h"
#include "tiny.h"

namespace adjoint {

#define DECLARE(level)                \
  namespace level {                   \
  extern const TileEngine tileEngine; \
  }
#define ADDRESS(level) &level::tileEngine,
ADJOINT_LEVELS(DECLARE)

namespace {

// The least multiplications of a block: fewer are not worth waking a thread.
constexpr int64_t kBlockWork = 300'000;
// The same for products with one row or one column, which wait for the matrix to come from the second cache.
constexpr int64_t kVectorWork = 40'000;
// From this many a block on, a product is cut finer than one block a thread, so that a slow core delays it less.
// OpenBLAS packs the other operand anew for each block: 4 instead of 2 blocks cost 4-17 % on the shapes of training.
constexpr int64_t kLargeBlockWork = 20'000'000;
// Blocks are multiples of these numbers of rows or columns, the tiles of OpenBLAS's kernels.
constexpr int64_t kUnit = 16;

// A thread's memory for the tile product, made at its first one; null where there is no memory left.
float* tileWorkspace() {
  struct Workspace {
    void* memory = nullptr;
    ~Workspace() { freeAligned(memory); }
  };
  static thread_local Workspace workspace;
  if (!workspace.memory) workspace.memory = allocateAligned(64, kTileWorkspace * sizeof(float));
  return static_cast<float*>(workspace.memory);
}

struct Engines {
  const TileEngine* tile;  // null: there is none, or another one is wanted
  bool tileOnly, plainOnly;
  bool wanted;  // one of them for all
};

// ADJOINT_GEMM=openblas, tile or plain, for tests and benchmarks: all float32 products by that engine if there is one
// (plain: float64 ones, too); unset or anything else: the faster one for each shape, and a plain loop for the
// smallest.
const Engines& engines() {
  static const Engines chosen = [] {
    static constexpr const TileEngine* ofLevel[] = {ADJOINT_LEVELS(ADDRESS)};
    const int level = chooseLevel(std::getenv("ADJOINT_ISA"));
    const TileEngine* tile = level < 0 ? nullptr : ofLevel[level];
    const char* wanted = std::getenv("ADJOINT_GEMM");
    const bool blasOnly = wanted && !std::strcmp(wanted, "openblas");
    const bool tileOnly = wanted && !std::strcmp(wanted, "tile");
    const bool plainOnly = wanted && !std::strcmp(wanted, "plain");
    const bool none = blasOnly || plainOnly || !tile || !tile->multiply;
    return Engines{none ? nullptr : tile, tileOnly, plainOnly, blasOnly || tileOnly || plainOnly};
  }();
  return chosen;
}

// The engine for a product in `blocks` blocks, or null for OpenBLAS. OpenBLAS wins if its packing pays off: in
// large blocks, later where a is transposed (packed by both). A row or a column is a matter of memory, not of
// registers.
const TileEngine* tileFor(const Product<float>& p, int64_t blocks) {
  const TileEngine* tile = engines().tile;
  if (!tile || engines().tileOnly) return tile;
  const double work = static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  const double most = static_cast<double>(tile->mostWork) * static_cast<double>(blocks) * (p.transA ? 2 : 1);
  return p.m > 1 && p.n > 1 && work <= most ? tile : nullptr;
}
const TileEngine* tileFor(const Product<double>&, int64_t) { return nullptr; }

template <typename T>
void addBias(const Product<T>& p) {
  for (int64_t i = 0; p.bias && i < p.m; i++) {
    T* row = p.c + i * p.ldc;
    for (int64_t j = 0; j < p.n; j++) row[j] += p.bias[j];
  }
}

// The work on finished rows of a block.
struct Finish {
  void (*apply)(void* context, int64_t rowBegin, int64_t rowEnd);
  void* context;
};

// One block on this thread, and the work on its result.
template <typename T>
void computeByBlas(const Product<T>& p, const Finish& finish) {
  if (engines().plainOnly || !computeByBlas(p)) computePlain(p);
  addBias(p);
  if (finish.apply) finish.apply(finish.context, 0, p.m);
}
void compute(const Product<double>& p, const TileEngine*, const Finish& finish) { computeByBlas(p, finish); }
void compute(const Product<float>& p, const TileEngine* tile, const Finish& finish) {
  float* workspace = tile ? tileWorkspace() : nullptr;
  if (!workspace) return computeByBlas(p, finish);
  tile->multiply({p.transA, p.transB, p.m, p.n, p.k, p.a, p.lda, p.b, p.ldb, p.bias, p.accumulate, p.c, p.ldc,
                  finish.apply, finish.context},
                 workspace);
}

template <typename T>
void clear(const Product<T>& p) {
  for (int64_t i = 0; i < p.m; i++) std::fill_n(p.c + i * p.ldc, p.n, T(0));
}

// The block of rows (or else columns) [begin, end) of a product.
template <typename T>
Product<T> block(Product<T> p, bool byRows, int64_t begin, int64_t end) {
  if (byRows) {
    p.a += begin * (p.transA ? 1 : p.lda);
    p.c += begin * p.ldc;
    p.m = end - begin;
  } else {
    p.b += begin * (p.transB ? p.ldb : 1);
    if (p.bias) p.bias += begin;
    p.c += begin;
    p.n = end - begin;
  }
  return p;
}

bool fitsBlas(int64_t value) { return value >= 0 && value <= INT_MAX; }

// Never more than units, so that no block is empty.
int64_t blockCount(int64_t m, int64_t n, int64_t k) {
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const int64_t threads = threadCount(), units = ceilDivide(std::max(m, n), kUnit);
  const double least = m == 1 || n == 1 ? kVectorWork : kBlockWork;
  const int64_t most = work / static_cast<double>(2 * threads) >= kLargeBlockWork ? 2 * threads : threads;
  return std::max<int64_t>(1, std::min({most, units, static_cast<int64_t>(std::min(work / least, 1e6))}));
}

template <typename T>
struct SplitProduct {
  const Product<T>& product;
  bool byRows;
  int64_t extent, blocks;
  Epilogue epilogue;
  const RowTail* tail;
  const TileEngine* tile;

  int64_t bound(int64_t index) const {
    const int64_t units = ceilDivide(extent, kUnit);
    return std::min(units * index / blocks * kUnit, extent);
  }

  // A block of rows, or else of columns.
  struct Part {
    const SplitProduct& self;
    int64_t begin, end;

    static void finish(void* context, int64_t rowBegin, int64_t rowEnd) {
      const Part& part = *static_cast<const Part*>(context);
      const auto& [product, byRows, extent, blocks, epilogue, tail, tile] = part.self;
      const int64_t begin = byRows ? part.begin + rowBegin : rowBegin, end = byRows ? part.begin + rowEnd : rowEnd;
      if (epilogue.apply) {
        epilogue.apply(epilogue.context, begin, end, byRows ? 0 : part.begin, byRows ? product.n : part.end);
      }
      if (tail) tail->apply(tail->context, begin * product.n, end * product.n);
    }
  };

  void run(int64_t beginBlock, int64_t endBlock) const {
    Part part{*this, bound(beginBlock), bound(endBlock)};
    compute(block(product, byRows, part.begin, part.end), tile,
            {epilogue.apply || tail ? Part::finish : nullptr, &part});
  }
};

// The follow-up for whole rows of m x n that are whole vectors.
RowTail* takeTail(int64_t m, int64_t n, int64_t ldc) {
  constexpr int64_t kStep = 64;  // elements: pointwise loops are cut at multiples of their vectors
  RowTail* tail = nextRowTail();
  if (!tail || m < n || n % kStep != 0 || ldc != n || m * n != tail->elements) return nullptr;
  nextRowTail() = nullptr;
  tail->taken = true;
  return tail;
}

template <typename T>
void multiplySplit(const Product<T>& product, const TileEngine* tile, Epilogue epilogue, const RowTail* tail) {
  const auto& [transA, transB, m, n, k, a, lda, b, ldb, bias, accumulate, c, ldc] = product;
  const bool byRows = m >= n;
  const int64_t blocks = blockCount(m, n, k);
  const SplitProduct<T> split{product, byRows, byRows ? m : n, blocks, epilogue, tail, tile};
  parallelFor(
      split.blocks, 1,
      [](void* context, int64_t begin, int64_t end) { static_cast<const SplitProduct<T>*>(context)->run(begin, end); },
      const_cast<SplitProduct<T>*>(&split), (m > 1 && n > 1) || m * n * k >= blocks * kBlockWork);
}

}  // namespace

RowTail*& nextRowTail() {
  static thread_local RowTail* next = nullptr;
  return next;
}

template <typename T>
bool gemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb,
          bool accumulate, T* c, int64_t ldc, Epilogue epilogue, const T* bias) {
  for (const int64_t value : {m, n, k, lda, ldb, ldc}) {
    if (!fitsBlas(value)) return false;
  }
  if (m == 0 || n == 0) return true;
  const Product<T> product{transA, transB, m, n, k, a, lda, b, ldb, bias, accumulate, c, ldc};
  if (k == 0) {
    if (!accumulate) clear(product);
    addBias(product);
    if (epilogue.apply) epilogue.apply(epilogue.context, 0, m, 0, n);
    return true;
  }
  if (isTiny(product) && !engines().wanted) {
    computeTiny(product);
    addBias(product);
    if (epilogue.apply) epilogue.apply(epilogue.context, 0, m, 0, n);
    return true;
  }
  const TileEngine* tile = tileFor(product, blockCount(m, n, k));
  if constexpr (sizeof(T) == sizeof(float)) {
    const auto multiply = [tile](const Product<T>& piece) { multiplySplit(piece, tile, {}, nullptr); };
    const int64_t piece = pieceOf(product, tile != nullptr);
    if (k > 2 * piece && multiplyInPieces(product, piece, epilogue, multiply)) return true;
  }
  multiplySplit(product, tile, epilogue, takeTail(m, n, ldc));
  return true;
}

template <typename T>
bool gemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, const T* a, const T* b, bool accumulate, T* c,
          Epilogue epilogue, const T* bias) {
  return gemm<T>(transA, transB, m, n, k, a, transA ? m : k, b, transB ? k : n, accumulate, c, n, epilogue, bias);
}

template <typename T>
bool batchedGemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, const T* a, const T* b, bool accumulate,
                 T* c, int64_t count, const int64_t* strides, int64_t dims) {
  if (!fitsBlas(m) || !fitsBlas(n) || !fitsBlas(k)) return false;
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(std::max<int64_t>(k, 1));
  // Large products are split one by one, small ones distributed.
  const int64_t grain = static_cast<int64_t>(std::min(std::max(1.0, kBlockWork / std::max(work, 1.0)), 1e6));
  auto body = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      int64_t offsetA = 0, offsetB = 0, rest = i;
      for (int64_t d = dims; d-- > 0;) {
        const int64_t size = strides[3 * d], index = rest % size;
        rest /= size;
        offsetA += index * strides[3 * d + 1];
        offsetB += index * strides[3 * d + 2];
      }
      gemm<T>(transA, transB, m, n, k, a + offsetA, b + offsetB, accumulate, c + i * m * n);
    }
  };
  if (count < threadCount() || count <= grain) {
    body(0, count);
    return true;
  }
  parallelFor(
      count, grain,
      [](void* context, int64_t begin, int64_t end) { (*static_cast<decltype(body)*>(context))(begin, end); }, &body);
  return true;
}

template bool gemm<float>(bool, bool, int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t, bool,
                          float*, int64_t, Epilogue, const float*);
template bool gemm<double>(bool, bool, int64_t, int64_t, int64_t, const double*, int64_t, const double*, int64_t, bool,
                           double*, int64_t, Epilogue, const double*);
template bool gemm<float>(bool, bool, int64_t, int64_t, int64_t, const float*, const float*, bool, float*, Epilogue,
                          const float*);
template bool gemm<double>(bool, bool, int64_t, int64_t, int64_t, const double*, const double*, bool, double*, Epilogue,
                           const double*);
template bool batchedGemm<float>(bool, bool, int64_t, int64_t, int64_t, const float*, const float*, bool, float*,
                                 int64_t, const int64_t*, int64_t);
template bool batchedGemm<double>(bool, bool, int64_t, int64_t, int64_t, const double*, const double*, bool, double*,
                                  int64_t, const int64_t*, int64_t);

}  // namespace adjoint
