// Recorded operations with addresses instead of logical buffers, ready to run.
#pragma once
#include <algorithm>
#include <functional>

#include "recording.h"

namespace adjoint {

class BoundOperations {
 public:
  // address(b): where buffer b begins, null for one that is bound later.
  BoundOperations(const std::vector<const RecordedOperation*>& operations, const std::function<void*(int)>& address);
  BoundOperations(const BoundOperations&) = delete;
  BoundOperations& operator=(const BoundOperations&) = delete;

  Outcome run(int i) const {
    const Bound& bound = bound_[static_cast<size_t>(i)];
    return bound.run(bound.arguments);
  }
  // Runs operations [first, first + count) tile by tile: of one length, all pointwise except perhaps the first.
  Outcome runFused(int first, int count) const;

  const Argument* arguments(int i) const { return bound_[static_cast<size_t>(i)].arguments; }

  // Moves buffer b to another address.
  void bind(int b, void* address) const {
    const auto byBuffer = [](const Place& place, int of) { return place.of < of; };
    auto place = std::lower_bound(places_.begin(), places_.end(), b, byBuffer);
    for (; place != places_.end() && place->of == b; ++place) {
      place->buffer->data = static_cast<char*>(address) + place->offset;
    }
  }

 private:
  struct Bound {
    Outcome (*run)(const Argument* arguments);
    const Argument* arguments;
    bool rowwise;
  };
  // Where the address of buffer `of` is among the arguments.
  struct Place {
    int of;
    Buffer* buffer;
    int64_t offset;
  };

  std::vector<Bound> bound_;
  std::vector<Argument> arguments_;
  std::vector<Buffer> lists_;
  std::vector<int64_t> integers_;
  std::vector<Place> places_;  // in the order of `of`
};

}  // namespace adjoint
