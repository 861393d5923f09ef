// A sum or mean over the processes of a group, as two kernels of a recorded step, so that others run in between.
#include "../distributed/communicator.h"
#include "kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// Begins to add the parts of all processes, or to take their mean; they stay as they are. ticket [1] names what is under way.
template <typename T>
Outcome allReduceBegin(Ins<T> parts, Out<double> ticket, int64_t group, int64_t mean, int64_t wire) {
  if (ticket.length != 1 || parts.count == 0) return misfit();
  ticket[0] = static_cast<double>(
      beginAllReduce(group, parts.buffers, parts.count, dtypeOf<T>, mean != 0, static_cast<Wire>(wire)));
  return ok();
}

// Waits, and writes the result into the parts. A group that has failed is a fault at position `group`.
template <typename T>
Outcome allReduceEnd(InOuts<T> parts, In<double> ticket, int64_t group) {
  if (ticket.length != 1) return misfit();
  if (endAllReduce(group, static_cast<int64_t>(ticket[0]), parts.buffers, parts.count, dtypeOf<T>)) return ok();
  return fault(group, ticket[0]);
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(distributed, shared(ADJOINT_FLOATS(allReduceBegin, "parts ticket group mean wire")),
               shared(ADJOINT_FLOATS(allReduceEnd, "parts ticket group")))
