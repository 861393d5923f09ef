// The addon's exports for recording and replaying.
#pragma once
#include <napi.h>

#include <functional>
#include <memory>
#include <vector>

#include "../runtime/runner.h"
#include "environment.h"

namespace adjoint {

struct RunnerHandle;

// What one JavaScript thread owns of them.
class Programs {
 public:
  explicit Programs(Environment* environment) : environment(environment) {}
  ~Programs();
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  // Between the two no program of this thread runs, and the tensors they use are free.
  void pause();
  void resume();

  Environment* const environment;
  Gate gate;
  Recording recording;  // the newest one
  std::vector<std::weak_ptr<RunnerHandle>> runners;
};

void addPrograms(Napi::Env env, Napi::Object exports, Programs* programs);

}  // namespace adjoint
