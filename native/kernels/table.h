// The end of a family's file: the table of its kernels, from which everything else knows them. Included by kernel.h.
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

constexpr Kernel shared(Kernel kernel) {
  kernel.shared = true;
  return kernel;
}

// `function` takes the parameters of the kernel's first instantiation and returns the operations of a call.
template <auto function>
constexpr Kernel flops(Kernel kernel) {
  bool fits = kernel.parameterCount == Entry<function>::count;
  for (int p = 0; fits && p < kernel.parameterCount; ++p) {
    fits = kernel.variants[0].parameters[p].kind == Entry<function>::parameters[p].kind;
  }
  if (!fits) parametersOfFlopsAreNotTheKernels();
  kernel.flops = Entry<function>::run;
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

// The element types that gradients exist for, and all of them: X(T, function) for each. A type that is added here is
// added to every kernel of its kind.
#define ADJOINT_EACH_FLOAT(X, function) X(float, function), X(double, function)
#define ADJOINT_EACH(X, function) ADJOINT_EACH_FLOAT(X, function), X(int32_t, function), X(uint8_t, function)
#define ADJOINT_INSTANCE(T, function) function<T>

// The table entry of a function template, for these types.
#define ADJOINT_FLOATS(function, parameters) \
  kernel<ADJOINT_EACH_FLOAT(ADJOINT_INSTANCE, function)>(#function, parameters)
#define ADJOINT_ALL(function, parameters) kernel<ADJOINT_EACH(ADJOINT_INSTANCE, function)>(#function, parameters)

// Ends a family's file: ADJOINT_FAMILY(softmax, ADJOINT_FLOATS(softmax, "y x outer n inner"), …), or
// ADJOINT_POINTWISE_FAMILY where all kernels are pointwise.
#define ADJOINT_TABLE(family, table)                                                             \
  namespace adjoint {                                                                            \
  namespace ADJOINT_LEVEL {                                                                      \
  namespace {                                                                                    \
  constexpr auto family##Kernels = table;                                                        \
  }                                                                                              \
  extern const Family family;                                                                    \
  const Family family{#family, family##Kernels.items, sizeof(family##Kernels) / sizeof(Kernel)}; \
  }                                                                                              \
  }
#define ADJOINT_FAMILY(family, ...) ADJOINT_TABLE(family, listOf(__VA_ARGS__))
#define ADJOINT_POINTWISE_FAMILY(family, ...) ADJOINT_TABLE(family, allPointwise(__VA_ARGS__))
