#include "recorder.h"

#include <cstring>

namespace adjoint {
namespace {

// What JavaScript writes while recording is replayed as a copy of a constant.
Outcome copyBytes(const Argument* arguments) {
  const Buffer &to = arguments[0].buffer, &from = arguments[1].buffer;
  if (to.length > 0) std::memcpy(to.data, from.data, static_cast<size_t>(to.length));
  return {Outcome::kOk, 0, 0};
}
constexpr Parameter kCopyParameters[] = {{ArgumentKind::kOut, DType::kUint8}, {ArgumentKind::kIn, DType::kUint8}};
constexpr Variant kCopyVariants[] = {{copyBytes, kCopyParameters}};
constexpr Kernel kCopy{"constant", "y x", kCopyVariants, 1, 2, false, false, [](const Argument*) { return 0.0; }};

int64_t positionOf(const Storage* storage) {
  int64_t position = 0;
  std::memcpy(&position, static_cast<const char*>(const_cast<Storage*>(storage)->data()) + 8, sizeof position);
  return position;
}

}  // namespace

Recorder::Recorder(const std::vector<Operand>& inputs, Changes* changes) : changes_(changes) {
  for (const Operand& input : inputs) {
    newest_[input.storage] = addBuffer(BufferKind::kInput, StorageRef(input.storage), input.storage->bytes, 0);
    recording_.inputs.push_back(spanOf(input));
  }
}

int Recorder::addBuffer(BufferKind kind, StorageRef storage, size_t bytes, uint32_t handle) {
  recording_.buffers.push_back({kind, std::move(storage), bytes, handle});
  return static_cast<int>(recording_.buffers.size()) - 1;
}

void Recorder::allocated(Storage* storage, size_t bytes) {
  if (paused) {
    newest_.erase(storage);
    fresh_.insert(storage);
  } else {
    fresh_.erase(storage);
    newest_[storage] = addBuffer(BufferKind::kArena, {}, bytes, 0);
  }
}

RecordedSpan Recorder::spanOf(const Operand& operand) {
  if (operand.storage == nullptr) return {};
  auto found = newest_.find(operand.storage);
  if (found == newest_.end()) {
    const bool host = operand.storage->use.host != HostKind::kNone;
    const int buffer = addBuffer(host ? BufferKind::kHost : BufferKind::kCaptured, StorageRef(operand.storage),
                                 operand.storage->bytes, operand.handle);
    if (operand.storage->use.host == HostKind::kGenerator) {
      recording_.buffers.back().position = positionOf(operand.storage);
    }
    found = newest_.emplace(operand.storage, buffer).first;
  }
  const auto offset = static_cast<const char*>(operand.data) - static_cast<const char*>(operand.storage->data());
  return {found->second, operand.dtype, offset, operand.length};
}

void Recorder::saveWritten(const RecordedSpan& span) {
  const RecordedBuffer& buffer = recording_.buffers[static_cast<size_t>(span.buffer)];
  const bool outside = buffer.kind == BufferKind::kCaptured || buffer.kind == BufferKind::kHost;
  if (outside && fresh_.count(buffer.storage.get()) == 0) changes_->save(buffer.storage);
}

void Recorder::note(const Kernel* kernel, const Variant* variant, const Argument* arguments, const Operand* operands) {
  RecordedOperation operation{kernel, variant, {}, {}, {}, {}, count()};
  for (int p = 0; p < kernel->parameterCount; p++) {
    const Argument& argument = arguments[p];
    switch (variant->parameters[p].kind) {
      case ArgumentKind::kIn:
      case ArgumentKind::kOut:
      case ArgumentKind::kInOut:
        operation.spans.push_back(spanOf(*operands++));
        break;
      case ArgumentKind::kWorkspace:
        operation.workspace = operation.spans.size();
        operation.spans.emplace_back();
        operation.threads = argument.workspace.threads;
        break;
      case ArgumentKind::kIns:
      case ArgumentKind::kOuts:
      case ArgumentKind::kInOuts:
        operation.counts.push_back(argument.list.count);
        for (int64_t i = 0; i < argument.list.count; i++) operation.spans.push_back(spanOf(*operands++));
        break;
      case ArgumentKind::kInteger:
        operation.integers.push_back(argument.integer);
        break;
      case ArgumentKind::kReal:
        operation.reals.push_back(argument.real);
        break;
      case ArgumentKind::kIntegers:
        operation.integers.insert(operation.integers.end(), argument.integers.data,
                                  argument.integers.data + argument.integers.count);
        break;
    }
  }
  forEachSpan(operation, [&](const RecordedSpan& span, ArgumentKind kind) {
    if (isWritten(kind)) saveWritten(span);
  });
  recording_.operations.push_back(std::move(operation));
}

void Recorder::addWorkspace(int64_t bytes) {
  const int buffer = addBuffer(BufferKind::kArena, {}, static_cast<size_t>(bytes), 0);
  RecordedOperation& operation = recording_.operations.back();
  operation.spans[operation.workspace] = {buffer, DType::kUint8, 0, bytes};
}

void Recorder::write(const Operand& target, const void* source, size_t bytes) {
  RecordedSpan to = spanOf(target);
  saveWritten(to);
  StorageRef constant = StorageRef::allocate(bytes);
  if (!constant) throw std::bad_alloc();
  if (bytes > 0) std::memcpy(constant->data(), source, bytes);
  const int buffer = addBuffer(BufferKind::kConstant, std::move(constant), bytes, 0);
  to.length = static_cast<int64_t>(bytes);
  to.dtype = DType::kUint8;
  recording_.operations.push_back(
      {&kCopy, kCopyVariants, {to, {buffer, DType::kUint8, 0, static_cast<int64_t>(bytes)}}, {}, {}, {}, count()});
}

Recording Recorder::finish(const std::vector<Operand>& outputs, std::string* problem) {
  for (const Operand& output : outputs) recording_.outputs.push_back(spanOf(output));
  for (RecordedBuffer& buffer : recording_.buffers) {
    if (buffer.kind == BufferKind::kHost && buffer.storage->use.host == HostKind::kGenerator) {
      buffer.advance = positionOf(buffer.storage.get()) - buffer.position;
    }
  }
  for (const RecordedOperation& operation : recording_.operations) {
    forEachSpan(operation, [&](const RecordedSpan& span, ArgumentKind kind) {
      const RecordedBuffer& buffer = recording_.buffers[static_cast<size_t>(span.buffer)];
      if (!isWritten(kind) || !problem->empty()) return;
      if (buffer.kind == BufferKind::kInput) {
        *problem = std::string(operation.kernel->name) + " changes an argument of the step in place; change a clone()";
      } else if (buffer.kind == BufferKind::kHost &&
                 (buffer.storage->use.host == HostKind::kValue || operation.kernel == &kCopy)) {
        *problem = std::string(operation.kernel->name) +
                   " writes a generator's state or a number of the step; seed generators outside";
      }
    });
  }
  return std::move(recording_);
}

}  // namespace adjoint
