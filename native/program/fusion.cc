#include "fusion.h"

#include <algorithm>

#include "../gemm/gemm.h"

namespace adjoint {
namespace {
constexpr int64_t kTile = 1024;  // elements: the operands of a chain stay in the first cache
constexpr int64_t kGrain = 32768;
}  // namespace

Outcome Fusion::run() {
  if (count_ > kMost) return {Outcome::kMisfit, 0, 0};
  current() = this;
  const Outcome first = run_(first_);
  current() = nullptr;
  if (first.code != Outcome::kOk) return first;
  if (outcome_.code != Outcome::kOk) return outcome_;
  return done_ ? outcome_ : Outcome{Outcome::kMisfit, 0, 0};  // a kernel that is wrongly declared pointwise
}

void Fusion::take(int64_t n, ChunkFunction function, void* context) {
  loops_[taken_++] = {function, context};
  if (first_ + taken_ < count_) {
    const Outcome outcome = run_(first_ + taken_);
    if (outcome.code != Outcome::kOk) outcome_ = outcome;
    return;
  }
  current() = nullptr;
  done_ = true;
  if (first_ == 0 || !runProduct(n)) parallelFor(n, kGrain, runTiles, this);
}

// True if the loops have been run, or need not be.
bool Fusion::runProduct(int64_t n) {
  RowTail tail{runTiles, this, n};
  nextRowTail() = &tail;
  const Outcome outcome = run_(0);
  nextRowTail() = nullptr;
  if (outcome.code != Outcome::kOk) outcome_ = outcome;
  return tail.taken || outcome.code != Outcome::kOk;
}

void Fusion::runTiles(void* self, int64_t begin, int64_t end) {
  const Fusion& fusion = *static_cast<const Fusion*>(self);
  for (int64_t from = begin; from < end; from += kTile) {
    const int64_t to = std::min(from + kTile, end);
    for (int i = 0; i < fusion.taken_; i++) fusion.loops_[i].function(fusion.loops_[i].context, from, to);
  }
}

}  // namespace adjoint
