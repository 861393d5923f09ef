#include <cstring>

#include "../kernels/families.h"

namespace adjoint {

#define DECLARE(family) extern const Family family;
#define ADDRESS(family) &family,
#define LEVEL(level)                                                                                             \
  namespace level {                                                                                              \
  extern const TileEngine tileEngine;                                                                            \
  ADJOINT_FAMILIES(DECLARE)                                                                                      \
  static const Family* const families[] = {ADJOINT_FAMILIES(ADDRESS)};                                           \
  }                                                                                                              \
  static const Level level##Level{#level, level::families, sizeof(level::families) / sizeof(level::families[0]), \
                                  &level::tileEngine};

LEVEL(baseline)
#ifdef ADJOINT_X86_LEVELS
LEVEL(v3)
LEVEL(v4)
#endif

const Level* chooseLevel(const char* wanted) {
  const bool any = wanted == nullptr || *wanted == '\0';
#ifdef ADJOINT_X86_LEVELS
  __builtin_cpu_init();
  if ((any || !strcmp(wanted, "v4")) && __builtin_cpu_supports("x86-64-v4")) return &v4Level;
  if ((any || !strcmp(wanted, "v3")) && __builtin_cpu_supports("x86-64-v3")) return &v3Level;
#endif
  return any || !strcmp(wanted, "baseline") ? &baselineLevel : nullptr;
}

}  // namespace adjoint
