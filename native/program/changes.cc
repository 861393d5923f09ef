#include "changes.h"

#include <cstring>
#include <new>

namespace adjoint {

void Changes::save(const StorageRef& storage) {
  if (before_.count(storage.get()) != 0) return;
  StorageRef copy = StorageRef::allocate(storage->bytes);
  if (!copy) throw std::bad_alloc();
  std::memcpy(copy->data(), storage->data(), storage->bytes);
  before_.emplace(storage.get(), Change{storage, std::move(copy)});
}

void Changes::undo() {
  for (const auto& entry : before_) {
    const Change& change = entry.second;
    std::memcpy(change.storage->data(), change.copy->data(), change.storage->bytes);
    change.storage->touch();
  }
  forget();
}

}  // namespace adjoint
