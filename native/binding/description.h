// Recordings as JavaScript objects, for describe, profile and verify.
#pragma once
#include <napi.h>

#include "../program/plan.h"

namespace adjoint {

// { operations: [{ number, kernel, reals, integers, spans: [{ buffer, kind, dtype, offset, length, read, written }] }],
//   constants: { buffer: Uint8Array }, groups: [[operation, …], …], arenaBytes, buffers: number of places in it }
// With a plan, only the operations that it kept.
Napi::Value describe(Napi::Env env, const Recording& recording, const Plan* plan);

}  // namespace adjoint
