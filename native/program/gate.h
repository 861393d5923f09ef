// Lets predictions read the weights of a whole step while another thread trains. A step that is about to write makes
// a Writer; for as long as that lives, readers get copies of the content before (or wait, when nobody has read lately
// and no copy was made: the first one after a pause). Readers in turn are waited for.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "../runtime/memory.h"

namespace adjoint {

class Gate {
 public:
  // Whether there is a program that only reads: without one, steps need not stop here.
  std::atomic<bool> used{false};

  // Lets a reader in, for as long as this lives.
  class Reader {
   public:
    Reader(Gate* gate, const std::vector<Storage*>& storages);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    // What it was given of each of its storages: the storage itself or a copy.
    const std::vector<StorageRef>& content() const { return content_; }

   private:
    Gate* const gate_;
    std::vector<StorageRef> content_;
    bool inPlace_ = false;  // some are the storages themselves: steps wait
  };

  // Around the part of a step that writes these storages.
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
  static constexpr int kRecent = 256;  // steps for which copies are made after a read

  std::mutex mutex_;
  std::condition_variable changed_;
  int readers_ = 0;  // in place
  std::atomic<int> recent_{0};
};

}  // namespace adjoint
