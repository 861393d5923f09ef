// Notes what a step does while it runs eagerly.
#pragma once
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "changes.h"
#include "recording.h"

namespace adjoint {

// A span as a kernel call names it.
struct Operand {
  Storage* storage = nullptr;  // null: absent
  const void* data = nullptr;
  int64_t length = 0;
  DType dtype = DType::kFloat32;
  uint32_t handle = 0;  // 0 when the tensor was made while recording
};

class Recorder {
 public:
  // changes: gets what storages from outside held before the step writes them.
  Recorder(const std::vector<Operand>& inputs, Changes* changes);

  // While paused, what is allocated counts as from outside, and kernels are not noted.
  bool paused = false;

  void allocated(Storage* storage, size_t bytes);
  // Notes a kernel that is about to run; `operands` in the order of the parameters. Throws std::bad_alloc, as does
  // write, where there is no memory for a copy of what it overwrites; nothing is noted then.
  void note(const Kernel* kernel, const Variant* variant, const Argument* arguments, const Operand* operands);
  // The kernel noted last is about to run again, with a workspace. Throws std::bad_alloc.
  void addWorkspace(int64_t bytes);
  // The kernel noted last did nothing.
  void forgetLast() { recording_.operations.pop_back(); }
  int count() const { return static_cast<int>(recording_.operations.size()); }
  // JavaScript is about to write `bytes` bytes into a tensor.
  void write(const Operand& target, const void* source, size_t bytes);

  // Ends the recording. Where the step cannot be replayed, `problem` says why.
  Recording finish(const std::vector<Operand>& outputs, std::string* problem);

 private:
  RecordedSpan spanOf(const Operand& operand);
  int addBuffer(BufferKind kind, StorageRef storage, size_t bytes, uint32_t handle);
  void saveWritten(const RecordedSpan& span);

  Changes* const changes_;
  Recording recording_;
  // The newest buffer in each block: blocks are reused while recording.
  std::unordered_map<Storage*, int> newest_;
  // Allocated while paused: nobody needs what they held before.
  std::unordered_set<Storage*> fresh_;
};

}  // namespace adjoint
