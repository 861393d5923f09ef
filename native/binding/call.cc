#include "call.h"

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include "../runtime/thread_pool.h"
#include "constants.h"

namespace adjoint {
namespace {

constexpr int kInlineArguments = 48;
constexpr int kUsualArguments =
    8;  // Node-API fills what is asked for and not there with undefined: ask for little first
constexpr int kMaxParameters = 16;
constexpr double kLargestInteger = 9007199254740992.0;  // 2^53

const char* dtypeName(DType dtype) {
  static const auto& names = *new std::vector<std::string>(namesOf(dtypeNames));  // threads may outlive main
  return names[static_cast<size_t>(dtype)].c_str();
}

// The JavaScript arguments of one call, and their native form.
struct Call {
  napi_env env;
  Environment* environment;
  Recorder* recorder;
  const Kernel* kernel;
  bool keepsOperands = false;
  size_t count = kUsualArguments;
  size_t next = 0;
  napi_value inlineValues[kInlineArguments];
  Buffer inlineBuffers[kInlineArguments];
  int64_t inlineIntegers[kInlineArguments];
  std::unique_ptr<napi_value[]> manyValues;
  std::unique_ptr<Buffer[]> manyBuffers;
  std::unique_ptr<int64_t[]> manyIntegers;
  std::unique_ptr<double[]> packed;  // the arguments, when they came in one array
  napi_value* values = inlineValues;
  Buffer* buffers = inlineBuffers;
  int64_t* integers = inlineIntegers;
  std::vector<Operand> operands;  // while recording, and where memory is short
  std::vector<StorageRef> held;   // operands that a sweep must leave until the kernel has run
  StorageRef workspace;
  Argument arguments[kMaxParameters];
  DType dtypes[kMaxParameters];
  bool present[kMaxParameters];  // a span with a dtype that a variant must match

  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  bool load(napi_callback_info info, void** data) {
    if (napi_get_cb_info(env, info, &count, inlineValues, nullptr, data) != napi_ok) return false;
    if (count == 1) return unpack();
    if (count <= kUsualArguments) return true;
    if (count <= kInlineArguments)
      return napi_get_cb_info(env, info, &count, inlineValues, nullptr, nullptr) == napi_ok;
    manyValues.reset(new napi_value[count]);
    values = manyValues.get();
    makeRoom();
    return napi_get_cb_info(env, info, &count, values, nullptr, nullptr) == napi_ok;
  }

  // A single Float64Array stands for its elements, because a JavaScript call takes at most some 100,000 arguments.
  bool unpack() {
    bool isArray = false;
    if (napi_is_typedarray(env, inlineValues[0], &isArray) != napi_ok || !isArray) return true;
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    if (napi_get_typedarray_info(env, inlineValues[0], &type, &length, &data, nullptr, nullptr) != napi_ok)
      return false;
    if (type != napi_float64_array) return true;
    packed.reset(new double[length]);  // a copy: nobody may change what has been checked
    if (length > 0) std::memcpy(packed.get(), data, length * sizeof(double));
    count = length;
    if (count > kInlineArguments) makeRoom();
    return true;
  }

  void makeRoom() {
    manyBuffers.reset(new Buffer[count]);
    manyIntegers.reset(new int64_t[count]);
    buffers = manyBuffers.get();
    integers = manyIntegers.get();
  }

  bool number(double* value) {
    if (next >= count) {
      fail(env, "internal: %s: too few arguments, got %zu", kernel->name, count);
      return false;
    }
    if (packed != nullptr) {
      *value = packed[next];
    } else if (napi_get_value_double(env, values[next], value) != napi_ok) {
      fail(env, "internal: %s: argument %zu must be a number", kernel->name, next);
      return false;
    }
    ++next;
    return true;
  }

  bool integer(int64_t* value) {
    double wide = 0;
    if (!number(&wide)) return false;
    if (!(wide >= 0 && wide <= kLargestInteger) || wide != std::floor(wide)) {
      fail(env, "internal: %s: argument %zu must be an integer of at least 0, got %g", kernel->name, next - 1, wide);
      return false;
    }
    *value = static_cast<int64_t>(wide);
    return true;
  }

