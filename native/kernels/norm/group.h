// Normalisation within a sample: layer, group, instance and RMS norm are one loop over
//
//   x [samples][groups][channels / groups][inner]
//
// where each group has a mean and deviation of its own and each channel its weight and bias. A layer norm has one group
// and inner 1; without means (an absent span) only the mean square is taken: RMS norm.
#pragma once
#include "norm.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

struct GroupSizes {
  int64_t samples, groups, channels, inner;

  bool valid() const { return groups > 0 && channels % groups == 0; }
  int64_t rows() const { return product(samples, groups); }
  int64_t perGroup() const { return channels / groups; }
  int64_t width() const { return product(perGroup(), inner); }
  int64_t elements() const { return product(samples, channels, inner); }
};

// y = (x - mean) · rstd · weight + bias, elementwise; weight and bias [n] or null.
template <typename T>
inline void writeRow(T* y, const T* x, int64_t n, T mean, T rstd, const T* weight, const T* bias) {
  if (weight == nullptr) {
    writePlane(y, x, n, mean, rstd, T(0));
  } else {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * rstd * weight[i];
  }
  if (bias == nullptr) return;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] += bias[i];
}

template <typename T>
inline void writeWeightedRow(T* y, const T* x, int64_t n, T mean, T rstd, const T* weight, const T* bias) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * rstd * weight[i] + bias[i];
}

// y like x; mean (or absent) and rstd [samples][groups]; weight and bias [channels] or absent.
//   y = (x - mean) · rstd · weight + bias,  rstd = 1 / √(Σ (x - mean)² / n + eps)
template <typename T>
Outcome groupNorm(Out<T> y, Out<T> mean, Out<T> rstd, In<T> x, In<T> weight, In<T> bias, int64_t samples,
                  int64_t groups, int64_t channels, int64_t inner, double eps) {
  const GroupSizes sizes{samples, groups, channels, inner};
  if (!sizes.valid() || x.length != sizes.elements() || y.length != x.length || rstd.length != sizes.rows()) {
    return misfit();
  }
  if (!absentOr(mean, rstd.length)) return misfit();
  if (!absentOr(weight, channels) || !absentOr(bias, channels)) return misfit();
  const int64_t width = sizes.width(), perGroup = sizes.perGroup();
  const double share = 1 / static_cast<double>(width);
  parallel(sizes.rows(), larger(1, kNormGrain / larger(1, width)), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* from = x.data + row * width;
      T* to = y.data + row * width;
      Moments moments{};
      if (mean.data == nullptr) {
        moments.squares = sumOfSquares(from, width);
      } else {
        addMoments(moments, from, width);
      }
      double deviation = 1 / __builtin_sqrt(moments.squares * share + eps);
      if (isOffScale<T>(moments.squares, static_cast<double>(width), eps)) {
        const ScaledSquares exact = scaledSquares(from, 1, width, 0, mean.data != nullptr);
        if (exact.unit > 0) {
          moments.mean = exact.mean;
          deviation = exact.inverseDeviation(static_cast<double>(width), eps);
        }
      }
      if (mean.data != nullptr) mean[row] = static_cast<T>(moments.mean);
      const T center = static_cast<T>(moments.mean);
      const T scale = static_cast<T>(deviation);
      rstd[row] = scale;
      const int64_t first = row % groups * perGroup;
      const T* w = weight.data == nullptr ? nullptr : weight.data + first;
      const T* b = bias.data == nullptr ? nullptr : bias.data + first;
      if (inner == 1 && w != nullptr && b != nullptr) {
        writeWeightedRow(to, from, width, center, scale, w, b);
      } else if (inner == 1) {
        writeRow(to, from, width, center, scale, w, b);
      } else {
        for (int64_t k = 0; k < perGroup; ++k) {
          const T factor = w == nullptr ? scale : scale * w[k];
          writePlane(to + k * inner, from + k * inner, inner, center, factor, b == nullptr ? T(0) : b[k]);
        }
      }
    }
  });
  return ok();
}

// The arguments of a group's gradient.
template <typename T>
struct GroupGradient {
  GroupSizes sizes;
  T* dx;  // or null
  const T* dy;
  const T* x;
  const T* mean;  // or null
  const T* rstd;
  const T* weight;  // or null

  T center(int64_t row) const { return mean == nullptr ? T(0) : mean[row]; }

