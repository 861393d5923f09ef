// What storages held before somebody wrote them, to be put back when what wrote them fails.
#pragma once
#include <unordered_map>

#include "../runtime/memory.h"

namespace adjoint {

class Changes {
 public:
  // Copies the content of a storage that is about to be written, at the first time. Throws std::bad_alloc where there
  // is no memory for the copy.
  void save(const StorageRef& storage);
  // Puts everything back, and forgets it.
  void undo();
  void forget() { before_.clear(); }

 private:
  struct Change {
    StorageRef storage, copy;
  };
  std::unordered_map<Storage*, Change> before_;
};

}  // namespace adjoint
