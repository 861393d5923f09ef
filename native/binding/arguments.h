// How the exports read their arguments. Nothing here runs JavaScript (no conversion, no getter of a property): that
// could dispose a tensor or a step whose memory the export has looked up already.
#pragma once
#include <napi.h>

#include <new>
#include <string>

#include "call.h"

namespace adjoint {

inline Napi::Error internalError(const Napi::CallbackInfo& info, const char* message) {
  return Napi::Error::New(info.Env(), std::string("internal: ") + message);
}

inline int64_t integerOf(const Napi::CallbackInfo& info, size_t argument) {
  double value = -1;
  if (napi_get_value_double(info.Env(), info[argument], &value) != napi_ok || !(value >= 0 && value <= 0x1p53)) {
    throw internalError(info, "an integer of at least 0 was expected");
  }
  return static_cast<int64_t>(value);
}

// A handle, the number of a program, or another 32-bit number.
inline int32_t smallIntegerOf(const Napi::CallbackInfo& info, size_t argument) {
  int32_t value = 0;
  if (napi_get_value_int32(info.Env(), info[argument], &value) != napi_ok) {
    throw internalError(info, "an integer was expected");
  }
  return value;
}

inline bool booleanOf(const Napi::CallbackInfo& info, size_t argument) {
  bool value = false;
  if (napi_get_value_bool(info.Env(), info[argument], &value) != napi_ok) {
    throw internalError(info, "a boolean was expected");
  }
  return value;
}

// The object that owns a tensor, or null.
inline napi_value ownerOf(const Napi::CallbackInfo& info, size_t argument) {
  return info[argument].IsObject() ? static_cast<napi_value>(info[argument]) : nullptr;
}

struct ArrayArgument {
  napi_typedarray_type type;
  void* data;
  size_t length;  // elements
};

inline ArrayArgument arrayOf(const Napi::CallbackInfo& info, size_t argument) {
  ArrayArgument array = {};
  if (napi_get_typedarray_info(info.Env(), info[argument], &array.type, &array.length, &array.data, nullptr, nullptr) !=
      napi_ok) {
    throw internalError(info, "a typed array was expected");
  }
  return array;
}

// The elements of an Int32Array, usually a list of handles.
struct Numbers {
  const int32_t* data;
  size_t count;
};

inline Numbers numbersOf(const Napi::CallbackInfo& info, size_t argument) {
  const ArrayArgument array = arrayOf(info, argument);
  if (array.type != napi_int32_array) throw internalError(info, "an Int32Array was expected");
  return {static_cast<const int32_t*>(array.data), array.length};
}

// Exports a function; a lack of memory for its own bookkeeping is a typed error, too.
template <typename Function>
void addExport(Napi::Object exports, const char* name, Function function, void* data, Environment* environment) {
  const auto guarded = [function, name, environment](const Napi::CallbackInfo& info) {
    try {
      return function(info);
    } catch (const std::bad_alloc&) {
      failTyped(environment, "memory", name);
      throw Napi::Error::New(info.Env());  // the one just thrown
    }
  };
  exports.Set(name, Napi::Function::New(exports.Env(), guarded, name, data));
}

// Exports a function of bare Node-API, for calls so frequent that the wrapper's cost counts.
inline void addBareExport(Napi::Object exports, const char* name, napi_callback callback, void* data) {
  napi_value function = nullptr;
  napi_create_function(exports.Env(), name, NAPI_AUTO_LENGTH, callback, data, &function);
  exports.Set(name, Napi::Value(exports.Env(), function));
}

}  // namespace adjoint
