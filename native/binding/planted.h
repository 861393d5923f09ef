// Faults that `npm run test:asan`, `test:tsan` and `test:valgrind` must report before their silence means something.
#pragma once
#include <napi.h>

namespace adjoint {

// exports.planted: a function for each; only in builds for these checks.
void addPlanted(Napi::Env env, Napi::Object exports);

}  // namespace adjoint
