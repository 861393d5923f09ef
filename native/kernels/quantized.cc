// The linear layer of integers: weights of eight bits, and inputs that are rounded to eight bits as they come. Sums of integers are
// exact, so that every level and every number of threads gives the same bits.
#include "kernel.h"
#include "math.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kGrain = 16384;  // products a chunk
constexpr int64_t kTerms = 32768;  // of 255 · 255: their sum stays below 2^31
constexpr int64_t kTileRows = 32;  // rows of inputs that stay in the cache beside a tile of weights
constexpr int64_t kAtATime = 4;    // rows and outputs whose sums stay in registers
constexpr int64_t kLine = 64;      // terms that a sum takes at once: whole vectors on every level

// x ≈ (integer − zero) · step; integers 0 … 255.
struct Rounding {
  float step, zero;
  bool isFinite() const { return zero == zero && step - step == 0; }
};

Rounding roundingOf(float low, float high) {
  const float step = (high - low) / 255.0f;
  const float size = step < 1e-12f ? 1e-12f : step;  // NaN stays
  const float zero = math::round(-(low / size));
  return {size, zero < 0.0f ? 0.0f : zero > 255.0f ? 255.0f : zero};
}

// The range of x, which has 0 in it; NaN where one is in x.
Rounding roundingOf(In<float> x) {
  float low = 0, high = 0;
  int32_t unordered = 0;
#pragma omp simd reduction(min : low) reduction(max : high) reduction(| : unordered)
  for (int64_t i = 0; i < x.length; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
    unordered |= x[i] != x[i];
  }
  return roundingOf(low, unordered != 0 ? __builtin_nanf("") : high);
}

// A row of inputs as integer − zero, filled up with zeros, and their sum, or INT64_MIN where one is NaN.
int64_t roundRow(int16_t* to, const float* x, int64_t n, int64_t filled, Rounding by) {
  int64_t total = 0;
  int32_t unordered = 0;
#pragma omp simd reduction(+ : total) reduction(| : unordered)
  for (int64_t k = 0; k < n; ++k) {
    const float integer = math::round(x[k] / by.step) + by.zero;
    const float inside = integer < 0.0f ? 0.0f : integer > 255.0f ? 255.0f : integer;
    unordered |= x[k] != x[k];
    const auto rounded = static_cast<int32_t>(inside == inside ? inside - by.zero : 0.0f);
    to[k] = static_cast<int16_t>(rounded);
    total += rounded;
  }
  for (int64_t k = n; k < filled; ++k) to[k] = 0;
  return unordered != 0 ? INT64_MIN : total;
}

// Rows that begin every `step` elements.
template <typename T>
struct Rows {
  const T* data;
  int64_t step;
  Rows from(int64_t row) const { return {data + row * step, step}; }
};

// sums[r][c] += Σ x[r, k] · weight[c, k] of n terms, a multiple of kLine.
template <int rows, int columns>
void addProducts(double (*sums)[kAtATime], Rows<int16_t> x, Rows<uint8_t> weight, int64_t n) {
  for (int64_t first = 0; first < n; first += kTerms) {
    const int64_t last = smaller(n, first + kTerms);
    int32_t sum[rows][columns] = {};
    for (int64_t k = first; k < last; ++k) {
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
        for (int c = 0; c < columns; ++c) {
          sum[r][c] +=
              static_cast<int32_t>(x.data[r * x.step + k]) * static_cast<int16_t>(weight.data[c * weight.step + k]);
        }
      }
    }
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) sums[r][c] += sum[r][c];
    }
  }
}

struct Layer {
  Out<float> y;
  In<float> scale, bias;
  Rows<int16_t> x;  // filled up to whole lines with zeros, so that what stands behind a row of weights does not matter
  Rows<uint8_t> weight;  // which may be read behind a row, but for the last ones:
  Rows<uint8_t> ends;    // copies of those from `firstEnd` on
  int64_t firstEnd;
  const int64_t* totals;  // of the rows of x
  int64_t outFeatures;
  Rounding by;

