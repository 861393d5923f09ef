// What one JavaScript thread owns: its table of tensors, and the sweep that frees those that JavaScript has lost.
#pragma once
#include <node_api.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../kernels/kernel.h"
#include "../program/recorder.h"
#include "../runtime/memory.h"

namespace adjoint {

struct Slot {
  StorageRef storage;  // none: the slot is free
  void* data = nullptr;
  int64_t length = 0;
  napi_ref owner = nullptr;  // weak; null while a scope owns the tensor
  uint32_t next = 0;         // in the list of free slots
  uint16_t generation = 0;
  DType dtype = DType::kFloat32;
  bool recorded = false;  // made while recording: freed when that ends
};

// A handle is 20 bits of slot and 11 bits of generation; 0 is none. Slots are reused first in, first out, so that the
// generation only has to catch bugs.
class Environment {
 public:
  explicit Environment(napi_env env);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // The slot of a live handle, or null.
  Slot* find(uint32_t handle) {
    const uint32_t index = handle & (kSlots - 1);
    if (index >= slots_.size()) return nullptr;
    Slot& slot = slots_[index];
    return slot.storage && slot.generation == handle >> kSlotBits ? &slot : nullptr;
  }

  // use(handle, slot) for each live tensor.
  template <typename Use>
  void forEachTensor(Use use) const {
    for (uint32_t i = 1; i < slots_.size(); i++) {
      const Slot& slot = slots_[i];
      if (slot.storage) use(static_cast<uint32_t>(slot.generation) << kSlotBits | i, slot);
    }
  }

  static constexpr uint32_t kNoMemory = 0;
  static constexpr uint32_t kTooMany = UINT32_MAX;
  static constexpr uint32_t kSlotBits = 20;
  static constexpr uint32_t kSlots = 1u << kSlotBits;
  static constexpr uint32_t kMaxTensors = kSlots - 1;  // slot 0 is never used

  // A new tensor that lives until `owner` is collected (or, with a null owner, until release). May throw
  // std::bad_alloc.
  uint32_t allocate(napi_value owner, DType dtype, int64_t length);
  // A new tensor over part of another one's storage.
  uint32_t view(napi_value owner, const Slot& base, int64_t offset, int64_t length);
  // Gives a tensor without owner to `owner`.
  bool watch(Slot& slot, napi_value owner);
  void release(uint32_t handle);

  // Frees what JavaScript has lost. With `force`, first makes V8 collect all garbage.
  void sweep(bool force);
  // Sweeps if allocating this many more bytes makes it due.
  void sweepIfDue(int64_t bytes);
  // Bytes of arenas that JavaScript objects own.
  void count(int64_t bytes) { liveBytes_ += bytes; }
  // Called in each sweep: frees programs that JavaScript has lost.
  std::function<void()> freeLostPrograms = [] {};

  // Whether a submitted program forbids the access: what it reads cannot be written, what it writes cannot be touched.
  bool isLocked(const Slot& slot, bool written) const {
    const ProgramUse& use = slot.storage->use;
    const bool busy =
        use.writers.load(std::memory_order_acquire) > 0 || (written && use.readers.load(std::memory_order_acquire) > 0);
    return __builtin_expect(busy, 0) && unlocked_ == 0;
  }
  // While programs are paused between two steps, their tensors are accessible.
  void unlock(int change) { unlocked_ += change; }

  // In between, kernels and allocations are noted, and `changes` gets what they overwrite. The end frees the tensors
  // made in between.
  void beginRecording(const std::vector<Operand>& inputs);
  Recording endRecording(const std::vector<Operand>& outputs, std::string* problem);
  void dropRecording();
  // Null while nothing is recorded.
  Recorder* recorder() const { return recorder_ && !recorder_->paused ? recorder_.get() : nullptr; }
  void pauseRecording(bool paused) {
    if (recorder_) recorder_->paused = paused;
  }

  bool isRecording() const { return recorder_ != nullptr; }
  Changes changes;

  napi_env env() const { return env_; }
  // The function that words typed errors: (what, name) → Error.
  void setErrors(napi_value makeError) {
    if (errors_ != nullptr) napi_delete_reference(env_, errors_);
    errors_ = nullptr;
    napi_create_reference(env_, makeError, 1, &errors_);
  }
  napi_value errors() const {
    napi_value makeError = nullptr;
    if (errors_ != nullptr) napi_get_reference_value(env_, errors_, &makeError);
    return makeError;
  }

  int64_t liveTensors() const { return liveTensors_; }
  int64_t liveBytes() const { return liveBytes_; }
  int64_t sweeps() const { return sweeps_; }

 private:
  uint32_t insert(napi_value owner, StorageRef storage, void* data, DType dtype, int64_t length);
  void freeSlot(uint32_t index);
  void reportToV8(int64_t bytes);

  napi_env env_;
  std::vector<Slot> slots_;
  std::unique_ptr<Recorder> recorder_;
  int unlocked_ = 0;
  napi_ref errors_ = nullptr;
  uint32_t firstFree_ = 0;  // 0: none; slot 0 is never used
  uint32_t lastFree_ = 0;
  int64_t liveTensors_ = 0;
  int64_t liveBytes_ = 0;  // of this environment's handles (a shared storage counts for each) and of arenas
  int64_t reported_ = 0;   // what V8 has been told
  int64_t bytesSinceSweep_ = 0;
  int64_t tensorsSinceSweep_ = 0;
  int64_t bytesAfterSweep_ = 0;
  int64_t tensorsAfterSweep_ = 0;
  int64_t bytesAfterCollection_ = 0;  // live after the last forced collection
  int64_t sweeps_ = 0;
};

}  // namespace adjoint
