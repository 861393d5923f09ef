// The exports through which JavaScript reads and writes the elements of tensors.
#include <cstring>
#include <new>

#include "instance.h"

namespace adjoint {
namespace {

// Like slotOf, for a tensor that is to be read (or written) by `name`.
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
  const ArrayArgument array = arrayOf(info, argument);
  const bool same = array.type == types[static_cast<int>(slot.dtype)] ||
                    (slot.dtype == DType::kUint8 && array.type == napi_uint8_clamped_array);
  if (!same || array.length != static_cast<size_t>(slot.length)) {
    throw internalError(info, "the typed array does not fit the tensor");
  }
  return array.data;
}

// watch(handle, token): from now on, a tensor owned by a scope lives as long as its token.
void watch(const Napi::CallbackInfo& info) {
  const napi_value owner = ownerOf(info, 1);
  if (owner == nullptr) throw internalError(info, "an object was expected");
  instanceOf(info).environment.watch(slotOf(info, 0), owner);
}

// checkFree(handle, written, name): throws the error of a kernel of that name if a queued compiled step forbids reading
// (or writing) the tensor.
void checkFree(const Napi::CallbackInfo& info) {
  bool written = true;
  char name[64] = "";
  napi_get_value_bool(info.Env(), info[1], &written);
  napi_get_value_string_utf8(info.Env(), info[2], name, sizeof name, nullptr);
  freeSlotOf(info, name, written);
}

// isUsed(handle): whether a queued compiled step reads or writes the tensor, even if only after a pause.
Napi::Value isUsed(const Napi::CallbackInfo& info) {
  const ProgramUse& use = slotOf(info, 0).storage->use;
  return Napi::Boolean::New(info.Env(), use.writers > 0 || use.readers > 0);
}

// write(handle, typedArray), read(handle, typedArray)
void write(const Napi::CallbackInfo& info) {
  const Slot& slot = freeSlotOf(info, "copy_", true);
  const void* source = arrayFor(info, 1, slot);
  Environment& environment = instanceOf(info).environment;
  if (environment.recorder() != nullptr) {
    const auto handle = static_cast<uint32_t>(smallIntegerOf(info, 0));
    const size_t bytes = static_cast<size_t>(slot.length) * bytesPerElement(slot.dtype);
    try {
      environment.recorder()->write(operandOf(slot, handle), source, bytes);
    } catch (const std::bad_alloc&) {
      failTyped(&environment, "memory", "copy_");
      throw Napi::Error::New(info.Env());  // the one just thrown
    }
  }
  slot.storage->touch();
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
  if (index >= slot.length) throw internalError(info, "the index exceeds the tensor");
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

// writes(handle): grows whenever the tensor's content may have changed. Bare Node-API, because loops over `data` call
// it.
napi_value writes(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr, result = nullptr;
  void* data = nullptr;
  uint32_t handle = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, &data) != napi_ok ||
      napi_get_value_uint32(env, argument, &handle) != napi_ok) {
    return fail(env, "internal: writes takes a handle");
  }
  Environment& environment = static_cast<Instance*>(data)->environment;
  const Slot* slot = environment.find(handle);
  if (slot == nullptr) return fail(env, "internal: no live tensor");
  if (environment.isLocked(*slot, false)) return failTyped(&environment, "locked", "data");
  napi_create_double(env, static_cast<double>(slot->storage->writes.load(std::memory_order_relaxed)), &result);
  return result;
}

}  // namespace

void addTensors(Napi::Object exports, Instance* instance) {
  const auto add = [&](const char* name, auto function) {
    addExport(exports, name, function, instance, &instance->environment);
  };
  add("watch", watch);
  add("checkFree", checkFree);
  add("isUsed", isUsed);
  add("write", write);
  add("read", read);
  add("readNumber", readNumber);
  addBareExport(exports, "writes", writes, instance);
}

}  // namespace adjoint
