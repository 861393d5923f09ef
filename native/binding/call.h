// The only way from JavaScript to a kernel.
#pragma once
#include "environment.h"

namespace adjoint {

// What a kernel's JavaScript function carries.
struct BoundKernel {
  BoundKernel(Environment* environment, const Kernel* kernel);
  Environment* environment;
  const Kernel* kernel;
  uint32_t indices;  // bit p: parameter p holds indices, int32 in every variant
};

// kernel(…): spans as handles (0: absent), lists of spans as their count and then the handles, numbers as they are; or
// all of it in one Float64Array.
// Returns undefined, or {position, value} when a value in a tensor is out of range. Throws errors that begin with
// `internal:` for everything that the library should never do.
napi_value callKernel(napi_env env, napi_callback_info info);

// A live tensor as the recorder names it.
Operand operandOf(const Slot& slot, uint32_t handle);

// Throws the typed error that lib/native.ts words for a call of `name`. what: 'locked', a tensor that a step
// uses; 'memory', there is none left.
napi_value failTyped(Environment* environment, const char* what, const char* name);

// Throws a JavaScript error; returns null for `return fail(…)`.
napi_value fail(napi_env env, const char* format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace adjoint
