// The vectors of a level: as wide as its registers, in vector extensions of GCC and clang, with one source for AVX-512,
// AVX2, SSE and NEON.
#pragma once

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

// Vectors of T: in a register, and anywhere in memory.
template <typename T>
struct Simd {
  typedef T Vector __attribute__((vector_size(kVectorBytes)));
  typedef T Unaligned __attribute__((vector_size(kVectorBytes), aligned(alignof(T)), may_alias));
  static constexpr int lanes = kVectorBytes / static_cast<int>(sizeof(T));
};

template <typename T>
using Lanes = typename Simd<T>::Vector;
template <typename T>
constexpr int kLanesOf = Simd<T>::lanes;

template <typename T>
__attribute__((always_inline)) inline const typename Simd<T>::Unaligned& vectorAt(const T* p) {
  return *reinterpret_cast<const typename Simd<T>::Unaligned*>(p);
}
template <typename T>
__attribute__((always_inline)) inline typename Simd<T>::Unaligned& vectorAt(T* p) {
  return *reinterpret_cast<typename Simd<T>::Unaligned*>(p);
}

// Vectors of float.
constexpr int kLanes = kLanesOf<float>;
using Vector = Simd<float>::Vector;
using Unaligned = Simd<float>::Unaligned;

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint
