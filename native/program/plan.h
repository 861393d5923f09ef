// Turns a recording into a plan to replay: folds constants, drops dead operations, fuses chains of pointwise
// operations, writes results over operands that are no longer needed, and places every buffer in one arena.
#pragma once
#include "recording.h"

namespace adjoint {

// Operations [first, first + count) of the plan's order; more than one run fused, tile by tile.
struct Group {
  int first, count;
};

struct Plan {
  std::vector<int> order;        // operations kept, as numbers in the recording
  std::vector<Group> groups;     // of `order`
  std::vector<int64_t> offsets;  // of each buffer in the arena; -1 if it is elsewhere or unused
  int64_t arenaBytes = 0;
  int commit = 0;  // the first group that writes what was captured; the number of groups when none does
};

// May turn arena buffers of the recording into constants.
Plan makePlan(Recording& recording);

}  // namespace adjoint
