// Pooled, 64-byte aligned, reference-counted memory, shared by all threads of the process.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace adjoint {

// The header of a block; its data follow at the next 64-byte boundary.
struct alignas(64) Storage {
  std::atomic<int32_t> references;
  int32_t sizeClass;
  size_t bytes;   // of data, rounded up to the size class
  Storage* next;  // in the pool's list of free blocks

  void* data() { return this + 1; }
};
static_assert(sizeof(Storage) == 64);

// A block with one reference, its content undefined; null when it would exceed the limit or the system refuses.
Storage* allocateStorage(size_t bytes);
inline void retainStorage(Storage* storage) { storage->references.fetch_add(1, std::memory_order_relaxed); }
void releaseStorage(Storage* storage);

struct MemoryUse {
  uint64_t live;    // bytes in blocks that somebody holds
  uint64_t cached;  // bytes in free blocks kept for reuse
  uint64_t peak;    // the largest live + cached so far
  uint64_t limit;
};
MemoryUse memoryUse();
void setMemoryLimit(uint64_t bytes);
void resetMemoryPeak();
// Gives the free blocks back to the system.
void trimMemory();

}  // namespace adjoint
