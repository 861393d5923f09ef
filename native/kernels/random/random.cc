// Random numbers from Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).
//
// The state is int32[4]: seed low, seed high, position low, position high. The 64-bit position counts blocks of four
// 32-bit words; block p is philox(counter = (p low, p high, 0, 0), key = seed). A draw of n numbers takes whole blocks
// from the position on and advances it past them: ceil(n / 4) where a number costs one word (float uniform, bernoulli,
// dropout), ceil(n / 2) where it costs two (double uniform, normal, randint, randperm). Element i depends only on
// seed, position and i. This file is compiled with -ffp-contract=off and uses no libm function that may round
// differently elsewhere, so that the bits are the same on every machine, instruction-set level and thread count.
#include "random.h"

#include "../shared.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

// [low, high): a result that rounds up to `high` becomes `low`. A float has 24 random bits, a double 53.
template <typename T>
Outcome uniform(Out<T> y, InOut<int32_t> state, double least, double most) {
  constexpr bool kSingle = sizeof(T) == 4;
  const T low = static_cast<T>(least);
  const T high = static_cast<T>(most);
  const T width = high - low;
  return draw<kSingle ? 4 : 2>(y.length, state, [=](const uint32_t* words, int64_t first, int64_t count) {
    T* to = y.data + first;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
      T u;
      if constexpr (kSingle) {
        u = static_cast<float>(static_cast<int32_t>(words[i] >> 8)) * 0x1p-24f;
      } else {
        u = unit(words[2 * i], words[2 * i + 1]);
      }
      const T value = low + u * width;
      to[i] = value < high ? value : low;
    }
  });
}

// The sine and cosine of 2 pi u for u in [0, 1).
inline void turn(double u, double* sine, double* cosine) {
  const double shifted = u * 4.0 + 6755399441055744.0;  // rounds to the quadrant, held by the low bits
  const uint64_t quadrant = toBits(shifted);
  const double r = u * 4.0 - (shifted - 6755399441055744.0);
  const double z = r * r;
  double s = 5.6339384779599578e-08;  // sin(pi / 2 r) / r
  s = s * z + -3.5986433882081384e-06;
  s = s * z + 0.00016044115075209973;
  s = s * z + -0.0046817541323422611;
  s = s * z + 0.079692626246043077;
  s = s * z + -0.64596409750624428;
  s = r * (s * z + 1.5707963267948966);
  double c = 6.507109256640104e-11;  // (cos(pi / 2 r) - 1) / r^2
  c = c * z + -6.3863302799813659e-09;
  c = c * z + 4.7108740985105476e-07;
  c = c * z + -2.5202042363217257e-05;
  c = c * z + 0.00091926027483859652;
  c = c * z + -0.020863480763352923;
  c = c * z + 0.25366950790104803;
  c = c * z + -1.2337005501361697;
  c = 1.0 + z * c;
  const uint64_t swapped = 0 - (quadrant & 1);  // all ones in odd quadrants
  const uint64_t a = (toBits(s) & ~swapped) | (toBits(c) & swapped);
  const uint64_t b = (toBits(c) & ~swapped) | (toBits(s) & swapped);
  *sine = fromBits(a ^ (quadrant >> 1 & 1) << 63);
  *cosine = fromBits(b ^ ((quadrant + 1) >> 1 & 1) << 63);
}

// mean + deviation * z, z standard normal: each block gives two by Box and Muller, computed in double.
template <typename T>
Outcome normal(Out<T> y, InOut<int32_t> state, double mean, double deviation) {
  return draw<2>(y.length, state, [=](const uint32_t* words, int64_t first, int64_t count) {
    double z[2 * kTile];
#pragma omp simd
    for (int64_t b = 0; b < (count + 1) / 2; b++) {
      const double u = unit(words[4 * b], words[4 * b + 1]) + 0x1p-53;  // in (0, 1]
      const double radius = __builtin_sqrt(-2.0 * logPortable(u));
      double sine, cosine;
      turn(unit(words[4 * b + 2], words[4 * b + 3]), &sine, &cosine);
      z[2 * b] = radius * cosine;
      z[2 * b + 1] = radius * sine;
    }
    T* to = y.data + first;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) to[i] = static_cast<T>(mean + deviation * z[i]);
  });
}

