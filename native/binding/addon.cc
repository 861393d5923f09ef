// The addon's exports, one set for each JavaScript thread: memory functions here, kernels through call.cc.
#include <napi.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../gemm/blas.h"
#include "../runtime/levels.h"
#include "../runtime/memory.h"
#include "../runtime/system.h"
#include "../runtime/thread_pool.h"
#include "call.h"
#include "constants.h"
#include "families.h"
#include "groups.h"
#include "instance.h"
#include "planted.h"

namespace adjoint {
namespace {

napi_value handleResult(napi_env env, uint32_t handle) {
  napi_value result = nullptr;
  napi_create_int32(env, static_cast<int32_t>(handle), &result);
  return result;
}

// allocate(token | undefined, tensor, dtype, length) → handle; a token that is collected frees the tensor; 0 beyond the
// memory limit, -1 with too many tensors. Bare Node-API, because it runs once per operation.
napi_value allocate(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value arguments[4];
  void* data = nullptr;
  uint32_t dtype = 0;
  double length = 0;
  napi_valuetype type = napi_undefined;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, &data) != napi_ok || count != 4 ||
      napi_typeof(env, arguments[0], &type) != napi_ok || napi_get_value_uint32(env, arguments[2], &dtype) != napi_ok ||
      dtype > 3 || napi_get_value_double(env, arguments[3], &length) != napi_ok) {
    return fail(env, "internal: allocate takes a token, a tensor, a dtype and a length");
  }
  // The product of sizes is any number; what no integer counts is beyond the limit too.
  if (!(length >= 0 && length <= 0x1p53)) return handleResult(env, Environment::kNoMemory);
  Environment& environment = static_cast<Instance*>(data)->environment;
  const napi_value owner = type == napi_object ? arguments[0] : nullptr;
  try {
    return handleResult(env, environment.allocate(owner, static_cast<DType>(dtype), static_cast<int64_t>(length)));
  } catch (const std::bad_alloc&) {
    return handleResult(env, Environment::kNoMemory);
  }
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
  const uint32_t handle = environment.view(ownerOf(info, 0), base, integerOf(info, 3), integerOf(info, 4));
  if (handle == Environment::kNoMemory) throw internalError(info, "the view exceeds the tensor");
  return Napi::Value(info.Env(), handleResult(info.Env(), handle));
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
  if (!info[0].IsFunction()) throw internalError(info, "a function was expected");
  instanceOf(info).environment.setErrors(info[0]);
}

// noteModule(object), liveModules() → those noted that JavaScript has not lost
void noteModule(const Napi::CallbackInfo& info) {
  const napi_value module = ownerOf(info, 0);
  if (module == nullptr || !instanceOf(info).modules.add(module)) throw internalError(info, "an object was expected");
}

Napi::Value liveModules(const Napi::CallbackInfo& info) {
  const auto list = Napi::Array::New(info.Env());
  uint32_t count = 0;
  instanceOf(info).modules.forEach([&](napi_value object) { napi_set_element(info.Env(), list, count++, object); });
  return list;
}

void sweep(const Napi::CallbackInfo& info) { instanceOf(info).environment.sweep(booleanOf(info, 0)); }
void limitMemory(const Napi::CallbackInfo& info) { setMemoryLimit(static_cast<uint64_t>(integerOf(info, 0))); }
void trim(const Napi::CallbackInfo&) { trimMemory(); }

void setThreads(const Napi::CallbackInfo& info) { setThreadCount(static_cast<int>(integerOf(info, 0))); }
Napi::Value getThreads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), threadCount()); }

// lockFile(descriptor): 0 or an error number of the system's
Napi::Value lockFile(const Napi::CallbackInfo& info) {
  const auto descriptor = static_cast<int>(std::min<int64_t>(integerOf(info, 0), INT_MAX));
  return Napi::Number::New(info.Env(), tryLock(descriptor));
}

Napi::Value buildInfo(const Napi::CallbackInfo& info) {
  const BlasInfo blas = blasInfo();
  auto result = Napi::Object::New(info.Env());
  result["blas"] = blas.config;
  result["blasCore"] = blas.core;
  result["isa"] = levelName(instanceOf(info).level);
  result["threads"] = threadCount();
  return result;
}

// The kernels as functions, and what the table says about each: its family, and its parameters' names and kinds.
void addKernels(Napi::Env env, Napi::Object exports, Instance& instance) {
  const std::vector<std::string> kinds = namesOf(kindNames);
  auto functions = Napi::Object::New(env);
  auto table = Napi::Object::New(env);
  const Families families = familiesOf(instance.level);
  for (int f = 0; f < families.count; ++f) {
    const Family& family = *families.items[f];
    for (int k = 0; k < family.count; ++k) {
      const Kernel& kernel = family.kernels[k];
      auto bound = std::make_unique<BoundKernel>(&instance.environment, &kernel);
      napi_value function = nullptr;
      napi_create_function(env, kernel.name, NAPI_AUTO_LENGTH, callKernel, bound.get(), &function);
      functions.Set(kernel.name, Napi::Value(env, function));
      instance.kernels.push_back(std::move(bound));
      auto entry = Napi::Object::New(env);
      entry["family"] = family.name;
      entry["parameters"] = kernel.parameters;
      auto list = Napi::Array::New(env, static_cast<size_t>(kernel.parameterCount));
      for (int p = 0; p < kernel.parameterCount; ++p) {
        list[static_cast<uint32_t>(p)] = kinds[static_cast<size_t>(kernel.variants[0].parameters[p].kind)];
      }
      entry["kinds"] = list;
      table.Set(kernel.name, entry);
    }
  }
  exports["kernels"] = functions;
  exports["kernelTable"] = table;
}

}  // namespace

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  const char* wanted = std::getenv("ADJOINT_ISA");
  const int level = chooseLevel(wanted);
  if (level < 0) {
    throw Napi::Error::New(env, std::string("ADJOINT_ISA: baseline, v3 or v4 that this CPU runs was expected, got ") +
                                    wanted + "; unset it to choose the best");
  }
  auto* instance = new Instance(env, level);
  env.AddCleanupHook([](Instance* data) { delete data; }, instance);
  const auto add = [&](const char* name, auto function) {
    addExport(exports, name, function, instance, &instance->environment);
  };
  addBareExport(exports, "allocate", allocate, instance);
  add("view", view);
  addBareExport(exports, "release", release, instance);
  add("memoryStats", memoryStats);
  add("setErrors", setErrors);
  add("noteModule", noteModule);
  add("liveModules", liveModules);
  add("sweep", sweep);
  add("limitMemory", limitMemory);
  add("trim", trim);
  add("setThreads", setThreads);
  add("getThreads", getThreads);
  add("buildInfo", buildInfo);
  add("lockFile", lockFile);
  addConstants(exports);
  addTensors(exports, instance);
  addKernels(env, exports, *instance);
  addPrograms(exports, &instance->programs);
  addGroups(exports, instance);
#ifdef ADJOINT_CHECKED
  addPlanted(env, exports);
#endif
  return exports;
}

}  // namespace adjoint

using adjoint::init;
NODE_API_MODULE(adjoint, init)
