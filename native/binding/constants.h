// The single source of what both languages know.
#pragma once
#include <napi.h>

#include <string>
#include <vector>

namespace adjoint {

// The enumerators of an ADJOINT_ENUM as JavaScript spells them, by their codes: {"float32", …} of "kFloat32, …".
std::vector<std::string> namesOf(const std::string& enumerators);

// Exports the codes of enums by name, and the limits that JavaScript checks.
void addConstants(Napi::Object exports);

}  // namespace adjoint
