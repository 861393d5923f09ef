// Products with long sums, which are taken in pieces, each an ordinary product, and added in double. In float, a sum of
// a million equal terms is wrong by a thousandth.
#pragma once
#include <algorithm>

#include "../runtime/parallel.h"
#include "../runtime/system.h"
#include "../simd/integers.h"
#include "gemm.h"
#include "product.h"

namespace adjoint {

// Terms of a piece. The tile adds them in blocks, OpenBLAS in shorter ones; for one row or column it forms several sums
// if the other operand is read along them, and otherwise adds one term after the other.
constexpr int64_t kTilePiece = 65'536, kBlasPiece = 8192, kDotPiece = 131'072, kColumnPiece = 4096;
constexpr int64_t kPanelElements = 1 << 20;  // of c, whose sums in double are held at a time
constexpr int64_t kPieceWork = 300'000;      // multiplications of a piece; smaller ones are distributed over threads
constexpr int64_t kPiecesAtOnce = 64;

template <typename T>
int64_t pieceOf(const Product<T>& p, bool byTile) {
  if (p.m > 1 && p.n > 1) return byTile ? kTilePiece : kBlasPiece;
  return (p.m > 1 ? !p.transA : p.transB || p.n == 1) ? kDotPiece : kColumnPiece;
}

// Some rows of c, and memory for their sums.
template <typename T, typename Multiply>
struct LongRows {
  const Product<T>& p;
  const Multiply& multiply;
  const int64_t pieces, atOnce;
  double* totals;  // [rows][n]
  T* parts;        // [pieces at once][rows][n]
  int64_t begin = 0, rows = 0, first = 0;

  int64_t size() const { return rows * p.n; }
  // Whole cache lines, never more than pieceOf says: no piece is empty.
  int64_t bound(int64_t piece) const { return std::min(roundUp(ceilDivide(p.k, pieces), 16) * piece, p.k); }

  void multiplyPieces(int64_t from, int64_t to) const {
    for (int64_t i = from; i < to; i++) {
      const int64_t term = bound(first + i), terms = bound(first + i + 1) - term;
      Product<T> piece = p;
      piece.a += p.transA ? term * p.lda + begin : begin * p.lda + term;
      piece.b += p.transB ? term : term * p.ldb;
      piece.m = rows, piece.k = terms, piece.bias = nullptr, piece.accumulate = false;
      piece.c = parts + i * size(), piece.ldc = p.n;
      multiply(piece);
    }
  }

  void addPieces() {
    std::fill_n(totals, size(), 0.0);
    for (first = 0; first < pieces; first += atOnce) {
      const int64_t count = std::min(atOnce, pieces - first);
      if (atOnce == 1) {
        multiplyPieces(0, 1);
      } else {
        parallelFor(
            count, 1,
            [](void* self, int64_t from, int64_t to) { static_cast<const LongRows*>(self)->multiplyPieces(from, to); },
            this);
      }
      for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < size(); j++) totals[j] += static_cast<double>(parts[i * size() + j]);
      }
    }
  }

  void finish() const {
    for (int64_t i = 0; i < rows; i++) {
      T* c = p.c + (begin + i) * p.ldc;
      for (int64_t j = 0; j < p.n; j++) {
        const double before = p.accumulate ? static_cast<double>(c[j]) : 0;
        const double bias = p.bias ? static_cast<double>(p.bias[j]) : 0;
        c[j] = static_cast<T>(before + totals[i * p.n + j] + bias);
      }
    }
  }
};

// Computes c in pieces of `piece` terms. False, and nothing done, without memory. `multiply` computes an ordinary
// product.
template <typename T, typename Multiply>
bool multiplyInPieces(const Product<T>& p, int64_t piece, Epilogue epilogue, const Multiply& multiply) {
  const int64_t pieces = ceilDivide(p.k, piece);
  const int64_t rows = std::clamp<int64_t>(kPanelElements / p.n, 1, p.m);
  const int64_t atOnce = rows * p.n * piece < kPieceWork ? std::min(kPiecesAtOnce, pieces) : 1;
  const size_t size = static_cast<size_t>(rows * p.n);
  void* memory = allocateAligned(64, size * sizeof(double) + static_cast<size_t>(atOnce) * size * sizeof(T));
  if (!memory) return false;
  double* totals = static_cast<double*>(memory);
  LongRows<T, Multiply> panel{p, multiply, pieces, atOnce, totals, reinterpret_cast<T*>(totals + size)};
  for (; panel.begin < p.m; panel.begin += panel.rows) {
    panel.rows = std::min(rows, p.m - panel.begin);
    panel.addPieces();
    panel.finish();
    if (epilogue.apply) epilogue.apply(epilogue.context, panel.begin, panel.begin + panel.rows, 0, p.n);
  }
  freeAligned(memory);
  return true;
}

}  // namespace adjoint
