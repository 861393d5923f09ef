// Runs a chain of pointwise kernels tile by tile, so that the result of one is still in the first cache when the next
// one reads it; a product may come first, and the others then run on its finished rows. The kernels are the eager ones,
// unchanged: each is called inside the previous one, when that asks the thread pool to run its loop. When the last one
// asks, all loops are known and still alive, and run in turn over each tile. The bits are the eager ones: the same
// compiled loops, cut at multiples of a vector.
#pragma once
#include <functional>

#include "../kernels/kernel.h"
#include "../runtime/thread_pool.h"

namespace adjoint {

class Fusion : private LoopCollector {
 public:
  // run(i) calls kernel i; first is 1 where kernel 0 is a product.
  Fusion(int first, int count, std::function<Outcome(int)> run) : first_(first), count_(count), run_(std::move(run)) {}
  Fusion(const Fusion&) = delete;
  Fusion& operator=(const Fusion&) = delete;

  Outcome run();

 private:
  static constexpr int kMost = 16;
  struct Loop {
    ChunkFunction function;
    void* context;
  };

  void take(int64_t n, ChunkFunction function, void* context) override;
  static void runTiles(void* self, int64_t begin, int64_t end);
  bool runProduct(int64_t n);

  int first_, count_;
  std::function<Outcome(int)> run_;
  Loop loops_[kMost];
  int taken_ = 0;
  bool done_ = false;
  Outcome outcome_{Outcome::kOk, 0, 0};
};

}  // namespace adjoint
