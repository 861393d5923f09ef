// The kernel families, one per file native/kernels/<family>.cc, and the level chosen at load.
#pragma once
#include "../gemm/tile.h"
#include "kernel.h"

// ADJOINT_FAMILIES(X): X(elementwise) X(reduce) …, written by CMakeLists.txt from the folder's list of files.
#include "families.inc"

namespace adjoint {

struct Level {
  const char* name;
  const Family* const* families;
  int count;
  const TileEngine* tile;  // its float32 product
};

// The best level that this CPU runs, or the one that ADJOINT_ISA names. Null when that one is unknown or cannot run
// here.
const Level* chooseLevel(const char* wanted);

}  // namespace adjoint