  bool handleAt(size_t position, uint32_t* handle) const {
    if (packed == nullptr) return napi_get_value_uint32(env, values[position], handle) == napi_ok;
    const double wide = packed[position];
    if (!(wide >= 0 && wide <= UINT32_MAX)) return false;
    *handle = static_cast<uint32_t>(wide);
    return true;
  }

  // Spans of one list must share a dtype; `first` tells whether it is still open.
  bool span(Buffer* buffer, DType* dtype, bool* present, bool written) {
    uint32_t handle = 0;
    if (next >= count || !handleAt(next, &handle)) {
      fail(env, "internal: %s: argument %zu must be a handle", kernel->name, next);
      return false;
    }
    ++next;
    if (handle == 0) {
      *buffer = {nullptr, 0};
      if (keepsOperands) operands.emplace_back();
      return true;
    }
    const Slot* slot = environment->find(handle);
    if (slot == nullptr) {
      fail(env, "internal: %s: argument %zu is no live tensor", kernel->name, next - 1);
      return false;
    }
    if (environment->isLocked(*slot, written)) {
      failTyped(environment, "locked", kernel->name);
      return false;
    }
    if (written) slot->storage->touch();
    if (keepsOperands) operands.push_back(operandOf(*slot, handle));
    if (*present && *dtype != slot->dtype) {
      fail(env, "internal: %s: the tensors of a list must have one dtype", kernel->name);
      return false;
    }
    *buffer = {slot->data, slot->length};
    *dtype = slot->dtype;
    *present = true;
    return true;
  }

  bool list(int parameter, size_t* used, bool written) {
    int64_t length = 0;
    if (!integer(&length)) return false;
    if (length > static_cast<int64_t>(count - next)) {
      fail(env, "internal: %s: a list of %lld tensors, but %zu arguments follow", kernel->name,
           static_cast<long long>(length), count - next);
      return false;
    }
    arguments[parameter].list = {buffers + *used, length};
    for (int64_t i = 0; i < length; ++i) {
      if (!span(&buffers[(*used)++], &dtypes[parameter], &present[parameter], written)) return false;
    }
    return true;
  }

  bool parse() {
    size_t usedBuffers = 0;
    const Parameter* parameters = kernel->variants[0].parameters;
    for (int p = 0; p < kernel->parameterCount; ++p) {
      present[p] = false;
      switch (parameters[p].kind) {
        case ArgumentKind::kIn:
        case ArgumentKind::kOut:
        case ArgumentKind::kInOut:
          if (!span(&arguments[p].buffer, &dtypes[p], &present[p], isWritten(parameters[p].kind))) return false;
          break;
        case ArgumentKind::kWorkspace:
          arguments[p].workspace = {{nullptr, 0}, threadCount()};
          break;
        case ArgumentKind::kIns:
        case ArgumentKind::kOuts:
        case ArgumentKind::kInOuts:
          if (!list(p, &usedBuffers, isWritten(parameters[p].kind))) return false;
          break;
        case ArgumentKind::kInteger:
          if (!integer(&arguments[p].integer)) return false;
          break;
        case ArgumentKind::kReal:
          if (!number(&arguments[p].real)) return false;
          break;
        case ArgumentKind::kIntegers: {
          int64_t length = 0;
          while (next < count) {
            if (!integer(&integers[length++])) return false;
          }
          arguments[p].integers = {integers, length};
          break;
        }
      }
    }
    if (next == count) return true;
    fail(env, "internal: %s: %zu arguments expected, got %zu", kernel->name, next, count);
    return false;
  }

  // Tells the recorder. If there is no memory for what undoes the call, frees tensors that JavaScript has lost and tries
  // again.
  bool note(const Variant* variant) {
    for (const bool last : {false, true}) {
      try {
        recorder->note(kernel, variant, arguments, operands.data());
        return true;
      } catch (const std::bad_alloc&) {
        if (last) break;
        sweep();
      }
    }
    failTyped(environment, "memory", kernel->name);
    return false;
  }

  // Frees tensors that JavaScript has lost, except the operands.
  void sweep() {
    for (const Operand& operand : operands) held.emplace_back(operand.storage);
    environment->sweep(true);
  }

