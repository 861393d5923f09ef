// What storages held before somebody wrote them, to be put back when what wrote them fails.
#pragma once
#include <unordered_map>

#include "memory.h"

namespace adjoint {

class Changes {
 public:
  Changes() = default;
  ~Changes() { forget(); }
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;

  // Copies the content of a storage that is about to be written, at the first time. Throws std::bad_alloc where there
  // is no memory for the copy.
  void save(Storage* storage);
  // Puts everything back, and forgets it.
  void undo();
  void forget();

 private:
  std::unordered_map<Storage*, Storage*> before_;  // one reference each
};

}  // namespace adjoint
