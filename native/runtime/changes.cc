#include "changes.h"

#include <cstring>
#include <new>

namespace adjoint {

void Changes::save(Storage* storage) {
  const auto [entry, isNew] = before_.try_emplace(storage, nullptr);
  if (!isNew) return;
  Storage* copy = allocateStorage(storage->bytes);
  if (copy == nullptr) {
    before_.erase(entry);
    throw std::bad_alloc();
  }
  std::memcpy(copy->data(), storage->data(), storage->bytes);
  retainStorage(storage);
  entry->second = copy;
}

void Changes::undo() {
  for (const auto& [storage, copy] : before_) std::memcpy(storage->data(), copy->data(), storage->bytes);
  forget();
}

void Changes::forget() {
  for (const auto& [storage, copy] : before_) {
    releaseStorage(copy);
    releaseStorage(storage);
  }
  before_.clear();
}

}  // namespace adjoint
