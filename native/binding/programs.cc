#include "programs.h"

#include <cstring>
#include <string>

#include "call.h"
#include "description.h"
#include "runner_handle.h"

namespace adjoint {

Programs::~Programs() {
  for (auto& weak : runners_) {
    if (auto handle = weak.lock()) {
      handle->runner.shutDown();
      handle->function = nullptr;  // its environment ends it
    }
  }
}

void Programs::pause() {
  paused_++;
  for (auto& weak : runners_) {
    if (auto handle = weak.lock()) handle->runner.pause();
  }
  environment->unlock(1);
}

bool Programs::resume() {
  if (paused_ == 0) return false;
  paused_--;
  environment->unlock(-1);
  for (auto& weak : runners_) {
    if (auto handle = weak.lock()) handle->runner.resume();
  }
  return true;
}

// One that is made while others are paused is so too, and is resumed with them.
void Programs::add(const std::shared_ptr<RunnerHandle>& handle) {
  for (size_t i = runners_.size(); i-- > 0;) {
    if (runners_[i].expired()) runners_.erase(runners_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (int i = 0; i < paused_; i++) handle->runner.pause();
  runners_.push_back(handle);
}

namespace {

std::vector<Operand> operandsOf(const Info& info, const Napi::Value& list) {
  if (!list.IsArray()) throw internalError(info, "an array of handles was expected");
  std::vector<Operand> operands;
  const auto array = list.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) {
    const uint32_t handle = array.Get(i).ToNumber().Uint32Value();
    const Slot* slot = programsOf(info).environment->find(handle);
    if (slot == nullptr) throw internalError(info, "no live tensor");
    operands.push_back(operandOf(*slot, handle));
  }
  return operands;
}

void recordBegin(const Info& info) {
  const std::vector<Operand> inputs = operandsOf(info, info[0]);
  for (const Operand& input : inputs) {
    if (input.data != input.storage->data()) throw internalError(info, "an input must be a whole tensor");
  }
  programsOf(info).environment->beginRecording(inputs);
}

void recordPause(const Info& info) { programsOf(info).environment->pauseRecording(info[0].ToBoolean()); }

Napi::Value recordCount(const Info& info) {
  const Recorder* recorder = programsOf(info).environment->recorder();
  return Napi::Number::New(info.Env(), recorder == nullptr ? 0 : recorder->count());
}

// recordEnd(outputs) → why it cannot be replayed, or undefined
Napi::Value recordEnd(const Info& info) {
  Programs& programs = programsOf(info);
  std::string problem;
  programs.recording = Recording();
  programs.recording = programs.environment->endRecording(operandsOf(info, info[0]), &problem);
  return problem.empty() ? info.Env().Undefined() : Napi::String::New(info.Env(), problem);
}

// runnerCreate(callback, niceness) → runner, freed when it is collected
Napi::Value runnerCreate(const Info& info) {
  Programs& programs = programsOf(info);
  int32_t niceness = 0;
  if (napi_get_value_int32(info.Env(), info[1], &niceness) != napi_ok)
    throw internalError(info, "a niceness was expected");
  auto handle = std::make_shared<RunnerHandle>(&programs, niceness);
  const auto call = [](napi_env env, napi_value callback, void* context, void*) {
    if (env == nullptr || callback == nullptr) return;
    const std::shared_ptr<RunnerHandle> keep = *static_cast<std::shared_ptr<RunnerHandle>*>(context);
    RunnerHandle& self = *keep;
    self.notified.store(false);
    const Ending failure = self.runner.failure();
    const double values[] = {static_cast<double>(self.runner.completed()), static_cast<double>(failure.code),
                             static_cast<double>(failure.operation), static_cast<double>(failure.position),
                             failure.value};
    if (self.runner.isIdle()) self.hold(env, false);
    napi_value arguments[5], undefined = nullptr;
    for (int i = 0; i < 5; i++) napi_create_double(env, values[i], &arguments[i]);
    napi_get_undefined(env, &undefined);
    napi_call_function(env, undefined, callback, 5, arguments, nullptr);
  };
  auto* context = new std::shared_ptr<RunnerHandle>(handle);
  const auto finalize = [](napi_env, void*, void* data) { delete static_cast<std::shared_ptr<RunnerHandle>*>(data); };
  const napi_value name = Napi::String::New(info.Env(), "adjoint program");
  if (napi_create_threadsafe_function(info.Env(), info[0], nullptr, name, 0, 1, context, finalize, context, call,
                                      &handle->function) != napi_ok) {
    delete context;
    throw internalError(info, "no threadsafe function");
  }
  napi_unref_threadsafe_function(info.Env(), handle->function);
  programs.add(handle);
  return Napi::External<std::shared_ptr<RunnerHandle>>::New(info.Env(), new std::shared_ptr<RunnerHandle>(handle),
                                                            [](Napi::Env, std::shared_ptr<RunnerHandle>* held) {
                                                              (*held)->shutDown();
                                                              delete held;
                                                            });
}

void runnerDispose(const Info& info) { handleOf(info).shutDown(); }

// programAdd(runner) → number of a program made from the newest recording
Napi::Value programAdd(const Info& info) {
  return Napi::Number::New(info.Env(), handleOf(info).runner.addProgram(std::move(programsOf(info).recording)));
}

Napi::Value programDrop(const Info& info) {
  return Napi::Boolean::New(info.Env(), handleOf(info).runner.dropProgram(info[1].ToNumber().Int32Value()));
}

void abortSteps(const Info& info) { handleOf(info).runner.abort(); }

Napi::Value recover(const Info& info) {
  RunnerHandle& handle = handleOf(info);
  const int64_t dropped = handle.runner.recover();
  handle.hold(info.Env(), false);
  return Napi::Number::New(info.Env(), static_cast<double>(dropped));
}

void pausePrograms(const Info& info) { programsOf(info).pause(); }
void resumePrograms(const Info& info) {
  if (!programsOf(info).resume()) throw internalError(info, "nothing is paused");
}

// saveState(runner, program): remembers what the program's steps change. restoreState puts it back.
void saveState(const Info& info) { handleOf(info).saved = programOf(info).save(); }

// exchangeState(runner, program) → whether the state is what was saved; what was saved becomes the state, and the other
// way round.
Napi::Value exchangeState(const Info& info) {
  const Program& program = programOf(info);
  std::vector<char> now = program.save(), &saved = handleOf(info).saved;
  if (saved.size() != now.size()) throw internalError(info, "no state was saved");
  const bool same = now == saved;
  program.restore(saved);
  saved = std::move(now);
  return Napi::Boolean::New(info.Env(), same);
}

Napi::Value describeProgram(const Info& info) {
  const Program& program = programOf(info);
  return describe(info.Env(), program.recording, &program.plan);
}

Napi::Value describeRecording(const Info& info) { return describe(info.Env(), programsOf(info).recording, nullptr); }

// markHost(handle, isGenerator): programs take a copy of the tensor at each submission.
void markHost(const Info& info) {
  const Slot* slot = programsOf(info).environment->find(info[0].ToNumber().Uint32Value());
  const bool generator = info[1].ToBoolean();
  if (slot == nullptr || (generator && (slot->dtype != DType::kInt32 || slot->length != 4))) {
    throw internalError(info, "a tensor of the host was expected");
  }
  slot->storage->use.host = generator ? HostKind::kGenerator : HostKind::kValue;
}

}  // namespace

void addPrograms(Napi::Env env, Napi::Object exports, Programs* programs) {
  const auto add = [&](const char* name, auto function) {
    exports.Set(name, Napi::Function::New(env, function, name, programs));
  };
  add("recordBegin", recordBegin);
  add("recordPause", recordPause);
  add("recordCount", recordCount);
  add("recordEnd", recordEnd);
  add("runnerCreate", runnerCreate);
  add("runnerDispose", runnerDispose);
  add("programAdd", programAdd);
  add("programDrop", programDrop);
  add("submit", submit);
  add("replay", replay);
  add("abort", abortSteps);
  add("recover", recover);
  add("pausePrograms", pausePrograms);
  add("resumePrograms", resumePrograms);
  add("saveState", saveState);
  add("exchangeState", exchangeState);
  add("describeProgram", describeProgram);
  add("describeRecording", describeRecording);
  add("markHost", markHost);
}

}  // namespace adjoint
