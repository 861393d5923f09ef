// What one JavaScript thread has of the addon, and how its exports read their arguments.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "../kernels/families.h"
#include "call.h"
#include "programs.h"

namespace adjoint {

// Everything that lives as long as one JavaScript thread.
struct Instance {
  explicit Instance(Napi::Env env, const Level* chosen) : environment(env), programs(&environment), level(chosen) {}
  Environment environment;
  Programs programs;
  const Level* level;
  std::vector<std::unique_ptr<BoundKernel>> kernels;
};

inline Instance& instanceOf(const Napi::CallbackInfo& info) { return *static_cast<Instance*>(info.Data()); }

inline napi_value ownerOf(const Napi::Value& value) {
  return value.IsObject() ? static_cast<napi_value>(value) : nullptr;
}

inline Slot& slotOf(const Napi::CallbackInfo& info, size_t argument) {
  uint32_t handle = 0;
  Slot* slot = nullptr;
  if (napi_get_value_uint32(info.Env(), info[argument], &handle) == napi_ok) {
    slot = instanceOf(info).environment.find(handle);
  }
  if (slot == nullptr) throw Napi::Error::New(info.Env(), "internal: no live tensor");
  return *slot;
}

inline int64_t integerOf(const Napi::CallbackInfo& info, size_t argument) {
  double value = -1;
  if (napi_get_value_double(info.Env(), info[argument], &value) != napi_ok || !(value >= 0 && value <= 0x1p53)) {
    throw Napi::Error::New(info.Env(), "internal: an integer of at least 0 was expected");
  }
  return static_cast<int64_t>(value);
}

// The exports that read and write tensors (tensors.cc).
void addTensors(Napi::Env env, Napi::Object exports, Instance* instance);

}  // namespace adjoint