  // y [i … i + rows, j … j + columns]
  template <int rows, int columns>
  void block(int64_t i, int64_t j) const {
    double sums[rows][kAtATime] = {};
    addProducts<rows, columns>(sums, x.from(i), j < firstEnd ? weight.from(j) : ends.from(j - firstEnd), x.step);
    for (int r = 0; r < rows; ++r) {
      const int64_t total = totals[i + r];
      for (int c = 0; c < columns; ++c) {
        // A weight stands as 128 more than it is.
        const double exact = sums[r][c] - 128.0 * static_cast<double>(total);
        const double unit = static_cast<double>(by.step) * static_cast<double>(scale[j + c]);
        const float product = total == INT64_MIN ? __builtin_nanf("") : static_cast<float>(exact * unit);
        y[(i + r) * outFeatures + j + c] = bias.length > 0 ? product + bias[j + c] : product;
      }
    }
  }

  template <int columns>
  void tile(int64_t begin, int64_t end, int64_t j) const {
    int64_t i = begin;
    for (; i + kAtATime <= end; i += kAtATime) block<kAtATime, columns>(i, j);
    for (; i < end; ++i) block<1, columns>(i, j);
  }

  void tile(int64_t begin, int64_t end, int64_t first, int64_t last) const {
    int64_t j = first;
    for (; j + kAtATime <= last; j += kAtATime) tile<kAtATime>(begin, end, j);
    for (; j < last; ++j) tile<1>(begin, end, j);
  }
};

// y [rows, outFeatures] = r(x) · wᵀ + bias, of x [rows, inFeatures] rounded to 256 values from low to high, or of its own range where
// both are absent, and w = (weight − 128) · scale [outFeatures], weight [outFeatures, inFeatures].
Outcome linearInt8(Out<float> y, Workspace workspace, In<float> x, In<uint8_t> weight, In<float> scale, In<float> bias,
                   In<float> low, In<float> high, int64_t rows, int64_t inFeatures, int64_t outFeatures) {
  if (y.length != product(rows, outFeatures) || x.length != product(rows, inFeatures)) return misfit();
  if (weight.length != product(outFeatures, inFeatures) || scale.length != outFeatures) return misfit();
  if (!absentOr(bias, outFeatures) || low.length > 1 || low.length != high.length) return misfit();
  if (y.length == 0) return ok();
  const int64_t filled = roundUp(inFeatures, kLine);
  const int64_t whole = weight.length < filled ? 0 : (weight.length - filled) / larger(inFeatures, 1) + 1;
  const int64_t firstEnd = smaller(whole, outFeatures) / kAtATime * kAtATime, ends = outFeatures - firstEnd;
  int16_t* const integers = workspace.take<int16_t>(product(rows, filled));
  int64_t* const totals = workspace.take<int64_t>(rows);
  uint8_t* const copies = workspace.take<uint8_t>(product(ends, filled));
  if (!workspace.isEnough()) return workspace.missing();
  for (int64_t j = 0; j < ends && filled > 0; ++j) {
    const size_t bytes = static_cast<size_t>(inFeatures);
    __builtin_memcpy(copies + j * filled, weight.data + (firstEnd + j) * inFeatures, bytes);
    __builtin_memset(copies + j * filled + inFeatures, 0, static_cast<size_t>(filled) - bytes);
  }
  const Rounding by = low.length > 0 ? roundingOf(low[0], high[0]) : roundingOf(x);
  parallel(rows, kGrain / (inFeatures + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t total = roundRow(integers + i * filled, x.data + i * inFeatures, inFeatures, filled, by);
      totals[i] = by.isFinite() ? total : INT64_MIN;
    }
  });
  const Layer layer{
      y,      scale,       bias, {integers, filled}, {weight.data, inFeatures}, {copies, filled}, firstEnd,
      totals, outFeatures, by};
  const int64_t down = ceilDivide(rows, kTileRows), across = ceilDivide(outFeatures, kAtATime);
  const int64_t each = product(smaller(rows, kTileRows) * kAtATime, inFeatures + 1);
  parallel(product(down, across), kGrain / each + 1, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t i = at / across * kTileRows, j = at % across * kAtATime;
      layer.tile(i, smaller(rows, i + kTileRows), j, smaller(outFeatures, j + kAtATime));
    }
  });
  return ok();
}

double linearInt8Flops(Out<float> y, Workspace, In<float>, In<uint8_t>, In<float>, In<float>, In<float>, In<float>,
                       int64_t, int64_t inFeatures, int64_t) {
  return 2.0 * static_cast<double>(inFeatures) * static_cast<double>(y.length);
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(quantized,
               flops<linearInt8Flops>(kernel<linearInt8>("linearInt8",
                                                         "y x weight scale bias low high rows inFeatures outFeatures")))