  // Makes a workspace of this size. False if there is no memory for it.
  bool makeWorkspace(int64_t bytes) try {
    const auto size = static_cast<size_t>(bytes);
    workspace = StorageRef::allocate(size);
    if (!workspace && environment->liveBytes() > 0) {
      if (!keepsOperands) {
        keepsOperands = true;
        next = 0;
        parse();
      }
      sweep();
      workspace = StorageRef::allocate(size);
    }
    if (!workspace) return false;
    for (int p = 0; p < kernel->parameterCount; ++p) {
      if (kernel->variants[0].parameters[p].kind != ArgumentKind::kWorkspace) continue;
      arguments[p].workspace.buffer = {workspace->data(), bytes};
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
      return variant->run(arguments);
    };
    const Outcome outcome = once();
    return outcome.code == Outcome::kWorkspace && makeWorkspace(outcome.position) ? once() : outcome;
  }

  const Variant* variant() {
    for (int v = 0; v < kernel->variantCount; ++v) {
      const Parameter* parameters = kernel->variants[v].parameters;
      bool fits = true;
      for (int p = 0; p < kernel->parameterCount && fits; ++p) fits = !present[p] || dtypes[p] == parameters[p].dtype;
      if (fits) return &kernel->variants[v];
    }
    char got[256] = "";
    size_t length = 0;
    for (int p = 0; p < kernel->parameterCount && length < sizeof(got) - 16; ++p) {
      if (present[p]) {
        length += static_cast<size_t>(snprintf(got + length, sizeof(got) - length, " %s", dtypeName(dtypes[p])));
      }
    }
    fail(env, "internal: %s: no variant for dtypes%s", kernel->name, got);
    return nullptr;
  }
};

// A kernel checks its indices and then trusts them: they must not share memory with what it writes.
bool writesIndices(const Call& call, const BoundKernel& bound) {
  const Parameter* parameters = bound.kernel->variants[0].parameters;
  for (int i = 0; i < bound.kernel->parameterCount; ++i) {
    if ((bound.indices >> i & 1) == 0) continue;
    const Buffer& index = call.arguments[i].buffer;
    const auto* begin = static_cast<const int32_t*>(index.data);
    for (int p = 0; p < bound.kernel->parameterCount; ++p) {
      if (parameters[p].kind > ArgumentKind::kInOut || !isWritten(parameters[p].kind) || !call.present[p] ||
          call.dtypes[p] != DType::kInt32)
        continue;
      const Buffer& written = call.arguments[p].buffer;
      const auto* other = static_cast<const int32_t*>(written.data);
      if (begin < other + written.length && other < begin + index.length) return true;
    }
  }
  return false;
}

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
    call.env = env;
    if (!call.load(info, &data)) return fail(env, "internal: the arguments could not be read");
    const auto* bound = static_cast<const BoundKernel*>(data);
    call.environment = bound->environment;
    call.recorder = bound->environment->recorder();
    call.kernel = bound->kernel;
    call.keepsOperands = call.recorder != nullptr;
    if (!call.parse()) return nullptr;
    const Variant* variant = call.variant();
    if (variant == nullptr) return nullptr;
    if (bound->indices != 0 && writesIndices(call, *bound)) {
      return fail(env, "internal: %s: indices share memory with what is written", call.kernel->name);
    }
    if (call.recorder != nullptr && !call.note(variant)) return nullptr;
    const Outcome outcome = call.run(variant);
    if (outcome.code == Outcome::kOk) return nullptr;
    if (call.recorder != nullptr) call.recorder->forgetLast();
    if (outcome.code == Outcome::kFault) return faultObject(env, outcome);
    if (outcome.code == Outcome::kWorkspace && !call.workspace) {
      return failTyped(call.environment, "memory", call.kernel->name);
    }
    return fail(env, "internal: %s: the tensors do not fit the sizes", call.kernel->name);
  } catch (const std::bad_alloc&) {
    const auto* bound = static_cast<const BoundKernel*>(data);
    return failTyped(bound->environment, "memory", bound->kernel->name);
  }
}

}  // namespace adjoint
