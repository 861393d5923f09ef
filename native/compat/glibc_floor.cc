// Symbols that GCC's headers and libstdc++ use because the glibc of the building machine has them, while the oldest
// glibc that the binary must load with has not. Hidden: nobody else sees them.
#include <sys/random.h>

#include <cstdint>

#define HIDDEN extern "C" __attribute__((visibility("hidden")))

// shared_ptr asks whether it may count without atomic instructions (glibc 2.32): never.
HIDDEN char __libc_single_threaded;
char __libc_single_threaded = 0;

// For std::random_device (glibc 2.36). The kernel always has 4 random bytes, but for the first moments after it
// started.
HIDDEN uint32_t arc4random() {
  uint32_t value = 0;
  while (getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}
