#include "programs.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "call.h"
#include "description.h"
#include "runner_handle.h"

namespace adjoint {

Programs::Programs(Environment* environment) : environment(environment) {
  environment->freeLostPrograms = [this] { freeLost(); };
}

Programs::~Programs() {
  for (auto& weak : runners_) {
    if (auto handle = weak.lock()) {
      handle->disown(environment->env());
      handle->runner.shutDown();
      handle->function = nullptr;  // its environment ends it
      handle->programs = nullptr;
    }
  }
}

// Their finalizers only run when JavaScript yields.
void Programs::freeLost() {
  napi_env env = environment->env();
  napi_handle_scope scope = nullptr;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  const auto isLost = [env](const std::weak_ptr<RunnerHandle>& weak) {
    const auto handle = weak.lock();
    napi_value held = nullptr;
    if (!handle || handle->owner == nullptr) return true;
    if (napi_get_reference_value(env, handle->owner, &held) != napi_ok || held != nullptr) return false;
    handle->disown(env);
    handle->shutDown();
    return true;
  };
  runners_.erase(std::remove_if(runners_.begin(), runners_.end(), isLost), runners_.end());
  napi_close_handle_scope(env, scope);
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

// A runner made while others are paused is paused, too, and resumed with them.
void Programs::add(const std::shared_ptr<RunnerHandle>& handle) {
  for (int i = 0; i < paused_; i++) handle->runner.pause();
  runners_.push_back(handle);
}

namespace {

// The tensors whose handles an Int32Array holds.
std::vector<Operand> operandsOf(const Info& info, size_t argument) {
  const Numbers handles = numbersOf(info, argument);
  std::vector<Operand> operands;
  for (size_t i = 0; i < handles.count; i++) {
    const auto handle = static_cast<uint32_t>(handles.data[i]);
    const Slot* slot = programsOf(info).environment->find(handle);
    if (slot == nullptr) throw internalError(info, "no live tensor");
    operands.push_back(operandOf(*slot, handle));
  }
  return operands;
}

void recordBegin(const Info& info) {
  if (programsOf(info).environment->isRecording()) throw internalError(info, "a recording is going on");
  const std::vector<Operand> inputs = operandsOf(info, 0);
  for (const Operand& input : inputs) {
    if (input.data != input.storage->data()) throw internalError(info, "an input must be a whole tensor");
  }
  programsOf(info).environment->beginRecording(inputs);
}

void recordPause(const Info& info) { programsOf(info).environment->pauseRecording(booleanOf(info, 0)); }

Napi::Value recordCount(const Info& info) {
  const Recorder* recorder = programsOf(info).environment->recorder();
  return Napi::Number::New(info.Env(), recorder == nullptr ? 0 : recorder->count());
}

// recordEnd(outputs) → why it cannot be replayed, or undefined
Napi::Value recordEnd(const Info& info) {
  Programs& programs = programsOf(info);
  std::string problem;
  programs.recording = Recording();
  Recording recording = programs.environment->endRecording(operandsOf(info, 0), &problem);
  if (!problem.empty()) return Napi::String::New(info.Env(), problem);
  programs.recording = std::move(recording);
  return info.Env().Undefined();
}

// recordUndo(): forgets the current recording, or the newest one, and restores what it changed.
void recordUndo(const Info& info) {
  Programs& programs = programsOf(info);
  programs.environment->dropRecording();
  programs.recording = Recording();
  programs.pause();
  programs.environment->changes.undo();
  programs.resume();
}

// recordForget(): drops the newest recording, but keeps its changes.
void recordForget(const Info& info) {
  programsOf(info).recording = Recording();
  programsOf(info).environment->changes.forget();
}

// runnerCreate(priority) → runner, freed when it is collected
Napi::Value runnerCreate(const Info& info) {
  Programs& programs = programsOf(info);
  const int priority = smallIntegerOf(info, 0);
  if (priority < 0 || priority > static_cast<int>(Priority::kBackground)) throw internalError(info, "no such priority");
  auto handle = std::make_shared<RunnerHandle>(&programs, static_cast<Priority>(priority));
  programs.add(handle);
  const auto external = Napi::External<std::shared_ptr<RunnerHandle>>::New(
      info.Env(), new std::shared_ptr<RunnerHandle>(handle), [](Napi::Env env, std::shared_ptr<RunnerHandle>* held) {
        (*held)->disown(env);
        (*held)->shutDown();
        delete held;
      });
  napi_create_reference(info.Env(), external, 0, &handle->owner);
  return external;
}

// What async_hooks, and tools such as Jest, see of a runner: that it keeps the event loop alive.
Napi::Object resourceOf(Napi::Env env, const std::shared_ptr<RunnerHandle>& handle) {
  const std::weak_ptr<RunnerHandle> weak = handle;
  const auto hasRef = [weak](const Info& info) -> Napi::Value {
    const std::shared_ptr<RunnerHandle> runner = weak.lock();
    return Napi::Boolean::New(info.Env(), runner != nullptr && runner->held);
  };
  Napi::Object resource = Napi::Object::New(env);
  resource.Set("hasRef", Napi::Function::New(env, hasRef));
  return resource;
}

// runnerStart(runner, callback): from now on the runner may run steps on its own thread, and tells when they are done.
void runnerStart(const Info& info) {
  const std::shared_ptr<RunnerHandle> handle = handleOf(info).shared_from_this();
  if (handle->function != nullptr) return;
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
  const napi_value resource = resourceOf(info.Env(), handle);
  if (napi_create_threadsafe_function(info.Env(), info[1], resource, name, 0, 1, context, finalize, context, call,
                                      &handle->function) != napi_ok) {
    delete context;
    throw internalError(info, "no threadsafe function");
  }
  napi_unref_threadsafe_function(info.Env(), handle->function);
}

void runnerDispose(const Info& info) { handleOf(info).shutDown(); }

// programAdd(runner, faulty) → number of a program made from the newest recording; faulty: the numbers of the
// operations that may find a value out of range
Napi::Value programAdd(const Info& info) {
  RunnerHandle& handle = handleOf(info);
  const Numbers list = numbersOf(info, 1);
  const std::vector<int> faulty(list.data, list.data + list.count);
  const int number = handle.runner.addProgram(std::move(programsOf(info).recording), faulty);
  programsOf(info).environment->changes.forget();
  return Napi::Number::New(info.Env(), number);
}

// programBind(runner, program) → whether there is memory for its steps. A call of its own: it may free what JavaScript
// has lost, which the numbers of a step do not keep alive.
Napi::Value programBind(const Info& info) {
  RunnerHandle& handle = handleOf(info);
  Program& program = programOf(info);
  if (program.isBound()) return Napi::Boolean::New(info.Env(), true);
  Environment& environment = *programsOf(info).environment;
  environment.sweepIfDue(program.bytes());
  for (const bool last : {false, true}) {
    try {
      program.replica();
      environment.count(program.bytes());
      handle.counted += program.bytes();
      return Napi::Boolean::New(info.Env(), true);
    } catch (const std::bad_alloc&) {
      if (!last) environment.sweep(true);
    }
  }
  return Napi::Boolean::New(info.Env(), false);
}

Napi::Value programDrop(const Info& info) {
  RunnerHandle& handle = handleOf(info);
  const int number = smallIntegerOf(info, 1);
  const Program* program = handle.runner.program(number);
  const int64_t bytes = program != nullptr && program->isBound() ? program->bytes() : 0;
  const bool dropped = handle.runner.dropProgram(number);
  if (dropped) {
    handle.counted -= bytes;
    programsOf(info).environment->count(-bytes);
  }
  return Napi::Boolean::New(info.Env(), dropped);
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

// saveState(runner, program): remembers what the program's steps change, until forgetState(runner).
void saveState(const Info& info) { handleOf(info).saved = programOf(info).save(); }

// exchangeState(runner, program) → whether the state equals the saved one; swaps the two.
Napi::Value exchangeState(const Info& info) {
  const Program& program = programOf(info);
  std::vector<char> now = program.save(), &saved = handleOf(info).saved;
  if (saved.size() != now.size()) throw internalError(info, "no state was saved");
  const bool same = now == saved;
  program.restore(saved);
  saved = std::move(now);
  return Napi::Boolean::New(info.Env(), same);
}

void forgetState(const Info& info) { std::vector<char>().swap(handleOf(info).saved); }

// Creating the objects of describe may call setters (of Object.prototype), which may dispose the step: both functions
// hold what they describe.
Napi::Value describeProgram(const Info& info) {
  programOf(info);
  const std::shared_ptr<const Program> program = handleOf(info).runner.share(smallIntegerOf(info, 1));
  return describe(info.Env(), program->recording, &program->plan);
}

Napi::Value describeRecording(const Info& info) {
  Programs& programs = programsOf(info);
  Recording recording = std::exchange(programs.recording, Recording());
  const Napi::Value description = describe(info.Env(), recording, nullptr);
  programs.recording = std::move(recording);
  return description;
}

// markHost(handle, isGenerator): programs take a copy of the tensor at each submission.
void markHost(const Info& info) {
  const bool generator = booleanOf(info, 1);
  const Slot* slot = programsOf(info).environment->find(static_cast<uint32_t>(smallIntegerOf(info, 0)));
  if (slot == nullptr || (generator && (slot->dtype != DType::kInt32 || slot->length != 4))) {
    throw internalError(info, "a tensor of the host was expected");
  }
  slot->storage->use.host = generator ? HostKind::kGenerator : HostKind::kValue;
}

}  // namespace

void addPrograms(Napi::Object exports, Programs* programs) {
  const auto add = [&](const char* name, auto function) {
    addExport(exports, name, function, programs, programs->environment);
  };
  add("recordBegin", recordBegin);
  add("recordPause", recordPause);
  add("recordCount", recordCount);
  add("recordEnd", recordEnd);
  add("recordUndo", recordUndo);
  add("recordForget", recordForget);
  add("runnerCreate", runnerCreate);
  add("runnerStart", runnerStart);
  add("runnerDispose", runnerDispose);
  add("programAdd", programAdd);
  add("programBind", programBind);
  add("programDrop", programDrop);
  add("programTensors", programTensors);
  add("submit", submit);
  add("replay", replay);
  add("abort", abortSteps);
  add("recover", recover);
  add("pausePrograms", pausePrograms);
  add("resumePrograms", resumePrograms);
  add("saveState", saveState);
  add("exchangeState", exchangeState);
  add("forgetState", forgetState);
  add("describeProgram", describeProgram);
  add("describeRecording", describeRecording);
  add("markHost", markHost);
}

}  // namespace adjoint
