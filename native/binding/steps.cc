// Submitting steps, and replaying them on this thread.
#include <unordered_set>

#include "runner_handle.h"

namespace adjoint {
namespace {

// Steps as JavaScript names them: an Int32Array with the handles of each one's arguments and results (0: not wanted).
class Steps {
 public:
  Steps(const Info& info, Program& program, int count) : program_(program) {
    const size_t length = static_cast<size_t>(program.targets()) * static_cast<size_t>(count);
    if (!program.isBound()) throw internalError(info, "the program has no memory yet");
    const Numbers handles = numbersOf(info, 3);
    if (handles.count < length) throw internalError(info, "a handle for each argument and result was expected");
    for (size_t i = 0; i < length; i++) add(info, static_cast<uint32_t>(handles.data[i]), i);
  }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;

  const Target* data() const { return targets_.data(); }
  // The position in its step of the first argument that is not a live tensor; -1 if there is none.
  int disposed() const { return disposed_; }

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
    if (slot == nullptr && step < inputs && disposed_ < 0) disposed_ = static_cast<int>(step);
    if (disposed_ >= 0) return;
    if (slot == nullptr || slot->length != span.length || slot->dtype != span.dtype) {
      throw internalError(info, "a tensor does not fit the program");
    }
    targets_.push_back({slot->storage.get(), slot->data});
  }

  Program& program_;
  std::vector<Target> targets_;
  int disposed_ = -1;
};

// Captured tensors that were disposed since: programs would go on with what nobody else can see.
bool isDisposed(const Info& info, const Program& program) {
  for (const int b : program.captured) {
    const uint32_t handle = program.recording.buffers[static_cast<size_t>(b)].handle;
    if (handle != 0 && programsOf(info).environment->find(handle) == nullptr) return true;
  }
  return false;
}

Napi::Value refusalOf(const Info& info, const Refusal& refusal) {
  return Napi::Number::New(info.Env(), refusal.code + 256 * refusal.index);
}

}  // namespace

// programTensors(runner, program) → the handles of all tensors over the memory from outside that its steps use
Napi::Value programTensors(const Info& info) {
  const std::vector<Storage*>& list = programOf(info).capturedStorages;
  const std::unordered_set<const Storage*> captured(list.begin(), list.end());
  const auto handles = Napi::Array::New(info.Env());
  uint32_t count = 0;
  programsOf(info).environment->forEachTensor([&](uint32_t handle, const Slot& slot) {
    if (captured.count(slot.storage.get()) == 0) return;
    const Napi::HandleScope scope(info.Env());
    handles.Set(count++, Napi::Number::New(info.Env(), handle));
  });
  return handles;
}

// submit(runner, program, count, handles) → a refusal's code + 256 · its index, 0 for success
Napi::Value submit(const Info& info) {
  RunnerHandle& handle = handleOf(info);
  Program& program = programOf(info);
  const int count = smallIntegerOf(info, 2);
  if (count < 1 || count > 1 << 16) throw internalError(info, "a number of steps was expected");
  if (isDisposed(info, program)) return refusalOf(info, {Refusal::kDisposed});
  try {
    const Steps steps(info, program, count);
    if (steps.disposed() >= 0) return refusalOf(info, {Refusal::kArgumentDisposed, steps.disposed()});
    const Refusal refusal = handle.runner.submit(&program, count, steps.data());
    if (refusal.code == Refusal::kNone) handle.hold(info.Env(), true);
    return refusalOf(info, refusal);
  } catch (const std::bad_alloc&) {
    return refusalOf(info, {Refusal::kNoMemory});
  }
}

// replay(runner, program, times | undefined, handles) → a refusal's number, or how the step failed as [code, operation,
// position, value]. times: BigInt64Array to which the nanoseconds of each group are added.
Napi::Value replay(const Info& info) {
  RunnerHandle& handle = handleOf(info);
  Program& program = programOf(info);
  if (isDisposed(info, program)) return refusalOf(info, {Refusal::kDisposed});
  int64_t* times = nullptr;
  if (!info[2].IsUndefined()) {
    const ArrayArgument array = arrayOf(info, 2);
    if (array.type != napi_bigint64_array || array.length < program.plan.groups.size()) {
      throw internalError(info, "a BigInt64Array of times was expected");
    }
    times = static_cast<int64_t*>(array.data);
  }
  try {
    const Steps steps(info, program, 1);
    if (steps.disposed() >= 0) return refusalOf(info, {Refusal::kArgumentDisposed, steps.disposed()});
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

}  // namespace adjoint
