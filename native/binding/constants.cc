#include "constants.h"

#include <cctype>

#include "../distributed/communicator.h"
#include "../kernels/shared.h"
#include "../program/runner.h"
#include "environment.h"
#include "groups.h"

namespace adjoint {
// {float32: 0, …}
static Napi::Object codesOf(Napi::Env env, const std::string& enumerators) {
  auto codes = Napi::Object::New(env);
  int code = 0;
  for (const std::string& name : namesOf(enumerators)) codes[name] = code++;
  return codes;
}

std::vector<std::string> namesOf(const std::string& enumerators) {
  std::vector<std::string> names;
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 2) {
    end = enumerators.find(',', begin);
    std::string name = enumerators.substr(begin + 1, end - begin - 1);
    name[0] = static_cast<char>(std::tolower(name[0]));
    names.push_back(name);
  }
  return names;
}

void addConstants(Napi::Object exports) {
  const Napi::Env env = exports.Env();
  auto codes = Napi::Object::New(env);
  codes["dtype"] = codesOf(env, dtypeNames);
  codes["activation"] = codesOf(env, Activation::names);
  codes["algorithm"] = codesOf(env, Algorithm::names);
  codes["reduction"] = codesOf(env, Reduction::names);
  codes["priority"] = codesOf(env, priorityNames);
  codes["refusal"] = codesOf(env, Refusal::names);
  codes["ending"] = codesOf(env, Ending::names);
#ifdef ADJOINT_GLOO
  codes["collective"] = codesOf(env, collectiveNames);
  codes["reduce"] = codesOf(env, reduceNames);
  codes["wire"] = codesOf(env, wireNames);
#endif
  exports["codes"] = codes;
  auto limits = Napi::Object::New(env);
  limits["dimensions"] = kMaxRank;
  limits["tensors"] = static_cast<double>(Environment::kMaxTensors);
  limits["threads"] = kMaxThreads;
  limits["axis"] = static_cast<double>(kAxisLimit);
  limits["padded"] = static_cast<double>(kPaddedLimit);
  limits["positions"] = static_cast<double>(kPositionLimit);
  exports["limits"] = limits;
}

}  // namespace adjoint
