#include "tile.h"

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__)) || defined(__aarch64__)
#define ADJOINT_TILE
#include "pack.h"
#include "registers.h"
#endif

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

#ifdef ADJOINT_TILE

// Of a block of k. With the few registers of AVX2 a panel of b must stay in the first cache, else in the second.
#ifdef __AVX512F__
constexpr int64_t kDepth = 800;
#else
constexpr int64_t kDepth = 400;
#endif
constexpr int64_t kPackedA = 76 * 1024;  // floats of a block of a transposed operand: a part of the second cache
constexpr int64_t kManyRows = 96;        // from this many rows on, a panel whose rows are far apart is worth packing
constexpr int64_t kFarApart = 256;       // elements
// From this many columns on, rows of a are packed, too, if they would evict each other from the first cache, being
// multiples of 4 KB apart, or all together from the second.
constexpr bool kPacksRows = kPackedRows == kLanes;
constexpr int64_t kManyColumns = 256, kSameSet = 1024, kLargeA = 1'500'000;
// If all of b fits packed into a part of the second cache, many rows are computed block by block, each as wide as c:
// c is then written line after line and finished in place. Floats of b, and of a block of a and of c.
constexpr int64_t kPackedB = 64 * 1024, kRowBlock = 48 * 1024;
static_assert(kPackedA + kDepth * kColumns <= kTileWorkspace, "the workspace holds a block of a and a panel of b");
constexpr int64_t kTransposedC = 64 * 1024;  // floats of a result that is computed transposed
static_assert(kPackedA + kPackedB + kTransposedC <= kTileWorkspace, "the workspace holds a transposed result, too");

// Multiplications of one thread's part (NEON: a guess). With AVX-512 OpenBLAS only draws level.
#ifdef __AVX512F__
constexpr int64_t kMostWork = 4'000'000'000;
#else
constexpr int64_t kMostWork = 26'000'000;
#endif

// A block of rows of c: its a, in place or packed tile by tile, and the rows of each tile (divided evenly, so that no
// tile is thin).
struct Rows {
  int64_t m, k, tiles;
  const float* a;
  int64_t lda;
  bool packed;

  int64_t bound(int64_t tile) const { return m * tile / tiles; }

  void pack(bool transposed, const float* from, float* to) {
    for (int64_t t = 0; t < tiles; t++) {
      const int64_t begin = bound(t), height = bound(t + 1) - begin;
      float* tile = to + t * k * kPackedRows;
      if (transposed) {
        heights[height - 1].pack(k, from + begin, lda, tile);
      } else {
        packTransposed(k, height, kPackedRows, from + begin * lda, lda, tile);
      }
    }
    a = to;
  }
};

// What the first kAheadTiles tiles of a panel fetch for the next one: `step` elements further every four steps. Without
// `from` each tile fetches where the next one writes.
struct Ahead {
  const float* from;
  int64_t tileStep, step;
};
constexpr int64_t kAheadTiles = 4;

// c [rows.m, n] (+)= rows.a · b + bias (or null) for one panel of n <= kColumns columns; b [k, ldb] is readable up to
// whole vectors.
void multiplyPanel(const Rows& rows, int64_t n, const float* b, int64_t ldb, const float* bias, const Ahead& ahead,
                   bool accumulate, float* c, int64_t ldc) {
  alignas(64) float edge[kRows * kColumns];
  alignas(64) float start[kColumns] = {};
  if (bias) __builtin_memcpy(start, bias, n * sizeof(float));
  const int64_t vectors = ceilDivide(n, kLanes);
  const bool whole = n == vectors * kLanes;
  Tile tile{rows.k,     rows.a,    rows.lda, b, ldb, start, edge, whole ? ldc : kColumns, whole && accumulate,
            ahead.from, ahead.step};
  for (int64_t t = 0; t < rows.tiles; t++) {
    const int64_t begin = rows.bound(t), height = rows.bound(t + 1) - begin;
    const Height& functions = heights[height - 1];
    float* to = c + begin * ldc;
    tile.a = rows.a + (rows.packed ? t * rows.k * kPackedRows : begin * rows.lda);
    if (whole) tile.c = to;
    tile.aheadStep = t < kAheadTiles ? ahead.step : 0;
    if (!ahead.from) tile.ahead = t + 1 < rows.tiles ? to + height * ldc : c + kColumns, tile.aheadStep = ldc;
    (rows.packed ? functions.packed : functions.inPlace)[vectors - 1](tile);
    if (t < kAheadTiles) tile.ahead += ahead.tileStep;
    if (whole) continue;
    for (int64_t i = 0; i < height; i++) {
      for (int64_t j = 0; j < n; j++) to[i * ldc + j] = edge[i * kColumns + j] + (accumulate ? to[i * ldc + j] : 0.0f);
    }
  }
}

