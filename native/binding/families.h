// The kernel families, one per source file of native/kernels, as each level compiled them.
#pragma once
#include "../kernels/kernel.h"

namespace adjoint {

struct Families {
  const Family* const* items;
  int count;
};

// The families of a level from chooseLevel.
Families familiesOf(int level);

}  // namespace adjoint
