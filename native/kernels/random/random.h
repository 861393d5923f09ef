// The stream of random words and what every draw from it shares; see random.cc.
#pragma once
#include "../philox.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr int64_t kTile = 64;  // blocks made at a time

// Makes the words of n numbers, kPerBlock numbers a block, and hands them out as use(words, first number, count).
template <int kPerBlock, typename Use>
Outcome draw(int64_t n, InOut<int32_t> state, Use use) {
  if (state.length != 4) return misfit();
  const Seed seed = seedOf(state);
  const uint64_t position = positionOf(state);
  const int64_t blocks = ceilDivide(n, kPerBlock);
  parallel(blocks, 32 * kTile, [=](int64_t begin, int64_t end) {
    alignas(64) uint32_t words[4 * kTile];
    for (int64_t block = begin; block < end; block += kTile) {
      const int64_t count = block + kTile < end ? kTile : end - block;
      philox(words, seed, position + static_cast<uint64_t>(block), count);
      const int64_t first = block * kPerBlock;
      use(words, first, first + count * kPerBlock < n ? count * kPerBlock : n - first);
    }
  });
  advance(state, blocks);
  return ok();
}

// 53 bits of two words, in [0, 1).
inline double unit(uint32_t a, uint32_t b) {
  return (static_cast<int32_t>(a >> 5) * 67108864.0 + static_cast<int32_t>(b >> 6)) * 0x1p-53;
}

inline uint64_t toBits(double x) {
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline double fromBits(uint64_t bits) {
  double x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

// log of a normal positive number: x = m 2^e with m in [sqrt(1/2), sqrt(2)), log(m) = 2 artanh((m - 1) / (m + 1)).
inline double logPortable(double x) {
  constexpr uint64_t kOne = 0x3ff0000000000000;
  const uint64_t biased = (toBits(x) - 0x3fe6a09e667f3bcd + kOne) >> 52;
  const double e = fromBits(biased | 0x4330000000000000) - (4503599627370496.0 + 1023.0);
  const double f = fromBits(toBits(x) - (biased << 52) + kOne) - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  double p = 0.14796624315353724;  // (2 artanh(s) / s - 2) / s^2
  p = p * z + 0.15313986789491954;
  p = p * z + 0.18183566668714643;
  p = p * z + 0.22222198531139864;
  p = p * z + 0.28571428742765997;
  p = p * z + 0.39999999999413127;
  p = p * z + 0.66666666666667351;
  return e * 0.69314718055994531 + (2.0 * s + s * (z * p));
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
