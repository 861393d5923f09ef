// The exports of `distributed`: groups of processes, and what they do together.
#pragma once
#include "instance.h"

namespace adjoint {

// What the members of a group do together, or two of them.
ADJOINT_ENUM(class Collective : int32_t, collectiveNames, kAllReduce, kBroadcast, kAllGather, kReduceScatter, kBarrier,
             kSend, kReceive);

// Adds `groups`: its functions where this build has Gloo, else null.
void addGroups(Napi::Object exports, Instance* instance);

}  // namespace adjoint
