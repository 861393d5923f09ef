#include "memory.h"

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <mutex>
#include <new>

#include "system.h"

namespace adjoint {
namespace {

// In a build for a sanitizer or valgrind (CMakeLists.txt), blocks have the exact size and are never reused, so that each
// access outside of a tensor's memory or life is found.
#ifdef ADJOINT_CHECKED
constexpr bool kChecked = true;
#else
constexpr bool kChecked = false;
#endif

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

#if defined(__linux__) && !defined(ADJOINT_CHECKED)

constexpr size_t kHugePage = size_t{2} << 20;
// Each block of at least this size is a mapping of its own: malloc would keep freed ones in a heap that cannot shrink,
// and the next block might not fit into its gaps.
constexpr size_t kMapped = size_t{1} << 20;

size_t inPages(size_t bytes) {
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

// A block of one huge page or more asks for huge pages, up to the last whole one: it is first written with fewer
// faults, and its rows are found sooner.
void* mapBlock(size_t bytes) {
  const size_t size = inPages(bytes), extra = bytes >= kHugePage ? kHugePage : 0;
  void* mapped = mmap(nullptr, size + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  if (extra == 0) return mapped;
  char *begin = static_cast<char*>(mapped),
       *block = begin + (extra - reinterpret_cast<uintptr_t>(begin) % extra) % extra;
  if (block > begin) munmap(begin, static_cast<size_t>(block - begin));
  if (block < begin + extra) munmap(block + size, static_cast<size_t>(begin + extra - block));
  madvise(block, bytes, MADV_HUGEPAGE);
  return block;
}

void* allocateBlock(size_t bytes) { return bytes >= kMapped ? mapBlock(bytes) : allocateAligned(64, bytes); }

void freeBlock(void* block, size_t bytes) {
  if (bytes >= kMapped) {
    munmap(block, inPages(bytes));
  } else {
    freeAligned(block);
  }
}

#else

void* allocateBlock(size_t bytes) { return allocateAligned(64, bytes); }
void freeBlock(void* block, size_t) { freeAligned(block); }

#endif

struct Pool {
  std::mutex mutex;
  Storage* free[kClasses] = {};
  uint64_t live = 0;
  uint64_t cached = 0;
  uint64_t peak = 0;
  uint64_t recent = 0;                  // the most that was live lately
  const uint64_t most = memoryLimit();  // beyond it, the system would end the process
  const uint64_t atStart = ownMemory();
  uint64_t limit = most;
  uint64_t sinceCheck = 0;  // bytes taken from the system since it last proved to have room for more

  // Whether the system has room for `size` more bytes, within limits of address space and of memory. JavaScript's heap
  // and others share the latter, and must be able to grow a little.
  bool hasRoom(uint64_t size) const {
    const uint64_t blocks = live + cached, own = ownMemory(), reserve = std::min(most / 8, uint64_t{64} << 20);
    const uint64_t others = std::max(atStart, own > blocks ? own - blocks : 0);
    return blocks + size + others + reserve <= most && hasRoomFor(size);
  }

  // Bytes that may stay cached beside `size` more live ones. The next step needs what this one frees: live and cached
  // bytes together may be what was live lately plus 32 MB, within the limit.
  uint64_t mostCached(uint64_t size) const {
    if (kChecked) return 0;
    const uint64_t inAll = std::min(limit, recent + (uint64_t{32} << 20));
    return inAll > live + size ? inAll - live - size : 0;
  }
};

// Never destroyed: threads may free memory while the process ends.
Pool& pool() {
  static Pool* instance = new Pool;
  return *instance;
}

// A new block from the system, which must leave room for others. That is checked once in several MB.
void* takeFromSystem(Pool& p, size_t bytes) {
  constexpr uint64_t kUnchecked = uint64_t{4} << 20;
  if (p.sinceCheck + bytes >= kUnchecked) {
    if (!p.hasRoom(bytes)) return nullptr;
    p.sinceCheck = 0;
  } else {
    p.sinceCheck += bytes;
  }
  return allocateBlock(bytes);
}

// Frees cached blocks, the largest first, until at most `keep` bytes are cached. Called with the lock held.
void shrink(Pool& p, uint64_t keep) {
  for (int c = kClasses - 1; c >= 0 && p.cached > keep; --c) {
    while (p.free[c] != nullptr && p.cached > keep) {
      Storage* block = p.free[c];
      p.free[c] = block->next;
      p.cached -= block->bytes;
      const size_t bytes = block->bytes + sizeof(Storage);
      block->~Storage();
      freeBlock(block, bytes);
    }
  }
}

}  // namespace

StorageRef StorageRef::allocate(size_t bytes) {
  StorageRef result;
  if (bytes > kLargest) return result;
  const int sizeClass = sizeClassOf(bytes);
  // Never 0: what shrink frees is counted in bytes.
  const size_t size = kChecked ? std::max<size_t>(bytes, 1) : bytesOf(sizeClass);
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  if (size > p.limit || p.live > p.limit - size) return result;
  Storage* block = p.free[sizeClass];
  if (block != nullptr) {
    p.free[sizeClass] = block->next;
    if (block->next != nullptr) {  // soon wanted, and rarely in the cache
      __builtin_prefetch(block->next, 1);
      __builtin_prefetch(block->next->data(), 1);
    }
    p.cached -= size;
    block->use.host = HostKind::kNone;  // the rest has been given back by the programs themselves
    block->use.served = false;
  } else {
    shrink(p, p.mostCached(size));
    void* raw = takeFromSystem(p, size + sizeof(Storage));
    if (raw == nullptr && p.cached > 0) {
      shrink(p, 0);
      raw = takeFromSystem(p, size + sizeof(Storage));
    }
    if (raw == nullptr) return result;
    block = new (raw) Storage;
    block->sizeClass = sizeClass;
    block->bytes = size;
  }
  block->references.store(1, std::memory_order_relaxed);
  p.live += size;
  p.recent = std::max(p.recent, p.live);
  p.peak = std::max(p.peak, p.live + p.cached);
  result.storage_ = block;
  return result;
}

void StorageRef::release(Storage* storage) {
  if (storage->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  p.live -= storage->bytes;
  p.cached += storage->bytes;
  storage->next = p.free[storage->sizeClass];
  p.free[storage->sizeClass] = storage;
  p.recent -= (p.recent - p.live) >> 16;  // forgotten after some 65,000 releases
  shrink(p, p.mostCached(0));
}

MemoryUse memoryUse() {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  return {p.live, p.cached, p.peak, p.limit};
}

void setMemoryLimit(uint64_t bytes) {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  p.limit = std::min(bytes, p.most);
  shrink(p, p.mostCached(0));
}

void trimMemory() {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  p.recent = p.live;
  shrink(p, 0);
}

}  // namespace adjoint
