// What one run of a step did: the kernels it called, in order, and the buffers between them. Buffers are logical: one
// for each allocation, in whichever block of memory.
#pragma once
#include <vector>

#include "../kernels/kernel.h"
#include "../runtime/memory.h"

namespace adjoint {

ADJOINT_ENUM(class BufferKind : uint8_t, bufferKindNames,
             kArena,     // made and used within the step
             kInput,     // an argument of the step, another one at each call
             kCaptured,  // from outside: parameters, optimizer state; read and written in place
             kHost,  // from outside, copied at each submission: learning rates, numbers, positions of random streams
             kConstant);  // written by JavaScript while recording

struct RecordedBuffer {
  BufferKind kind;
  StorageRef storage;    // none for kArena
  size_t bytes;          // as asked for
  uint32_t handle;       // kCaptured: the tensor it was first seen as, 0 for one made while recording
  int64_t advance = 0;   // kHost, a generator: blocks of numbers drawn
  int64_t position = 0;  // kHost, a generator: where it stood when first seen
};

struct RecordedSpan {
  int32_t buffer = -1;  // -1: absent
  DType dtype = DType::kFloat32;
  int64_t offset = 0;  // bytes
  int64_t length = 0;
};

struct RecordedOperation {
  const Kernel* kernel;
  const Variant* variant;
  std::vector<RecordedSpan> spans;  // in the order of the parameters, those of lists in a row
  std::vector<int64_t> counts;      // of each list
  std::vector<int64_t> integers;    // single ones, then the rest
  std::vector<double> reals;
  int number = 0;       // in the order of recording; constants that were folded leave gaps
  int64_t threads = 0;  // of a kernel with a workspace, as is `workspace`: its place in `spans`
  size_t workspace = 0;
};

inline bool isRead(ArgumentKind kind) {
  return kind == ArgumentKind::kIn || kind == ArgumentKind::kInOut || kind == ArgumentKind::kIns ||
         kind == ArgumentKind::kInOuts;
}
inline bool isWritten(ArgumentKind kind) {
  return kind == ArgumentKind::kOut || kind == ArgumentKind::kInOut || kind == ArgumentKind::kWorkspace ||
         kind == ArgumentKind::kOuts || kind == ArgumentKind::kInOuts;
}

// use(span, kind) for each span that is there.
template <typename Use>
void forEachSpan(const RecordedOperation& operation, Use use) {
  size_t span = 0, list = 0;
  for (int p = 0; p < operation.kernel->parameterCount; p++) {
    const ArgumentKind kind = operation.variant->parameters[p].kind;
    int64_t count = 0;
    if (kind >= ArgumentKind::kIns && kind <= ArgumentKind::kInOuts) {
      count = operation.counts[list++];
    } else if (kind <= ArgumentKind::kWorkspace) {
      count = 1;
    }
    for (int64_t i = 0; i < count; i++, span++) {
      if (operation.spans[span].buffer >= 0) use(operation.spans[span], kind);
    }
  }
}

struct Recording {
  std::vector<RecordedBuffer> buffers;
  std::vector<RecordedOperation> operations;
  std::vector<RecordedSpan> inputs;  // the first buffers, each whole
  std::vector<RecordedSpan> outputs;
};

}  // namespace adjoint
