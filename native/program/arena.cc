#include "arena.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "../simd/integers.h"

namespace adjoint {
namespace {

constexpr int64_t kAlign = 64;
int64_t roomFor(const Piece& piece) { return roundUp(std::max<int64_t>(piece.bytes, 1), kAlign); }

// Up to this many pieces, each is compared with all others.
constexpr size_t kFew = 4096;

// Largest first, each at the lowest offset that is free during its life: the arena is rarely larger than the most that
// is alive at once, but the time grows with the square of the number of pieces.
int64_t placeBySize(std::vector<Piece>* pieces) {
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

// The free places of an arena, neighbours joined.
class FreePlaces {
 public:
  // The smallest gap with room for `size` bytes; if there is none, the end of the arena, which grows.
  int64_t take(int64_t size) {
    auto found = bySize_.lower_bound({size, 0});
    if (found == bySize_.end()) {
      int64_t offset = total_;
      if (!byOffset_.empty()) {
        const auto [begin, length] = *byOffset_.rbegin();
        if (begin + length == total_) {
          offset = begin;
          remove(begin, length);
        }
      }
      total_ = offset + size;
      return offset;
    }
    const auto [length, offset] = *found;
    remove(offset, length);
    if (length > size) add(offset + size, length - size);
    return offset;
  }

  void give(int64_t offset, int64_t size) {
    auto next = byOffset_.lower_bound(offset);
    if (next != byOffset_.begin()) {
      const auto [begin, length] = *std::prev(next);
      if (begin + length == offset) {
        remove(begin, length);
        offset = begin;
        size += length;
      }
    }
    next = byOffset_.lower_bound(offset);
    if (next != byOffset_.end() && next->first == offset + size) {
      const int64_t length = next->second;
      remove(next->first, length);
      size += length;
    }
    add(offset, size);
  }

  int64_t total() const { return total_; }

 private:
  void add(int64_t offset, int64_t size) {
    byOffset_.emplace(offset, size);
    bySize_.emplace(size, offset);
  }
  void remove(int64_t offset, int64_t size) {
    byOffset_.erase(offset);
    bySize_.erase({size, offset});
  }

  std::map<int64_t, int64_t> byOffset_;
  std::set<std::pair<int64_t, int64_t>> bySize_;
  int64_t total_ = 0;
};

// In the order in which their lives begin, as malloc would.
int64_t placeByTime(std::vector<Piece>* pieces) {
  std::vector<Piece*> order, alive;  // alive: a heap, the one that ends first on top
  for (Piece& piece : *pieces) order.push_back(&piece);
  std::stable_sort(order.begin(), order.end(),
                   [](const Piece* a, const Piece* b) { return a->life.first < b->life.first; });
  const auto endsLater = [](const Piece* a, const Piece* b) { return a->life.last > b->life.last; };
  FreePlaces places;
  for (Piece* piece : order) {
    while (!alive.empty() && alive.front()->life.last < piece->life.first) {
      std::pop_heap(alive.begin(), alive.end(), endsLater);
      places.give(alive.back()->offset, roomFor(*alive.back()));
      alive.pop_back();
    }
    piece->offset = places.take(roomFor(*piece));
    alive.push_back(piece);
    std::push_heap(alive.begin(), alive.end(), endsLater);
  }
  return places.total();
}

}  // namespace

int64_t placePieces(std::vector<Piece>* pieces) {
  return pieces->size() <= kFew ? placeBySize(pieces) : placeByTime(pieces);
}

}  // namespace adjoint
