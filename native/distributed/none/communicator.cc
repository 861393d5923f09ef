// The communicator of a build without Gloo: there are no groups.
#include "../communicator.h"

namespace adjoint {

int64_t beginAllReduce(int64_t, const Buffer*, int64_t, DType, bool, Wire) { return -1; }
bool endAllReduce(int64_t, int64_t, const Buffer*, int64_t, DType) { return false; }

}  // namespace adjoint
