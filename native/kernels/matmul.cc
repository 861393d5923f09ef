// Matrix products, and the linear layer: product, bias and activation in one pass.
#include "../gemm/gemm.h"
#include "kernel.h"
#include "math.h"
#include "shared.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kGrain = 16384;  // elements a chunk

// The number of products in a batch of (size, strideA, strideB) triplets and the last offset into each operand.
struct Batch {
  int64_t count = 1, lastA = 0, lastB = 0;
};

Batch measure(Integers dims) {
  Batch batch;
  for (int64_t i = 0; i < dims.count; i += 3) {
    batch.count = product(batch.count, dims[i]);
    if (dims[i] == 0) continue;
    batch.lastA = sum(batch.lastA, product(dims[i] - 1, dims[i + 1]));
    batch.lastB = sum(batch.lastB, product(dims[i] - 1, dims[i + 2]));
  }
  return batch;
}

// y [batch, m, n] = op(a) [m, k] · op(b) [k, n] for each product of the batch. a is [m, k] or, where transA, [k, m];
// b is [k, n] or, where transB, [n, k]. dims: (size, strideA, strideB) of each batch dimension, outermost first.
template <typename T>
Outcome matmul(Out<T> y, In<T> a, In<T> b, int64_t transA, int64_t transB, int64_t m, int64_t n, int64_t k,
               Integers dims) {
  if (dims.count % 3 != 0) return misfit();
  const Batch batch = measure(dims);
  if (y.length != product(batch.count, m, n)) return misfit();
  if (y.length == 0) return ok();
  if (a.length < sum(batch.lastA, product(m, k)) || b.length < sum(batch.lastB, product(k, n))) return misfit();
  const bool done = batch.count == 1 ? gemm<T>(transA, transB, m, n, k, a.data, b.data, false, y.data)
                                     : batchedGemm<T>(transA, transB, m, n, k, a.data, b.data, false, y.data,
                                                      batch.count, dims.data, dims.count / 3);
  return done ? ok() : misfit();
}

double matmulFlops(Out<float> y, In<float>, In<float>, int64_t, int64_t, int64_t, int64_t, int64_t k, Integers) {
  return 2.0 * static_cast<double>(k) * static_cast<double>(y.length);
}

template <typename T>
struct Finish {
  T* y;  // [rows, columns]
  int64_t columns, activation;

  // y = f(y)
  template <typename F>
  void rows(int64_t rowBegin, int64_t rowEnd, int64_t columnBegin, int64_t columnEnd, F f) const {
    for (int64_t i = rowBegin; i < rowEnd; i++) {
      T* row = y + i * columns;
#pragma omp simd
      for (int64_t j = columnBegin; j < columnEnd; j++) row[j] = f(row[j]);
    }
  }

  static void apply(void* context, int64_t rowBegin, int64_t rowEnd, int64_t columnBegin, int64_t columnEnd) {
    const Finish& self = *static_cast<Finish*>(context);
    const auto run = [&](auto f) { self.rows(rowBegin, rowEnd, columnBegin, columnEnd, f); };
    switch (self.activation) {
      case Activation::kRelu:
        return run([](T z) { return z < T(0) ? T(0) : z; });
      case Activation::kTanh:
        return run([](T z) { return math::tanh(z); });
      default:
        return run([](T z) { return math::sigmoid(z); });
    }
  }
};

// y [rows, outFeatures] = f(x [rows, inFeatures] · weight [outFeatures, inFeatures]ᵀ + bias [outFeatures], or none).
template <typename T>
Outcome linear(Out<T> y, In<T> x, In<T> weight, In<T> bias, int64_t rows, int64_t inFeatures, int64_t outFeatures,
               int64_t activation) {
  if (y.length != product(rows, outFeatures) || x.length != product(rows, inFeatures)) return misfit();
  if (weight.length != product(outFeatures, inFeatures) || activation > Activation::kSigmoid) return misfit();
  if (bias.length != 0 && bias.length != outFeatures) return misfit();
  Finish<T> finish{y.data, outFeatures, activation};
  const Epilogue epilogue = activation == Activation::kNone ? Epilogue{} : Epilogue{Finish<T>::apply, &finish};
  const bool done = gemm<T>(false, true, rows, outFeatures, inFeatures, x.data, weight.data, false, y.data, epilogue,
                            bias.length ? bias.data : nullptr);
  return done ? ok() : misfit();
}

