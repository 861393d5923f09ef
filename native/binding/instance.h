// The addon's state for one JavaScript thread.
#pragma once
#include <napi.h>

#include <functional>
#include <memory>
#include <vector>

#include "arguments.h"
#include "call.h"
#include "programs.h"
#include "weak_list.h"

namespace adjoint {

// Everything that lives as long as one JavaScript thread.
struct Instance {
  explicit Instance(Napi::Env env, int chosen)
      : environment(env), programs(&environment), modules(env), level(chosen) {}
  Environment environment;
  Programs programs;
  WeakList modules;
  const int level;  // of its kernels
  std::vector<std::unique_ptr<BoundKernel>> kernels;
  // What must end before this thread's environment does.
  std::vector<std::function<void()>> atEnd;
  ~Instance() {
    for (const auto& end : atEnd) end();
  }
};

inline Instance& instanceOf(const Napi::CallbackInfo& info) { return *static_cast<Instance*>(info.Data()); }

inline Slot& slotOf(const Napi::CallbackInfo& info, size_t argument) {
  uint32_t handle = 0;
  Slot* slot = nullptr;
  if (napi_get_value_uint32(info.Env(), info[argument], &handle) == napi_ok) {
    slot = instanceOf(info).environment.find(handle);
  }
  if (slot == nullptr) throw internalError(info, "no live tensor");
  return *slot;
}

// The exports that read and write tensors (tensors.cc).
void addTensors(Napi::Object exports, Instance* instance);

}  // namespace adjoint
