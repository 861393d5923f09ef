#include "thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "system.h"

namespace adjoint {
namespace {

// Several chunks per thread, so that a thread which the system suspends for a while delays the others little.
constexpr int64_t kChunksPerThread = 4;
// Waking a sleeping thread costs tens of microseconds; the products of a training step follow each other within some
// 100.
constexpr std::chrono::microseconds kSpin{150};

// One parallelFor, on its caller's stack: alive until all its chunks are done.
struct Job {
  ChunkFunction function;
  void* context;
  int64_t n, chunks, align;
  bool wakes;

  // Bounds are multiples of `align`, so that only the last chunk has a rest that does not fill a vector.
  int64_t bound(int64_t chunk) const {
    return chunk == chunks ? n : static_cast<int64_t>(static_cast<__int128>(n) * chunk / chunks) / align * align;
  }
  void run(int64_t chunk) const { function(context, bound(chunk), bound(chunk + 1)); }
};

// Set while this thread runs a chunk.
thread_local bool insideChunk = false;

class Pool {
 public:
  int threadCount() const { return nominal_.load(std::memory_order_relaxed); }

  void setThreadCount(int count) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      nominal_ = std::max(1, std::min(count, kMaxThreads));
    }
    if (startsEarly_) startEarly();
  }

  // Starts threads now, and later whenever the count grows, instead of when they are first needed.
  void startEarly() {
    startsEarly_ = true;
    while (busy_.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
    startThreads();
    busy_.store(false, std::memory_order_release);
  }

  // False when another caller has the pool, or all threads sleep and are to go on sleeping: this thread does the job alone.
  bool run(const Job& job) {
    if (!job.wakes && sleepers_.load() >= started_.load() && !isBurst()) return false;
    if (busy_.exchange(true, std::memory_order_acquire)) return false;
    startThreads();
    done_.store(0, std::memory_order_relaxed);
    job_.store(&job, std::memory_order_relaxed);
    const uint64_t generation = (state_.load(std::memory_order_relaxed) >> 32) + 1;
    state_.store(generation << 32 | static_cast<uint64_t>(job.chunks));
    wake(job.chunks - 1);
    work();
    for (int spins = 0; done_.load(std::memory_order_acquire) < job.chunks; spins++) {
      if (spins < 200) {
        relax();
      } else {
        std::this_thread::yield();
      }
    }
    busy_.store(false, std::memory_order_release);
    return true;
  }

 private:
  // Whether short jobs follow so closely that threads woken by one stay awake until the next.
  bool isBurst() {
    const int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
    return now - lastShort_.exchange(now) < std::chrono::steady_clock::duration(kSpin).count();
  }

  // The state is generation (32 bits) | next chunk (16) | chunks (16).
  static bool hasWork(uint64_t state) { return (state >> 16 & 0xffff) < (state & 0xffff); }

  // Runs chunks until none is left to claim. A job pointer read next to an old state is never used: the exchange fails,
  // because a new job only follows when all chunks of the old one are claimed, and the state never returns.
  void work() {
    uint64_t state = state_.load(std::memory_order_acquire);
    while (hasWork(state)) {
      const Job* job = job_.load(std::memory_order_relaxed);
      if (!state_.compare_exchange_weak(state, state + (1u << 16), std::memory_order_acq_rel)) continue;
      insideChunk = true;
      job->run(static_cast<int64_t>(state >> 16 & 0xffff));
      insideChunk = false;
      done_.fetch_add(1, std::memory_order_release);
      state = state_.load(std::memory_order_acquire);
    }
  }

  void serve(int index) {
    // A thread beyond the nominal count sleeps.
    const auto wanted = [&] { return index < nominal_.load(std::memory_order_relaxed) && hasWork(state_.load()); };
    for (;;) {
      if (wanted()) work();
      const auto end = std::chrono::steady_clock::now() + kSpin;
      do {
        for (int i = 0; i < 16 && !wanted(); i++) relax();
      } while (!wanted() && std::chrono::steady_clock::now() < end);
      if (wanted()) continue;
      std::unique_lock<std::mutex> lock(mutex_);
      sleepers_++;
      wakeUp_.wait(lock, wanted);
      sleepers_--;
    }
  }

  void wake(int64_t threads) {
    if (sleepers_.load() == 0) return;
    std::lock_guard<std::mutex> lock(mutex_);
    // A single notification could reach a thread beyond the nominal count, which would go on sleeping.
    if (threads >= sleepers_.load() || started_ >= threadCount()) {
      wakeUp_.notify_all();
    } else {
      for (int64_t i = 0; i < threads; i++) wakeUp_.notify_one();
    }
  }

  // Threads are detached and live as long as the process. Where the system grants no more, fewer do the work.
  void startThreads() {
    const int wanted = threadCount();
    if (started_ >= wanted - 1 || refused_) return;
    try {
      for (; started_ < wanted - 1; started_++) {
        startThread([this, index = started_ + 1] { serve(index); }).detach();
      }
    } catch (const std::exception&) {
      refused_ = true;
    }
  }

  std::atomic<uint64_t> state_{0};
  std::atomic<const Job*> job_{nullptr};
  std::atomic<int64_t> done_{0};
  std::atomic<bool> busy_{false};
  std::atomic<int> nominal_{defaultThreadCount()};
  std::atomic<int> sleepers_{0};
  std::atomic<int64_t> lastShort_{0};
  std::atomic<int> started_{0};  // changed by the caller that has the pool
  bool refused_ = false;         // changed by the same caller
  std::atomic<bool> startsEarly_{false};
  std::mutex mutex_;
  std::condition_variable wakeUp_;
};

// Never destroyed: threads may still spin while static destructors run.
Pool& pool() {
  static Pool& instance = *new Pool;
  return instance;
}

std::atomic<int> runningKernels{0};
std::atomic<bool> exiting{false};
thread_local bool exitsProcess = false;

// Windows ends all other threads before exit handlers run: who waited for theirs would wait for ever.
#ifndef _WIN32
void waitForKernels() {
  exitsProcess = true;
  exiting = true;
  while (runningKernels.load() > 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
}
#endif

[[noreturn]] void sleepForEver() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

}  // namespace

LoopCollector*& LoopCollector::current() {
  static thread_local LoopCollector* current = nullptr;
  return current;
}

int threadCount() { return pool().threadCount(); }

void setThreadCount(int count) { pool().setThreadCount(count); }

void startPoolEarly() { pool().startEarly(); }

void parallelFor(int64_t n, int64_t grain, ChunkFunction function, void* context, bool wakes) {
  if (n <= 0) return;
  if (LoopCollector* collector = LoopCollector::current()) return collector->take(n, function, context);
  const int64_t most = n / std::max<int64_t>(grain, 1);
  const int64_t threads = insideChunk ? 1 : threadCount();
  const int64_t chunks = threads == 1 ? 1 : std::max<int64_t>(1, std::min(most, threads * kChunksPerThread));
  if (chunks == 1) {
    function(context, 0, n);
    return;
  }
  const Job job{function, context, n, chunks, grain >= 512 ? 64 : 1, wakes};
  if (pool().run(job)) return;
  insideChunk = true;
  for (int64_t chunk = 0; chunk < chunks; chunk++) job.run(chunk);
  insideChunk = false;
}

KernelGuard::KernelGuard() {
#ifndef _WIN32
  static const int registered = std::atexit(waitForKernels);
  (void)registered;
#endif
  runningKernels.fetch_add(1);
  if (!exiting.load() || exitsProcess) return;
  runningKernels.fetch_sub(1);
  sleepForEver();
}

bool isExiting() { return exiting.load(std::memory_order_relaxed); }

KernelGuard::~KernelGuard() { runningKernels.fetch_sub(1); }

}  // namespace adjoint
