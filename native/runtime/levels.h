// The instruction-set levels that kernels are compiled for, and the choice among them. The code of each level is in the
// namespace of its name.
#pragma once

// The oldest first: a level's number is its place here.
#ifdef ADJOINT_X86_LEVELS
#define ADJOINT_LEVELS(X) X(baseline) X(v3) X(v4)
#else
#define ADJOINT_LEVELS(X) X(baseline)
#endif

namespace adjoint {

// The number of the best level that this CPU supports, or of the one named by `wanted` (ADJOINT_ISA); -1 if that one is
// unknown or not supported.
int chooseLevel(const char* wanted);

const char* levelName(int level);

}  // namespace adjoint
