// Symbols that GCC's headers and libstdc++ use because the glibc of the building machine has them, while the oldest
// glibc that the binary must load with has not. Hidden: nobody else sees them.
#include <pthread.h>
#include <sys/random.h>
#include <time.h>

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

// Waiting of std::condition_variable for a duration (glibc 2.30): by the clock that the older function knows, whose
// jumps then count, as they did in every libstdc++ before.
HIDDEN int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                  const timespec* end) {
  timespec now, real;
  clock_gettime(clock, &now);
  clock_gettime(CLOCK_REALTIME, &real);
  constexpr long kSecond = 1000000000;
  real.tv_sec += end->tv_sec - now.tv_sec;
  real.tv_nsec += end->tv_nsec - now.tv_nsec;
  if (real.tv_nsec >= kSecond) {
    real.tv_sec++;
    real.tv_nsec -= kSecond;
  } else if (real.tv_nsec < 0) {
    real.tv_sec--;
    real.tv_nsec += kSecond;
  }
  return pthread_cond_timedwait(condition, mutex, &real);
}
