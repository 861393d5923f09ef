// What a kernel is, for its author and its callers. A kernel is a plain function over raw spans:
//
//   template <typename T> Outcome relu(Out<T> y, In<T> x);
//
// ADJOINT_FLOATS(relu, "y x") turns its instantiations for the floating-point types into one table entry. Its
// parameters (which spans are read, which are written, which numbers follow, and their names) are read at run time: the
// binding, the recorder, the TypeScript side and the fuzz test know every kernel from this table alone.
//
// Kernels are compiled once per instruction-set level (ADJOINT_LEVEL). The linker keeps one copy of a weak symbol,
// which could then be the AVX-512 one for everybody, so all code below the first namespace has internal linkage.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "../runtime/codes.h"
#include "../runtime/elements.h"
#include "../runtime/parallel.h"
#include "../simd/integers.h"

namespace adjoint {

ADJOINT_ENUM(class ArgumentKind : uint8_t, kindNames, kIn, kOut, kInOut, kWorkspace, kIns, kOuts, kInOuts, kInteger,
             kReal, kIntegers);

struct Parameter {
  ArgumentKind kind;
  DType dtype;  // of spans only; a workspace is bytes
};

union Argument {
  Buffer buffer;  // kIn, kOut, kInOut; an absent span is {nullptr, 0}
  struct {
    const Buffer* buffers;
    int64_t count;
  } list;  // kIns, kOuts, kInOuts; one of its spans may be absent
  struct {
    Buffer buffer;
    int64_t threads;
  } workspace;      // kWorkspace
  int64_t integer;  // kInteger: 0 … 2^53
  double real;      // kReal
  struct {
    const int64_t* data;
    int64_t count;
  } integers;  // kIntegers: all remaining numbers, each 0 … 2^53
};

// How a kernel call ended. A misfit (spans that do not fit the sizes) is a mistake of the library, a fault (a label or
// index out of range) one of the user's values; a kernel without workspace tells how many bytes it needs. All three are
// reported before anything is written.
struct Outcome {
  enum Code : uint8_t { kOk, kMisfit, kFault, kWorkspace } code;
  int64_t position;  // kWorkspace: bytes
  double value;
};

struct Variant {
  Outcome (*run)(const Argument* arguments);
  const Parameter* parameters;
};

struct Kernel {
  const char* name;
  const char* parameters;   // their names, with a space between; the TypeScript side must have the same
  const Variant* variants;  // same kinds, different dtypes
  int variantCount;
  int parameterCount;
  // Element i of what it writes depends on element i of the operands (or on what broadcasts to it) alone, and all work
  // is one `parallel` over the elements: it may write over an operand, and run tile by tile with others.
  bool pointwise;
  // It writes one matrix by one product, which hands over finished rows (RowTail of gemm.h): pointwise kernels may
  // follow while these are in the cache.
  bool rowwise;
  // The floating-point operations of a call; none: one for each element that it reads, or that it writes where these
  // are more. The spans of `arguments` have lengths and no data.
  double (*flops)(const Argument* arguments) = nullptr;
  // Other processes take part in it: it runs in each step, whether or not this one uses what it gives.
  bool shared = false;
};

// Never defined and no constant expressions: a table whose entries would call them does not compile.
void parameterNamesDoNotMatchTheFunction();
void parametersOfFlopsAreNotTheKernels();

struct Family {
  const char* name;
  const Kernel* kernels;
  int count;
};

}  // namespace adjoint

#ifdef ADJOINT_LEVEL
namespace adjoint {
namespace ADJOINT_LEVEL {
namespace {

template <typename T>
struct In {
  const T* data;
  int64_t length;
  const T& operator[](int64_t i) const { return data[i]; }
};

template <typename T>
struct Out {
  T* data;
  int64_t length;
  T& operator[](int64_t i) const { return data[i]; }
};

// A span that is read and written.
template <typename T>
struct InOut {
  T* data;
  int64_t length;
  T& operator[](int64_t i) const { return data[i]; }
};

// Memory that a call works in, its content undefined; no argument of the call. A kernel takes its parts when all checks
// are done. While they are not enough it returns `missing()` and has written nothing: the binding then makes a
// workspace of that size and calls again, so that the size stands once, where it is used. A recorded call keeps the
// workspace and the number of threads, which may decide its size.
struct Workspace {
  char* data;
  int64_t length;  // bytes
  int64_t threads;
  int64_t taken = 0;

