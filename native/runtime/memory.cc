#include "memory.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>

#include "system.h"

namespace adjoint {
namespace {

// Size classes: 64-byte steps up to 512 bytes, then eight steps per power of two, so that at most an eighth is wasted.
constexpr int kClasses = 8 + 8 * 40;
constexpr size_t kLargest = size_t{1} << 46;

int sizeClassOf(size_t bytes) {
  if (bytes <= 512) return bytes == 0 ? 0 : static_cast<int>((bytes - 1) / 64);
  const int power = 63 - __builtin_clzll(bytes - 1);  // 2^power <= bytes - 1 < 2^(power + 1), power >= 9
  const size_t step = (bytes - 1 - (size_t{1} << power)) >> (power - 3);
  return 8 + 8 * (power - 9) + static_cast<int>(step);
}

size_t bytesOf(int sizeClass) {
  if (sizeClass < 8) return 64 * static_cast<size_t>(sizeClass + 1);
  const int power = 9 + (sizeClass - 8) / 8;
  return (size_t{1} << power) + (static_cast<size_t>((sizeClass - 8) % 8 + 1) << (power - 3));
}

struct Pool {
  std::mutex mutex;
  Storage* free[kClasses] = {};
  uint64_t live = 0;
  uint64_t cached = 0;
  uint64_t peak = 0;
  uint64_t limit = memoryLimit();
};

// Never destroyed: threads may free memory while the process ends.
Pool& pool() {
  static Pool* instance = new Pool;
  return *instance;
}

// Frees cached blocks, the largest first, until at most `keep` bytes are cached. Called with the lock held.
void shrink(Pool& p, uint64_t keep) {
  for (int c = kClasses - 1; c >= 0 && p.cached > keep; --c) {
    while (p.free[c] != nullptr && p.cached > keep) {
      Storage* block = p.free[c];
      p.free[c] = block->next;
      p.cached -= block->bytes;
      std::free(block);
    }
  }
}

}  // namespace

Storage* allocateStorage(size_t bytes) {
  if (bytes > kLargest) return nullptr;
  const int sizeClass = sizeClassOf(bytes);
  const size_t size = bytesOf(sizeClass);
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  Storage* block = p.free[sizeClass];
  if (block != nullptr) {
    p.free[sizeClass] = block->next;
    p.cached -= size;
  } else {
    if (p.live + p.cached + size > p.limit) {
      if (p.live + size > p.limit) return nullptr;
      shrink(p, p.limit - p.live - size);
    }
    void* raw = std::aligned_alloc(64, size + sizeof(Storage));
    if (raw == nullptr) return nullptr;
    block = new (raw) Storage;
    block->sizeClass = sizeClass;
    block->bytes = size;
  }
  block->references.store(1, std::memory_order_relaxed);
  p.live += size;
  p.peak = std::max(p.peak, p.live + p.cached);
  return block;
}

void releaseStorage(Storage* storage) {
  if (storage->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  p.live -= storage->bytes;
  p.cached += storage->bytes;
  storage->next = p.free[storage->sizeClass];
  p.free[storage->sizeClass] = storage;
  // What one step frees, the next one wants; a quarter of what is live on top of 64 MB is enough of it.
  const uint64_t most = (uint64_t{64} << 20) + p.live / 4;
  if (p.cached > most) shrink(p, most);
}

MemoryUse memoryUse() {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  return {p.live, p.cached, p.peak, p.limit};
}

void setMemoryLimit(uint64_t bytes) {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  p.limit = std::min(bytes, memoryLimit());
}

void resetMemoryPeak() {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  p.peak = p.live + p.cached;
}

void trimMemory() {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  shrink(p, 0);
}

}  // namespace adjoint
