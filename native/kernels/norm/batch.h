// Normalisation of channels over a batch, x [samples][channels][inner]. Where `inner` is long, a channel is a run of
// it in each sample; where it is short, channels · inner are columns that are added side by side.
#pragma once
#include "norm.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kShortRun = 16;      // below it, columns are faster than runs
constexpr int64_t kTileChannels = 8;   // channels whose adjacent runs are read together
constexpr int64_t kTileColumns = 256;  // columns whose sums stay in the first cache
constexpr int64_t kTileRows = 64;      // rows added in T before they are merged in double

struct BatchSizes {
  int64_t samples, channels, inner;

  // Of nothing, there are no samples: loops over them end.
  BatchSizes(int64_t samples, int64_t channels, int64_t inner)
      : samples(inner == 0 ? 0 : samples), channels(channels), inner(inner) {}

  int64_t elements() const { return product(samples, channels, inner); }
  int64_t stride() const { return channels * inner; }
  double count() const { return static_cast<double>(samples) * static_cast<double>(inner); }
  bool isShort() const { return inner < kShortRun; }

  // body(c, offset of the run) for channel c of `count` in each sample
  template <typename Body>
  void forRuns(int64_t count, Body&& body) const {
    for (int64_t sample = 0; sample < samples; ++sample) {
      for (int64_t c = 0; c < count; ++c) body(c, sample * stride() + c * inner);
    }
  }

  // The number of channels in a tile: few enough that there are tiles for several threads.
  int64_t tile() const {
    if (!isShort()) return kTileChannels;
    const int64_t least = kShortRun / larger(1, inner), most = kTileColumns / larger(1, inner);
    return smaller(most, larger(least, channels / 8));
  }

  // body(first channel, channels)
  template <typename Body>
  void forTiles(Body&& body) const {
    const int64_t step = tile(), tiles = ceilDivide(channels, step);
    parallel(tiles, larger(1, kNormGrain / larger(1, product(samples, inner, step))), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) body(t * step, smaller(step, channels - t * step));
    });
  }
};

// The numbers of a tile's channels, and of its columns where runs are short.
template <typename T>
struct Tile {
  T mean[kTileColumns], scale[kTileColumns], constant[kTileColumns], slope[kTileColumns];

  // Expands one number per channel to one per column.
  static void stretch(T* numbers, int64_t count, int64_t inner) {
    for (int64_t j = count * inner - 1; inner > 1 && j >= 0; --j) numbers[j] = numbers[j / inner];
  }
};

template <typename T>
__attribute__((noinline)) void columnMoments(Moments* moments, const T* x, BatchSizes b, int64_t count) {
  const int64_t width = count * b.inner, stride = b.stride();
  for (int64_t first = 0; first < b.samples; first += kTileRows) {
    const int64_t rows = smaller(kTileRows, b.samples - first);
    const double n = static_cast<double>(rows);
    const T* from = x + first * stride;
    T sum[kTileColumns] = {}, center[kTileColumns], off[kTileColumns] = {}, squares[kTileColumns] = {};
    for (int64_t i = 0; i < rows; ++i) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) sum[j] += from[i * stride + j];
    }
    for (int64_t j = 0; j < width; ++j) center[j] = sum[j] / static_cast<T>(n);
    for (int64_t i = 0; i < rows; ++i) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        const T d = from[i * stride + j] - center[j];
        off[j] += d;
        squares[j] += d * d;
      }
    }
    for (int64_t j = 0; j < width; ++j) {
      const double rest = static_cast<double>(off[j]), left = rest / n;
      moments[j / b.inner].merge(n, static_cast<double>(center[j]) + left,
                                 static_cast<double>(squares[j]) - rest * left);
    }
  }
}

// moments[count] of the channels at x.
template <typename T>
void tileMoments(Moments* moments, const T* x, BatchSizes b, int64_t count) {
  if (b.isShort()) return columnMoments(moments, x, b, count);
  b.forRuns(count, [&](int64_t c, int64_t at) { addMoments(moments[c], x + at, b.inner); });
}

// y = (x - mean) · scale + shift (the tile's `constant`).
template <typename T>
__attribute__((noinline)) void writeTile(T* y, const T* x, BatchSizes b, int64_t count, Tile<T>& tile) {
  const int64_t stride = b.stride();
  if (!b.isShort()) {
    return b.forRuns(count, [&](int64_t c, int64_t at) {
      writePlane(y + at, x + at, b.inner, tile.mean[c], tile.scale[c], tile.constant[c]);
    });
  }
  for (T* numbers : {tile.mean, tile.scale, tile.constant}) Tile<T>::stretch(numbers, count, b.inner);
  const T *mean = tile.mean, *scale = tile.scale, *shift = tile.constant;
  for (int64_t sample = 0; sample < b.samples; ++sample, x += stride, y += stride) {
#pragma omp simd
    for (int64_t j = 0; j < count * b.inner; ++j) y[j] = (x[j] - mean[j]) * scale[j] + shift[j];
  }
}