  // A part of n elements, in whole cache lines.
  template <typename T>
  T* take(int64_t n) {
    constexpr int64_t line = 64;
    char* const part = data + (taken < length ? taken : 0);
    const int64_t bytes = product(n, sizeof(T));
    taken = sum(taken, bytes > INT64_MAX - line ? INT64_MAX : roundUp(bytes, line));
    return reinterpret_cast<T*>(part);
  }
  bool isEnough() const { return taken <= length; }
  Outcome missing() const { return {Outcome::kWorkspace, taken, 0}; }
};

// A list of spans: all parameters of a group, say.
template <typename Span>
struct ListOf {
  const Buffer* buffers;
  int64_t count;
  Span operator[](int64_t i) const { return {static_cast<decltype(Span::data)>(buffers[i].data), buffers[i].length}; }
};
template <typename T>
using Ins = ListOf<In<T>>;
template <typename T>
using Outs = ListOf<Out<T>>;
template <typename T>
using InOuts = ListOf<InOut<T>>;

// The rest of the call's numbers: sizes and strides of a broadcast, say.
struct Integers {
  const int64_t* data;
  int64_t count;
  int64_t operator[](int64_t i) const { return data[i]; }
};

constexpr Outcome ok() { return {Outcome::kOk, 0, 0}; }
constexpr Outcome misfit() { return {Outcome::kMisfit, 0, 0}; }
constexpr Outcome fault(int64_t position, double value) { return {Outcome::kFault, position, value}; }

// Whether a span that may be absent is so, or has n elements.
template <typename Span>
inline bool absentOr(Span span, int64_t n) {
  return span.data == nullptr || span.length == n;
}

// Splits [0, n) into chunks of at least `grain` items and runs `body(begin, end)` on them, on the pool's threads.
template <typename Body>
inline void parallel(int64_t n, int64_t grain, Body&& body) {
  if (n <= grain) {
    if (n > 0) body(int64_t{0}, n);
    return;
  }
  using Closure = std::remove_reference_t<Body>;
  parallelFor(
      n, grain, [](void* context, int64_t begin, int64_t end) { (*static_cast<Closure*>(context))(begin, end); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// Lowers the value at `place` to `value`, from any number of threads.
inline void lowerTo(int64_t& place, int64_t value) {
  int64_t now = __atomic_load_n(&place, __ATOMIC_RELAXED);
  while (value < now && !__atomic_compare_exchange_n(&place, &now, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

template <typename T>
constexpr DType dtypeOf = std::is_same_v<T, float>     ? DType::kFloat32
                          : std::is_same_v<T, double>  ? DType::kFloat64
                          : std::is_same_v<T, int32_t> ? DType::kInt32
                                                       : DType::kUint8;

// How each parameter type is declared in the table and read from a call.
template <typename A>
struct Traits;
template <typename Span, ArgumentKind kind, ArgumentKind kindOfList>
struct SpanTraits {
  using Data = decltype(Span::data);
  using T = std::remove_const_t<std::remove_pointer_t<Data>>;
  static constexpr Parameter parameter{kind, dtypeOf<T>}, list{kindOfList, dtypeOf<T>};
  static Span read(const Argument& a) { return {static_cast<Data>(a.buffer.data), a.buffer.length}; }
};
template <typename T>
struct Traits<In<T>> : SpanTraits<In<T>, ArgumentKind::kIn, ArgumentKind::kIns> {};
template <typename T>
struct Traits<Out<T>> : SpanTraits<Out<T>, ArgumentKind::kOut, ArgumentKind::kOuts> {};
template <typename T>
struct Traits<InOut<T>> : SpanTraits<InOut<T>, ArgumentKind::kInOut, ArgumentKind::kInOuts> {};
template <typename Span>
struct Traits<ListOf<Span>> {
  static constexpr Parameter parameter = Traits<Span>::list;
  static ListOf<Span> read(const Argument& a) { return {a.list.buffers, a.list.count}; }
};
template <>
struct Traits<Workspace> {
  static constexpr Parameter parameter{ArgumentKind::kWorkspace, DType::kUint8};
  static Workspace read(const Argument& a) {
    return {static_cast<char*>(a.workspace.buffer.data), a.workspace.buffer.length, a.workspace.threads};
  }
};
template <>
struct Traits<int64_t> {
  static constexpr Parameter parameter{ArgumentKind::kInteger, DType::kFloat32};
  static int64_t read(const Argument& a) { return a.integer; }
};
template <>
struct Traits<double> {
  static constexpr Parameter parameter{ArgumentKind::kReal, DType::kFloat32};
  static double read(const Argument& a) { return a.real; }
};
template <>
struct Traits<Integers> {
  static constexpr Parameter parameter{ArgumentKind::kIntegers, DType::kFloat32};
  static Integers read(const Argument& a) { return {a.integers.data, a.integers.count}; }
};

template <auto function>
struct Entry;
template <typename Result, typename... A, Result (*function)(A...)>
struct Entry<function> {
  static constexpr int count = sizeof...(A);
  static constexpr int arguments = (0 + ... + (Traits<A>::parameter.kind != ArgumentKind::kWorkspace));
  static constexpr Parameter parameters[] = {Traits<A>::parameter...};
  static Result run(const Argument* arguments) { return apply(arguments, std::make_integer_sequence<int, count>()); }

 private:
  template <int... i>
  static Result apply(const Argument* arguments, std::integer_sequence<int, i...>) {
    return function(Traits<A>::read(arguments[i])...);
  }
};

template <auto... functions>
struct Variants {
  static constexpr Variant list[] = {{Entry<functions>::run, Entry<functions>::parameters}...};
};

constexpr int wordsIn(const char* text) {
  int words = 1;
  for (; *text != 0; ++text) words += *text == ' ';
  return words;
}

// One table entry; its instantiations differ in dtypes only. `parameters` are the names of the function's, without a
// workspace, which is no argument of a call.
template <auto first, auto... rest>
constexpr Kernel kernel(const char* name, const char* parameters) {
  static_assert(((Entry<rest>::count == Entry<first>::count) && ...));
  if (wordsIn(parameters) != Entry<first>::arguments) parameterNamesDoNotMatchTheFunction();
  return {name, parameters, Variants<first, rest...>::list, 1 + sizeof...(rest), Entry<first>::count, false, false};
}

}  // namespace
}  // namespace ADJOINT_LEVEL
}  // namespace adjoint

#include "table.h"
#endif
