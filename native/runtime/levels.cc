#ifdef ADJOINT_X86_LEVELS
#include <cpuid.h>
#endif

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

#ifdef ADJOINT_X86_LEVELS
// The newest of the levels x86-64-v4, v3 and 1 (baseline) that processor and system run. Asked of the processor itself:
// __builtin_cpu_supports is always false where zig's run-time library is linked (musl).
static int newestLevel() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kAvxFmaMovbeF16cXsave = 1u << 28 | 1u << 12 | 1u << 22 | 1u << 29 | 1u << 27;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & kAvxFmaMovbeF16cXsave) != kAvxFmaMovbeF16cXsave) return 1;
  constexpr unsigned kLzcnt = 1u << 5;
  if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & kLzcnt)) return 1;
  constexpr unsigned kBmiAvx2Bmi2 = 1u << 3 | 1u << 5 | 1u << 8;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & kBmiAvx2Bmi2) != kBmiAvx2Bmi2) return 1;
  // The registers that the system saves: of SSE and AVX, of AVX-512.
  unsigned saved = 0, high = 0;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  if ((saved & 0x06) != 0x06) return 1;
  constexpr unsigned kAvx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;  // F, DQ, CD, BW, VL
  return (saved & 0xe6) == 0xe6 && (b & kAvx512) == kAvx512 ? 4 : 3;
}
#endif

const Level* chooseLevel(const char* wanted) {
  const bool any = wanted == nullptr || *wanted == '\0';
#ifdef ADJOINT_X86_LEVELS
  static const int newest = newestLevel();
  if ((any || !strcmp(wanted, "v4")) && newest >= 4) return &v4Level;
  if ((any || !strcmp(wanted, "v3")) && newest >= 3) return &v3Level;
#endif
  return any || !strcmp(wanted, "baseline") ? &baselineLevel : nullptr;
}

}  // namespace adjoint
