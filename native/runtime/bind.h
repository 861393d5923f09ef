// Recorded operations with addresses in place of logical buffers, ready to run.
#pragma once
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
  // Runs operations [first, first + count), of one length and all pointwise but perhaps the first, tile by tile.
  Outcome runFused(int first, int count) const;

  // Moves buffer b to another address.
  void bind(int b, void* address) const {
    if (static_cast<size_t>(b) >= places_.size()) return;
    for (const Place& place : places_[static_cast<size_t>(b)]) {
      place.buffer->data = static_cast<char*>(address) + place.offset;
    }
  }

 private:
  struct Bound {
    Outcome (*run)(const Argument* arguments);
    const Argument* arguments;
    bool rowwise;
  };
  // Where the address of a buffer stands among the arguments.
  struct Place {
    Buffer* buffer;
    int64_t offset;
  };

  std::vector<Bound> bound_;
  std::vector<Argument> arguments_;
  std::vector<Buffer> lists_;
  std::vector<int64_t> integers_;
  std::vector<std::vector<Place>> places_;  // by buffer
};

}  // namespace adjoint
