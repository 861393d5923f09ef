// Pooled, 64-byte aligned, reference-counted memory, shared by all threads of the process.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace adjoint {

struct Storage;

// One reference to a storage, or none. Nothing else counts references: a bare Storage* is borrowed from a StorageRef
// that somebody holds.
class StorageRef {
 public:
  StorageRef() = default;
  explicit StorageRef(Storage* storage);  // one more reference
  StorageRef(const StorageRef& other) : StorageRef(other.storage_) {}
  StorageRef(StorageRef&& other) noexcept : storage_(other.storage_) { other.storage_ = nullptr; }
  StorageRef& operator=(StorageRef other) noexcept {
    Storage* const mine = storage_;
    storage_ = other.storage_;
    other.storage_ = mine;
    return *this;
  }
  ~StorageRef() {
    if (storage_ != nullptr) release(storage_);
  }

  // A block with one reference and undefined content; none when it would exceed the limit or the system has no memory.
  static StorageRef allocate(size_t bytes);

  Storage* get() const { return storage_; }
  Storage* operator->() const { return storage_; }
  explicit operator bool() const { return storage_ != nullptr; }

 private:
  static void release(Storage* storage);

  Storage* storage_ = nullptr;
};

// Storages that programs copy at each submission instead of reading them in place.
enum class HostKind : uint8_t { kNone, kValue, kGenerator };

// How recorded programs use a storage.
struct ProgramUse {
  std::atomic<int32_t> readers{0};    // submitted programs that read it: nobody else may write
  std::atomic<int32_t> writers{0};    // submitted programs that write it: nobody else may read or write
  std::atomic<void*> owner{nullptr};  // the runner of those writers
  HostKind host = HostKind::kNone;
  bool served = false;                 // some program only reads it: predictions
  bool changing = false;               // a step is writing it; guarded by the gate, as is shadow
  std::atomic<int32_t> dependents{0};  // the readers that no gate lets read a copy
  StorageRef shadow;                   // a copy from before the step that is writing it, or none
};

// The header of a block; the data follow at the next 64-byte boundary.
struct alignas(64) Storage {
  std::atomic<int32_t> references;
  int32_t sizeClass;
  size_t bytes;   // of data, rounded up to the size class
  Storage* next;  // in the pool's list of free blocks
  ProgramUse use;
  std::atomic<uint64_t> writes{0};  // grows whenever the content may have changed: copies of it are outdated then

  void* data() { return this + 1; }
  // Called by every writer, which has the storage to itself.
  void touch() { writes.store(writes.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
};
static_assert(sizeof(Storage) == 64);

inline StorageRef::StorageRef(Storage* storage) : storage_(storage) {
  if (storage != nullptr) storage->references.fetch_add(1, std::memory_order_relaxed);
}

struct MemoryUse {
  uint64_t live;    // bytes in blocks that are in use
  uint64_t cached;  // bytes in free blocks kept for reuse
  uint64_t peak;    // the largest live + cached so far
  uint64_t limit;
};
MemoryUse memoryUse();
void setMemoryLimit(uint64_t bytes);
// Gives the free blocks back to the system.
void trimMemory();

}  // namespace adjoint
