#include "blas.h"

#include <cblas.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "../runtime/system.h"

#ifdef __linux__
// Internal functions of OpenBLAS, which no header declares; null if a shared library hides them.
extern "C" {
__attribute__((weak)) void* blas_memory_alloc(int);
__attribute__((weak)) void blas_memory_free(void*);
__attribute__((weak)) extern int blas_cpu_number;
__attribute__((weak)) extern int blas_num_threads;
}
#elif defined(_WIN32)  // always linked in
extern "C" {
void* blas_memory_alloc(int);
void blas_memory_free(void*);
}
#endif

namespace adjoint {
namespace {

// OpenBLAS crashes when its table of work buffers is full (400 callers at once); a build without threads has, but for a
// flag nobody sees, no locks either, and gives wrong products to two callers at once (Debian's openblas-serial: seen).
// That of prebuilt binaries has locks, and 128 buffers.
constexpr int kMaxCallers = 32;

#ifdef __linux__
// Runs before the initialisation of an OpenBLAS that is linked in. That would start a thread with a work buffer for
// each processor, all of which would stay idle here. When the process ends, it joins as many threads as `blas_num_threads`
// says.
__attribute__((constructor(101))) void startNoThreads() {
  if (&blas_cpu_number != nullptr) blas_cpu_number = 1;
  if (&blas_num_threads != nullptr) blas_num_threads = 1;
}
#endif

#if defined(__linux__) || defined(_WIN32)
// Has OpenBLAS map one more work buffer than it has, while nobody uses any; false where the system would refuse. One is
// a must; more only save waiting, and are not taken where they would leave little for tensors.
bool mapBuffer(int have) {
  constexpr size_t kBuffer = size_t{ADJOINT_BLAS_BUFFER} << 20;
  if (!hasRoomFor(have == 0 ? kBuffer : 4 * kBuffer)) return false;
#ifndef _WIN32
  if (blas_memory_alloc == nullptr) return true;
#endif
  void* held[kMaxCallers];
  for (int i = 0; i <= have; i++) held[i] = blas_memory_alloc(0);
  for (int i = 0; i <= have; i++) blas_memory_free(held[i]);
  return true;
}
#else
bool mapBuffer(int) { return true; }
#endif

int configureBlas() {
  openblas_set_num_threads(1);
#ifdef ADJOINT_BLAS_LOCKED
  return kMaxCallers;
#else
  return openblas_get_parallel() == OPENBLAS_SEQUENTIAL ? 1 : kMaxCallers;
#endif
}

int mostCallers() {
  static const int most = configureBlas();
  return most;
}

// The callers inside of OpenBLAS. It maps a work buffer when there are more callers than ever before, keeps it, and if
// the system refuses, retries for ever. Therefore it is made to map each buffer while nobody is inside, after a check
// that there is room; without room, callers wait for an existing buffer.
class Callers {
 public:
  // False if there is no room for even one buffer: OpenBLAS must not be called then.
  bool enter() {
    for (;;) {
      int now = inside_.load(std::memory_order_relaxed);
      if (now < buffers_.load(std::memory_order_acquire)) {
        if (inside_.compare_exchange_weak(now, now + 1, std::memory_order_acquire)) return true;
      } else if (!isComplete_) {
        addBuffer();
      } else if (buffers_ == 0) {
        return false;
      } else {
        rest();
      }
    }
  }
  void leave() { inside_.fetch_sub(1, std::memory_order_release); }

 private:
  static constexpr int kClosed = 1 << 20;

  static void rest() { std::this_thread::sleep_for(std::chrono::microseconds(20)); }

  void addBuffer() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (isComplete_ || inside_ < buffers_) return;
    const int have = buffers_.exchange(0);  // from here on nobody else enters
    for (int none = 0; !inside_.compare_exchange_strong(none, kClosed); none = 0) rest();
    const int now = have + (mapBuffer(have) ? 1 : 0);
    buffers_ = now;
    isComplete_ = now == have || now == mostCallers();
    inside_ = 0;
  }

  std::mutex mutex_;
  std::atomic<int> inside_{0};
  std::atomic<int> buffers_{0};
  std::atomic<bool> isComplete_{false};  // there are, or will be, no more buffers
};

// Never destroyed: threads may compute while the process ends.
Callers& callers() {
  static Callers& instance = *new Callers;
  return instance;
}

CBLAS_TRANSPOSE flag(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

void callGemm(const Product<float>& p) {
  cblas_sgemm(CblasRowMajor, flag(p.transA), flag(p.transB), p.m, p.n, p.k, 1.0f, p.a, p.lda, p.b, p.ldb,
              p.accumulate ? 1.0f : 0.0f, p.c, p.ldc);
}
void callGemm(const Product<double>& p) {
  cblas_dgemm(CblasRowMajor, flag(p.transA), flag(p.transB), p.m, p.n, p.k, 1.0, p.a, p.lda, p.b, p.ldb,
              p.accumulate ? 1.0 : 0.0, p.c, p.ldc);
}

// y = op(matrix) · x for a stored matrix [rows, columns].
void callGemv(bool trans, int64_t rows, int64_t columns, const float* matrix, int64_t ld, const float* x, int64_t stepX,
              bool accumulate, float* y, int64_t stepY) {
  cblas_sgemv(CblasRowMajor, flag(trans), rows, columns, 1.0f, matrix, ld, x, stepX, accumulate ? 1.0f : 0.0f, y,
              stepY);
}
void callGemv(bool trans, int64_t rows, int64_t columns, const double* matrix, int64_t ld, const double* x,
              int64_t stepX, bool accumulate, double* y, int64_t stepY) {
  cblas_dgemv(CblasRowMajor, flag(trans), rows, columns, 1.0, matrix, ld, x, stepX, accumulate ? 1.0 : 0.0, y, stepY);
}

}  // namespace

// With one row or column, gemm's packing of the matrix would cost more than the product.
template <typename T>
bool computeByBlas(const Product<T>& p) {
  if (!callers().enter()) return false;
  const int64_t stepA = p.transA ? p.lda : 1, stepB = p.transB ? 1 : p.ldb;
  if (p.m == 1 && p.n == 1 && (stepA == 1 || stepB == 1)) {
    // As a matrix of one row: its sum is taken in several parts, that of a matrix of one column is not.
    const bool aFirst = stepA == 1;
    callGemv(false, 1, p.k, aFirst ? p.a : p.b, p.k, aFirst ? p.b : p.a, aFirst ? stepB : stepA, p.accumulate, p.c, 1);
  } else if (p.m == 1) {
    callGemv(!p.transB, p.transB ? p.n : p.k, p.transB ? p.k : p.n, p.b, p.ldb, p.a, stepA, p.accumulate, p.c, 1);
  } else if (p.n == 1) {
    callGemv(p.transA, p.transA ? p.k : p.m, p.transA ? p.m : p.k, p.a, p.lda, p.b, stepB, p.accumulate, p.c, p.ldc);
  } else {
    callGemm(p);
  }
  callers().leave();
  return true;
}

template bool computeByBlas<float>(const Product<float>&);
template bool computeByBlas<double>(const Product<double>&);

BlasInfo blasInfo() {
  mostCallers();
  return {openblas_get_config(), openblas_get_corename()};
}

}  // namespace adjoint
