// Lets predictions read the weights of a whole step while another thread trains. A step that is about to write calls
// begin; from then to end, readers get copies of the content before (or wait, when nobody has read lately and no copy
// was made: the first one after a pause). Readers in turn are waited for.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "memory.h"

namespace adjoint {

// The content that a reader was given of each of its storages: the storage itself or a copy, one reference each.
struct Reading {
  std::vector<Storage*> content;
  bool inPlace = false;  // some are the storages themselves: steps wait
};

class Gate {
 public:
  // Whether there is a program that only reads: without one, steps need not stop here.
  std::atomic<bool> used{false};

  void beginRead(const std::vector<Storage*>& storages, Reading* reading);
  void endRead(Reading* reading);

  // Around the part of a step that writes these storages.
  void beginWrite(const std::vector<Storage*>& storages);
  void endWrite(const std::vector<Storage*>& storages);

 private:
  static constexpr int kRecent = 256;  // steps for which copies are made after a read

  std::mutex mutex_;
  std::condition_variable changed_;
  int readers_ = 0;  // in place
  std::atomic<int> recent_{0};
};

}  // namespace adjoint
