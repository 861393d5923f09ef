// What this machine can do, for `npm run bench`: the peak of fused multiply-adds, the bandwidth of a copy, and plain
// OpenBLAS on given shapes, each on one thread. One JSON line per request, as in peer.js:
//   {"measure": "fma"} → {"gflops"}          {"measure": "copy", "bytes": 4194304} → {"gigabytesPerSecond"}
//   {"measure": "gemm", "m": 64, "n": 128, "k": 784, "transA": 0, "transB": 1} → {"gflops"}
// Build it with: cc -O3 -march=native machine.c -o machine -lopenblas
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void openblas_set_num_threads(int count);

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int ascending(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static float* filled(size_t count) {
  float* p = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  if (p == NULL) exit(1);
  for (size_t i = 0; i < count; ++i) p[i] = (float)(i % 17) - 8;
  return p;
}

#if defined(__AVX512F__)
enum { kLanes = 16 };
#elif defined(__AVX__)
enum { kLanes = 8 };
#else
enum { kLanes = 4 };
#endif
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

#ifdef __x86_64__
#define OPAQUE(vector) __asm__ volatile("" : "+x"(vector))
#else
#define OPAQUE(vector) __asm__ volatile("" : "+w"(vector))
#endif

// Twelve independent chains hide the latency of two fused multiply-add units and still fit sixteen registers.
enum { kChains = 12 };

static double multiplyAdds(long rounds) {
  Vector chain[kChains], a, b;
  for (int l = 0; l < kLanes; ++l) a[l] = 0.999999f, b[l] = 1e-6f;
  for (int c = 0; c < kChains; ++c) {
    chain[c] = b;
    OPAQUE(chain[c]);  // or it would see that all chains are equal, and keep one
  }
  double start = seconds();
  for (long r = 0; r < rounds; ++r) {
    for (int c = 0; c < kChains; ++c) chain[c] = chain[c] * a + b;
    OPAQUE(a);  // keeps the compiler from doing the loop in its head
  }
  double elapsed = seconds() - start;
  volatile float sink = 0;
  for (int c = 0; c < kChains; ++c) sink = sink + chain[c][0];
  return 2.0 * kLanes * kChains * rounds / elapsed * 1e-9;
}

static double copies(size_t bytes) {
  float *from = filled(bytes / 4), *to = filled(bytes / 4);
  long rounds = 1 + (long)(20e6 / bytes);
  double start = seconds();
  for (long r = 0; r < rounds; ++r) {
    memcpy(to, from, bytes);
    __asm__ volatile("" : : "r"(to) : "memory");
  }
  double rate = 2.0 * bytes * rounds / (seconds() - start) * 1e-9;  // read and written
  free(from);
  free(to);
  return rate;
}

static double product(int m, int n, int k, int transA, int transB) {
  float *a = filled((size_t)m * k), *b = filled((size_t)k * n), *c = filled((size_t)m * n);
  double work = 2.0 * m * n * k;
  long rounds = 1 + (long)(3e8 / work);
  cblas_sgemm(CblasRowMajor, transA ? CblasTrans : CblasNoTrans, transB ? CblasTrans : CblasNoTrans, m, n, k, 1, a,
              transA ? m : k, b, transB ? k : n, 0, c, n);
  double start = seconds();
  for (long r = 0; r < rounds; ++r) {
    cblas_sgemm(CblasRowMajor, transA ? CblasTrans : CblasNoTrans, transB ? CblasTrans : CblasNoTrans, m, n, k, 1, a,
                transA ? m : k, b, transB ? k : n, 0, c, n);
  }
  double rate = work * rounds / (seconds() - start) * 1e-9;
  free(a);
  free(b);
  free(c);
  return rate;
}

static long field(const char* line, const char* name) {
  char quoted[32];
  snprintf(quoted, sizeof quoted, "\"%s\"", name);
  const char* at = strstr(line, quoted);
  at = at ? strchr(at, ':') : NULL;
  return at ? atol(at + 1) : 0;
}

int main(void) {
  enum { kRounds = 5 };
  char line[1024];
  setvbuf(stdout, NULL, _IOLBF, 0);
  openblas_set_num_threads(1);
  puts("{\"engine\":\"machine\"}");
  while (fgets(line, sizeof line, stdin)) {
    int isCopy = strstr(line, "\"copy\"") != NULL, isProduct = strstr(line, "\"gemm\"") != NULL;
    double rates[kRounds];
    for (int r = 0; r < kRounds; ++r) {
      if (isCopy) {
        rates[r] = copies(field(line, "bytes"));
      } else if (isProduct) {
        rates[r] =
            product(field(line, "m"), field(line, "n"), field(line, "k"), field(line, "transA"), field(line, "transB"));
      } else {
        rates[r] = multiplyAdds(1000000);
      }
    }
    qsort(rates, kRounds, sizeof(double), ascending);
    // A peak is the best that was seen, a product is compared by its median.
    printf("{\"%s\":%.3f}\n", isCopy ? "gigabytesPerSecond" : "gflops", rates[isProduct ? kRounds / 2 : kRounds - 1]);
  }
  return 0;
}
