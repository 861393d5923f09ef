// How a family ends its file: the table of its kernels, by which everything else knows them. Included by kernel.h.
#pragma once

namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

constexpr Kernel pointwise(Kernel kernel) {
  kernel.pointwise = true;
  return kernel;
}

constexpr Kernel rowwise(Kernel kernel) {
  kernel.rowwise = true;
  return kernel;
}

template <size_t n>
struct KernelList {
  Kernel items[n];
};

template <typename... Kernels>
constexpr KernelList<sizeof...(Kernels)> listOf(Kernels... kernels) {
  return {{kernels...}};
}

template <typename... Kernels>
constexpr KernelList<sizeof...(Kernels)> allPointwise(Kernels... kernels) {
  return {{pointwise(kernels)...}};
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

// Ends a family's file: ADJOINT_FAMILY(softmax, kernel<softmax<float>, softmax<double>>("softmax"), …), or
// ADJOINT_POINTWISE_FAMILY where all kernels are pointwise.
#define ADJOINT_TABLE(family, table)                                                    \
  namespace adjoint {                                                                   \
  namespace ADJOINT_LEVEL {                                                             \
  namespace {                                                                           \
  constexpr auto family##Kernels = table;                                               \
  }                                                                                     \
  extern const Family family;                                                           \
  const Family family{family##Kernels.items, sizeof(family##Kernels) / sizeof(Kernel)}; \
  }                                                                                     \
  }
#define ADJOINT_FAMILY(family, ...) ADJOINT_TABLE(family, listOf(__VA_ARGS__))
#define ADJOINT_POINTWISE_FAMILY(family, ...) ADJOINT_TABLE(family, allPointwise(__VA_ARGS__))
