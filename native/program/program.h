// A recorded step, ready to be replayed without JavaScript.
#pragma once
#include <memory>

#include "bind.h"
#include "gate.h"
#include "plan.h"

namespace adjoint {

// A tensor named by a submission: an argument, or the place of a result (null storage: it is not wanted). Borrowed.
struct Target {
  Storage* storage;
  void* data;
};

// How a replay ended.
struct Ending {
  ADJOINT_ENUM(Code : uint8_t, names, kDone,
               kStopped,  // before anything captured was written
               kFault,    // a value in a tensor is out of range
               kMisfit, kNoMemory);
  Code code = kDone;
  int operation = -1;  // the number it was recorded under: the one with the fault
  int64_t position = 0;
  double value = 0;
};

// Asked between kernels.
struct Control {
  std::atomic<bool> stop{false};  // end before anything captured is written, else finish the step
  std::atomic<bool> kill{false};  // end at once: this JavaScript thread is exiting
};

class Program;

// The operations of a program bound to an arena of their own; one step at a time runs in it.
class Replica {
 public:
  explicit Replica(const Program& program);
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // targets: the arguments, then the results. host: what Program::snapshot wrote. times (or null): nanoseconds of each
  // group are added.
  Ending run(const Target* targets, const char* host, const Control& control, int64_t* times = nullptr);

 private:
  Ending runReading(const Target* targets, const Control& control, int64_t* times);
  Ending runWriting(const Target* targets, const Control& control, int64_t* times);
  Ending runGroups(int from, int to, const Control& control, int64_t* times) const;
  // Copies what a fault would leave half changed, or restores it.
  void keepRisked(bool putBack) const;
  // reader: whose content stands in for captured tensors, or null.
  void copyResults(const Target* targets, const Gate::Reader* reader) const;
  void* address(int buffer, const Target* targets, const Gate::Reader* reader) const;

  const Program& program_;
  StorageRef arena_, kept_;                  // kept: memory for copies of the program's risked storages
  std::vector<void*> arguments_, captured_;  // where each was at the last run
  std::unique_ptr<BoundOperations> operations_;
};

class Program {
 public:
  // faulty: the numbers of the operations that may find a value out of range.
  Program(Recording recording, const std::vector<int>& faulty, Gate* gate);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // On the JavaScript thread: copies the host buffers for one step, and advances the generators past it.
  void snapshot(char* to) const;
  // Undoes that for a step that will not run, unless numbers have been drawn since.
  void rewind(const char* snapshot, const char* last) const;

  // What the step changes, to be restored later: the captured storages it writes, and generators.
  std::vector<char> save() const;
  void restore(const std::vector<char>& saved) const;

  bool isReader() const { return written.empty(); }
  // Arguments and results of a step.
  int targets() const { return static_cast<int>(recording.inputs.size() + recording.outputs.size()); }
  bool isBound() const { return first_ != nullptr; }
  // Of a replica.
  int64_t bytes() const;
  Replica& replica();
  // For predictions here while another one runs on the program's thread.
  Replica& secondReplica();

  Recording recording;
  Plan plan;
  size_t hostBytes = 0;
  std::vector<int> captured, host;  // buffers, sorted
  // Captured storages (held by the recording) that are only read, and the others, which are sorted.
  std::vector<Storage*> read, written;
  std::vector<Storage*> capturedStorages;  // of `captured`
  std::vector<Storage*> risked;            // of `written`, those that are written when a fault may still be found
  int pending = 0;                         // steps submitted and not finished; guarded by the runner
  Gate* const gate;

 private:
  void findRisked(const std::vector<int>& faulty);
  template <typename Use>
  void forEachState(Use use) const;

  std::unique_ptr<Replica> first_, second_;
};

}  // namespace adjoint
