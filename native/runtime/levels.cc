#include "levels.h"

#ifdef ADJOINT_X86_LEVELS
#include <cpuid.h>
#endif

#include <cstring>

namespace adjoint {

#define NAME(level) #level,
static constexpr const char* names[] = {ADJOINT_LEVELS(NAME)};

const char* levelName(int level) { return names[level]; }

#ifdef ADJOINT_X86_LEVELS
// The number of the newest level (of x86-64-v4, v3 and the baseline) that processor and system run. Asked of the
// processor itself: __builtin_cpu_supports is always false where zig's run-time library is linked (musl).
static int newestLevel() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kAvxFmaMovbeF16cXsave = 1u << 28 | 1u << 12 | 1u << 22 | 1u << 29 | 1u << 27;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & kAvxFmaMovbeF16cXsave) != kAvxFmaMovbeF16cXsave) return 0;
  constexpr unsigned kLzcnt = 1u << 5;
  if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & kLzcnt)) return 0;
  constexpr unsigned kBmiAvx2Bmi2 = 1u << 3 | 1u << 5 | 1u << 8;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & kBmiAvx2Bmi2) != kBmiAvx2Bmi2) return 0;
  // The registers that the system saves: of SSE and AVX, of AVX-512.
  unsigned saved = 0, high = 0;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  if ((saved & 0x06) != 0x06) return 0;
  constexpr unsigned kAvx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;  // F, DQ, CD, BW, VL
  return (saved & 0xe6) == 0xe6 && (b & kAvx512) == kAvx512 ? 2 : 1;
}
#endif

int chooseLevel(const char* wanted) {
#ifdef ADJOINT_X86_LEVELS
  static const int newest = newestLevel();
#else
  constexpr int newest = 0;
#endif
  if (wanted == nullptr || *wanted == '\0') return newest;
  for (int level = 0; level <= newest; ++level) {
    if (!strcmp(wanted, names[level])) return level;
  }
  return -1;
}

}  // namespace adjoint