// The transposed block of a that is packed after this one, [k, width] with rows lda apart; none where `from` is null.
struct Next {
  const float* from;
  int64_t width;
};

// The rows `rows` of c, over a block of k that begins at b; it may be the first one.
void multiplyRows(const TileProduct& p, const Rows& rows, const float* b, bool isFirst, float* c, float* panel,
                  const Next& next) {
  const bool accumulate = p.accumulate || !isFirst;
  const bool copied = p.transB || (rows.m >= kManyRows && p.ldb >= kFarApart);
  for (int64_t j = 0; j < p.n; j += kColumns) {
    const int64_t n = smaller(kColumns, p.n - j), width = roundUp(n, kLanes);
    const float* from = b + (p.transB ? j * p.ldb : j);
    const float* bias = p.bias && isFirst ? p.bias + j : nullptr;
    if (!copied && n == width) {
      Ahead ahead{from, 0, 0};
      if (next.from && j < next.width) ahead = {next.from + j, rows.k / kAheadTiles * p.lda, p.lda};
      multiplyPanel(rows, n, from, p.ldb, bias, ahead, accumulate, c + j, p.ldc);
      continue;
    }
    (p.transB ? packTransposed : packStraight)(rows.k, n, width, from, p.ldb, panel);
    // Of a next panel that is whole: row after row of it, or one piece of memory.
    Ahead ahead{panel, 0, 0};
    if (j + 2 * kColumns <= p.n && p.transB) {
      ahead = {from + kColumns * p.ldb, kColumns / kAheadTiles * p.ldb, kColumns};
    } else if (j + 2 * kColumns <= p.n) {
      ahead = {from + kColumns, rows.k / kAheadTiles * p.ldb, p.ldb};
    }
    multiplyPanel(rows, n, panel, width, bias, ahead, accumulate, c + j, p.ldc);
  }
}

// Whether a is packed, of a block of k.
bool packsRows(const TileProduct& p, int64_t k) {
  return p.transA || (kPacksRows && p.n >= kManyColumns && (p.lda % kSameSet == 0 || p.m * k > kLargeA));
}

// Tiles [t0, t1) of the rows of a, over k from k0 on.
Rows rowsOf(const TileProduct& p, int64_t tiles, int64_t t0, int64_t t1, int64_t k0, int64_t k, float* workspace) {
  const int64_t i0 = p.m * t0 / tiles, i1 = p.m * t1 / tiles;
  const bool packed = packsRows(p, k);
  Rows rows{i1 - i0, k, t1 - t0, p.a + i0 * p.lda + k0, p.lda, packed};
  if (packed) rows.pack(p.transA, p.transA ? p.a + k0 * p.lda + i0 : rows.a, workspace);
  return rows;
}

void finish(const TileProduct& p, int64_t rowBegin, int64_t rowEnd) {
  if (p.finish) p.finish(p.context, rowBegin, rowEnd);
}

// All of b is packed first; then the rows, `tiles` tiles in all, are computed in `blocks` blocks.
void multiplyBlocks(const TileProduct& p, int64_t tiles, int64_t blocks, float* workspace) {
  float* panels = workspace + kPackedA;
  for (int64_t j = 0; j < p.n; j += kColumns) {
    const int64_t n = smaller(kColumns, p.n - j);
    (p.transB ? packTransposed : packStraight)(p.k, n, roundUp(n, kLanes), p.b + (p.transB ? j * p.ldb : j), p.ldb,
                                               panels + j * p.k);
  }
  for (int64_t s = 0; s < blocks; s++) {
    const int64_t t0 = tiles * s / blocks, t1 = tiles * (s + 1) / blocks;
    const int64_t i0 = p.m * t0 / tiles, i1 = p.m * t1 / tiles;
    const Rows rows = rowsOf(p, tiles, t0, t1, 0, p.k, workspace);
    for (int64_t j = 0; j < p.n; j += kColumns) {
      const int64_t n = smaller(kColumns, p.n - j);
      multiplyPanel(rows, n, panels + j * p.k, roundUp(n, kLanes), p.bias ? p.bias + j : nullptr, {nullptr, 0, 0},
                    p.accumulate, p.c + i0 * p.ldc + j, p.ldc);
    }
    finish(p, i0, i1);
  }
}

