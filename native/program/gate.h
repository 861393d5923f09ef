// Lets predictions read the weights of a whole step while another thread trains. A step that is about to write creates a
// Writer; while that lives, readers get copies of the earlier content (or wait, if no copy was made because nobody has
// read lately: the first reader after a pause). A Writer waits for readers in turn.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "../runtime/memory.h"

namespace adjoint {

class Gate {
 public:
  // Whether there is a program that only reads: without one, steps skip the gate.
  std::atomic<bool> used{false};

  // A reader has access while this lives.
  class Reader {
   public:
    Reader(Gate* gate, const std::vector<Storage*>& storages);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    // For each of its storages, the storage itself or a copy.
    const std::vector<StorageRef>& content() const { return content_; }

   private:
    Gate* const gate_;
    std::vector<StorageRef> content_;
    bool inPlace_ = false;  // some are the storages themselves, so steps wait
  };

  // Lives during the part of a step that writes these storages.
  class Writer {
   public:
    Writer(Gate* gate, const std::vector<Storage*>& storages);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

   private:
    Gate* const gate_;
    const std::vector<Storage*>& storages_;
  };

 private:
  static constexpr int kRecent = 256;  // the number of steps after a read for which copies are made

  std::mutex mutex_;
  std::condition_variable changed_;
  int readers_ = 0;  // in place
  std::atomic<int> recent_{0};
};

}  // namespace adjoint
