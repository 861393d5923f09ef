#include "blas.h"

#include <cblas.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace adjoint {
namespace {

// OpenBLAS crashes when its table of work buffers is full (400 callers at once); a build without threads has, but for a
// flag nobody sees, no locks either, and gives wrong products to two callers at once (Debian's openblas-serial: seen).
// That of prebuilt binaries has locks, and 128 buffers.
constexpr int kMaxCallers = 32;
std::atomic<int> callers{0};

int configureBlas() {
  openblas_set_num_threads(1);
#ifdef ADJOINT_BLAS_LOCKED
  return kMaxCallers;
#else
  return openblas_get_parallel() == OPENBLAS_SEQUENTIAL ? 1 : kMaxCallers;
#endif
}

class BlasSlot {
 public:
  BlasSlot() {
    static const int most = configureBlas();
    for (int now = callers.load(std::memory_order_relaxed);;) {
      if (now >= most) {
        std::this_thread::sleep_for(std::chrono::microseconds(20));
        now = callers.load(std::memory_order_relaxed);
      } else if (callers.compare_exchange_weak(now, now + 1, std::memory_order_acquire)) {
        return;
      }
    }
  }
  ~BlasSlot() { callers.fetch_sub(1, std::memory_order_release); }
};

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
void computeByBlas(const Product<T>& p) {
  BlasSlot slot;
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
}

template void computeByBlas<float>(const Product<float>&);
template void computeByBlas<double>(const Product<double>&);

BlasInfo blasInfo() {
  BlasSlot slot;
  return {openblas_get_config(), openblas_get_corename()};
}

}  // namespace adjoint
