// The contents of storages before they were written, restored when the writer fails.
#pragma once
#include <unordered_map>

#include "../runtime/memory.h"

namespace adjoint {

class Changes {
 public:
  // Copies the content of a storage that is about to be written for the first time. Throws std::bad_alloc without
  // memory for the copy.
  void save(const StorageRef& storage);
  // Restores all contents, and forgets them.
  void undo();
  void forget() { before_.clear(); }

 private:
  struct Change {
    StorageRef storage, copy;
  };
  std::unordered_map<Storage*, Change> before_;
};

}  // namespace adjoint
