// The addon's exports, one set per JavaScript thread: memory functions here, every kernel through call.cc.
#include <napi.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../kernels/families.h"
#include "../runtime/gemm.h"
#include "../runtime/memory.h"
#include "../runtime/thread_pool.h"
#include "call.h"
#include "environment.h"
#include "programs.h"

namespace adjoint {
namespace {

// Everything that lives as long as one JavaScript thread.
struct Instance {
  explicit Instance(Napi::Env env, const Level* chosen) : environment(env), programs(&environment), level(chosen) {}
  Environment environment;
  Programs programs;
  const Level* level;
  std::vector<std::unique_ptr<BoundKernel>> kernels;
};

Instance& instanceOf(const Napi::CallbackInfo& info) { return *static_cast<Instance*>(info.Data()); }

napi_value ownerOf(const Napi::Value& value) { return value.IsObject() ? static_cast<napi_value>(value) : nullptr; }

Slot& slotOf(const Napi::CallbackInfo& info, size_t argument) {
  uint32_t handle = 0;
  Slot* slot = nullptr;
  if (napi_get_value_uint32(info.Env(), info[argument], &handle) == napi_ok) {
    slot = instanceOf(info).environment.find(handle);
  }
  if (slot == nullptr) throw Napi::Error::New(info.Env(), "internal: no live tensor");
  return *slot;
}

int64_t integerOf(const Napi::CallbackInfo& info, size_t argument) {
  double value = -1;
  if (napi_get_value_double(info.Env(), info[argument], &value) != napi_ok || !(value >= 0 && value <= 0x1p53)) {
    throw Napi::Error::New(info.Env(), "internal: an integer of at least 0 was expected");
  }
  return static_cast<int64_t>(value);
}

// As slotOf, for a tensor that is to be read (or written) by `name`.
Slot& freeSlotOf(const Napi::CallbackInfo& info, const char* name, bool written) {
  Slot& slot = slotOf(info, 0);
  Environment& environment = instanceOf(info).environment;
  if (environment.isLocked(slot, written)) {
    failTyped(&environment, "locked", name);
    throw Napi::Error::New(info.Env());  // the one just thrown
  }
  return slot;
}

// A typed array's memory, which must hold exactly the elements of the slot.
void* arrayFor(const Napi::CallbackInfo& info, size_t argument, const Slot& slot) {
  constexpr napi_typedarray_type types[] = {napi_float32_array, napi_float64_array, napi_int32_array, napi_uint8_array};
  if (!info[argument].IsTypedArray()) throw Napi::Error::New(info.Env(), "internal: a typed array was expected");
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  napi_get_typedarray_info(info.Env(), info[argument], &type, &length, &data, nullptr, nullptr);
  const bool same =
      type == types[static_cast<int>(slot.dtype)] || (slot.dtype == DType::kUint8 && type == napi_uint8_clamped_array);
  if (!same || length != static_cast<size_t>(slot.length)) {
    throw Napi::Error::New(info.Env(), "internal: the typed array does not fit the tensor");
  }
  return data;
}

napi_value handleResult(napi_env env, uint32_t handle) {
  napi_value result = nullptr;
  napi_create_int32(env, static_cast<int32_t>(handle), &result);
  return result;
}

// allocate(token | undefined, tensor, dtype, length) → handle; a token that is collected frees the tensor; 0 beyond the
// memory limit, -1 with too many tensors. Bare Node-API, as it runs once an operation.
napi_value allocate(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value arguments[4];
  void* data = nullptr;
  uint32_t dtype = 0;
  double length = 0;
  napi_valuetype type = napi_undefined;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, &data) != napi_ok || count != 4 ||
      napi_typeof(env, arguments[0], &type) != napi_ok || napi_get_value_uint32(env, arguments[2], &dtype) != napi_ok ||
      dtype > 3 || napi_get_value_double(env, arguments[3], &length) != napi_ok || !(length >= 0 && length <= 0x1p53)) {
    return fail(env, "internal: allocate takes a token, a tensor, a dtype and a length");
  }
  Environment& environment = static_cast<Instance*>(data)->environment;
  const napi_value owner = type == napi_object ? arguments[0] : nullptr;
  return handleResult(env, environment.allocate(owner, static_cast<DType>(dtype), static_cast<int64_t>(length)));
}

