// The addon's exports for recording and replaying.
#pragma once
#include <napi.h>

#include <functional>
#include <memory>
#include <vector>

#include "../program/runner.h"
#include "environment.h"

namespace adjoint {

struct RunnerHandle;

// What one JavaScript thread owns of them.
class Programs {
 public:
  explicit Programs(Environment* environment);
  ~Programs();
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  // In between, no program of this thread runs, and the tensors they use are accessible. May be nested.
  void pause();
  // False when nothing is paused.
  bool resume();
  void add(const std::shared_ptr<RunnerHandle>& handle);

  Environment* const environment;
  Gate gate;
  Recording recording;  // the newest one

 private:
  void freeLost();

  std::vector<std::weak_ptr<RunnerHandle>> runners_;
  int paused_ = 0;
};

void addPrograms(Napi::Object exports, Programs* programs);

}  // namespace adjoint
