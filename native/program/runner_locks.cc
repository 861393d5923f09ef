// Which tensors queued steps hold, and which submissions are refused because of it.
#include <algorithm>

#include "runner.h"

namespace adjoint {

// Whether steps of other runners read one of these, which are sorted: they might see it half written. Our own ones run
// before or after.
bool Runner::isOneNeeded(const std::vector<Storage*>& storages) const {
  const auto hasDependents = [](const Storage* storage) { return storage->use.dependents.load() > 0; };
  if (std::none_of(storages.begin(), storages.end(), hasDependents)) return false;
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<int> own(storages.size(), 0);
  const auto count = [&](const Storage* storage) {
    const auto place = std::lower_bound(storages.begin(), storages.end(), storage);
    if (place != storages.end() && *place == storage) own[static_cast<size_t>(place - storages.begin())]++;
  };
  for (const auto& program : programs_) {
    if (!program || program->pending == 0 || program->isReader()) continue;
    for (const Storage* storage : program->read) count(storage);
  }
  for (const auto& submission : queue_) {
    const size_t inputs = submission.program->recording.inputs.size();
    for (size_t i = 0; i < inputs; i++) count(submission.targets[i].storage);
  }
  for (size_t i = 0; i < storages.size(); i++) {
    if (storages[i]->use.dependents.load() > own[i]) return true;
  }
  return false;
}

Refusal Runner::check(const Program& program, int count, const Target* targets) const {
  if (down_) return {Refusal::kGone};
  const auto isForeign = [this](const Storage* storage) {
    return storage->use.writers.load(std::memory_order_acquire) > 0 && storage->use.owner.load() != this;
  };
  if (!program.isReader()) {
    for (size_t i = 0; i < program.capturedStorages.size(); i++) {
      if (isForeign(program.capturedStorages[i])) return {Refusal::kBusy, program.captured[i]};
    }
    if (isOneNeeded(program.written)) return {Refusal::kBusy};
  }
  const int inputs = static_cast<int>(program.recording.inputs.size()), step = program.targets();
  for (int i = 0; i < count * step; i++) {
    if (i % step >= inputs) continue;
    Storage* const storage = targets[i].storage;
    if (std::binary_search(program.written.begin(), program.written.end(), storage)) {
      return {Refusal::kArgumentShared, i % step};
    }
    if (storage->use.writers.load(std::memory_order_acquire) > 0) return {Refusal::kArgumentBusy, i % step};
  }
  return {};
}

void Runner::lock(const Program& program) {
  for (Storage* storage : program.read) {
    storage->use.readers.fetch_add(1, std::memory_order_relaxed);
    if (!program.isReader()) storage->use.dependents.fetch_add(1, std::memory_order_relaxed);
  }
  for (Storage* storage : program.written) {
    storage->use.owner.store(this, std::memory_order_relaxed);
    storage->use.writers.fetch_add(1, std::memory_order_relaxed);
  }
}

void Runner::unlock(const Program& program) {
  for (Storage* storage : program.read) {
    storage->use.readers.fetch_sub(1, std::memory_order_release);
    if (!program.isReader()) storage->use.dependents.fetch_sub(1, std::memory_order_release);
  }
  for (Storage* storage : program.written) storage->use.writers.fetch_sub(1, std::memory_order_release);
}

void Runner::Submission::fill(Program* given, const Target* first) {
  const size_t count = static_cast<size_t>(given->targets()), inputs = given->recording.inputs.size();
  targets.assign(first, first + count);
  host.resize(given->hostBytes);
  held_.reserve(count);
  program = given;
  notifies = false;
  for (size_t i = 0; i < count; i++) {
    held_.emplace_back(targets[i].storage);
    if (!held_[i]) continue;
    ProgramUse& use = held_[i]->use;
    if (i < inputs) use.dependents.fetch_add(1, std::memory_order_relaxed);
    (i < inputs ? use.readers : use.writers).fetch_add(1, std::memory_order_relaxed);
  }
}

void Runner::Submission::release(std::vector<StorageRef>& into) {
  for (size_t i = 0; i < held_.size(); i++) {
    if (!held_[i]) continue;
    ProgramUse& use = held_[i]->use;
    const bool isInput = i < program->recording.inputs.size();
    if (isInput) use.dependents.fetch_sub(1, std::memory_order_release);
    (isInput ? use.readers : use.writers).fetch_sub(1, std::memory_order_release);
  }
  held_.swap(into);
}

}  // namespace adjoint