// 1 with probability p, else 0.
template <typename T>
Outcome bernoulli(Out<T> y, InOut<int32_t> state, double p) {
  const int32_t chances = chancesOf(p);
  return draw<4>(y.length, state, [=](const uint32_t* words, int64_t first, int64_t count) {
    T* to = y.data + first;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) to[i] = static_cast<T>(happens(words[i], chances));
  });
}

// floor(range * w / 2^64) of a 64-bit number w: uneven by less than range / 2^64.
inline uint64_t bounded(const uint32_t* words, uint64_t range) {
  const uint64_t word = static_cast<uint64_t>(words[0]) << 32 | words[1];
  return static_cast<uint64_t>((static_cast<unsigned __int128>(word) * range) >> 64);
}

// Integers in [low, high).
Outcome randint(Out<int32_t> y, InOut<int32_t> state, double low, double high) {
  if (!(low >= -2147483648.0 && low < high && high <= 2147483648.0)) return misfit();
  const int64_t least = static_cast<int64_t>(low);
  const uint64_t range = static_cast<uint64_t>(static_cast<int64_t>(high) - least);
  return draw<2>(y.length, state, [=](const uint32_t* words, int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
      y[first + i] = static_cast<int32_t>(least + static_cast<int64_t>(bounded(words + 2 * i, range)));
    }
  });
}

// 0 … n - 1 in random order, by Fisher and Yates from the end: the k-th number of the draw places element n - 1 - k.
Outcome randperm(Out<int32_t> y, InOut<int32_t> state) {
  const int64_t n = y.length;
  if (state.length != 4 || n >= kPositionLimit) return misfit();
  for (int64_t i = 0; i < n; i++) y[i] = static_cast<int32_t>(i);
  uint32_t words[4 * kTile];
  for (int64_t k = 0; k < n; k++) {
    if (k % (2 * kTile) == 0) philox(words, seedOf(state), positionOf(state) + static_cast<uint64_t>(k / 2), kTile);
    const int64_t i = n - 1 - k;
    const int64_t j = static_cast<int64_t>(bounded(words + 2 * (k % (2 * kTile)), static_cast<uint64_t>(i + 1)));
    const int32_t moved = y[i];
    y[i] = y[j];
    y[j] = moved;
  }
  advance(state, n / 2 + n % 2);
  return ok();
}

// The first weight that is negative, infinite or NaN is a fault at its position; a row whose weights allow fewer draws
// than `least` one behind all weights, its value the number of positive ones.
template <typename T>
Outcome checkWeights(In<T> weights, int64_t rows, int64_t n, int64_t least) {
  for (int64_t i = 0; i < weights.length; i++) {
    if (!(weights[i] >= 0 && weights[i] - weights[i] == 0)) return fault(i, static_cast<double>(weights[i]));
  }
  for (int64_t row = 0; row < rows; row++) {
    int64_t positive = 0;
    for (int64_t i = 0; i < n; i++) positive += weights[row * n + i] > 0;
    if (positive < least) return fault(weights.length + row, static_cast<double>(positive));
  }
  return ok();
}

