#include "gate.h"

#include <cstring>

namespace adjoint {

void Gate::beginRead(const std::vector<Storage*>& storages, Reading* reading) {
  std::unique_lock<std::mutex> lock(mutex_);
  recent_.store(kRecent, std::memory_order_relaxed);
  changed_.wait(lock, [&] {
    for (const Storage* storage : storages) {
      if (storage->use.changing && storage->use.shadow == nullptr) return false;
    }
    return true;
  });
  reading->inPlace = false;
  for (Storage* storage : storages) {
    Storage* from = storage->use.changing ? storage->use.shadow : storage;
    if (from == storage) reading->inPlace = true;
    retainStorage(from);
    reading->content.push_back(from);
  }
  if (reading->inPlace) readers_++;
}

void Gate::endRead(Reading* reading) {
  for (Storage* storage : reading->content) releaseStorage(storage);
  reading->content.clear();
  if (!reading->inPlace) return;
  std::lock_guard<std::mutex> lock(mutex_);
  if (--readers_ == 0) changed_.notify_all();
}

void Gate::beginWrite(const std::vector<Storage*>& storages) {
  std::vector<Storage*> copies(storages.size(), nullptr);
  if (recent_.load(std::memory_order_relaxed) > 0) {
    recent_.fetch_sub(1, std::memory_order_relaxed);
    for (size_t i = 0; i < storages.size(); i++) {
      if (!storages[i]->use.served) continue;
      copies[i] = allocateStorage(storages[i]->bytes);  // without memory for it, readers wait
      if (copies[i] != nullptr) std::memcpy(copies[i]->data(), storages[i]->data(), storages[i]->bytes);
    }
  }
  std::unique_lock<std::mutex> lock(mutex_);
  for (size_t i = 0; i < storages.size(); i++) {
    if (!storages[i]->use.served) continue;
    storages[i]->use.shadow = copies[i];
    storages[i]->use.changing = true;
  }
  changed_.wait(lock, [&] { return readers_ == 0; });
}

void Gate::endWrite(const std::vector<Storage*>& storages) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (Storage* storage : storages) {
    if (!storage->use.changing) continue;
    storage->use.changing = false;
    if (storage->use.shadow != nullptr) releaseStorage(storage->use.shadow);
    storage->use.shadow = nullptr;
  }
  changed_.notify_all();
}

}  // namespace adjoint
