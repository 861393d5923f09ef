#include "gate.h"

#include <cstring>

namespace adjoint {

Gate::Reader::Reader(Gate* gate, const std::vector<Storage*>& storages) : gate_(gate) {
  content_.reserve(storages.size());
  std::unique_lock<std::mutex> lock(gate->mutex_);
  gate->recent_.store(kRecent, std::memory_order_relaxed);
  gate->changed_.wait(lock, [&] {
    for (const Storage* storage : storages) {
      if (storage->use.changing && !storage->use.shadow) return false;
    }
    return true;
  });
  for (Storage* storage : storages) {
    content_.push_back(storage->use.changing ? storage->use.shadow : StorageRef(storage));
    if (!storage->use.changing) inPlace_ = true;
  }
  if (inPlace_) gate->readers_++;
}

Gate::Reader::~Reader() {
  if (!inPlace_) return;
  std::lock_guard<std::mutex> lock(gate_->mutex_);
  if (--gate_->readers_ == 0) gate_->changed_.notify_all();
}

Gate::Writer::Writer(Gate* gate, const std::vector<Storage*>& storages) : gate_(gate), storages_(storages) {
  std::vector<StorageRef> copies(storages.size());
  if (gate->recent_.load(std::memory_order_relaxed) > 0) {
    gate->recent_.fetch_sub(1, std::memory_order_relaxed);
    for (size_t i = 0; i < storages.size(); i++) {
      if (!storages[i]->use.served) continue;
      copies[i] = StorageRef::allocate(storages[i]->bytes);  // without memory for it, readers wait
      if (copies[i]) std::memcpy(copies[i]->data(), storages[i]->data(), storages[i]->bytes);
    }
  }
  std::unique_lock<std::mutex> lock(gate->mutex_);
  for (size_t i = 0; i < storages.size(); i++) {
    if (!storages[i]->use.served) continue;
    storages[i]->use.shadow = std::move(copies[i]);
    storages[i]->use.changing = true;
  }
  gate->changed_.wait(lock, [&] { return gate->readers_ == 0; });
}

Gate::Writer::~Writer() {
  std::lock_guard<std::mutex> lock(gate_->mutex_);
  for (Storage* storage : storages_) {
    if (!storage->use.changing) continue;
    storage->use.changing = false;
    storage->use.shadow = {};
  }
  gate_->changed_.notify_all();
}

}  // namespace adjoint