// y [rows][draws]: positions drawn with probabilities in proportion to weights [rows][n].
template <typename T>
Outcome multinomial(Out<int32_t> y, Workspace workspace, InOut<int32_t> state, In<T> weights, int64_t rows, int64_t n,
                    int64_t draws) {
  if (weights.length != product(rows, n) || y.length != product(rows, draws)) return misfit();
  if (state.length != 4 || n >= kPositionLimit) return misfit();
  if (const Outcome checked = checkWeights(weights, weights.length == 0 ? 0 : rows, n, 1);
      checked.code != Outcome::kOk) {
    return checked;
  }
  if (y.length > 0 && n == 0) return misfit();
  double* const sums = workspace.take<double>(weights.length);  // of a row's weights so far
  if (!workspace.isEnough()) return workspace.missing();
  for (int64_t i = 0; i < weights.length; i++) {
    sums[i] = (i % n == 0 ? 0 : sums[i - 1]) + static_cast<double>(weights[i]);
  }
  return draw<2>(y.length, state, [=](const uint32_t* words, int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
      const int64_t row = (first + i) / draws;
      const double* sum = sums + row * n;
      const double at = unit(words[2 * i], words[2 * i + 1]) * sum[n - 1];
      int64_t low = 0, high = n - 1;  // the first position whose sum is above `at`
      while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (sum[middle] > at) {
          high = middle;
        } else {
          low = middle + 1;
        }
      }
      while (low > 0 && !(weights[row * n + low] > 0)) low--;  // `at` rounded up to the whole sum
      y[first + i] = static_cast<int32_t>(low);
    }
  });
}

// times [rows][n]: how long each position waits when its weight is the rate at which it is drawn, infinite for weight
// 0. The `draws` shortest are that many draws without replacement, in their order.
template <typename T>
Outcome waitingTimes(Out<double> times, InOut<int32_t> state, In<T> weights, int64_t rows, int64_t n, int64_t draws) {
  if (weights.length != product(rows, n) || times.length != weights.length || state.length != 4) return misfit();
  if (const Outcome checked = checkWeights(weights, weights.length == 0 ? 0 : rows, n, draws);
      checked.code != Outcome::kOk) {
    return checked;
  }
  return draw<2>(times.length, state, [=](const uint32_t* words, int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
      const double u = unit(words[2 * i], words[2 * i + 1]) + 0x1p-53;  // in (0, 1]
      const double weight = static_cast<double>(weights[first + i]);
      times[first + i] = weight > 0 ? -logPortable(u) / weight : __builtin_inf();
    }
  });
}

// y = x * mask / (1 - p), mask = 0 with probability p, else 1; the mask may be absent.
template <typename T>
Outcome dropout(Out<T> y, Out<uint8_t> mask, InOut<int32_t> state, In<T> x, double p) {
  if (y.length != x.length || !absentOr(mask, x.length)) return misfit();
  const int32_t chances = chancesOf(p);
  const T scale = static_cast<T>(keepScale(p));
  return draw<4>(y.length, state, [=](const uint32_t* words, int64_t first, int64_t count) {
    T* to = y.data + first;
    const T* from = x.data + first;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) to[i] = from[i] * (static_cast<T>(1 - happens(words[i], chances)) * scale);
    if (mask.data == nullptr) return;
    uint8_t* kept = mask.data + first;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) kept[i] = static_cast<uint8_t>(1 - happens(words[i], chances));
  });
}

// dx = dy * mask / (1 - p)
template <typename T>
Outcome dropoutBackward(Out<T> dx, In<T> dy, In<uint8_t> mask, double p) {
  if (dx.length != dy.length || dx.length != mask.length) return misfit();
  const T scale = static_cast<T>(keepScale(p));
  parallel(dx.length, 16384, [=](int64_t begin, int64_t end) {
    T* to = dx.data;
    const T* from = dy.data;
    const uint8_t* kept = mask.data;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) to[i] = from[i] * (kept[i] != 0 ? scale : T(0));
  });
  return ok();
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

ADJOINT_FAMILY(random, ADJOINT_FLOATS(multinomial, "y state weights rows n draws"),
               ADJOINT_FLOATS(waitingTimes, "times state weights rows n draws"),
               ADJOINT_FLOATS(uniform, "y state least most"), ADJOINT_FLOATS(normal, "y state mean deviation"),
               kernel<ADJOINT_EACH_FLOAT(ADJOINT_INSTANCE, bernoulli), bernoulli<uint8_t>>("bernoulli", "y state p"),
               kernel<randint>("randint", "y state low high"), kernel<randperm>("randperm", "y state"),
               ADJOINT_FLOATS(dropout, "y mask state x p"), pointwise(ADJOINT_FLOATS(dropoutBackward, "dx dy mask p")))
