#include "environment.h"

#include <algorithm>

namespace adjoint {
namespace {
constexpr int64_t kMegabyte = 1 << 20;
// A sweep is due when this much, or half of what the last one left if that is more, was allocated since then.
constexpr int64_t kSweepBytes = 32 * kMegabyte;
constexpr int64_t kSweepTensors = 40000;
// A collection is forced when V8's own ones leave this much more than twice the live bytes.
constexpr int64_t kForceBytes = 64 * kMegabyte;
// More external memory than V8 ever tolerates without an immediate full collection (half of its largest heap).
constexpr int64_t kAlarm = int64_t{1} << 50;
// V8 keeps everything alive that a handle of the current scope names, so that polling needs short scopes.
constexpr uint32_t kPollBatch = 1000;
constexpr uint32_t kAhead = 8;  // slots whose memory is fetched before it is looked at: most of it has left the cache
}  // namespace

Environment::Environment(napi_env env) : env_(env), slots_(1) {}

// V8's account of external memory dies with the environment; references do not.
Environment::~Environment() {
  if (errors_ != nullptr) napi_delete_reference(env_, errors_);
  for (Slot& slot : slots_) {
    if (slot.owner != nullptr) napi_delete_reference(env_, slot.owner);
  }
}

uint32_t Environment::allocate(napi_value owner, DType dtype, int64_t length) {
  if (length < 0 || length > INT64_MAX / 16) return kNoMemory;
  const size_t bytes = static_cast<size_t>(length) * bytesPerElement(dtype);
  sweepIfDue(static_cast<int64_t>(bytes));
  StorageRef storage = StorageRef::allocate(bytes);
  if (!storage && liveBytes_ > 0) {
    sweep(true);
    storage = StorageRef::allocate(bytes);
  }
  if (!storage) return kNoMemory;
  if (recorder_) recorder_->allocated(storage.get(), bytes);
  void* const data = storage->data();
  return insert(owner, std::move(storage), data, dtype, length);
}

uint32_t Environment::view(napi_value owner, const Slot& base, int64_t offset, int64_t length) {
  if (offset < 0 || length < 0 || offset > base.length || length > base.length - offset) return kNoMemory;
  void* data = static_cast<char*>(base.data) + static_cast<size_t>(offset) * bytesPerElement(base.dtype);
  ++tensorsSinceSweep_;
  return insert(owner, base.storage, data, base.dtype, length);  // `base` may move when the table grows
}

uint32_t Environment::insert(napi_value owner, StorageRef storage, void* data, DType dtype, int64_t length) {
  if (firstFree_ == 0 && slots_.size() == kSlots) sweep(true);
  uint32_t index = firstFree_;
  if (index != 0) {
    firstFree_ = slots_[index].next;
    if (firstFree_ == 0) lastFree_ = 0;
  } else if (slots_.size() < kSlots) {
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    return kTooMany;
  }
  Slot& slot = slots_[index];
  slot.storage = std::move(storage);
  slot.data = data;
  slot.length = length;
  slot.dtype = dtype;
  slot.owner = nullptr;
  slot.recorded = recorder() != nullptr;
  // Generations run from 1 to 2047: a handle is never 0 and fits a small integer of V8.
  slot.generation = static_cast<uint16_t>(slot.generation % 2047 + 1);
  ++liveTensors_;
  liveBytes_ += static_cast<int64_t>(slot.storage->bytes);
  if (owner != nullptr && !watch(slot, owner)) {
    freeSlot(index);
    return kNoMemory;
  }
  return (static_cast<uint32_t>(slot.generation) << kSlotBits) | index;
}

bool Environment::watch(Slot& slot, napi_value owner) {
  if (slot.owner != nullptr) return true;
  return napi_create_reference(env_, owner, 0, &slot.owner) == napi_ok;
}

void Environment::release(uint32_t handle) {
  if (find(handle) != nullptr) freeSlot(handle & (kSlots - 1));
}

void Environment::freeSlot(uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.owner != nullptr) napi_delete_reference(env_, slot.owner);
  liveBytes_ -= static_cast<int64_t>(slot.storage->bytes);
  --liveTensors_;
  slot.storage = {};
  slot.owner = nullptr;
  slot.next = 0;
  if (lastFree_ == 0) {
    firstFree_ = index;
  } else {
    slots_[lastFree_].next = index;
  }
  lastFree_ = index;
}

void Environment::beginRecording(const std::vector<Operand>& inputs) {
  changes.forget();
  recorder_ = std::make_unique<Recorder>(inputs, &changes);
}

Recording Environment::endRecording(const std::vector<Operand>& outputs, std::string* problem) {
  // Its tensors end with it, whatever happens.
  struct End {
    Environment& self;
    ~End() { self.dropRecording(); }
  } end{*this};
  return recorder_ ? recorder_->finish(outputs, problem) : Recording();
}

void Environment::dropRecording() {
  if (!recorder_) return;
  recorder_.reset();
  for (uint32_t i = 1; i < slots_.size(); i++) {
    if (slots_[i].storage && slots_[i].recorded) freeSlot(i);
  }
}

void Environment::sweepIfDue(int64_t bytes) {
  bytesSinceSweep_ += bytes;
  ++tensorsSinceSweep_;
  const bool due = bytesSinceSweep_ > std::max(kSweepBytes, bytesAfterSweep_ / 2) ||
                   tensorsSinceSweep_ > std::max(kSweepTensors, tensorsAfterSweep_ / 2);
  const int64_t most = 2 * bytesAfterCollection_ + kForceBytes;
  if (due) sweep(false);
  if (liveBytes_ + bytes <= most) return;
  // A collection that finishes an earlier marking keeps what was made since; the second one frees that.
  sweep(true);
  if (liveBytes_ + bytes > most) sweep(true);
  bytesAfterCollection_ = liveBytes_;
}

// Tells V8 how much memory its objects own. It responds to growth with steps of garbage collection.
void Environment::reportToV8(int64_t bytes) {
  int64_t total = 0;
  napi_adjust_external_memory(env_, bytes - reported_, &total);
  reported_ = bytes;
}

void Environment::sweep(bool force) {
  ++sweeps_;
  reportToV8(liveBytes_);
  if (force) {
    reportToV8(liveBytes_ + kAlarm);
    reportToV8(liveBytes_);
  }
  for (uint32_t start = 1; start < slots_.size(); start += kPollBatch) {
    napi_handle_scope scope = nullptr;
    if (napi_open_handle_scope(env_, &scope) != napi_ok) break;
    const uint32_t end = std::min(start + kPollBatch, static_cast<uint32_t>(slots_.size()));
    for (uint32_t i = start; i < end; ++i) {
      if (i + kAhead < end) {
        __builtin_prefetch(slots_[i + kAhead].owner);
        __builtin_prefetch(slots_[i + kAhead].storage.get(), 1);
      }
      if (slots_[i].owner == nullptr) continue;
      napi_value value = nullptr;
      if (napi_get_reference_value(env_, slots_[i].owner, &value) == napi_ok && value == nullptr) freeSlot(i);
    }
    napi_close_handle_scope(env_, scope);
  }
  freeLostPrograms();
  bytesSinceSweep_ = 0;
  tensorsSinceSweep_ = 0;
  bytesAfterSweep_ = liveBytes_;
  tensorsAfterSweep_ = liveTensors_;
  bytesAfterCollection_ = std::min(bytesAfterCollection_, liveBytes_);
  reportToV8(liveBytes_);
}

}  // namespace adjoint
