// What the addon calls in the program that loads it, on Windows.
#pragma once
#include <windows.h>

namespace adjoint {

// The file behind a descriptor of Node's, whose run-time library is not ours; INVALID_HANDLE_VALUE without one.
HANDLE handleOf(int descriptor);

}  // namespace adjoint
