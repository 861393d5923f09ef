// Replays the programs of one compiled function in the order of submission, on a thread of its own or on the caller's.
#pragma once
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../runtime/system.h"
#include "program.h"

namespace adjoint {

// Why a submission was refused; nothing has been changed then. `index` is that of the captured buffer or the target.
struct Refusal {
  ADJOINT_ENUM(Code : uint8_t, names, kNone,
               kBusy,            // another program writes what this one captured, or reads what it writes
               kArgumentBusy,    // a program writes this argument
               kArgumentShared,  // an argument shares memory with what the program writes
               kPending,         // a step that writes cannot run on this thread while others are queued
               kNoMemory, kNoThread, kGone,
               kDisposed,  // a captured tensor was disposed
               kArgumentDisposed);
  Code code = kNone;
  int index = 0;
};

class Runner {
 public:
  // notify: called on the program's thread when a step that asked for it, or all, are done or have failed.
  // priority: of that thread.
  Runner(Gate* gate, Priority priority, std::function<void()> notify)
      : gate_(gate), priority_(priority), notify_(std::move(notify)) {}
  ~Runner() { shutDown(); }
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Call all of these on the JavaScript thread.

  int addProgram(Recording recording, const std::vector<int>& faulty);
  // Null for an unknown number.
  Program* program(int number) const { return share(number).get(); }
  std::shared_ptr<Program> share(int number) const;
  // False while steps of it are queued.
  bool dropProgram(int number);

  // targets: for each of `count` steps its arguments and results; the last one notifies.
  Refusal submit(Program* program, int count, const Target* targets);
  // Runs one step on this thread.
  Refusal replay(Program* program, const Target* targets, Ending* ending, int64_t* times = nullptr);

  int64_t completed() const { return completed_.load(std::memory_order_acquire); }
  bool isIdle() const;
  // How the first failed step ended; kDone if none has failed. The steps after it wait for recover.
  Ending failure() const;
  // Drops queued steps and ends the running one as soon as possible at a step's boundary; `failure` is then
  // kStopped.
  void abort();
  // After a failure: drops the queue and undoes its draws from generators. Returns the number of dropped steps.
  int64_t recover();

  // Between pause and resume no step runs; pause waits for the current one.
  void pause();
  void resume();

  // Waits for the current kernel and gives back all memory.
  void shutDown();

 private:
  // A step that waits or runs. Its targets stay and are locked for as long as it holds them.
  class Submission {
   public:
    Submission() = default;
    ~Submission() {
      std::vector<StorageRef> held;
      release(held);
    }
    Submission(const Submission&) = delete;
    Submission& operator=(const Submission&) = delete;

    // May throw std::bad_alloc; then it holds nothing.
    void fill(Program* program, const Target* targets);
    // Releases what it has taken, except the references to its targets, which go into the empty `into`.
    void release(std::vector<StorageRef>& into);

    Program* program = nullptr;
    bool notifies = false;
    std::vector<Target> targets;
    std::vector<char> host;

   private:
    std::vector<StorageRef> held_;  // of the targets, in their order
  };

  Refusal check(const Program& program, int count, const Target* targets) const;
  bool isOneNeeded(const std::vector<Storage*>& storages) const;
  void lock(const Program& program);
  void unlock(const Program& program);
  bool startThread();
  void serve();
  Submission* next();
  void finish(const Ending& ending);

  Gate* const gate_;
  const Priority priority_;
  const std::function<void()> notify_;
  Control control_;
  std::vector<std::shared_ptr<Program>> programs_;

  mutable std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::list<Submission> queue_;  // the first one runs
  std::list<Submission> spare_;  // released, to be filled again
  std::vector<StorageRef> released_;
  Ending failure_;
  bool running_ = false, down_ = false;
  int paused_ = 0;
  std::atomic<int64_t> submitted_{0}, completed_{0};
  std::thread thread_;
};

}  // namespace adjoint