napi_value release(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr;
  void* data = nullptr;
  uint32_t handle = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, &data) == napi_ok && count == 1 &&
      napi_get_value_uint32(env, argument, &handle) == napi_ok) {
    static_cast<Instance*>(data)->environment.release(handle);
  }
  return nullptr;
}

// view(token | undefined, tensor, handle, offset, length) → handle
Napi::Value view(const Napi::CallbackInfo& info) {
  const Slot base = slotOf(info, 2);
  Environment& environment = instanceOf(info).environment;
  const uint32_t handle = environment.view(ownerOf(info[0]), base, integerOf(info, 3), integerOf(info, 4));
  if (handle == Environment::kNoMemory) throw Napi::Error::New(info.Env(), "internal: the view exceeds the tensor");
  return Napi::Value(info.Env(), handleResult(info.Env(), handle));
}

// watch(handle, token): a tensor that a scope owned now lives as long as its token.
void watch(const Napi::CallbackInfo& info) {
  if (!info[1].IsObject()) throw Napi::Error::New(info.Env(), "internal: an object was expected");
  instanceOf(info).environment.watch(slotOf(info, 0), info[1]);
}

// write(handle, typedArray), read(handle, typedArray)
void write(const Napi::CallbackInfo& info) {
  const Slot& slot = freeSlotOf(info, "copy_", true);
  const void* source = arrayFor(info, 1, slot);
  Environment& environment = instanceOf(info).environment;
  if (environment.recorder() != nullptr) {
    const uint32_t handle = info[0].ToNumber().Uint32Value();
    const size_t bytes = static_cast<size_t>(slot.length) * bytesPerElement(slot.dtype);
    environment.recorder()->write(operandOf(slot, handle), source, bytes);
  }
  if (slot.length > 0) std::memcpy(slot.data, source, static_cast<size_t>(slot.length) * bytesPerElement(slot.dtype));
}

void read(const Napi::CallbackInfo& info) {
  const Slot& slot = freeSlotOf(info, "toTypedArray", false);
  void* target = arrayFor(info, 1, slot);
  if (slot.length > 0) std::memcpy(target, slot.data, static_cast<size_t>(slot.length) * bytesPerElement(slot.dtype));
}

// readNumber(handle, index): one element as a number
Napi::Value readNumber(const Napi::CallbackInfo& info) {
  const Slot& slot = freeSlotOf(info, "item", false);
  const int64_t index = integerOf(info, 1);
  if (index >= slot.length) throw Napi::Error::New(info.Env(), "internal: the index exceeds the tensor");
  double value = 0;
  switch (slot.dtype) {
    case DType::kFloat32:
      value = static_cast<const float*>(slot.data)[index];
      break;
    case DType::kFloat64:
      value = static_cast<const double*>(slot.data)[index];
      break;
    case DType::kInt32:
      value = static_cast<const int32_t*>(slot.data)[index];
      break;
    case DType::kUint8:
      value = static_cast<const uint8_t*>(slot.data)[index];
      break;
  }
  return Napi::Number::New(info.Env(), value);
}

// memory(handle): the whole storage as an ArrayBuffer that pins it, and the tensor's offset in it; null where the
// runtime forbids external buffers, or where programs rely on indices that nobody changes.
Napi::Value memory(const Napi::CallbackInfo& info) {
  const Slot& slot = freeSlotOf(info, "data", false);
  Storage* storage = slot.storage;
  if (storage->use.indices || storage->use.readers > 0) return info.Env().Null();
  storage->use.exported = true;
  napi_value buffer = nullptr;
  const auto finalize = [](napi_env, void*, void* hint) { releaseStorage(static_cast<Storage*>(hint)); };
  retainStorage(storage);
  if (napi_create_external_arraybuffer(info.Env(), storage->data(), storage->bytes, finalize, storage, &buffer) !=
      napi_ok) {
    releaseStorage(storage);
    return info.Env().Null();
  }
  return Napi::Value(info.Env(), buffer);
}

Napi::Value byteOffset(const Napi::CallbackInfo& info) {
  const Slot& slot = slotOf(info, 0);
  const auto offset = static_cast<char*>(slot.data) - static_cast<char*>(slot.storage->data());
  return Napi::Number::New(info.Env(), static_cast<double>(offset));
}

