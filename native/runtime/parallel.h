// The interface of the thread pool for code that need not know how it works.
#pragma once
#include <cstdint>

namespace adjoint {

using ChunkFunction = void (*)(void* context, int64_t begin, int64_t end);

// Runs `function` over [0, n) in chunks of at least `grain` items (a short range in one call, here). The chunks' bounds
// depend on n, grain and the nominal thread count only, never on timing, so the same thread count gives the same bits.
// Inside a chunk, a nested parallelFor runs in place. `function` must not throw. Without `wakes`, sleeping threads are
// left alone unless such calls follow one another closely: for work of some microseconds, which is what waking a
// thread costs.
void parallelFor(int64_t n, int64_t grain, ChunkFunction function, void* context, bool wakes = true);

// The nominal thread count, at least 1.
int threadCount();

}  // namespace adjoint
