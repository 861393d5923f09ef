// One group's communication: threads that do one collective (or message) after the other, in the order of submission, and let
// both JavaScript and the kernels of a recorded step wait for them. Builds without Gloo have no communicators.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "../runtime/codes.h"
#include "../runtime/elements.h"

namespace adjoint {

ADJOINT_ENUM(class Reduce : uint8_t, reduceNames, kSum, kMin, kMax);
// What float32 is while it travels.
ADJOINT_ENUM(class Wire : uint8_t, wireNames, kFull, kBfloat16);

// What is reduced travels in memory of the communicator's own, so that a step may end at any time between the two calls.

// Begins to add the parts, taken together as one vector, over all processes of a group, or to take their mean. Returns a
// ticket; -1 when there is no such group, or no memory.
int64_t beginAllReduce(int64_t group, const Buffer* parts, int64_t count, DType dtype, bool mean, Wire wire);
// Waits for it, and writes the result into parts of the same lengths. False when the group has failed.
bool endAllReduce(int64_t group, int64_t ticket, const Buffer* parts, int64_t count, DType dtype);

}  // namespace adjoint
