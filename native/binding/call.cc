#include "call.h"

#include <cstdarg>
#include <cstdio>
#include <new>

#include "../runtime/thread_pool.h"
#include "call_arguments.h"

namespace adjoint {
namespace {

// One call of a kernel, from its parsed arguments to its outcome.
struct Call {
  CallArguments arguments;
  Recorder* recorder = nullptr;
  std::vector<StorageRef> held;  // operands that a sweep must leave until the kernel has run
  StorageRef workspace;

  // Tells the recorder. If there is no memory for what undoes the call, frees tensors that JavaScript has lost and tries
  // again.
  bool note(const Variant* variant) {
    for (const bool last : {false, true}) {
      try {
        recorder->note(arguments.kernel, variant, arguments.native, arguments.operands.data());
        return true;
      } catch (const std::bad_alloc&) {
        if (last) break;
        sweep();
      }
    }
    failTyped(arguments.environment, "memory", arguments.kernel->name);
    return false;
  }

  // Frees tensors that JavaScript has lost, except the operands.
  void sweep() {
    for (const Operand& operand : arguments.operands) held.emplace_back(operand.storage);
    arguments.environment->sweep(true);
  }

  // Makes a workspace of this size. False if there is no memory for it.
  bool makeWorkspace(int64_t bytes) try {
    const auto size = static_cast<size_t>(bytes);
    workspace = StorageRef::allocate(size);
    if (!workspace && arguments.environment->liveBytes() > 0) {
      if (!arguments.keepsOperands) {
        arguments.keepsOperands = true;
        arguments.parse();
      }
      sweep();
      workspace = StorageRef::allocate(size);
    }
    if (!workspace) return false;
    const Kernel& kernel = *arguments.kernel;
    for (int p = 0; p < kernel.parameterCount; ++p) {
      if (kernel.variants[0].parameters[p].kind != ArgumentKind::kWorkspace) continue;
      arguments.native[p].workspace.buffer = {workspace->data(), bytes};
    }
    if (recorder != nullptr) recorder->addWorkspace(bytes);
    return true;
  } catch (const std::bad_alloc&) {
    workspace = {};
    return false;
  }

  // Runs the kernel; if it asks for a workspace, runs it again with one.
  Outcome run(const Variant* variant) {
    const auto once = [&] {
      KernelGuard guard;
      return variant->run(arguments.native);
    };
    const Outcome outcome = once();
    return outcome.code == Outcome::kWorkspace && makeWorkspace(outcome.position) ? once() : outcome;
  }
};

napi_value faultObject(napi_env env, const Outcome& outcome) {
  napi_value object = nullptr;
  napi_value position = nullptr;
  napi_value value = nullptr;
  napi_create_object(env, &object);
  napi_create_int64(env, outcome.position, &position);
  napi_create_double(env, outcome.value, &value);
  napi_set_named_property(env, object, "position", position);
  napi_set_named_property(env, object, "value", value);
  return object;
}

}  // namespace

BoundKernel::BoundKernel(Environment* environment, const Kernel* kernel)
    : environment(environment), kernel(kernel), indices(0) {
  for (int p = 0; p < kernel->parameterCount; ++p) {
    bool always = kernel->variants[0].parameters[p].kind == ArgumentKind::kIn;
    for (int v = 0; v < kernel->variantCount; ++v) {
      always = always && kernel->variants[v].parameters[p].dtype == DType::kInt32;
    }
    if (always) indices |= uint32_t{1} << p;
  }
}

napi_value fail(napi_env env, const char* format, ...) {
  char message[512];
  va_list rest;
  va_start(rest, format);
  vsnprintf(message, sizeof(message), format, rest);
  va_end(rest);
  napi_throw_error(env, nullptr, message);
  return nullptr;
}

Operand operandOf(const Slot& slot, uint32_t handle) {
  return {slot.storage.get(), slot.data, slot.length, slot.dtype, slot.recorded ? 0 : handle};
}

napi_value failTyped(Environment* environment, const char* what, const char* name) {
  napi_env env = environment->env();
  napi_value makeError = environment->errors(), text[2], error = nullptr, undefined = nullptr;
  napi_get_undefined(env, &undefined);
  if (makeError == nullptr || napi_create_string_utf8(env, what, NAPI_AUTO_LENGTH, &text[0]) != napi_ok ||
      napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &text[1]) != napi_ok ||
      napi_call_function(env, undefined, makeError, 2, text, &error) != napi_ok) {
    return fail(env, "internal: %s: %s tensor", name, what);
  }
  napi_throw(env, error);
  return nullptr;
}

napi_value callKernel(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  try {
    Call call;
    CallArguments& arguments = call.arguments;
    arguments.env = env;
    if (!arguments.load(info, &data)) return fail(env, "internal: the arguments could not be read");
    const auto* bound = static_cast<const BoundKernel*>(data);
    const char* const name = bound->kernel->name;
    arguments.environment = bound->environment;
    arguments.kernel = bound->kernel;
    call.recorder = bound->environment->recorder();
    arguments.keepsOperands = call.recorder != nullptr;
    if (!arguments.parse()) return nullptr;
    const Variant* variant = arguments.variant();
    if (variant == nullptr) return nullptr;
    if (bound->indices != 0 && arguments.writesIndices(bound->indices)) {
      return fail(env, "internal: %s: indices share memory with what is written", name);
    }
    if (call.recorder != nullptr && !call.note(variant)) return nullptr;
    const Outcome outcome = call.run(variant);
    if (outcome.code == Outcome::kOk) return nullptr;
    if (call.recorder != nullptr) call.recorder->forgetLast();
    if (outcome.code == Outcome::kFault) return faultObject(env, outcome);
    if (outcome.code == Outcome::kWorkspace && !call.workspace) return failTyped(bound->environment, "memory", name);
    return fail(env, "internal: %s: the tensors do not fit the sizes", name);
  } catch (const std::bad_alloc&) {
    const auto* bound = static_cast<const BoundKernel*>(data);
    return failTyped(bound->environment, "memory", bound->kernel->name);
  }
}

}  // namespace adjoint
