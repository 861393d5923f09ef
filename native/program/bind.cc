#include "bind.h"

#include <algorithm>

#include "fusion.h"

namespace adjoint {

BoundOperations::BoundOperations(const std::vector<const RecordedOperation*>& operations,
                                 const std::function<void*(int)>& address) {
  size_t arguments = 0, lists = 0, integers = 0;
  for (const RecordedOperation* o : operations) {
    arguments += static_cast<size_t>(o->kernel->parameterCount);
    lists += o->spans.size();
    integers += o->integers.size();
  }
  arguments_.resize(arguments);  // fixed from here on: the arguments point into them
  lists_.resize(lists);
  integers_.resize(integers);
  places_.reserve(lists);

  Argument* argument = arguments_.data();
  Buffer* list = lists_.data();
  int64_t* rest = integers_.data();
  for (const RecordedOperation* o : operations) {
    bound_.push_back({o->variant->run, argument, o->kernel->rowwise});
    size_t span = 0, count = 0, integer = 0, real = 0;
    const auto put = [&](Buffer* to) {
      const RecordedSpan& from = o->spans[span++];
      *to = {nullptr, from.length};
      if (from.buffer < 0) return;
      void* base = address(from.buffer);
      if (base != nullptr) to->data = static_cast<char*>(base) + from.offset;
      places_.push_back({from.buffer, to, from.offset});
    };
    for (int p = 0; p < o->kernel->parameterCount; p++, argument++) {
      switch (o->variant->parameters[p].kind) {
        case ArgumentKind::kIn:
        case ArgumentKind::kOut:
        case ArgumentKind::kInOut:
          put(&argument->buffer);
          break;
        case ArgumentKind::kWorkspace:
          put(&argument->workspace.buffer);
          argument->workspace.threads = o->threads;
          break;
        case ArgumentKind::kIns:
        case ArgumentKind::kOuts:
        case ArgumentKind::kInOuts:
          argument->list = {list, o->counts[count++]};
          for (int64_t i = 0; i < argument->list.count; i++) put(list++);
          break;
        case ArgumentKind::kInteger:
          argument->integer = o->integers[integer++];
          break;
        case ArgumentKind::kReal:
          argument->real = o->reals[real++];
          break;
        case ArgumentKind::kIntegers:
          argument->integers = {rest, static_cast<int64_t>(o->integers.size() - integer)};
          while (integer < o->integers.size()) *rest++ = o->integers[integer++];
          break;
      }
    }
  }
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) { return a.of < b.of; });
}

Outcome BoundOperations::runFused(int first, int count) const {
  const int pointwise = bound_[static_cast<size_t>(first)].rowwise ? 1 : 0;
  Fusion fusion(pointwise, count, [this, first](int i) { return run(first + i); });
  return fusion.run();
}

}  // namespace adjoint
