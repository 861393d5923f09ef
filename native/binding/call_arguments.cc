#include "call_arguments.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "../runtime/thread_pool.h"
#include "call.h"
#include "constants.h"

namespace adjoint {
namespace {

constexpr double kLargestInteger = 9007199254740992.0;  // 2^53

const char* dtypeName(DType dtype) {
  static const auto& names = *new std::vector<std::string>(namesOf(dtypeNames));  // threads may outlive main
  return names[static_cast<size_t>(dtype)].c_str();
}

}  // namespace

bool CallArguments::load(napi_callback_info info, void** data) {
  if (napi_get_cb_info(env, info, &count_, inlineValues_, nullptr, data) != napi_ok) return false;
  if (count_ == 1) return unpack();
  if (count_ <= kUsual) return true;
  if (count_ <= kInline) return napi_get_cb_info(env, info, &count_, inlineValues_, nullptr, nullptr) == napi_ok;
  manyValues_.reset(new napi_value[count_]);
  values_ = manyValues_.get();
  makeRoom();
  return napi_get_cb_info(env, info, &count_, values_, nullptr, nullptr) == napi_ok;
}

// A single Float64Array stands for its elements, because a JavaScript call takes at most some 100,000 arguments.
bool CallArguments::unpack() {
  bool isArray = false;
  if (napi_is_typedarray(env, inlineValues_[0], &isArray) != napi_ok || !isArray) return true;
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, inlineValues_[0], &type, &length, &data, nullptr, nullptr) != napi_ok) return false;
  if (type != napi_float64_array) return true;
  packed_.reset(new double[length]);  // a copy: nobody may change what has been checked
  if (length > 0) std::memcpy(packed_.get(), data, length * sizeof(double));
  count_ = length;
  if (count_ > kInline) makeRoom();
  return true;
}

void CallArguments::makeRoom() {
  manyBuffers_.reset(new Buffer[count_]);
  manyIntegers_.reset(new int64_t[count_]);
  buffers_ = manyBuffers_.get();
  integers_ = manyIntegers_.get();
}

bool CallArguments::number(double* value) {
  if (next_ >= count_) {
    fail(env, "internal: %s: too few arguments, got %zu", kernel->name, count_);
    return false;
  }
  if (packed_ != nullptr) {
    *value = packed_[next_];
  } else if (napi_get_value_double(env, values_[next_], value) != napi_ok) {
    fail(env, "internal: %s: argument %zu must be a number", kernel->name, next_);
    return false;
  }
  ++next_;
  return true;
}

bool CallArguments::integer(int64_t* value) {
  double wide = 0;
  if (!number(&wide)) return false;
  if (!(wide >= 0 && wide <= kLargestInteger) || wide != std::floor(wide)) {
    fail(env, "internal: %s: argument %zu must be an integer of at least 0, got %g", kernel->name, next_ - 1, wide);
    return false;
  }
  *value = static_cast<int64_t>(wide);
  return true;
}

bool CallArguments::handleAt(size_t position, uint32_t* handle) const {
  if (packed_ == nullptr) return napi_get_value_uint32(env, values_[position], handle) == napi_ok;
  const double wide = packed_[position];
  if (!(wide >= 0 && wide <= UINT32_MAX)) return false;
  *handle = static_cast<uint32_t>(wide);
  return true;
}

// The spans of one parameter, a list say, must share a dtype.
bool CallArguments::span(Buffer* buffer, int parameter, bool written) {
  uint32_t handle = 0;
  if (next_ >= count_ || !handleAt(next_, &handle)) {
    fail(env, "internal: %s: argument %zu must be a handle", kernel->name, next_);
    return false;
  }
  ++next_;
  if (handle == 0) {
    *buffer = {nullptr, 0};
    if (keepsOperands) operands.emplace_back();
    return true;
  }
  const Slot* slot = environment->find(handle);
  if (slot == nullptr) {
    fail(env, "internal: %s: argument %zu is no live tensor", kernel->name, next_ - 1);
    return false;
  }
  if (environment->isLocked(*slot, written)) {
    failTyped(environment, "locked", kernel->name);
    return false;
  }
  if (written) slot->storage->touch();
  if (keepsOperands) operands.push_back(operandOf(*slot, handle));
  if (present_[parameter] && dtypes_[parameter] != slot->dtype) {
    fail(env, "internal: %s: the tensors of a list must have one dtype", kernel->name);
    return false;
  }
  *buffer = {slot->data, slot->length};
  dtypes_[parameter] = slot->dtype;
  present_[parameter] = true;
  return true;
}

