// The one thread pool of the process, and the order of its end. parallel.h has what kernels need of it.
#pragma once
#include "parallel.h"

namespace adjoint {

// Tells the core that it spins.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Takes the loops of a thread's parallelFor calls in place of the pool, to run them later.
class LoopCollector {
 public:
  // The one of this thread, or null: the pool then runs the loops.
  static LoopCollector*& current();

  virtual void take(int64_t n, ChunkFunction function, void* context) = 0;

 protected:
  ~LoopCollector() = default;
};

// Sets the nominal thread count (1 … kMaxThreads; the caller counts as one). Threads start when first needed.
void setThreadCount(int count);

// For a caller about to start a thread of low priority that runs kernels: a thread has the priority of the one that
// starts it, so that the pool's must not be started by that one.
void startPoolEarly();

// Marks a kernel call on this thread, from its first to its last touch of memory or of OpenBLAS, whose own exit handler
// crashes threads that are inside a product. When the process exits, the handler that the first guard registers waits
// until no kernel runs; a thread that enters a kernel afterwards sleeps until the process is gone.
class KernelGuard {
 public:
  KernelGuard();
  ~KernelGuard();
  KernelGuard(const KernelGuard&) = delete;
  KernelGuard& operator=(const KernelGuard&) = delete;
};

// Whether the process ends: who holds a guard for long should give it back between kernels.
bool isExiting();

}  // namespace adjoint
