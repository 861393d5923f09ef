#include "runner.h"

#include <chrono>

#include "../runtime/system.h"
#include "../runtime/thread_pool.h"

namespace adjoint {
namespace {
// In a loop that awaits each step the next one comes within some microseconds, as long as waking a thread takes.
constexpr std::chrono::microseconds kSpin{50};
constexpr size_t kMostSpare = 4096;
}  // namespace

int Runner::addProgram(Recording recording, const std::vector<int>& faulty) {
  programs_.push_back(std::make_unique<Program>(std::move(recording), faulty, gate_));
  return static_cast<int>(programs_.size()) - 1;
}

std::shared_ptr<Program> Runner::share(int number) const {
  return number >= 0 && number < static_cast<int>(programs_.size()) ? programs_[static_cast<size_t>(number)] : nullptr;
}

bool Runner::dropProgram(int number) {
  if (program(number) == nullptr) return true;
  std::lock_guard<std::mutex> lock(mutex_);
  if (program(number)->pending > 0) return false;
  programs_[static_cast<size_t>(number)].reset();
  return true;
}

Refusal Runner::submit(Program* program, int count, const Target* targets) {
  if (const Refusal refusal = check(*program, count, targets); refusal.code != Refusal::kNone) return refusal;
  program->replica();  // may throw std::bad_alloc
  if (!startThread()) return {Refusal::kNoThread};
  std::list<Submission> made;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    auto end = spare_.begin();
    for (int i = 0; i < count && end != spare_.end(); i++) ++end;
    made.splice(made.begin(), spare_, spare_.begin(), end);
  }
  while (made.size() < static_cast<size_t>(count)) made.emplace_back();
  const int step = program->targets();
  for (Submission& submission : made) {
    submission.fill(program, targets);
    targets += step;
  }
  made.back().notifies = true;
  for (Submission& submission : made) program->snapshot(submission.host.data());  // from here on nothing throws
  {
    std::lock_guard<std::mutex> guard(mutex_);
    if (program->pending == 0) lock(*program);
    program->pending += count;
    queue_.splice(queue_.end(), made);
    submitted_.fetch_add(count, std::memory_order_release);
  }
  wake_.notify_one();
  return {};
}

Refusal Runner::replay(Program* program, const Target* targets, Ending* ending, int64_t* times) {
  if (const Refusal refusal = check(*program, 1, targets); refusal.code != Refusal::kNone) return refusal;
  const bool idle = isIdle();
  if (!idle && !program->isReader()) return {Refusal::kPending};
  Replica& replica = idle ? program->replica() : program->secondReplica();
  char few[64];
  std::vector<char> many(program->hostBytes > sizeof few ? program->hostBytes : 0);
  char* host = many.empty() ? few : many.data();
  program->snapshot(host);
  static const Control never;
  *ending = replica.run(targets, host, never, times);
  if (ending->code != Ending::kDone) program->rewind(host, host);
  return {};
}

bool Runner::isIdle() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return queue_.empty();
}

Ending Runner::failure() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

void Runner::abort() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (queue_.empty() || failure_.code != Ending::kDone) return;
    control_.stop = true;
    if (running_) return;  // the program's thread records how the step ends
    failure_ = {Ending::kStopped, -1, 0, 0};
  }
  notify_();
}

int64_t Runner::recover() {
  std::unique_lock<std::mutex> lock(mutex_);
  idle_.wait(lock, [this] { return !running_; });
  control_.stop = false;
  failure_ = {};
  const auto dropped = static_cast<int64_t>(queue_.size());
  // Each program's generators go back to before its first step that did not run.
  for (auto submission = queue_.rbegin(); submission != queue_.rend(); ++submission) {
    Program* const program = submission->program;
    program->rewind(submission->host.data(), submission->host.data());
    submission->release(released_);
    released_.clear();
    if (--program->pending == 0) unlock(*program);
  }
  queue_.clear();
  submitted_.fetch_sub(dropped);
  return dropped;
}

void Runner::pause() {
  std::unique_lock<std::mutex> lock(mutex_);
  paused_++;
  idle_.wait(lock, [this] { return !running_; });
}

void Runner::resume() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    paused_--;
  }
  wake_.notify_one();
}

bool Runner::startThread() {
  if (thread_.joinable()) return true;
  startPoolEarly();
  try {
    thread_ = adjoint::startThread([this] { serve(); });
  } catch (const std::exception&) {
  }
  return thread_.joinable();
}

// The step to run now, or null when the runner is shut down.
Runner::Submission* Runner::next() {
  const auto isEmpty = [this] {
    return completed_.load(std::memory_order_relaxed) == submitted_.load(std::memory_order_acquire);
  };
  if (isEmpty()) {
    const auto end = std::chrono::steady_clock::now() + kSpin;
    while (isEmpty() && std::chrono::steady_clock::now() < end) {
      for (int i = 0; i < 16 && isEmpty(); i++) relax();
    }
  }
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait(lock, [this] {
    return down_ || (!queue_.empty() && paused_ == 0 && !control_.stop && failure_.code == Ending::kDone);
  });
  if (down_) return nullptr;
  running_ = true;
  return &queue_.front();
}

void Runner::finish(const Ending& ending) {
  bool notifies = true;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    running_ = false;
    if (ending.code == Ending::kDone) {
      Submission& done = queue_.front();
      notifies = done.notifies || queue_.size() == 1;
      done.release(released_);
      if (--done.program->pending == 0) unlock(*done.program);
      if (spare_.size() < kMostSpare) {
        spare_.splice(spare_.begin(), queue_, queue_.begin());
      } else {
        queue_.pop_front();
      }
      completed_.fetch_add(1, std::memory_order_release);
      if (control_.stop && !queue_.empty()) failure_ = {Ending::kStopped, -1, 0, 0};
      if (queue_.empty()) control_.stop = false;
      if (failure_.code != Ending::kDone) notifies = true;
    } else {
      failure_ = ending;
    }
  }
  released_.clear();  // outside of the lock, for which the event loop may wait
  idle_.notify_all();
  if (notifies) notify_();
}

void Runner::serve() {
  setPriority(priority_);
  while (Submission* submission = next()) {
    finish(submission->program->replica().run(submission->targets.data(), submission->host.data(), control_));
  }
}

void Runner::shutDown() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (down_) return;
    down_ = true;
  }
  control_.stop = true;
  control_.kill = true;
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  recover();
  programs_.clear();
  spare_.clear();
}

}  // namespace adjoint