  // From Σ dy w and Σ dy w (x - mean) of a row: dx = rstd (dy w - constant - slope (x - mean)).
  void factors(int64_t row, const double* sums, T* constant, T* slope) const {
    const double share = 1 / static_cast<double>(sizes.width()), r = static_cast<double>(rstd[row]);
    *constant = mean == nullptr ? T(0) : static_cast<T>(sums[0] * share);
    *slope = static_cast<T>(sums[1] * r * r * share);
  }
};

// dx of one row with inner 1; weight [n] or null.
template <typename T>
__attribute__((noinline)) void rowGradient(const GroupGradient<T>& g, int64_t row, const T* weight) {
  const int64_t n = g.sizes.width();
  const T *dy = g.dy + row * n, *x = g.x + row * n;
  T* dx = g.dx + row * n;
  const T mean = g.center(row), rstd = g.rstd[row];
  double sums[2] = {};
  T constant, slope;
  if (weight == nullptr) {
    addPlaneSums(sums, dy, x, n, mean);
    g.factors(row, sums, &constant, &slope);
    return writePlaneGradient(dx, dy, x, n, mean, rstd, T(1), constant, slope);
  }
  addUp<T, 2>(
      n, sums, ADJOINT_TERMS(at, s) {
        const auto d = at(dy) * at(weight);
        s[0] += d;
        s[1] += d * (at(x) - mean);
      });
  g.factors(row, sums, &constant, &slope);
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) dx[i] = rstd * (dy[i] * weight[i] - constant - slope * (x[i] - mean));
}

constexpr int64_t kColumnTile = 256;  // columns whose sums stay in the first cache

// sums[2][channels] += the sums over samples [begin, end) of dy (x - mean) rstd, and of dy; inner is 1.
template <typename T>
__attribute__((noinline)) void addColumns(double* sums, const GroupGradient<T>& g, int64_t begin, int64_t end) {
  const int64_t channels = g.sizes.channels, perGroup = g.sizes.perGroup();
  for (int64_t first = 0, width; first < channels; first += width) {
    const int64_t group = first / perGroup;
    width = smaller(kColumnTile, (group + 1) * perGroup - first);
    T weights[kColumnTile] = {}, biases[kColumnTile] = {};
    const auto place = [&](int64_t sample) { return sample * channels + first; };
    const auto row = [&](int64_t sample) { return sample * g.sizes.groups + group; };
    int64_t sample = begin;
    for (; sample + 2 <= end; sample += 2) {  // two at a time spare loads and stores of the sums
      const T *dy = g.dy + place(sample), *dy1 = dy + channels, *x = g.x + place(sample), *x1 = x + channels;
      const T mean = g.center(row(sample)), mean1 = g.center(row(sample + 1));
      const T rstd = g.rstd[row(sample)], rstd1 = g.rstd[row(sample + 1)];
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        weights[j] += dy[j] * ((x[j] - mean) * rstd) + dy1[j] * ((x1[j] - mean1) * rstd1);
        biases[j] += dy[j] + dy1[j];
      }
    }
    if (sample < end) {
      const T *dy = g.dy + place(sample), *x = g.x + place(sample);
      const T mean = g.center(row(sample)), rstd = g.rstd[row(sample)];
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        weights[j] += dy[j] * ((x[j] - mean) * rstd);
        biases[j] += dy[j];
      }
    }
    for (int64_t j = 0; j < width; ++j) {
      sums[first + j] += static_cast<double>(weights[j]);
      sums[channels + first + j] += static_cast<double>(biases[j]);
    }
  }
}

constexpr int64_t kBlockElements = 4096;  // of rows whose columns are added while they are in the cache

// Rows with inner 1, samples [begin, end); sums [2][channels] or null.
template <typename T>
void gradientOfRows(const GroupGradient<T>& g, int64_t begin, int64_t end, double* sums) {
  const int64_t channels = g.sizes.channels, groups = g.sizes.groups;
  const int64_t step = smaller(64, larger(1, kBlockElements / larger(1, channels)));
  if (sums != nullptr) __builtin_memset(sums, 0, static_cast<size_t>(2 * channels) * sizeof(double));
  for (int64_t sample = begin; sample < end; sample += step) {
    const int64_t stop = smaller(end, sample + step);
    for (int64_t row = sample * groups; g.dx != nullptr && row < stop * groups; ++row) {
      rowGradient(g, row, g.weight == nullptr ? nullptr : g.weight + row % groups * g.sizes.perGroup());
    }
    if (sums != nullptr) addColumns(sums, g, sample, stop);
  }
}

