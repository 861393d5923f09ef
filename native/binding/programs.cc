#include "programs.h"

#include <cstring>
#include <string>

#include "call.h"
#include "description.h"

namespace adjoint {

// A runner as JavaScript holds it, and its way back there: callback(completed, ending, operation, position, value).
struct RunnerHandle : std::enable_shared_from_this<RunnerHandle> {
  RunnerHandle(Programs* programs) : programs(programs), runner(&programs->gate, [this] { notify(); }) {}

  void notify() {
    if (function == nullptr || notified.exchange(true)) return;
    if (napi_call_threadsafe_function(function, nullptr, napi_tsfn_nonblocking) == napi_closing) function = nullptr;
  }

  // Keeps the event loop alive while steps are queued, and only then.
  void hold(napi_env env, bool busy) {
    if (busy == held || function == nullptr) return;
    held = busy;
    (busy ? napi_ref_threadsafe_function : napi_unref_threadsafe_function)(env, function);
  }

  void shutDown() {
    runner.shutDown();
    if (function != nullptr) napi_release_threadsafe_function(function, napi_tsfn_abort);
    function = nullptr;
  }

  Programs* const programs;
  napi_threadsafe_function function = nullptr;
  std::atomic<bool> notified{false};
  bool held = false;
  std::vector<char> saved;
  Runner runner;
};

Programs::~Programs() {
  for (auto& weak : runners) {
    if (auto handle = weak.lock()) {
      handle->runner.shutDown();
      handle->function = nullptr;  // its environment ends it
    }
  }
}

void Programs::pause() {
  for (auto& weak : runners) {
    if (auto handle = weak.lock()) handle->runner.pause();
  }
  environment->unlock(1);
}

void Programs::resume() {
  environment->unlock(-1);
  for (auto& weak : runners) {
    if (auto handle = weak.lock()) handle->runner.resume();
  }
}

namespace {

using Info = Napi::CallbackInfo;

Programs& programsOf(const Info& info) { return *static_cast<Programs*>(info.Data()); }

Napi::Error internalError(const Info& info, const char* message) {
  return Napi::Error::New(info.Env(), std::string("internal: ") + message);
}

// The runner in the first argument.
RunnerHandle& handleOf(const Info& info) {
  if (!info[0].IsExternal()) throw internalError(info, "a runner was expected");
  return **info[0].As<Napi::External<std::shared_ptr<RunnerHandle>>>().Data();
}

Program& programOf(const Info& info) {
  Program* program = info[1].IsNumber() ? handleOf(info).runner.program(info[1].ToNumber().Int32Value()) : nullptr;
  if (program == nullptr) throw internalError(info, "no such program");
  return *program;
}

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

void recordBegin(const Info& info) { programsOf(info).environment->beginRecording(operandsOf(info, info[0])); }

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

// runnerCreate(callback) → runner, freed when it is collected
Napi::Value runnerCreate(const Info& info) {
  Programs& programs = programsOf(info);
  auto handle = std::make_shared<RunnerHandle>(&programs);
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
  auto& runners = programs.runners;
  for (size_t i = runners.size(); i-- > 0;) {
    if (runners[i].expired()) runners.erase(runners.begin() + static_cast<std::ptrdiff_t>(i));
  }
  runners.push_back(handle);
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

// Steps as JavaScript names them: an Int32Array with the handles of each one's arguments and results (0: not wanted).
class Steps {
 public:
  Steps(const Info& info, Program& program, int count) : program_(program) {
    const size_t length = static_cast<size_t>(program.targets()) * static_cast<size_t>(count);
    if (!info[3].IsTypedArray() || info[3].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array ||
        info[3].As<Napi::TypedArray>().ElementLength() < length) {
      throw internalError(info, "an Int32Array of handles was expected");
    }
    const int32_t* handles = info[3].As<Napi::Int32Array>().Data();
    for (size_t i = 0; i < length; i++) add(info, static_cast<uint32_t>(handles[i]), i);
  }
  ~Steps() {
    for (Storage* copy : copies_) releaseStorage(copy);
  }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;

  const Target* data() const { return targets_.data(); }

 private:
  void add(const Info& info, uint32_t handle, size_t i) {
    const size_t step = i % static_cast<size_t>(program_.targets()), inputs = program_.recording.inputs.size();
    const RecordedSpan& span =
        step < inputs ? program_.recording.inputs[step] : program_.recording.outputs[step - inputs];
    if (handle == 0 && step >= inputs) {
      targets_.push_back({nullptr, nullptr});
      return;
    }
    const Slot* slot = programsOf(info).environment->find(handle);
    if (slot == nullptr || slot->length != span.length || slot->dtype != span.dtype) {
      throw internalError(info, "a tensor does not fit the program");
    }
    // Indices are checked and then used: nobody may change them in between through a view of the memory.
    if (step < inputs && slot->storage->use.exported && slot->dtype == DType::kInt32) {
      Storage* copy = allocateStorage(static_cast<size_t>(slot->length) * sizeof(int32_t));
      if (copy == nullptr) throw std::bad_alloc();
      copies_.push_back(copy);
      if (slot->length > 0) std::memcpy(copy->data(), slot->data, static_cast<size_t>(slot->length) * sizeof(int32_t));
      targets_.push_back({copy, copy->data()});
    } else {
      targets_.push_back({slot->storage, slot->data});
    }
  }

  Program& program_;
  std::vector<Target> targets_;
  std::vector<Storage*> copies_;
};

// Captured tensors that were disposed since: programs would go on with what nobody else can see.
bool isDisposed(const Info& info, const Program& program) {
  for (const int b : program.captured) {
    const uint32_t handle = program.recording.buffers[static_cast<size_t>(b)].handle;
    if (handle != 0 && programsOf(info).environment->find(handle) == nullptr) return true;
  }
  return false;
}

constexpr int kDisposed = 100;  // beside Refusal's codes

Napi::Value refusalOf(const Info& info, const Refusal& refusal) {
  return Napi::Number::New(info.Env(), refusal.code + 256 * refusal.index);
}

// submit(runner, program, count, handles) → a refusal's code + 256 · its index, 0 when all is well
Napi::Value submit(const Info& info) {
  RunnerHandle& handle = handleOf(info);
  Program& program = programOf(info);
  const int count = info[2].ToNumber().Int32Value();
  if (count < 1 || count > 1 << 16) throw internalError(info, "a number of steps was expected");
  if (isDisposed(info, program)) return Napi::Number::New(info.Env(), kDisposed);
  try {
    const Steps steps(info, program, count);
    const Refusal refusal = handle.runner.submit(&program, count, steps.data());
    if (refusal.code == Refusal::kNone) handle.hold(info.Env(), true);
    return refusalOf(info, refusal);
  } catch (const std::bad_alloc&) {
    return refusalOf(info, {Refusal::kNoMemory});
  }
}

// replay(runner, program, times | undefined, handles) → a refusal's number, or how the step ended as [code, operation,
// position, value] when it did not go well. times: BigInt64Array that gets the nanoseconds of each group added.
Napi::Value replay(const Info& info) {
  RunnerHandle& handle = handleOf(info);
  Program& program = programOf(info);
  if (isDisposed(info, program)) return Napi::Number::New(info.Env(), kDisposed);
  int64_t* times = nullptr;
  if (info[2].IsTypedArray()) {
    const auto array = info[2].As<Napi::TypedArray>();
    if (array.TypedArrayType() != napi_bigint64_array || array.ElementLength() < program.plan.groups.size()) {
      throw internalError(info, "a BigInt64Array of times was expected");
    }
    times = info[2].As<Napi::BigInt64Array>().Data();
  }
  try {
    const Steps steps(info, program, 1);
    Ending ending;
    const Refusal refusal = handle.runner.replay(&program, steps.data(), &ending, times);
    if (refusal.code != Refusal::kNone || ending.code == Ending::kDone) return refusalOf(info, refusal);
    auto result = Napi::Array::New(info.Env(), 4);
    result[0u] = static_cast<double>(ending.code);
    result[1u] = static_cast<double>(ending.operation);
    result[2u] = static_cast<double>(ending.position);
    result[3u] = ending.value;
    return result;
  } catch (const std::bad_alloc&) {
    return refusalOf(info, {Refusal::kNoMemory});
  }
}

void abortSteps(const Info& info) { handleOf(info).runner.abort(); }

Napi::Value recover(const Info& info) {
  RunnerHandle& handle = handleOf(info);
  const int64_t dropped = handle.runner.recover();
  handle.hold(info.Env(), false);
  return Napi::Number::New(info.Env(), static_cast<double>(dropped));
}

void pausePrograms(const Info& info) { programsOf(info).pause(); }
void resumePrograms(const Info& info) { programsOf(info).resume(); }

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