double linearFlops(Out<float> y, In<float>, In<float>, In<float>, int64_t, int64_t inFeatures, int64_t, int64_t) {
  return 2.0 * static_cast<double>(inFeatures) * static_cast<double>(y.length);
}

// dz[i] = dy[i] · f'(z[i]), written with y[i] = f(z[i]). dz may be dy.
template <typename T>
Outcome activationBackward(Out<T> dz, In<T> dy, In<T> y, int64_t activation) {
  if (dz.length != dy.length || dz.length != y.length || activation > Activation::kSigmoid) return misfit();
  const auto run = [&](auto f) {
    parallel(dz.length, kGrain, [=](int64_t begin, int64_t end) {
      T* to = dz.data;
      const T *upstream = dy.data, *value = y.data;
#pragma omp simd
      for (int64_t i = begin; i < end; i++) to[i] = f(upstream[i], value[i]);
    });
    return ok();
  };
  switch (activation) {
    case Activation::kNone:
      return run([](T d, T) { return d; });
    case Activation::kRelu:
      return run([](T d, T v) { return v <= T(0) ? T(0) : d; });
    case Activation::kTanh:
      return run([](T d, T v) { return d * (T(1) - v * v); });
    default:
      return run([](T d, T v) { return d * v * (T(1) - v); });
  }
}

constexpr int64_t kColumns = 64;   // columns summed at a time: their lanes stay in registers or the first cache
constexpr int64_t kLaneRows = 64;  // rows added in T before they are merged in double

// total[j] = Σ_i dz[i, j] of `width` columns; a row of dz begins every `columns` elements.
template <typename T>
void sumColumns(double* total, const T* dz, int64_t rows, int64_t columns, int64_t width) {
  for (int64_t j = 0; j < width; j++) total[j] = 0;
  for (int64_t first = 0; first < rows; first += kLaneRows) {
    const int64_t last = first + kLaneRows < rows ? first + kLaneRows : rows;
    T lane[kColumns] = {};
    for (int64_t i = first; i < last; i++) {
      const T* row = dz + i * columns;
#pragma omp simd
      for (int64_t j = 0; j < width; j++) lane[j] += row[j];
    }
#pragma omp simd
    for (int64_t j = 0; j < width; j++) total[j] += static_cast<double>(lane[j]);
  }
}

// dBias [columns] = the sums of the columns of dz [rows, columns], in the order of the rows.
template <typename T>
Outcome biasGradient(Out<T> dBias, In<T> dz, int64_t rows, int64_t columns) {
  if (dBias.length != columns || dz.length != product(rows, columns)) return misfit();
  const int64_t tiles = columns / kColumns + (columns % kColumns != 0);
  parallel(tiles, kGrain / (product(rows, kColumns) + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; tile++) {
      const int64_t first = tile * kColumns, width = columns - first < kColumns ? columns - first : kColumns;
      double total[kColumns];
      sumColumns(total, dz.data + first, rows, columns, width);
      for (int64_t j = 0; j < width; j++) dBias[first + j] = static_cast<T>(total[j]);
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(matmul, rowwise(flops<matmulFlops>(ADJOINT_FLOATS(matmul, "y a b transA transB m n k dims"))),
               rowwise(flops<linearFlops>(ADJOINT_FLOATS(linear,
                                                         "y x weight bias rows inFeatures outFeatures activation"))),
               pointwise(ADJOINT_FLOATS(activationBackward, "dz dy y activation")),
               ADJOINT_FLOATS(biasGradient, "dBias dz rows columns"))