template <typename T>
T valueOr(In<T> span, int64_t i, T otherwise) {
  return span.data == nullptr ? otherwise : span[i];
}

template <typename T>
bool batchFits(BatchSizes b, In<T> x, In<T> weight, In<T> bias, int64_t means, int64_t deviations) {
  return x.length == b.elements() && absentOr(weight, b.channels) && absentOr(bias, b.channels) &&
         means == b.channels && deviations == b.channels;
}

// y like x; mean and rstd [channels] of this batch; runningMean, runningVar [channels], batches [1] or all absent;
// weight, bias [channels] or absent. Below 0, `momentum` stands for 1 / batches: the running ones are averages of all.
//   y = (x - mean) · rstd · weight + bias,  rstd = 1 / √(Σ (x - mean)² / n + eps)
//   runningMean += momentum (mean - runningMean), runningVar the same with Σ (x - mean)² / (n - 1);  batches += 1
template <typename T>
Outcome batchNorm(Out<T> y, Out<T> mean, Out<T> rstd, InOut<T> runningMean, InOut<T> runningVar, InOut<int32_t> batches,
                  In<T> x, In<T> weight, In<T> bias, int64_t samples, int64_t channels, int64_t inner, double momentum,
                  double eps) {
  const BatchSizes b{samples, channels, inner};
  if (!batchFits(b, x, weight, bias, mean.length, rstd.length) || y.length != x.length) return misfit();
  const bool tracked = runningMean.data != nullptr || runningVar.data != nullptr || batches.data != nullptr;
  if (tracked && (runningMean.length != channels || runningVar.length != channels || batches.length != 1)) {
    return misfit();
  }
  if (tracked) batches[0] = static_cast<int32_t>(static_cast<uint32_t>(batches[0]) + 1);
  const double n = b.count(), share = !tracked || momentum >= 0 ? momentum : 1 / static_cast<double>(batches[0]);
  const auto follow = [share](T& running, double value) {
    running = static_cast<T>((1 - share) * static_cast<double>(running) + share * value);
  };
  b.forTiles([&](int64_t first, int64_t count) {
    Moments moments[kTileColumns] = {};
    Tile<T> tile;
    tileMoments(moments, x.data + first * inner, b, count);
    for (int64_t c = 0; c < count; ++c) {
      const int64_t channel = first + c;
      double deviation = 1 / __builtin_sqrt(moments[c].squares / n + eps);
      if (isOffScale<T>(moments[c].squares, n, eps)) {
        const ScaledSquares exact = scaledSquares(x.data + channel * inner, samples, inner, channels * inner, true);
        if (exact.unit > 0) {
          moments[c] = {n, exact.mean, exact.sum * exact.unit * exact.unit};
          deviation = exact.inverseDeviation(n, eps);
        }
      }
      const T scale = static_cast<T>(deviation);
      rstd[channel] = scale;
      mean[channel] = tile.mean[c] = static_cast<T>(moments[c].mean);
      tile.scale[c] = scale * valueOr(weight, channel, T(1));
      tile.constant[c] = valueOr(bias, channel, T(0));
      if (!tracked) continue;
      follow(runningMean[channel], moments[c].mean);
      follow(runningVar[channel], moments[c].squares / (n - 1));
    }
    writeTile(y.data + first * inner, x.data + first * inner, b, count, tile);
  });
  return ok();
}

// The same with given mean and variance [channels]; mean and rstd are for the gradient.
template <typename T>
Outcome batchNormFixed(Out<T> y, Out<T> mean, Out<T> rstd, In<T> givenMean, In<T> givenVar, In<T> x, In<T> weight,
                       In<T> bias, int64_t samples, int64_t channels, int64_t inner, double eps) {
  const BatchSizes b{samples, channels, inner};
  if (!batchFits(b, x, weight, bias, mean.length, rstd.length) || y.length != x.length) return misfit();
  if (givenMean.length != channels || givenVar.length != channels) return misfit();
  b.forTiles([&](int64_t first, int64_t count) {
    Tile<T> tile;
    for (int64_t c = 0; c < count; ++c) {
      const int64_t channel = first + c;
      const T scale = static_cast<T>(1 / __builtin_sqrt(static_cast<double>(givenVar[channel]) + eps));
      rstd[channel] = scale;
      mean[channel] = tile.mean[c] = givenMean[channel];
      tile.scale[c] = scale * valueOr(weight, channel, T(1));
      tile.constant[c] = valueOr(bias, channel, T(0));
    }
    writeTile(y.data + first * inner, x.data + first * inner, b, count, tile);
  });
  return ok();
}

