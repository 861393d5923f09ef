// A runner as JavaScript holds it, and helpers of the exports that take one.
#pragma once
#include "arguments.h"
#include "programs.h"

namespace adjoint {

// Tells JavaScript by callback(completed, ending, operation, position, value).
struct RunnerHandle : std::enable_shared_from_this<RunnerHandle> {
  RunnerHandle(Programs* programs, Priority priority)
      : programs(programs), runner(&programs->gate, priority, [this] { notify(); }) {}

  void notify() {
    if (function == nullptr || closing || notified.exchange(true)) return;
    if (napi_call_threadsafe_function(function, nullptr, napi_tsfn_nonblocking) == napi_closing) closing = true;
  }

  // Keeps the event loop alive while steps are queued, and only then.
  void hold(napi_env env, bool busy) {
    if (busy == held || function == nullptr) return;
    held = busy;
    (busy ? napi_ref_threadsafe_function : napi_unref_threadsafe_function)(env, function);
  }

  void shutDown() {
    runner.shutDown();
    if (programs != nullptr) programs->environment->count(-counted);
    counted = 0;
    if (function != nullptr && !closing) napi_release_threadsafe_function(function, napi_tsfn_abort);
    function = nullptr;
    held = false;
  }

  // Releases the object that JavaScript holds.
  void disown(napi_env env) {
    if (owner != nullptr) napi_delete_reference(env, owner);
    owner = nullptr;
  }

  Programs* programs;        // null once the JavaScript thread has ended
  napi_ref owner = nullptr;  // weak: the object that JavaScript holds
  int64_t counted = 0;       // bytes of arenas that the environment knows of
  napi_threadsafe_function function = nullptr;
  std::atomic<bool> notified{false}, closing{false};  // closing: it has released its reference to this thread
  bool held = false;
  std::vector<char> saved;
  Runner runner;
};

using Info = Napi::CallbackInfo;

inline Programs& programsOf(const Info& info) { return *static_cast<Programs*>(info.Data()); }

// The runner in the first argument.
inline RunnerHandle& handleOf(const Info& info) {
  if (!info[0].IsExternal()) throw internalError(info, "a runner was expected");
  return **info[0].As<Napi::External<std::shared_ptr<RunnerHandle>>>().Data();
}

inline Program& programOf(const Info& info) {
  Program* program = handleOf(info).runner.program(smallIntegerOf(info, 1));
  if (program == nullptr) throw internalError(info, "no such program");
  return *program;
}

// steps.cc
Napi::Value programTensors(const Info& info);
Napi::Value submit(const Info& info);
Napi::Value replay(const Info& info);

}  // namespace adjoint
