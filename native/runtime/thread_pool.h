// The process's thread pool, and an orderly exit of the process. Kernels need only parallel.h.
#pragma once
#include "parallel.h"

namespace adjoint {

// Tells the core that this thread spins.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Receives the loops of a thread's parallelFor calls instead of the pool, to run them later.
class LoopCollector {
 public:
  // This thread's, or null: the pool then runs the loops.
  static LoopCollector*& current();

  virtual void take(int64_t n, ChunkFunction function, void* context) = 0;

 protected:
  ~LoopCollector() = default;
};

// Sets the nominal thread count (1 … kMaxThreads; the caller counts as one). Threads start when first needed.
void setThreadCount(int count);

// Called before starting a thread of low priority that runs kernels: a thread inherits the priority of the one that
// starts it, so that one must not start the pool's threads.
void startPoolEarly();

// Marks a kernel call on this thread, from its first to its last use of memory or of OpenBLAS, whose own exit handler
// crashes threads that are inside a product. At exit, the handler that the first guard registered waits until no kernel
// runs; a thread that enters a kernel afterwards sleeps until the process is gone.
class KernelGuard {
 public:
  KernelGuard();
  ~KernelGuard();
  KernelGuard(const KernelGuard&) = delete;
  KernelGuard& operator=(const KernelGuard&) = delete;
};

// Whether the process is exiting: long-lived guards should be released between kernels.
bool isExiting();

}  // namespace adjoint