// Block after block of k, panel after panel of b.
void multiplyPanels(const TileProduct& p, int64_t tiles, float* workspace) {
  // Whole steps of four, as even as they can be.
  const int64_t fours = ceilDivide(p.k, 4), depths = ceilDivide(p.k, kDepth);
  for (int64_t q = 0; q < depths; q++) {
    const int64_t k0 = fours * q / depths * 4, k = smaller(fours * (q + 1) / depths * 4, p.k) - k0;
    const float* b = p.b + (p.transB ? k0 : k0 * p.ldb);
    const int64_t blocks = packsRows(p, k) ? ceilDivide(tiles, kPackedA / (k * kPackedRows)) : 1;
    for (int64_t s = 0; s < blocks; s++) {
      const int64_t t0 = tiles * s / blocks, t1 = tiles * (s + 1) / blocks;
      const Rows rows = rowsOf(p, tiles, t0, t1, k0, k, workspace);
      const bool last = s + 1 == blocks;
      const int64_t i1 = last ? 0 : p.m * t1 / tiles, k1 = last ? k0 + k : k0;
      const Next next{p.transA && k1 < p.k ? p.a + k1 * p.lda + i1 : nullptr, rows.m};
      multiplyRows(p, rows, b, q == 0, p.c + p.m * t0 / tiles * p.ldc, workspace + kPackedA, next);
    }
  }
  finish(p, 0, p.m);
}

// A large transposed a beside a small b costs less as cᵀ = bᵀ · a: a is then read panel by panel, fetched in time,
// rather than packed in rows that push each other out of the cache.
bool isBetterTransposed(const TileProduct& p) {
  return p.transA && !p.transB && p.m >= 2 * p.n && p.m * p.n <= kTransposedC && p.k >= 2 * kDepth && !p.accumulate &&
         !p.bias && !p.finish && p.n % kLanes == 0 && p.m % kLanes == 0;
}

void multiplyTransposed(const TileProduct& p, float* workspace) {
  float* result = workspace + kPackedA + kPackedB;
  const TileProduct swapped{true,  false,   p.n,   p.m,    p.k, p.b,     p.ldb,  p.a,
                            p.lda, nullptr, false, result, p.m, nullptr, nullptr};
  multiplyPanels(swapped, ceilDivide(p.n, kRows), workspace);
  for (int64_t i = 0; i < p.m; i += kLanes) {
    for (int64_t j = 0; j < p.n; j += kLanes) transposeSquare(result + j * p.m + i, p.m, p.c + i * p.ldc + j, p.ldc);
  }
}

void multiply(const TileProduct& p, float* workspace) {
  if (isBetterTransposed(p)) return multiplyTransposed(p, workspace);
  const int64_t tiles = ceilDivide(p.m, kRows), rows = kRowBlock / (p.n + p.k), blocks = p.m / (rows + 1);
  const bool many = blocks > 1 && p.k <= kDepth && !p.transA;
  const bool fits = many && roundUp(p.n, kLanes) * p.k <= kPackedB &&
                    ceilDivide(tiles, blocks) * p.k * kPackedRows <= kPackedA;  // of a, where that is packed
  if (fits) return multiplyBlocks(p, tiles, blocks, workspace);
  multiplyPanels(p, tiles, workspace);
}

#else
constexpr int64_t kMostWork = 0;
constexpr void (*multiply)(const TileProduct&, float*) = nullptr;
#endif

}  // namespace

extern const TileEngine tileEngine;
const TileEngine tileEngine{kMostWork, multiply};

}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