// One group with its planes of `inner` elements; sums: of its sample, [2][channels] or null.
template <typename T>
void gradientOfPlanes(const GroupGradient<T>& g, int64_t row, double* sums) {
  const int64_t perGroup = g.sizes.perGroup(), inner = g.sizes.inner, from = row * perGroup * inner;
  const int64_t first = row % g.sizes.groups * perGroup;
  const T mean = g.center(row), rstd = g.rstd[row];
  double group[2] = {};
  for (int64_t k = 0; k < perGroup; ++k) {
    double plane[2] = {};
    addPlaneSums(plane, g.dy + from + k * inner, g.x + from + k * inner, inner, mean);
    const double w = g.weight == nullptr ? 1 : static_cast<double>(g.weight[first + k]);
    group[0] += w * plane[0];
    group[1] += w * plane[1];
    if (sums == nullptr) continue;
    sums[first + k] = plane[1] * static_cast<double>(rstd);
    sums[g.sizes.channels + first + k] = plane[0];
  }
  if (g.dx == nullptr) return;
  T constant, slope;
  g.factors(row, group, &constant, &slope);
  for (int64_t at = from, k = 0; k < perGroup; ++k, at += inner) {
    const T w = g.weight == nullptr ? T(1) : g.weight[first + k];
    writePlaneGradient(g.dx + at, g.dy + at, g.x + at, inner, mean, rstd, w, constant, slope);
  }
}

// Parts of the samples whose gradients of weight and bias are summed separately: each sample if inner is not 1, else
// some rows. Only the sizes decide, so that sums have the same bits on any number of threads.
inline int64_t partsOf(const GroupSizes& s) {
  constexpr int64_t kElements = 32768, kMost = 16;
  if (s.inner != 1) return s.samples;
  return larger(1, smaller(smaller(kMost, s.samples), s.elements() / kElements));
}

// dx like x, or absent; dWeight and dBias [channels], or both absent; the rest as groupNorm wrote it.
template <typename T>
Outcome groupNormBackward(Out<T> dx, Out<T> dWeight, Out<T> dBias, Workspace workspace, In<T> dy, In<T> x, In<T> mean,
                          In<T> rstd, In<T> weight, int64_t samples, int64_t groups, int64_t channels, int64_t inner) {
  const GroupSizes sizes{samples, groups, channels, inner};
  if (!sizes.valid() || x.length != sizes.elements() || dy.length != x.length || rstd.length != sizes.rows()) {
    return misfit();
  }
  if (!absentOr(mean, rstd.length)) return misfit();
  if (!absentOr(dx, x.length) || !absentOr(weight, channels)) return misfit();
  const bool affine = dWeight.data != nullptr || dBias.data != nullptr;
  if (affine && (dWeight.length != channels || dBias.length != channels)) return misfit();
  const int64_t parts = affine ? partsOf(sizes) : 0;
  double* const sums = workspace.take<double>(product(parts, 2, channels));  // [parts][2][channels]
  if (!workspace.isEnough()) return workspace.missing();
  const GroupGradient<T> g{sizes, dx.data, dy.data, x.data, mean.data, rstd.data, weight.data};
  const auto sumsOf = [&](int64_t part) { return affine ? sums + part * 2 * channels : nullptr; };
  const int64_t cost = larger(1, product(channels, inner));
  if (inner != 1) {
    parallel(sizes.rows(), larger(1, kNormGrain / larger(1, sizes.width())), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) gradientOfPlanes(g, row, sumsOf(row / groups));
    });
  } else if (!affine) {
    parallel(samples, larger(1, kNormGrain / cost),
             [&](int64_t begin, int64_t end) { gradientOfRows<T>(g, begin, end, nullptr); });
  } else {
    const int64_t each = samples / parts;
    parallel(parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        gradientOfRows(g, part * each, part + 1 < parts ? (part + 1) * each : samples, sumsOf(part));
      }
    });
  }
  for (int64_t c = 0; affine && c < channels; ++c) {
    double weights = 0, biases = 0;
    for (int64_t part = 0; part < parts; ++part) {
      weights += sumsOf(part)[c];
      biases += sumsOf(part)[channels + c];
    }
    dWeight[c] = static_cast<T>(weights);
    dBias[c] = static_cast<T>(biases);
  }
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
