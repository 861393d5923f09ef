// The arguments of a kernel's call: JavaScript's values as spans and numbers.
#pragma once
#include <memory>
#include <vector>

#include "environment.h"

namespace adjoint {

struct CallArguments {
  static constexpr int kInline = 48;
  static constexpr int kUsual =
      8;  // Node-API fills what is asked for and not there with undefined: ask for little first
  static constexpr int kMaxParameters = 16;

  CallArguments() = default;
  CallArguments(const CallArguments&) = delete;
  CallArguments& operator=(const CallArguments&) = delete;

  // Reads the values, and what the JavaScript function carries. False if Node-API could not.
  bool load(napi_callback_info info, void** data);

  // Checks the values for the kernel's parameters and makes them native; false if an error was thrown. A second call
  // begins anew.
  bool parse();

  // The instantiation for the dtypes of the spans; null if there is none, which is thrown.
  const Variant* variant() const;

  // Whether one of the parameters in `indices` shares memory with a span that is written: a kernel checks its indices
  // and then trusts them.
  bool writesIndices(uint32_t indices) const;

  napi_env env = nullptr;
  Environment* environment = nullptr;
  const Kernel* kernel = nullptr;
  bool keepsOperands = false;     // while recording, and where memory is short
  std::vector<Operand> operands;  // in the order of the spans, if they are kept
  Argument native[kMaxParameters];

 private:
  bool unpack();
  void makeRoom();
  bool number(double* value);
  bool integer(int64_t* value);
  bool handleAt(size_t position, uint32_t* handle) const;
  bool span(Buffer* buffer, int parameter, bool written);
  bool list(int parameter, size_t* used, bool written);

  size_t count_ = kUsual;
  size_t next_ = 0;
  napi_value inlineValues_[kInline];
  Buffer inlineBuffers_[kInline];
  int64_t inlineIntegers_[kInline];
  std::unique_ptr<napi_value[]> manyValues_;
  std::unique_ptr<Buffer[]> manyBuffers_;
  std::unique_ptr<int64_t[]> manyIntegers_;
  std::unique_ptr<double[]> packed_;  // the arguments, when they came in one array
  napi_value* values_ = inlineValues_;
  Buffer* buffers_ = inlineBuffers_;
  int64_t* integers_ = inlineIntegers_;
  DType dtypes_[kMaxParameters];
  bool present_[kMaxParameters];  // a span with a dtype that a variant must match
};

}  // namespace adjoint