Napi::Value memoryStats(const Napi::CallbackInfo& info) {
  const Environment& environment = instanceOf(info).environment;
  const MemoryUse use = memoryUse();
  auto result = Napi::Object::New(info.Env());
  result["tensors"] = static_cast<double>(environment.liveTensors());
  result["liveBytes"] = static_cast<double>(use.live);
  result["cachedBytes"] = static_cast<double>(use.cached);
  result["peakBytes"] = static_cast<double>(use.peak);
  result["limitBytes"] = static_cast<double>(use.limit);
  result["sweeps"] = static_cast<double>(environment.sweeps());
  return result;
}

// setErrors((what, name) => Error)
void setErrors(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw Napi::Error::New(info.Env(), "internal: a function was expected");
  instanceOf(info).environment.setErrors(info[0]);
}

void sweep(const Napi::CallbackInfo& info) { instanceOf(info).environment.sweep(info[0].ToBoolean()); }
void limitMemory(const Napi::CallbackInfo& info) { setMemoryLimit(static_cast<uint64_t>(integerOf(info, 0))); }
void resetPeak(const Napi::CallbackInfo&) { resetMemoryPeak(); }
void trim(const Napi::CallbackInfo&) { trimMemory(); }

void setThreads(const Napi::CallbackInfo& info) { setThreadCount(static_cast<int>(integerOf(info, 0))); }
Napi::Value getThreads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), threadCount()); }

Napi::Value buildInfo(const Napi::CallbackInfo& info) {
  const BlasInfo blas = blasInfo();
  auto result = Napi::Object::New(info.Env());
  result["blas"] = blas.config;
  result["blasCore"] = blas.core;
  result["isa"] = instanceOf(info).level->name;
  result["threads"] = threadCount();
  return result;
}

// The kernels as functions, and beside each its parameters' kinds, which the fuzz test reads.
void addKernels(Napi::Env env, Napi::Object exports, Instance& instance) {
  constexpr const char* kinds[] = {"in", "out", "inOut", "ins", "inOuts", "integer", "real", "integers"};
  auto functions = Napi::Object::New(env);
  auto parameters = Napi::Object::New(env);
  for (int f = 0; f < instance.level->count; ++f) {
    const Family& family = *instance.level->families[f];
    for (int k = 0; k < family.count; ++k) {
      const Kernel& kernel = family.kernels[k];
      auto bound = std::make_unique<BoundKernel>(&instance.environment, &kernel);
      napi_value function = nullptr;
      napi_create_function(env, kernel.name, NAPI_AUTO_LENGTH, callKernel, bound.get(), &function);
      functions.Set(kernel.name, Napi::Value(env, function));
      auto list = Napi::Array::New(env, static_cast<size_t>(kernel.parameterCount));
      for (int p = 0; p < kernel.parameterCount; ++p) {
        list[static_cast<uint32_t>(p)] = kinds[static_cast<int>(kernel.variants[0].parameters[p].kind)];
      }
      parameters.Set(kernel.name, list);
      instance.kernels.push_back(std::move(bound));
    }
  }
  exports["kernels"] = functions;
  exports["kernelParameters"] = parameters;
}

}  // namespace

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  const char* wanted = std::getenv("ADJOINT_ISA");
  const Level* level = chooseLevel(wanted);
  if (level == nullptr) {
    throw Napi::Error::New(env, std::string("ADJOINT_ISA: baseline, v3 or v4 that this CPU runs was expected, got ") +
                                    wanted + "; unset it to choose the best");
  }
  auto* instance = new Instance(env, level);
  env.AddCleanupHook([](Instance* data) { delete data; }, instance);
  const auto add = [&](const char* name, auto function) {
    exports.Set(name, Napi::Function::New(env, function, name, instance));
  };
  const auto addBare = [&](const char* name, napi_callback callback) {
    napi_value function = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, instance, &function);
    exports.Set(name, Napi::Value(env, function));
  };
  addBare("allocate", allocate);
  add("view", view);
  add("watch", watch);
  addBare("release", release);
  add("write", write);
  add("read", read);
  add("readNumber", readNumber);
  add("memory", memory);
  add("byteOffset", byteOffset);
  add("memoryStats", memoryStats);
  add("setErrors", setErrors);
  add("sweep", sweep);
  add("limitMemory", limitMemory);
  add("resetPeak", resetPeak);
  add("trim", trim);
  add("setThreads", setThreads);
  add("getThreads", getThreads);
  add("buildInfo", buildInfo);
  addKernels(env, exports, *instance);
  addPrograms(env, exports, &instance->programs);
  return exports;
}

}  // namespace adjoint

using adjoint::init;
NODE_API_MODULE(adjoint, init)