// sums[count][2] = Σ dy and Σ dy (x - mean) of each channel; the tile has one mean per channel, or one per column if
// runs are short.
template <typename T>
__attribute__((noinline)) void tileSums(double (*sums)[2], const T* dy, const T* x, BatchSizes b, int64_t count,
                                        const Tile<T>& tile) {
  const int64_t stride = b.stride(), width = count * b.inner;
  for (int64_t c = 0; c < count; ++c) sums[c][0] = sums[c][1] = 0;
  if (!b.isShort()) {
    return b.forRuns(count,
                     [&](int64_t c, int64_t at) { addPlaneSums(sums[c], dy + at, x + at, b.inner, tile.mean[c]); });
  }
  const T* mean = tile.mean;
  for (int64_t first = 0; first < b.samples; first += kTileRows) {
    T plain[kTileColumns] = {}, weighted[kTileColumns] = {};
    for (int64_t i = first; i < smaller(b.samples, first + kTileRows); ++i) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) {
        const T g = dy[i * stride + j];
        plain[j] += g;
        weighted[j] += g * (x[i * stride + j] - mean[j]);
      }
    }
    for (int64_t j = 0; j < width; ++j) {
      sums[j / b.inner][0] += static_cast<double>(plain[j]);
      sums[j / b.inner][1] += static_cast<double>(weighted[j]);
    }
  }
}

// dx = scale · (dy - constant - slope · (x - mean))
template <typename T>
__attribute__((noinline)) void writeTileGradient(T* dx, const T* dy, const T* x, BatchSizes b, int64_t count,
                                                 Tile<T>& tile) {
  const int64_t stride = b.stride();
  if (!b.isShort()) {
    return b.forRuns(count, [&](int64_t c, int64_t at) {
      writePlaneGradient(dx + at, dy + at, x + at, b.inner, tile.mean[c], tile.scale[c], T(1), tile.constant[c],
                         tile.slope[c]);
    });
  }
  for (T* numbers : {tile.scale, tile.constant, tile.slope}) Tile<T>::stretch(numbers, count, b.inner);
  const T *mean = tile.mean, *scale = tile.scale, *constant = tile.constant, *slope = tile.slope;
  for (int64_t sample = 0; sample < b.samples; ++sample, x += stride, dy += stride, dx += stride) {
#pragma omp simd
    for (int64_t j = 0; j < count * b.inner; ++j) {
      dx[j] = scale[j] * (dy[j] - constant[j] - slope[j] * (x[j] - mean[j]));
    }
  }
}

// dx like x, or absent; dWeight and dBias [channels]; mean and rstd as the forward pass wrote them. `training`: mean
// and rstd depend on x.
template <typename T>
Outcome batchNormBackward(Out<T> dx, Out<T> dWeight, Out<T> dBias, In<T> dy, In<T> x, In<T> mean, In<T> rstd,
                          In<T> weight, int64_t samples, int64_t channels, int64_t inner, int64_t training) {
  const BatchSizes b{samples, channels, inner};
  if (!batchFits(b, x, weight, weight, mean.length, rstd.length) || dy.length != x.length) return misfit();
  if (dWeight.length != channels || dBias.length != channels || !absentOr(dx, x.length)) return misfit();
  b.forTiles([&](int64_t first, int64_t count) {
    const int64_t at = first * inner;
    double sums[kTileColumns][2];
    Tile<T> tile;
    for (int64_t c = 0; c < count; ++c) tile.mean[c] = mean[first + c];
    if (b.isShort()) Tile<T>::stretch(tile.mean, count, inner);
    tileSums(sums, dy.data + at, x.data + at, b, count, tile);
    for (int64_t c = 0; c < count; ++c) {
      const double r = static_cast<double>(rstd[first + c]);
      const double scale = r * static_cast<double>(valueOr(weight, first + c, T(1)));
      dBias[first + c] = static_cast<T>(sums[c][0]);
      dWeight[first + c] = static_cast<T>(sums[c][1] * r);
      tile.scale[c] = static_cast<T>(scale);
      tile.constant[c] = training ? static_cast<T>(sums[c][0] / b.count()) : T(0);
      tile.slope[c] = training ? static_cast<T>(sums[c][1] * r * r / b.count()) : T(0);
      if (!training) tile.mean[c] = T(0);
    }
    if (dx.data == nullptr) return;
    if (training) {
      writeTileGradient(dx.data + at, dy.data + at, x.data + at, b, count, tile);
    } else {  // scale · dy, whatever x is
      writeTile(dx.data + at, dy.data + at, b, count, tile);
    }
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
