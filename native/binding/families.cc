#include "families.h"

#include "../runtime/levels.h"

// ADJOINT_FAMILIES(X): X(elementwise) X(reduce) …, written by CMakeLists.txt from the list of the families' files.
#include "families.inc"

namespace adjoint {

#define DECLARE(family) extern const Family family;
#define ADDRESS(family) &family,
#define LIST(level)                                                \
  namespace level {                                                \
  ADJOINT_FAMILIES(DECLARE)                                        \
  static const Family* const list[] = {ADJOINT_FAMILIES(ADDRESS)}; \
  }
#define LEVEL(level) {level::list, sizeof(level::list) / sizeof(level::list[0])},

ADJOINT_LEVELS(LIST)

Families familiesOf(int level) {
  static constexpr Families families[] = {ADJOINT_LEVELS(LEVEL)};
  return families[level];
}

}  // namespace adjoint
