#include "arena.h"

#include <algorithm>
#include <numeric>

namespace adjoint {
namespace {
constexpr int64_t kAlign = 64;
int64_t roomFor(const Piece& piece) { return (piece.bytes + kAlign - 1) / kAlign * kAlign; }
}  // namespace

// Largest first, each at the lowest place that is free during its life.
int64_t placePieces(std::vector<Piece>* pieces) {
  std::vector<size_t> order(pieces->size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return (*pieces)[a].bytes > (*pieces)[b].bytes; });
  std::vector<const Piece*> placed;  // by offset
  int64_t total = 0;
  for (const size_t i : order) {
    Piece& piece = (*pieces)[i];
    piece.offset = 0;
    for (const Piece* other : placed) {
      if (other->life.last < piece.life.first || piece.life.last < other->life.first) continue;
      if (piece.offset + roomFor(piece) <= other->offset) break;
      piece.offset = std::max(piece.offset, other->offset + roomFor(*other));
    }
    total = std::max(total, piece.offset + roomFor(piece));
    const auto after = std::upper_bound(placed.begin(), placed.end(), &piece,
                                        [](const Piece* a, const Piece* b) { return a->offset < b->offset; });
    placed.insert(after, &piece);
  }
  return total;
}

}  // namespace adjoint