bool CallArguments::list(int parameter, size_t* used, bool written) {
  int64_t length = 0;
  if (!integer(&length)) return false;
  if (length > static_cast<int64_t>(count_ - next_)) {
    fail(env, "internal: %s: a list of %lld tensors, but %zu arguments follow", kernel->name,
         static_cast<long long>(length), count_ - next_);
    return false;
  }
  native[parameter].list = {buffers_ + *used, length};
  for (int64_t i = 0; i < length; ++i) {
    if (!span(&buffers_[(*used)++], parameter, written)) return false;
  }
  return true;
}

bool CallArguments::parse() {
  size_t usedBuffers = 0;
  next_ = 0;
  const Parameter* parameters = kernel->variants[0].parameters;
  for (int p = 0; p < kernel->parameterCount; ++p) {
    present_[p] = false;
    switch (parameters[p].kind) {
      case ArgumentKind::kIn:
      case ArgumentKind::kOut:
      case ArgumentKind::kInOut:
        if (!span(&native[p].buffer, p, isWritten(parameters[p].kind))) return false;
        break;
      case ArgumentKind::kWorkspace:
        native[p].workspace = {{nullptr, 0}, threadCount()};
        break;
      case ArgumentKind::kIns:
      case ArgumentKind::kOuts:
      case ArgumentKind::kInOuts:
        if (!list(p, &usedBuffers, isWritten(parameters[p].kind))) return false;
        break;
      case ArgumentKind::kInteger:
        if (!integer(&native[p].integer)) return false;
        break;
      case ArgumentKind::kReal:
        if (!number(&native[p].real)) return false;
        break;
      case ArgumentKind::kIntegers: {
        int64_t length = 0;
        while (next_ < count_) {
          if (!integer(&integers_[length++])) return false;
        }
        native[p].integers = {integers_, length};
        break;
      }
    }
  }
  if (next_ == count_) return true;
  fail(env, "internal: %s: %zu arguments expected, got %zu", kernel->name, next_, count_);
  return false;
}

const Variant* CallArguments::variant() const {
  for (int v = 0; v < kernel->variantCount; ++v) {
    const Parameter* parameters = kernel->variants[v].parameters;
    bool fits = true;
    for (int p = 0; p < kernel->parameterCount && fits; ++p) fits = !present_[p] || dtypes_[p] == parameters[p].dtype;
    if (fits) return &kernel->variants[v];
  }
  char got[256] = "";
  size_t length = 0;
  for (int p = 0; p < kernel->parameterCount && length < sizeof(got) - 16; ++p) {
    if (present_[p]) {
      length += static_cast<size_t>(snprintf(got + length, sizeof(got) - length, " %s", dtypeName(dtypes_[p])));
    }
  }
  fail(env, "internal: %s: no variant for dtypes%s", kernel->name, got);
  return nullptr;
}

bool CallArguments::writesIndices(uint32_t indices) const {
  const Parameter* parameters = kernel->variants[0].parameters;
  for (int i = 0; i < kernel->parameterCount; ++i) {
    if ((indices >> i & 1) == 0) continue;
    const Buffer& index = native[i].buffer;
    const auto* begin = static_cast<const int32_t*>(index.data);
    for (int p = 0; p < kernel->parameterCount; ++p) {
      if (parameters[p].kind > ArgumentKind::kInOut || !isWritten(parameters[p].kind) || !present_[p] ||
          dtypes_[p] != DType::kInt32)
        continue;
      const Buffer& written = native[p].buffer;
      const auto* other = static_cast<const int32_t*>(written.data);
      if (begin < other + written.length && other < begin + index.length) return true;
    }
  }
  return false;
}

}  // namespace adjoint
