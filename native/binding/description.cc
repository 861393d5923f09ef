#include "description.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "../program/bind.h"
#include "constants.h"

namespace adjoint {
namespace {

const char* nameOf(BufferKind kind) {
  static const auto& names = *new std::vector<std::string>(namesOf(bufferKindNames));  // threads may outlive main
  return names[static_cast<size_t>(kind)].c_str();
}

Napi::Value describeSpan(Napi::Env env, const Recording& recording, const RecordedSpan& span, ArgumentKind kind) {
  auto result = Napi::Object::New(env);
  result["buffer"] = static_cast<double>(span.buffer);
  result["kind"] = nameOf(recording.buffers[static_cast<size_t>(span.buffer)].kind);
  result["dtype"] = static_cast<double>(span.dtype);
  result["offset"] = static_cast<double>(span.offset);
  result["length"] = static_cast<double>(span.length);
  result["read"] = isRead(kind);
  result["written"] = isWritten(kind);
  return result;
}

template <typename T>
Napi::Array numbers(Napi::Env env, const std::vector<T>& values) {
  auto array = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); i++) array[static_cast<uint32_t>(i)] = static_cast<double>(values[i]);
  return array;
}

// The floating-point operations of a call, and the bytes of its operands that it reads and writes.
void addCosts(Napi::Object result, const RecordedOperation& operation) {
  double bytes = 0, read = 0, written = 0;
  forEachSpan(operation, [&](const RecordedSpan& span, ArgumentKind kind) {
    if (kind == ArgumentKind::kWorkspace) return;
    const auto length = static_cast<double>(span.length);
    read += isRead(kind) ? length : 0;
    written += isWritten(kind) ? length : 0;
    bytes += (isRead(kind) + isWritten(kind)) * length * static_cast<double>(bytesPerElement(span.dtype));
  });
  const auto flops = operation.kernel->flops;
  const BoundOperations bound({&operation}, [](int) { return nullptr; });
  result["flops"] = flops == nullptr ? std::max(read, written) : flops(bound.arguments(0));
  result["bytes"] = bytes;
}

Napi::Value describeOperation(Napi::Env env, const Recording& recording, const RecordedOperation& operation) {
  auto result = Napi::Object::New(env);
  result["number"] = static_cast<double>(operation.number);
  result["kernel"] = operation.kernel->name;
  result["reals"] = numbers(env, operation.reals);
  result["integers"] = numbers(env, operation.integers);
  auto spans = Napi::Array::New(env);
  forEachSpan(operation, [&](const RecordedSpan& span, ArgumentKind kind) {
    spans[spans.Length()] = describeSpan(env, recording, span, kind);
  });
  result["spans"] = spans;
  addCosts(result, operation);
  return result;
}

}  // namespace

Napi::Value describe(Napi::Env env, const Recording& recording, const Plan* plan) {
  auto result = Napi::Object::New(env);
  auto operations = Napi::Array::New(env);
  for (const RecordedOperation& operation : recording.operations) {
    const Napi::HandleScope scope(env);  // each collection goes through the handles that are open
    operations[operations.Length()] = describeOperation(env, recording, operation);
  }
  result["operations"] = operations;
  auto outputs = Napi::Array::New(env);
  for (const RecordedSpan& span : recording.outputs) {
    const Napi::HandleScope scope(env);
    outputs[outputs.Length()] = static_cast<double>(span.buffer);
  }
  result["outputs"] = outputs;
  auto constants = Napi::Object::New(env);
  for (size_t b = 0; b < recording.buffers.size(); b++) {
    const RecordedBuffer& buffer = recording.buffers[b];
    if (buffer.kind != BufferKind::kConstant || !buffer.storage) continue;
    const Napi::HandleScope scope(env);
    auto bytes = Napi::Uint8Array::New(env, buffer.bytes);
    if (buffer.bytes > 0) std::memcpy(bytes.Data(), buffer.storage->data(), buffer.bytes);
    constants.Set(static_cast<uint32_t>(b), bytes);
  }
  result["constants"] = constants;
  if (plan == nullptr) return result;
  auto groups = Napi::Array::New(env);
  for (const Group& group : plan->groups) {
    const Napi::HandleScope scope(env);
    auto list = Napi::Array::New(env);
    for (int i = group.first; i < group.first + group.count; i++) {
      list[list.Length()] = static_cast<double>(plan->order[static_cast<size_t>(i)]);
    }
    groups[groups.Length()] = list;
  }
  result["groups"] = groups;
  result["arenaBytes"] = static_cast<double>(plan->arenaBytes);
  std::set<int64_t> places(plan->offsets.begin(), plan->offsets.end());
  places.erase(-1);
  result["places"] = static_cast<double>(places.size());
  return result;
}

}  // namespace adjoint
