// The counter-based random numbers of random/random.cc, which documents the layout of a draw, and their use in dropout.
// Integers only (except to turn a probability into one): the same bits in every file that includes this.
#pragma once
#include "kernel.h"

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

struct Seed {
  uint32_t low, high;
};

struct Words {
  uint32_t w0, w1, w2, w3;
};

// Block `position` of the stream.
inline Words philoxBlock(Seed seed, uint64_t position) {
  uint32_t c0 = static_cast<uint32_t>(position), c1 = static_cast<uint32_t>(position >> 32), c2 = 0, c3 = 0;
  uint32_t k0 = seed.low, k1 = seed.high;
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
    const uint64_t even = uint64_t{0xD2511F53} * c0;
    const uint64_t odd = uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<uint32_t>(odd >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(odd);
    c2 = static_cast<uint32_t>(even >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(even);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return {c0, c1, c2, c3};
}

// words [count, 4] = the blocks from `first` on.
inline void philox(uint32_t* words, Seed seed, uint64_t first, int64_t count) {
#pragma omp simd
  for (int64_t b = 0; b < count; b++) {
    const Words block = philoxBlock(seed, first + static_cast<uint64_t>(b));
    words[4 * b] = block.w0;
    words[4 * b + 1] = block.w1;
    words[4 * b + 2] = block.w2;
    words[4 * b + 3] = block.w3;
  }
}

template <typename State>
inline Seed seedOf(State state) {
  return {static_cast<uint32_t>(state[0]), static_cast<uint32_t>(state[1])};
}

template <typename State>
inline uint64_t positionOf(State state) {
  return static_cast<uint64_t>(static_cast<uint32_t>(state[3])) << 32 | static_cast<uint32_t>(state[2]);
}

inline void advance(InOut<int32_t> state, int64_t blocks) {
  const uint64_t position = positionOf(state) + static_cast<uint64_t>(blocks);
  state[2] = static_cast<int32_t>(static_cast<uint32_t>(position));
  state[3] = static_cast<int32_t>(static_cast<uint32_t>(position >> 32));
}

// Whether an event of the given probability happens: 30 bits of the word decide. `chances` = chancesOf(probability).
inline int32_t happens(uint32_t word, int32_t chances) { return static_cast<int32_t>(word >> 2) < chances; }

inline int32_t chancesOf(double probability) {
  const double inside = probability > 0 ? (probability < 1 ? probability : 1) : 0;
  return static_cast<int32_t>(inside * 0x1p30 + 0.5);
}

// 1 / (1 - p), and 0 when everything is dropped.
inline double keepScale(double p) { return p < 1 ? 1 / (1 - p) : 0; }

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
