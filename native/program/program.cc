#include "program.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <optional>
#include <unordered_set>

#include "../runtime/thread_pool.h"

namespace adjoint {

Program::Program(Recording given, const std::vector<int>& faulty, Gate* gate)
    : recording(std::move(given)), gate(gate) {
  plan = makePlan(recording);
  std::vector<bool> isUsed(recording.buffers.size(), false), isChanged(recording.buffers.size(), false);
  for (const int o : plan.order) {
    forEachSpan(recording.operations[static_cast<size_t>(o)], [&](const RecordedSpan& span, ArgumentKind kind) {
      isUsed[static_cast<size_t>(span.buffer)] = true;
      if (isWritten(kind)) isChanged[static_cast<size_t>(span.buffer)] = true;
    });
  }
  for (const RecordedSpan& output : recording.outputs) isUsed[static_cast<size_t>(output.buffer)] = true;
  for (size_t b = 0; b < recording.buffers.size(); b++) {
    RecordedBuffer& buffer = recording.buffers[b];
    if (buffer.kind == BufferKind::kHost) {
      host.push_back(static_cast<int>(b));
      hostBytes += buffer.bytes;
    } else if (buffer.kind == BufferKind::kCaptured && isUsed[b]) {
      captured.push_back(static_cast<int>(b));
      capturedStorages.push_back(buffer.storage.get());
      (isChanged[b] ? written : read).push_back(buffer.storage.get());
    } else if (buffer.kind == BufferKind::kInput || buffer.kind == BufferKind::kCaptured) {
      buffer.storage = {};  // recorded arguments, and storages that only dropped operations used
    }
  }
  std::sort(written.begin(), written.end());
  if (!isReader()) {
    findRisked(faulty);
    return;
  }
  for (Storage* storage : read) storage->use.served = true;
  gate->used = true;
}

Program::~Program() = default;

void Program::findRisked(const std::vector<int>& faulty) {
  const auto operation = [&](int position) -> const RecordedOperation& {
    return recording.operations[static_cast<size_t>(plan.order[static_cast<size_t>(position)])];
  };
  const std::unordered_set<int> numbers(faulty.begin(), faulty.end());
  std::unordered_set<Storage*> found;
  int end = 0;  // of the groups in which a fault may be found
  for (int g = plan.commit; g < static_cast<int>(plan.groups.size()); g++) {
    const Group& group = plan.groups[static_cast<size_t>(g)];
    for (int i = group.first; i < group.first + group.count; i++) {
      if (numbers.count(operation(i).number) != 0) end = g + 1;
    }
  }
  for (int g = plan.commit; g < end; g++) {
    const Group& group = plan.groups[static_cast<size_t>(g)];
    for (int i = group.first; i < group.first + group.count; i++) {
      forEachSpan(operation(i), [&](const RecordedSpan& span, ArgumentKind kind) {
        const RecordedBuffer& buffer = recording.buffers[static_cast<size_t>(span.buffer)];
        const bool isCaptured = isWritten(kind) && buffer.kind == BufferKind::kCaptured;
        if (isCaptured && found.insert(buffer.storage.get()).second) risked.push_back(buffer.storage.get());
      });
    }
  }
}

template <typename Use>
void Program::forEachState(Use use) const {
  for (Storage* storage : written) use(storage, storage->bytes);
  for (const int b : host) {
    const RecordedBuffer& buffer = recording.buffers[static_cast<size_t>(b)];
    if (buffer.storage->use.host == HostKind::kGenerator) {
      use(buffer.storage.get(), 2 * sizeof(int64_t));
    }
  }
}

std::vector<char> Program::save() const {
  std::vector<char> saved;
  forEachState([&](Storage* storage, size_t bytes) {
    const char* data = static_cast<const char*>(storage->data());
    saved.insert(saved.end(), data, data + bytes);
  });
  return saved;
}

void Program::restore(const std::vector<char>& saved) const {
  const char* from = saved.data();
  forEachState([&](Storage* storage, size_t bytes) {
    std::memcpy(storage->data(), from, bytes);
    storage->touch();
    from += bytes;
  });
}

int64_t Program::bytes() const {
  int64_t bytes = plan.arenaBytes;
  for (const Storage* storage : risked) bytes += static_cast<int64_t>(storage->bytes);
  return bytes;
}

Replica& Program::replica() {
  if (!first_) first_ = std::make_unique<Replica>(*this);
  return *first_;
}

Replica& Program::secondReplica() {
  if (!second_) second_ = std::make_unique<Replica>(*this);
  return *second_;
}

void Program::snapshot(char* to) const {
  for (const int b : host) {
    const RecordedBuffer& buffer = recording.buffers[static_cast<size_t>(b)];
    std::memcpy(to, buffer.storage->data(), buffer.bytes);
    if (buffer.advance != 0) {
      int64_t position = 0;
      char* at = static_cast<char*>(buffer.storage->data()) + 8;
      std::memcpy(&position, at, sizeof position);
      position += buffer.advance;
      std::memcpy(at, &position, sizeof position);
      buffer.storage->touch();
    }
    to += buffer.bytes;
  }
}

void Program::rewind(const char* snapshot, const char* last) const {
  for (const int b : host) {
    const RecordedBuffer& buffer = recording.buffers[static_cast<size_t>(b)];
    if (buffer.storage->use.host == HostKind::kGenerator) {
      int64_t now[2], then[2];
      std::memcpy(now, buffer.storage->data(), sizeof now);
      std::memcpy(then, last, sizeof then);
      then[1] += buffer.advance;
      if (std::memcmp(now, then, sizeof now) == 0) {
        std::memcpy(buffer.storage->data(), snapshot, sizeof now);
        buffer.storage->touch();
      }
    }
    snapshot += buffer.bytes;
    last += buffer.bytes;
  }
}

Replica::Replica(const Program& program) : program_(program) {
  const Recording& recording = program.recording;
  arena_ = StorageRef::allocate(static_cast<size_t>(program.plan.arenaBytes));
  if (!arena_) throw std::bad_alloc();
  size_t risked = 0;
  for (const Storage* storage : program.risked) risked += storage->bytes;
  if (risked > 0) {
    kept_ = StorageRef::allocate(risked);
    if (!kept_) throw std::bad_alloc();
  }
  arguments_.assign(recording.inputs.size(), nullptr);
  captured_.assign(program.captured.size(), nullptr);
  std::vector<const RecordedOperation*> operations;
  for (const int o : program.plan.order) operations.push_back(&recording.operations[static_cast<size_t>(o)]);
  operations_ = std::make_unique<BoundOperations>(operations, [&](int b) { return address(b, nullptr, nullptr); });
}

void* Replica::address(int b, const Target* targets, const Gate::Reader* reader) const {
  const RecordedBuffer& buffer = program_.recording.buffers[static_cast<size_t>(b)];
  switch (buffer.kind) {
    case BufferKind::kArena:
    case BufferKind::kHost: {
      const int64_t offset = program_.plan.offsets[static_cast<size_t>(b)];
      return offset < 0 ? nullptr : static_cast<char*>(arena_->data()) + offset;
    }
    case BufferKind::kInput:
      return targets == nullptr ? nullptr : targets[b].data;
    case BufferKind::kCaptured:
      // Copies of what is being changed, for readers.
      if (reader != nullptr) {
        const auto place = std::lower_bound(program_.captured.begin(), program_.captured.end(), b);
        return reader->content()[static_cast<size_t>(place - program_.captured.begin())]->data();
      }
      return buffer.storage->data();
    default:
      return buffer.storage->data();
  }
}

Ending Replica::runGroups(int from, int to, const Control& control, int64_t* times) const {
  const bool mayStop = to <= program_.plan.commit;
  std::optional<KernelGuard> guard(std::in_place);
  auto before = std::chrono::steady_clock::now();
  for (int g = from; g < to; g++) {
    if (control.kill.load(std::memory_order_relaxed) || (mayStop && control.stop.load(std::memory_order_relaxed))) {
      return {Ending::kStopped, -1, 0, 0};
    }
    if (isExiting()) {
      guard.reset();
      guard.emplace();  // sleeps until the process is gone, unless this is the thread that ends it
    }
    const Group& group = program_.plan.groups[static_cast<size_t>(g)];
    const Outcome outcome =
        group.count == 1 ? operations_->run(group.first) : operations_->runFused(group.first, group.count);
    if (times != nullptr) {
      const auto now = std::chrono::steady_clock::now();
      times[g] += std::chrono::duration_cast<std::chrono::nanoseconds>(now - before).count();
      before = now;
    }
    if (__builtin_expect(outcome.code == Outcome::kOk, 1)) continue;
    const auto operation = static_cast<size_t>(program_.plan.order[static_cast<size_t>(group.first)]);
    return {outcome.code == Outcome::kFault ? Ending::kFault : Ending::kMisfit,
            program_.recording.operations[operation].number, outcome.position, outcome.value};
  }
  return {};
}

void Replica::keepRisked(bool putBack) const {
  char* kept = kept_ ? static_cast<char*>(kept_->data()) : nullptr;
  for (Storage* storage : program_.risked) {
    if (putBack) {
      std::memcpy(storage->data(), kept, storage->bytes);
    } else {
      std::memcpy(kept, storage->data(), storage->bytes);
    }
    kept += storage->bytes;
  }
}

void Replica::copyResults(const Target* targets, const Gate::Reader* reader) const {
  const Recording& recording = program_.recording;
  for (size_t i = 0; i < recording.outputs.size(); i++) {
    const Target& target = targets[recording.inputs.size() + i];
    const RecordedSpan& span = recording.outputs[i];
    if (target.storage == nullptr || span.length == 0) continue;
    target.storage->touch();
    std::memcpy(target.data, static_cast<const char*>(address(span.buffer, targets, reader)) + span.offset,
                static_cast<size_t>(span.length) * bytesPerElement(span.dtype));
  }
}

Ending Replica::run(const Target* targets, const char* host, const Control& control, int64_t* times) {
  for (size_t i = 0; i < arguments_.size(); i++) {
    if (arguments_[i] == targets[i].data) continue;
    arguments_[i] = targets[i].data;
    operations_->bind(static_cast<int>(i), targets[i].data);
  }
  for (const int b : program_.host) {
    const size_t bytes = program_.recording.buffers[static_cast<size_t>(b)].bytes;
    std::memcpy(address(b, targets, nullptr), host, bytes);
    host += bytes;
  }
  try {
    return program_.isReader() ? runReading(targets, control, times) : runWriting(targets, control, times);
  } catch (const std::bad_alloc&) {  // before anything captured was written
    return {Ending::kNoMemory};
  }
}

Ending Replica::runReading(const Target* targets, const Control& control, int64_t* times) {
  const Gate::Reader reader(program_.gate, program_.capturedStorages);
  for (size_t i = 0; i < captured_.size(); i++) {
    void* where = reader.content()[i]->data();
    if (captured_[i] != where) operations_->bind(program_.captured[i], where);
    captured_[i] = where;
  }
  const Ending ending = runGroups(0, static_cast<int>(program_.plan.groups.size()), control, times);
  if (ending.code == Ending::kDone) copyResults(targets, &reader);
  return ending;
}

Ending Replica::runWriting(const Target* targets, const Control& control, int64_t* times) {
  const int commit = program_.plan.commit;
  Ending ending = runGroups(0, commit, control, times);
  if (ending.code != Ending::kDone) return ending;
  std::optional<Gate::Writer> writer;
  if (program_.gate->used) writer.emplace(program_.gate, program_.written);
  for (Storage* storage : program_.written) storage->touch();
  keepRisked(false);
  ending = runGroups(commit, static_cast<int>(program_.plan.groups.size()), control, times);
  if (ending.code == Ending::kDone) {
    copyResults(targets, nullptr);
  } else {
    keepRisked(true);
  }
  return ending;
}

}  // namespace adjoint
